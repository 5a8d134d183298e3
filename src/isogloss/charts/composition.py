"""What became of every planned prompt, per language, harmful and benign side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.charts.palette import light
from isogloss.charts.render import PERCENT_LABELS, Picture, styled
from isogloss.records import INTENTS, RESULTS, Intent

ENDINGS = (*RESULTS, "pending")
_LABELLED_FROM = 0.14
_LIGHT_TEXT = {"complied", "refused", "error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """How the planned prompts of one language and intent ended; counts by `ENDINGS`."""

    label: str
    intent: Intent
    counts: dict[str, int]

    @property
    def n_planned(self) -> int:
        return sum(self.counts.values())


def composition_picture(rows: Sequence[Composition]) -> Picture | None:
    """Stacked bars, languages in the order of ``rows``; None where nothing was planned."""
    rows = [row for row in rows if row.n_planned]
    if not rows:
        return None
    intents = [intent for intent in INTENTS if any(row.intent == intent for row in rows)]
    order = list(dict.fromkeys(row.label for row in rows))
    used = [e for e in ENDINGS if any(row.counts.get(e) for row in rows)]
    wide: Any = alt.hconcat(
        *(
            _bars([r for r in rows if r.intent == intent], order, used, 344, labels=i == 0)
            for i, intent in enumerate(intents)
        )
    )
    narrow: Any = alt.vconcat(
        *(_bars([r for r in rows if r.intent == intent], order, used, 222) for intent in intents)
    )
    return Picture(
        name="outcomes",
        title="What became of every prompt",
        description=f"Stacked bars for {len(order)} languages, ordered by share: "
        + ", ".join(used),
        wide=styled(wide),
        narrow=styled(narrow),
    )


def _bars(
    rows: Sequence[Composition],
    order: list[str],
    used: list[str],
    width: int,
    *,
    labels: bool = True,
) -> Any:
    values = [segment for row in rows for segment in _segments(row)]
    y = alt.Y(
        "label:N",
        sort=order,
        scale=alt.Scale(domain=order, paddingInner=0.26, paddingOuter=0.1),
        axis=alt.Axis(title=None, labels=labels, labelColor=light("ink"), labelLimit=130),
    )
    axis = alt.Axis(
        title=None, labelExpr=PERCENT_LABELS, grid=False, values=[0, 0.25, 0.5, 0.75, 1]
    )
    bars = (
        alt.Chart(alt.Data(values=values))
        .mark_bar(stroke=light("panel"), strokeWidth=1)
        .encode(
            y=y,
            x=alt.X("start:Q", scale=alt.Scale(domain=[0, 1]), axis=axis),
            x2="end:Q",
            color=alt.Color(
                "ending:N",
                scale=alt.Scale(domain=used, range=[light(e) for e in used]),
                legend=alt.Legend(
                    orient="top", direction="horizontal", columns=7 if width > 300 else 3
                ),
            ),
            description="tip:N",
        )
    )
    texts = [
        alt.Chart(alt.Data(values=[v for v in values if v["dark"] == dark and v["text"]]))
        .mark_text(fontSize=10.5, color=light("on-dark" if dark else "on-light"), aria=False)
        .encode(y=y, x="middle:Q", text="text:N")
        for dark in (True, False)
    ]
    name = {"harmful": "Harmful prompts", "benign": "Benign prompts"}[rows[0].intent]
    return alt.layer(bars, *texts).properties(
        width=width, height=alt.Step(21), title=alt.TitleParams(name)
    )


def _segments(row: Composition) -> list[dict[str, Any]]:
    segments: list[dict[str, Any]] = []
    start = 0
    n = row.n_planned
    for ending in ENDINGS:
        count = row.counts.get(ending, 0)
        if not count:
            continue
        share = count / n
        segments.append(
            {
                "label": row.label,
                "ending": ending,
                "start": start / n,
                "end": (start + count) / n,
                "middle": (start + count / 2) / n,
                "dark": ending in _LIGHT_TEXT,
                "text": f"{100 * share:.0f}" if share >= _LABELLED_FROM else "",
                "tip": f"{row.label}, {row.intent}: {ending} {count} of {n} ({100 * share:.0f} %)",
            }
        )
        start += count
    return segments
