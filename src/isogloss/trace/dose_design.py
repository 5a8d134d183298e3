"""The arms of a dose-response, and what is set against what.

All doses have one tokenizer, trained on balanced text, helpful and harmless examples alike in all
languages, and no bilingual documents: what differs is how much text of the dosed languages there
is. The total is constant, so the other languages give way in proportion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from isogloss.errors import InputError
from isogloss.lab.mix import find_language, read_mix, short_codes, without_modifiers
from isogloss.lab.recipe import LabRecipe
from isogloss.languages import TIERS, ShareTable
from isogloss.trace.arms import Arm, read_arm
from isogloss.trace.dose_config import DoseConfig, check_config
from isogloss.trace.dose_table import read_dose_table, write_mixes

ALIKE = ("fixed", "equal", "even", "apart")
"""Modifiers of every dose: tokenizer, examples and documents alike."""
Kind = Literal["dose", "extra", "parallel", "tokenizer"]


class Contrast(NamedTuple):
    """One arm and the arm that it is set against."""

    kind: Kind
    arm: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseDesign:
    """What is trained, and what is compared.

    Attributes:
        dosed: tags of the languages whose text varies.
        doses: arms by rising share of the dosed languages.
        undosed: the dose that the others are set against.
        others: arms that are no dose.
        contrasts: every comparison of two arms.
    """

    dosed: tuple[str, ...]
    doses: tuple[Arm, ...]
    undosed: Arm
    others: tuple[Arm, ...] = ()
    contrasts: tuple[Contrast, ...] = ()

    @property
    def arms(self) -> tuple[Arm, ...]:
        return (*self.doses, *self.others)

    @property
    def shares(self) -> ShareTable:
        """Of the undosed mix: what tiers are by."""
        return self.undosed.recipe.share_table()


def design_doses(config: DoseConfig, folder: Path) -> DoseDesign:
    """The design that a configuration names; nothing is trained.

    Args:
        folder: where the mixes of a table are written.

    Raises:
        ModelError: not a lab's mix.
        InputError: what `check_config` refuses; a language or tier that the mix lacks, a dose that
            leaves nothing for others, or a table that cannot be used.
    """
    check_config(config)
    given = read_arm(config.mix).recipe
    if config.table is not None:
        return _with_contrasts(config, *_table_doses(config, given, folder))
    dosed = _dosed(config, given)
    factors = sorted({*config.factors, 1.0})
    doses = [
        read_arm(_spec(given, dose=dose_text(given.shares, dosed, factor)), name=f"x{factor:g}")
        for factor in factors
    ]
    return _with_contrasts(config, dosed, doses, doses[factors.index(1.0)])


def dose_text(shares: Mapping[str, float], dosed: Sequence[str], factor: float) -> str:
    """What must stand after a mix so that all the languages' shares are ``factor`` times as large.

    Each ``*LANGUAGE=FACTOR`` scales the languages before it too, so theirs are set a little higher.

    Raises:
        InputError: the others would be left with nothing.

    Example:
        >>> dose_text({"en-x-lab": 90, "sw-x-lab": 10}, ["sw-x-lab"], 4.0)
        '*sw=4'
    """
    if factor == 1:
        return ""
    total = sum(shares.values())
    before = sum(shares[tag] for tag in dosed) / total
    if factor * before >= 1:
        raise InputError(
            f"{factor:g} times the text of {short_codes(dosed)} would be {100 * factor * before:g} "
            "% of all; a dose leaves the other languages something"
        )
    # In units of which the others' shares are what they were: g is the language's own factor.
    g = factor * (1 - before) / (1 - factor * before)
    text, scale = "", 1.0
    for tag in dosed:
        after = scale + (g - 1) * shares[tag] / total
        text += f"*{short_codes([tag])}={g * scale / after:.9g}"
        scale = after
    return text


def _dosed(config: DoseConfig, recipe: LabRecipe) -> tuple[str, ...]:
    if config.tier is not None:
        shares = recipe.share_table()
        found = tuple(tag for tag in recipe.languages if shares.tier(tag) == config.tier)
        if not found:
            there = [t for t in TIERS if any(shares.tier(tag) == t for tag in recipe.languages)]
            raise InputError(
                f"no language of {config.mix} is in the tier {config.tier!r}; there are "
                f"{', '.join(there)}"
            )
        return found
    found = tuple(_language(code, recipe.languages) for code in config.languages or ())
    if not found or len(set(found)) < len(found) or len(found) == len(recipe.languages):
        raise InputError(
            f"--language names some of the languages of {config.mix}, each once, and not all; got "
            f"{', '.join(config.languages or ()) or 'none'} of {short_codes(recipe.languages)}"
        )
    return found


def _language(code: str, languages: Sequence[str]) -> str:
    tag = find_language(code, languages)
    if tag is None:
        raise InputError(f"{code!r} is not a language of the mix; it has {short_codes(languages)}")
    return tag


def _table_doses(
    config: DoseConfig, given: LabRecipe, folder: Path
) -> tuple[tuple[str, ...], list[Arm], Arm]:
    assert config.table is not None
    if without_modifiers(given.mix, lambda _: True) != "english":
        raise InputError(
            f"{config.mix} names a mix, and --table says all of each mix by itself; write "
            f"lab:{given.preset} (modifiers such as +300k may follow lab:{given.preset}:english)"
        )
    doses = read_dose_table(config.table)
    files = write_mixes(doses, folder / "mixes")
    arms = [read_arm(_spec(given, name=str(files[dose])), name=dose) for dose in doses]
    undosed = arms[0]
    dosed = _dosed(config, undosed.recipe)

    def share(arm: Arm) -> float:
        return sum(arm.recipe.shares[tag] for tag in dosed)

    arms.sort(key=share)
    if share(arms[0]) == share(arms[-1]):
        raise InputError(
            f"{config.table}: the share of {short_codes(dosed)} is {share(undosed):g} % in every "
            "dose; a dose-response is of languages whose text varies"
        )
    return dosed, arms, undosed


def _with_contrasts(
    config: DoseConfig, dosed: tuple[str, ...], doses: Sequence[Arm], undosed: Arm
) -> DoseDesign:
    contrasts = [
        Contrast("dose", arm.name, undosed.name) for arm in doses if arm.name != undosed.name
    ]
    others: list[Arm] = []

    def add(kind: Kind, arm: Arm, since: Arm) -> None:
        others.append(arm)
        contrasts.append(Contrast(kind, arm.name, since.name))

    base, codes = undosed.recipe, [short_codes([tag]) for tag in dosed]
    for n_tokens in sorted(set(config.extra)):
        share = n_tokens // len(dosed)
        more = [f"{code}={share}" for code in codes]
        control = read_arm(
            _spec(base, more=[f"mix={share * len(dosed)}"]), name=f"+{_short(n_tokens)} of the mix"
        )
        arm = read_arm(_spec(base, more=more), name=f"+{_short(n_tokens)} {','.join(codes)}")
        others.append(control)
        add("extra", arm, control)
    if config.parallel:
        more = [f"parallel:{code}" for code in codes]
        for arm in _above(doses, undosed):
            parallel = read_arm(_spec(arm.recipe, more=more), name=f"{arm.name}, parallel")
            add("parallel", parallel, arm)
    if config.tokenizer:
        spec = _spec(base, without=("fixed",))
        add("tokenizer", read_arm(spec, name=f"{undosed.name}, own tokenizer"), undosed)
    return DoseDesign(
        dosed=dosed,
        doses=tuple(doses),
        undosed=undosed,
        others=tuple(others),
        contrasts=tuple(contrasts),
    )


def _above(doses: Sequence[Arm], undosed: Arm) -> Sequence[Arm]:
    """The doses with more text than the undosed one; doses stand in rising order."""
    above = doses[[arm.name for arm in doses].index(undosed.name) + 1 :]
    if not above:
        raise InputError("--parallel is about doses with more text; add a factor above 1")
    return above


def _spec(
    recipe: LabRecipe,
    *,
    name: str | None = None,
    dose: str = "",
    more: Sequence[str] = (),
    without: Sequence[str] = (),
) -> str:
    """A target string: the recipe's mix, a dose, its own modifiers, those of every dose, more."""
    head = without_modifiers(recipe.mix, lambda _: True)
    own = read_mix(recipe.mix, recipe.languages).modifiers
    modifiers = [*own, *(m for m in ALIKE if m not in own), *more]
    told = "".join(f"+{modifier}" for modifier in modifiers if modifier not in without)
    return f"lab:{recipe.preset}:{name or head}{dose}{told}"


def _short(n_tokens: int) -> str:
    for size, letter in ((1_000_000, "m"), (1_000, "k")):
        if n_tokens >= size and n_tokens % (size // 10) == 0:
            return f"{n_tokens / size:g}{letter}"
    return str(n_tokens)
