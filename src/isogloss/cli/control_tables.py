"""Tables of ``isogloss control``: one model by language, several over runs by tier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isogloss.cli.console import print_line, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isogloss.control.run import ControlResult
    from isogloss.records import Measurement

SHOWN = ("compliance_rate", "over_refusal", "helpful_rate")


def print_control(result: ControlResult) -> None:
    """A table a rate: a line a language and a column an arm; then the tests on averages."""
    from isogloss.cli.tables import percent

    rows = [row for row in result.measurements if row.area == "control"]
    placebos = {arm.name for arm in result.arms if arm.is_placebo}
    arms = [arm for arm in dict.fromkeys(row.arm for row in rows) if arm not in placebos]
    for metric in SHOWN:
        cells = {(r.arm, r.language): r for r in rows if r.metric == metric and r.language}
        shown = [arm for arm in arms if any((arm, tag) in cells for _, tag in cells)]
        tags = list(dict.fromkeys(tag for _, tag in cells))
        lines = [[tag or "", *(percent(cells.get((arm, tag))) for arm in shown)] for tag in tags]
        title = f"{metric.replace('_', ' ')}; % with 95 % intervals"
        print_table(title, ["language", *shown], lines)
    for line in _averages(rows, placebos):
        print_line(line)


def _averages(rows: Sequence[Measurement], placebos: set[str]) -> list[str]:
    """What is said of the average over all languages but the source."""
    from isogloss.report.numbers import figure, figure_interval

    said = {
        "compliance_rate_change": "compliance",
        "over_refusal_change": "over-refusal",
        "as_good_as_own": "as good as own?",
        "beyond_placebo": "beyond placebos?",
    }
    lines: list[str] = []
    for row in rows:
        average = row.language is None and row.category is not None and row.tier is None
        if row.metric not in said or row.arm in placebos or not average:
            continue
        if row.estimate is None:
            lines.append(f"{row.arm}, {said[row.metric]}: not measured ({row.reason})")
            continue
        p = "" if row.p_value is None else f", p {row.p_value:.2g}"
        verdict = f": {row.verdict}" if row.verdict else ""
        lines.append(
            f"{row.arm}, {said[row.metric]} (average without the source){verdict} "
            f"{figure(row)} points {figure_interval(row)}{p}"
        )
    return lines


def print_over_runs(rows: Sequence[Measurement]) -> None:
    """A table a rate: a line an arm (and group), a column a tier; then ranks and claims.

    Args:
        rows: of area ``control over runs``.
    """
    from isogloss.control.table import AS_GOOD
    from isogloss.records import CLAIM

    averages = [
        row for row in rows
        if row.scope == "runs" and row.metric != CLAIM
        and row.variant is None and row.language is None
    ]  # fmt: skip
    for metric in SHOWN:
        mine = [row for row in averages if (row.metric, row.arm) == (metric, "none")]
        mine += [row for row in averages if row.metric == f"{metric}_change"]
        if metric == SHOWN[0]:
            mine += [row for row in averages if row.metric == AS_GOOD]
        words = metric.replace("_", " ")
        _print_by_tier(mine, f"{words} of none, and its change; 95 % intervals over runs")
    claims = [_claim_line(row) for row in rows if row.metric == CLAIM]
    for line in (*_rank_lines(rows), *claims):
        print_line(line)


def _print_by_tier(rows: Sequence[Measurement], title: str) -> None:
    from isogloss.cli.tables import figure_cell

    groups = list(dict.fromkeys(row.target for row in rows))
    places = list(dict.fromkeys((row.tier, row.category) for row in rows))
    cells = {(row.target, row.arm, row.tier, row.category): row for row in rows}
    lines: list[list[str]] = []
    for arm in dict.fromkeys(row.arm for row in rows):
        for group in groups:
            mine = [cells.get((group, arm, *place)) for place in places]
            if any(mine):
                names = [arm] if len(groups) == 1 else [arm, group]
                lines.append([*names, *map(figure_cell, mine)])
    heads = ["arm"] if len(groups) == 1 else ["arm", "group"]
    heads += [tier or "all but the source" for tier, _ in places]
    print_table(title, heads, lines)


def _rank_lines(rows: Sequence[Measurement]) -> list[str]:
    """A line a group: where the source's direction ranks among its placebos, run by run."""
    from isogloss.control.table import BEYOND
    from isogloss.lab.recipe import group_of

    ranks: dict[str, list[str]] = {}
    for row in rows:
        if row.metric == BEYOND and row.scope == "this model" and row.p_value is not None:
            ranks.setdefault(group_of(row.target)[0], []).append(f"{row.p_value:.2g}")
    return [
        f"{group}: source among its placebos, p by rank, run by run: {', '.join(each)}"
        for group, each in ranks.items()
    ]


def _claim_line(row: Measurement) -> str:
    from isogloss.cli.tables import figure_cell

    versus = f" {row.arm}" if row.arm.startswith("minus ") else ""
    about = f"{row.category}; {row.target}{versus}"
    return f"{row.verdict}: {about}: {figure_cell(row)}, {row.reason or f'{row.n} runs'}"
