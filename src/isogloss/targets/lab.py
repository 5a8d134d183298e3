"""A lab model as a target: built on first use, then loaded by the code that loads any other."""

from __future__ import annotations

from collections.abc import Callable

from isogloss.lab.build import build_lab
from isogloss.lab.questions import few_shot
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.records import Prompt
from isogloss.targets.local import LocalTarget
from isogloss.targets.options import LocalOptions


def load_lab_target(spec: str, options: LocalOptions) -> LocalTarget:
    """Build what ``spec`` names unless it is in the cache, and load it.

    The stages ``helpful`` and ``chat`` are asked through their chat template; a ``base`` model is
    shown answered questions about harmless train objects first.

    Raises:
        InputError: ``spec`` does not name a lab model.
        ModelError: the cache cannot be written.
    """
    recipe = parse_spec(spec)
    folder = str(build_lab(recipe))
    if recipe.stage != "base":
        return LocalTarget(folder, name=recipe.spec, options=options)
    return LocalTarget(
        folder,
        name=recipe.spec,
        render=_few_shot_renderer(Lab(recipe)),
        render_id="lab few-shot",
        options=options,
    )


def _few_shot_renderer(lab: Lab) -> Callable[[Prompt, str | None], str]:
    def render(prompt: Prompt, system_prompt: str | None) -> str:
        shown = few_shot(lab, prompt)
        return f"{system_prompt} {shown}" if system_prompt else shown

    return render
