"""Arms: lab recipes trained alike under the same seeds, so that only what they name differs.

An arm is a lab's target string without a seed. All arms of an experiment are of one world and one
set of languages; where their tokenizers differ what looks like data may be the tokenizer, so that
is refused or noted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from isogloss.errors import InputError, ModelError
from isogloss.lab.build import is_built
from isogloss.lab.recipe import LabRecipe, parse_spec

WORLD = ("preset", "n_objects", "world_seed", "audit_acts")
"""What arms must share to be asked the same questions."""
NAMES = ("preset", "mix", "stage", "seed")
"""Fields that say nothing about how a model is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One recipe.

    Attributes:
        name: in rows and tables.
        recipe: of the chat stage; its seed is not used.
    """

    name: str
    recipe: LabRecipe

    @property
    def group(self) -> str:
        """The target string without its seed."""
        return self.recipe.group

    def under(self, seed: int) -> LabRecipe:
        """The recipe of one run."""
        return replace(self.recipe, seed=seed)

    def n_built(self, n_seeds: int) -> int:
        """How many of its runs are in the cache."""
        return sum(is_built(self.under(seed)) for seed in range(n_seeds))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedArm:
    """One arm of a plan.

    Attributes:
        name, target: without a seed.
        n_tokens: pre-training tokens of a run, continued pre-training among them.
        percent: language → share of its documents.
        n_runs, n_built: how many there will be, how many are in the cache.
    """

    name: str
    target: str
    n_tokens: int
    percent: dict[str, float]
    n_runs: int
    n_built: int


def plan_arms(arms: Sequence[Arm], n_seeds: int) -> tuple[PlannedArm, ...]:
    """What an experiment would train; nothing is."""
    return tuple(
        PlannedArm(
            name=arm.name,
            target=arm.group,
            n_tokens=arm.recipe.n_tokens + sum(arm.recipe.extra.values()),
            percent={tag: round(share, 4) for tag, share in arm.recipe.shares.items()},
            n_runs=n_seeds,
            n_built=arm.n_built(n_seeds),
        )
        for arm in arms
    )


def read_arm(spec: str, name: str | None = None) -> Arm:
    """The arm that a target string names.

    Args:
        spec: ``lab:PRESET[:MIX]``.
        name: the string itself unless given.

    Raises:
        ModelError: not a lab's.
        InputError: a stage or a seed of its own, or not a recipe.
    """
    if not spec.startswith("lab:"):
        raise ModelError(
            f"{spec} cannot be trained here: arms are lab recipes such as lab:tiny:english; to "
            "compare checkpoints that exist use `isogloss trace ladder` or `isogloss compare`"
        )
    recipe = parse_spec(spec)
    after_mix = spec.rpartition(".csv")[2]
    if "#" in after_mix or recipe.stage != "chat":
        raise InputError(
            f"{spec}: an arm is a recipe without seed or stage; it is trained up to chat under the "
            f"seeds 0 to N-1 (--seeds N). Write lab:{recipe.preset}:{recipe.mix}"
        )
    return Arm(name=name or spec.strip(), recipe=recipe)


def check_arms(arms: Sequence[Arm], *, n_seeds: int) -> None:
    """Refuse what could not be compared, before anything is trained.

    Raises:
        InputError: no seed, fewer than two arms, one twice, or arms of other worlds or languages.
    """
    if n_seeds < 1:
        raise InputError(f"--seeds must be 1 or more, not {n_seeds}")
    if len(arms) < 2:
        raise InputError("an experiment compares two arms or more")
    first = arms[0]
    seen: dict[str, str] = {}
    for arm in arms:
        if other := seen.get(arm.recipe.key()):
            raise InputError(f"{arm.name} and {other} are the same recipe: name each arm once")
        seen[arm.recipe.key()] = arm.name
        for field in WORLD:
            ours, theirs = (getattr(one.recipe, field) for one in (arm, first))
            if ours != theirs:
                raise InputError(
                    f"{arm.name} and {first.name} are of different worlds ({field} {ours} and "
                    f"{theirs}); compare recipes of one preset"
                )
        ours, theirs = (set(one.recipe.languages) for one in (arm, first))
        if odd := sorted(ours ^ theirs):
            raise InputError(
                f"{arm.name} and {first.name} differ in their languages ({', '.join(odd)}); arms "
                "share all languages, so that what one gains and another loses is seen"
            )


def other_tokenizers(arms: Sequence[Arm]) -> tuple[str, ...]:
    """Names of arms whose tokenizer is not the first one's, whatever the seed."""
    first = _tokenizer(arms[0].recipe)
    return tuple(arm.name for arm in arms[1:] if _tokenizer(arm.recipe) != first)


def differences(arm: Arm, reference: Arm) -> tuple[str, ...]:
    """Fields of the recipe in which an arm is not like the reference.

    Example:
        >>> differences(read_arm("lab:tiny:english+fixed"), read_arm("lab:tiny"))
        ('tokenizer',)
    """
    mine, theirs = asdict(arm.recipe), asdict(reference.recipe)
    return tuple(key for key in mine if key not in NAMES and mine[key] != theirs[key])


def _tokenizer(recipe: LabRecipe) -> tuple[object, ...]:
    """All that shapes the text a tokenizer is trained on, but the seed."""
    own = () if recipe.tokenizer == "fixed" else tuple(recipe.shares.items())
    return (recipe.tokenizer, recipe.vocab_size, recipe.bilingual, own)
