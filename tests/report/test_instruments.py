"""The chapter on the instruments: drawn where steps were taken, said where they were not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from isogloss.records import Measurement, Scope
from isogloss.report.page import build_report
from isogloss.store import RunStore
from report.synthetic import TARGET, make_run, real_table

COMMON: dict[str, Any] = {
    "area": "instruments", "target": TARGET, "arm": "none", "judge": "oracle",
    "variant": "original", "unit": "rate difference",
}  # fmt: skip


def gap(step: str, scope: Scope, estimate: float | None, **changes: object) -> Measurement:
    low = None if estimate is None else estimate - 0.05
    high = None if estimate is None else estimate + 0.05
    row = Measurement(
        metric="following_rate_gap", category=step, scope=scope, estimate=estimate, low=low,
        high=high, n=100, **COMMON,
    )  # type: ignore[arg-type]  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


def page_with(folder: Path, rows: list[Measurement]) -> str:
    make_run(folder, table=real_table(), tags=("en", "de", "sw", "ta"), n_prompts=12)
    with RunStore(folder) as store:
        store.replace_measurements("instruments", rows)
    return build_report(folder).read_text("utf-8")


def test_a_closed_gap_is_drawn_and_said(tmp_path: Path) -> None:
    rows = [
        gap(step, scope, estimate)
        for scope in ("these languages", "languages like these")
        for step, estimate in (("raw", -0.25), ("flagged removed", -0.02))
    ]
    rows.append(gap("flagged removed", "these languages", 0.23, metric="following_rate_gap_shift"))
    page = page_with(tmp_path, rows)
    assert "a gap of \u221225 points as measured is \u22122 without flagged translations." in page
    assert 'aria-label="Low minus high tier, step by step' in page
    assert (tmp_path / "report" / "charts" / "instruments.svg").is_file()


def test_steps_that_were_not_taken_say_what_is_missing(tmp_path: Path) -> None:
    rows = [
        gap("raw", "these languages", -0.25),
        gap("judge-corrected", "these languages", None, reason="no human labels: <label>"),
    ]
    page = page_with(tmp_path, rows)
    assert "no human labels: &lt;label&gt;" in page
    assert "Low minus high tier, step by step" not in page


def test_flag_rates_are_told_by_language(tmp_path: Path) -> None:
    flagged = Measurement(
        area="translation", metric="flag_rate", target="hf:<mini>", language="sw",
        source_language="en", variant="original", n=40, k=10, estimate=0.25, low=0.14, high=0.4,
    )  # fmt: skip
    rows = [
        flagged,
        replace(flagged, category="too_short", k=8, estimate=0.2),
        replace(flagged, category="copy", k=2, estimate=0.05),
        replace(flagged, metric="back_translation_chrf", estimate=61.7, unit="chrF++"),
    ]
    make_run(tmp_path, table=real_table(), tags=("en", "de", "sw", "ta"), n_prompts=12)
    with RunStore(tmp_path) as store:
        store.replace_measurements("translation", rows)
    page = build_report(tmp_path).read_text("utf-8")
    assert "hf:&lt;mini&gt;" in page
    assert "too short\u00a08, copy\u00a02" in page.replace("&nbsp;", "\u00a0")
    assert ">62</td>" in page
