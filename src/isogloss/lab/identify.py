"""The language of a text among the micro-languages: exact, since all their words are known."""

from __future__ import annotations

from functools import cache

from isogloss.lab.lexicon import Lexicon, make_lexicon
from isogloss.lab.recipe import PRESETS
from isogloss.lab.tongues import TONGUES
from isogloss.lab.world import make_world


def identify_lab_language(text: str) -> str | None:
    """Tag of the language most words of ``text`` belong to; None where no language leads."""
    return _all_words().identify(text)


@cache
def _all_words() -> Lexicon:
    """The words of the largest world: smaller ones use the same words."""
    n_objects = max(preset.n_objects for preset in PRESETS.values())
    return make_lexicon(make_world(n_objects=n_objects), list(TONGUES))
