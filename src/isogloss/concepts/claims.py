"""What Xu et al. 2024 claim about concepts across languages, as questions to the lab's models.

A claim is about one figure of one group, or about a difference between two groups. It is confirmed
where the interval over three runs or more lies on the claimed side, refuted where it lies on the
other, and otherwise cannot be told; ``detectable`` says what could have been seen. The intervals
are not corrected for the number of claims. (Those on harmfulness alone were added after two seeds
of the smallest preset had been seen; the others before any.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from isogloss.concepts.summary import Key
from isogloss.errors import InputError
from isogloss.lab.mix import MIXES
from isogloss.lab.recipe import SIZES, parse_spec
from isogloss.records import CLAIM, Measurement
from isogloss.stats.verdict import claim_verdict

Sign = Literal[1, -1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim.

    Attributes:
        words: the claim, in ours.
        source: where the paper makes it.
        key: the figure it is about.
        sign: on which side of ``null`` the figure lies if the claim is right.
        null: the value between.
        mix: of the groups it is asked of; None is every lab group.
        against: the mix, or the size, the figure is compared with, paired by seed.
    """

    words: str
    source: str
    key: Key
    sign: Sign = 1
    null: float = 0.0
    mix: str | None = None
    against: str | None = None

    def cases(self, groups: Sequence[str]) -> list[tuple[str, str | None]]:
        """(group, group it is compared with or None) for every case the groups allow."""
        asked = [name for name in groups if self.mix in (None, _parts(name)[0], _parts(name)[1])]
        asked = [name for name in asked if _parts(name)[0]]
        if self.against is None:
            return [(name, None) for name in asked]
        return [
            (one, other)
            for one, other in product(asked, groups)
            if self.against in _parts(other)[:2] and _same_but(one, other)
        ]


_INCONSISTENT = "P2, section 4, inconsistency"
_RELATED = "P2, section 4, linguistic relationships"
_ONE_WAY = "P2, section 4, transfer"


def _about(concept: str | None) -> tuple[Claim, ...]:
    """The claims on directions: of the mean over concepts, or of one concept."""
    return (
        Claim(
            words="directions agree less between high- and low-resource languages than among "
            "high-resource ones",
            source=_INCONSISTENT,
            key=("consistency_gap", concept, None),
        ),
        Claim(
            words="agreement falls off less with resources under balanced than under "
            "English-dominated pre-training",
            source=_INCONSISTENT,
            key=("consistency_gap", concept, None),
            sign=-1,
            mix="balanced",
            against="english",
        ),
        Claim(
            words="transfer goes from high- to low-resource languages",
            source=_ONE_WAY,
            key=("asymmetry_slope", concept, None),
        ),
        Claim(
            words="transfer goes from high- to low-resource languages among languages that both "
            "hold the concept",
            source=f"{_ONE_WAY}; the restriction is ours",
            key=("assessable_asymmetry_slope", concept, None),
        ),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        words="concepts of human values are there in most languages",
        source="P2, section 3",
        key=("recognised_share", None, None),
        null=0.5,
    ),
    Claim(
        words="larger models hold them better",
        source="P2, section 3",
        key=("mean_recognition", None, None),
        mix="3m",
        against="300k",
    ),
    *_about(None),
    Claim(
        words="directions are more alike where languages are genetically closer",
        source=_RELATED,
        key=("linguistic_correlation", None, "genetic direct"),
    ),
    Claim(
        words="the relation of directions to genetic closeness is less distorted under balanced "
        "pre-training",
        source=_RELATED,
        key=("linguistic_correlation", None, "genetic direct"),
        mix="balanced",
        against="english",
    ),
    *_about("harmfulness"),
)


def judge_claim(claim: Claim, row: Measurement) -> Measurement:
    """The figure's row as a verdict on the claim."""
    return replace(
        row,
        metric=CLAIM,
        category=claim.words,
        variant=claim.source,
        method=f"{claim.key[0]}: {row.method}",
        p_value=None if claim.null else row.p_value,
        verdict=claim_verdict(row, sign=claim.sign, null=claim.null),
        sign=claim.sign,
        null=claim.null,
    )


def _parts(group: str) -> tuple[str, str]:
    """(mix, size) of a lab group's name, "" where there is none."""
    if not group.startswith("lab:"):
        return "", ""
    try:
        mix = parse_spec(group).mix
    except InputError:
        return "", ""
    name, *modifiers = mix.split("+")
    size = next((modifier for modifier in modifiers if modifier in SIZES), "")
    return (name if name in MIXES else ""), size


def _same_but(one: str, other: str) -> bool:
    """Whether two groups differ in the mix or in the size alone."""
    a, b = parse_spec(one), parse_spec(other)
    differs = (_parts(one)[0] != _parts(other)[0], _parts(one)[1] != _parts(other)[1])
    rest = [sorted(set(recipe.mix.split("+")[1:]) - SIZES.keys()) for recipe in (a, b)]
    return a.preset == b.preset and a.stage == b.stage and rest[0] == rest[1] and sum(differs) == 1
