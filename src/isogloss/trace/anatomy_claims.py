"""What a curse is made of, as questions to the anatomies of several seeds.

The replicate of such a claim is the run: pre-training and alignment anew under each seed. The
claims were fixed before the first run. Each is about one figure of the main reading (own direction,
lenient comprehension) and is confirmed, refuted or cannot be told by
`isogloss.stats.verdict.claim_verdict`. Intervals are not corrected for the number of claims. "Most"
is more than half of the failures of a tier; what the same instruments say of items that did not
fail is not taken off, but stands beside it in the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from isogloss.align.claims import minus
from isogloss.trace.broken_links import Kind
from isogloss.trace.by_seed import Key
from isogloss.trace.link_rows import MAIN
from isogloss.trace.threshold_rows import MARGIN, NET

OURS = "ours, after P1, section 2"
Values = Mapping[Key, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim.

    Attributes:
        words: the claim.
        source: where it is from.
        said: what the figure is, for people.
        figure: from a run's values to the figure; None where the run lacks it.
        sign: on which side of ``null`` the figure lies if the claim is right.
    """

    words: str
    source: str
    said: str
    figure: Callable[[Values], float | None]
    sign: Literal[1, -1] = 1
    null: float = 0.0


def share(values: Values, kind: Kind, link: str, tier: str) -> float | None:
    """Of a tier's failures, the share ascribed to a link."""
    return values.get(Key(f"{kind}_link", MAIN, link, None, tier))


CLAIMS: tuple[Claim, ...] = (
    Claim(
        words="in low-resource languages more harmful compliance is not represented as harmful "
        "than represented but not acted on",
        source=OURS,
        said="share not represented minus share not acted on, low",
        figure=lambda v: minus(
            share(v, "harmful_compliance", "not represented", "low"),
            share(v, "harmful_compliance", "not acted on", "low"),
        ),
    ),
    Claim(
        words="in high-resource languages most harmful compliance is represented but not acted on",
        source=OURS,
        said="share not acted on, high",
        figure=lambda v: share(v, "harmful_compliance", "not acted on", "high"),
        null=0.5,
    ),
    Claim(
        words="in low-resource languages most irrelevance is not understood",
        source=OURS,
        said="share not understood, low",
        figure=lambda v: share(v, "irrelevance", "not understood", "low"),
        null=0.5,
    ),
    Claim(
        words="what high-resource languages represent but do not act on, a threshold from four "
        "labelled examples a class recovers, more than it refuses of what is benign",
        source="ours",
        said="recovered minus over-refusals paid, margin, k=4, high",
        figure=lambda v: v.get(Key(NET, MARGIN, "k=4", None, "high")),
    ),
)
