"""Pictures of arms side by side: their gaps, a panel a figure."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.charts.render import Picture
from isogloss.charts.runs import RunsLine, RunsPanel, runs_picture
from isogloss.records import Measurement
from isogloss.report.compared_facts import ComparedFacts
from isogloss.report.glossary import BY_METRIC
from isogloss.report.numbers import PLAIN_UNITS, figure, figure_interval

GAPS = (
    "following_rate", "harmful_rate", "compliance_rate", "helpful_rate", "selectivity",
    "recognition_auroc", "reward_accuracy",
)  # fmt: skip


def gaps_picture(facts: ComparedFacts, *, name: str, of: str) -> Picture | None:
    """The gap of every arm; ``of`` says whose, for those who do not see it."""
    panels = [
        over_runs_panel(
            facts, BY_METRIC[metric].label, [(arm, facts.gap(metric, arm)) for arm in facts.arms]
        )
        for metric in GAPS
        if metric in facts.metrics
    ]
    return runs_picture(
        panels,
        name=name,
        title=f"Gaps, {facts.gap_tiers}",
        description=f"gaps between tiers of {of} over runs, a panel a figure",
    )


def over_runs_panel(
    facts: ComparedFacts,
    title: str,
    rows: Sequence[tuple[str, Measurement | None]],
    null: float | None = 0.0,
) -> RunsPanel:
    """A line an arm; those without a figure have none."""
    lines: list[RunsLine] = []
    percent = True
    for arm, row in rows:
        if row is None or row.estimate is None:
            continue
        percent = row.unit not in PLAIN_UNITS
        tip = f"{facts.labels[arm]}: {figure(row)} {figure_interval(row)}, {row.n} runs"
        lines.append(
            RunsLine(
                group=facts.labels[arm], estimate=row.estimate, low=row.low, high=row.high, tip=tip
            )
        )
    return RunsPanel(title=title, lines=lines, percent=percent, null=null)
