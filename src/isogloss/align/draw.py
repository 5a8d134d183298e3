"""What an arm is trained on: its languages, its share of the data, its number of steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from isogloss.align.examples import Example
from isogloss.align.material import Material
from isogloss.align.mixture import ALL, Mixture, draw_examples, parse_mixture
from isogloss.align.mpo import Mpo
from isogloss.align.recipes import Arm, Method
from isogloss.align.rl import Rl
from isogloss.errors import InputError
from isogloss.seeds import derive_seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """An arm's training data.

    Attributes:
        method: with its number of steps.
        examples: in the order of training.
        too_long: language → examples left out because they have more tokens than ``max_length``.
    """

    method: Method
    examples: tuple[Example, ...]
    too_long: dict[str, int]


def draw_training_data(arm: Arm, material: Material) -> Drawn:
    """The examples of an arm; 0 steps become one pass over them.

    Examples that are longer than the method's ``max_length`` are left out here, counted by
    language: cut answers teach a model to break off, and they are not spread evenly.

    Raises:
        InputError: a language of the mixture has no example, or none that fits; or there are no
            rejected responses where they are needed.
    """
    pool = material.examples.examples
    if arm.method.kind != "sft" and any(e.rejected is None for e in pool):
        raise InputError(
            f"{arm.name} learns from preferences, and {material.examples.source} has no rejected "
            "responses; add a column 'rejected', or choose sft or xsft"
        )
    limit = arm.method.optimisation.max_length
    mixture = _mixture(arm, material)
    mine = [e for e in pool if e.language in mixture.languages]
    fitting = tuple(e for e in mine if material.n_tokens(e) <= limit)
    too_long = Counter(e.language for e in mine) - Counter(e.language for e in fitting)
    if lost := sorted(set(too_long) - {e.language for e in fitting}):
        raise InputError(
            f"{arm.name}: every example in {', '.join(lost)} has more than {limit} tokens; raise "
            "max_length with --set, shorten them, or leave the language out of the mixture"
        )
    method = _with_steps(arm.method, fitting)
    examples = draw_examples(
        fitting,
        mixture,
        n=_n_examples(method),
        seed=derive_seed(material.seed, "data", method.kind),
        sizes=_sizes(material),
    )
    return Drawn(method=method, examples=tuple(examples), too_long=dict(too_long))


def _mixture(arm: Arm, material: Material) -> Mixture:
    """``all`` is every audited language; others may be named that have examples alone."""
    trained = material.languages
    if arm.mixture != ALL:
        trained = tuple(dict.fromkeys([*trained, *material.examples.languages]))
    if isinstance(arm.method, Mpo):
        trained = tuple(tag for tag in trained if tag != material.source)
    return parse_mixture(arm.mixture, trained)


def _with_steps(method: Method, examples: Sequence[Example]) -> Method:
    size = method.optimisation
    if size.steps:
        return method
    steps = max(1, len(examples) // size.batch_size)
    return replace(method, optimisation=replace(size, steps=steps))


def _n_examples(method: Method) -> int:
    n = method.optimisation.n_examples
    return n // method.n_generations if isinstance(method, Rl) else n


def _sizes(material: Material) -> dict[str, float]:
    """What "proportional" is to: the number of examples, or a lab's shares of pre-training."""
    if material.lab is not None:
        return dict(material.lab.recipe.shares)
    return {
        tag: float(n) for tag, n in Counter(e.language for e in material.examples.examples).items()
    }
