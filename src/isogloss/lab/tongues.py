"""The sixteen micro-languages: family tree, word order, morphology, resource order.

They stand for the sixteen languages of Xu et al. 2024 (arXiv 2402.18120): the same tree, the same
type of word order, the same order of resource. Their words are invented (`isogloss.lab.lexicon`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """Typology of one micro-language.

    Attributes:
        tag: BCP-47 private-use tag, such as ``fi-x-lab``.
        lineage: branches from the root of the tree to the language, outermost first.
        order: of subject, verb and object.
        adposition: ``before`` or ``after`` its noun.
        fused: the adposition is written onto its noun, as a case ending is.
    """

    tag: str
    lineage: tuple[str, ...]
    order: Literal["SVO", "SOV"]
    adposition: Literal["before", "after"]
    fused: bool

    @property
    def family(self) -> str:
        return self.lineage[-1]


def _tongue(code: str, lineage: str, order: str, adposition: str, *, fused: bool = False) -> Tongue:
    return Tongue(
        tag=f"{code}-x-lab",
        lineage=tuple(lineage.split("/")),
        order="SOV" if order == "SOV" else "SVO",
        adposition="before" if adposition == "before" else "after",
        fused=fused,
    )


TONGUES: dict[str, Tongue] = {
    tongue.tag: tongue
    for tongue in (
        _tongue("en", "Indo-European/Germanic", "SVO", "before"),
        _tongue("fr", "Indo-European/Romance", "SVO", "before"),
        _tongue("zh", "Sino-Tibetan/Sinitic", "SVO", "before"),
        _tongue("es", "Indo-European/Romance", "SVO", "before"),
        _tongue("pt", "Indo-European/Romance", "SVO", "before"),
        _tongue("vi", "Austroasiatic/Vietic", "SVO", "before"),
        _tongue("ca", "Indo-European/Romance", "SVO", "before"),
        _tongue("id", "Austronesian/Malayic", "SVO", "before"),
        _tongue("ja", "Japonic/Japanese", "SOV", "after"),
        _tongue("ko", "Koreanic/Korean", "SOV", "after"),
        _tongue("fi", "Uralic/Finno-Ugric", "SVO", "after", fused=True),
        _tongue("hu", "Uralic/Finno-Ugric", "SVO", "after", fused=True),
        _tongue("ta", "Dravidian/Southern", "SOV", "after", fused=True),
        _tongue("te", "Dravidian/Southern", "SOV", "after", fused=True),
        _tongue("sw", "Niger-Congo/Bantu", "SVO", "before"),
        _tongue("ny", "Niger-Congo/Bantu", "SVO", "before"),
    )
}
"""In the order of resource of the ``english`` mix."""

ENGLISH = "en-x-lab"


def word_order_distance(one: str, other: str) -> float:
    """Share of the three typological features in which two micro-languages differ, in [0, 1]."""
    a, b = TONGUES[one], TONGUES[other]
    pairs = ((a.order, b.order), (a.adposition, b.adposition), (a.fused, b.fused))
    return sum(x != y for x, y in pairs) / len(pairs)


def genetic_distance(one: str, other: str) -> float:
    """0 for a language and itself, 1/3 within a branch, 2/3 within a family, 1 across families."""
    if one == other:
        return 0.0
    a, b = TONGUES[one].lineage, TONGUES[other].lineage
    return 1 / 3 if a == b else 2 / 3 if a[0] == b[0] else 1.0
