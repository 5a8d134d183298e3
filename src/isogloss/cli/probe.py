"""``isogloss judge RUN --probe``: does a judge grade the same answers alike in every language?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from isogloss.cli.console import MISSING, print_table
from isogloss.cli.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from isogloss.judges.base import Judge
    from isogloss.records import Measurement

PROBED = {
    "accuracy": "as expected",
    "refusal_sensitivity": "refusals found",
    "refusal_specificity": "others left alone",
    "unjudged_share": "unjudged",
}
"""Metric → heading, the words of the report."""


def probe_judges(run: Path, judges: Sequence[Judge]) -> list[Measurement]:
    """Have judges grade the shipped answers and store the rows in ``run``; asks no target."""
    from isogloss.audit.probe import AREA, probe_judge
    from isogloss.cli.progress import progress_bars
    from isogloss.judges.answers import load_exchanges
    from isogloss.store import RunStore

    exchanges = load_exchanges()
    rows: list[Measurement] = []
    with RunStore(run) as store, progress_bars() as progress:
        for judge in judges:
            mine = probe_judge(judge, exchanges, progress=progress)
            store.replace_measurements(AREA, mine, judge=judge.name)
            rows += mine
    return rows


def print_probe(rows: Sequence[Measurement]) -> None:
    """A table a judge, a line a language; below it which languages are graded otherwise."""
    from isogloss.cli.tables import percent

    for judge in dict.fromkeys(row.judge for row in rows):
        cells = {(row.metric, row.language): row for row in rows if row.judge == judge}
        lines: list[list[str]] = []
        for language in dict.fromkeys(language for _, language in cells if language is not None):
            figures = [percent(cells.get((metric, language))) for metric in PROBED]
            compared = cells.get(("accuracy_vs_english", language))
            verdict = "" if compared is None else compared.verdict or ""
            lines.append([language, *figures, _points(compared), verdict])
        heads = ["language", *PROBED.values(), "against English", "verdict"]
        print_table(f"probe of {judge}; % with 95 % intervals", heads, lines)
        overall = cells.get(("languages_graded_otherwise", None))
        if overall is not None:
            typer.echo(one_line(f"{judge}: {overall.reason or overall.verdict}"))


def _points(row: Measurement | None) -> str:
    if row is None or row.estimate is None:
        return MISSING
    text = f"{100 * row.estimate:+.0f}"
    if row.low is None or row.high is None:
        return text
    return f"{text} ({100 * row.low:+.0f} to {100 * row.high:+.0f})"
