"""The summary of an audit on a terminal: no figure cut, no dash without its reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isogloss.cli.tables import SUMMARY, print_rows, print_summary
from isogloss.records import Measurement

TIERS = {"en": "english", "fi-x-lab": "high", "sw": "low"}


def summary_rows() -> list[Measurement]:
    """Every rate at its widest, helpfulness in no language, the harmful rate not in Swahili."""
    wide = Measurement(
        area="audit", metric="", target="a model", judge="rules", n=30, estimate=1.0, low=0.888,
        high=1.0, unit="rate",
    )  # fmt: skip
    unknown = replace(wide, estimate=None, low=None, high=None)
    rows: list[Measurement] = []
    for language, tier in TIERS.items():
        for metric in SUMMARY:
            row = replace(wide, metric=metric)
            if metric == "helpful_rate":
                row = replace(unknown, metric=metric, reason="nobody knows")
            if (metric, language) == ("harmful_rate", "sw"):
                row = replace(unknown, metric=metric, reason="28 relevant replies")
            rows.append(replace(row, language=language, tier=tier))
        verdict = replace(unknown, metric="language_verdict", verdict="underpowered")
        rows.append(replace(verdict, language=language, tier=tier))
    return rows


@pytest.mark.parametrize("width", [80, 100, 200])
def test_figures_and_verdicts_stay_whole_at_any_width(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("isogloss.cli.console.PIPED_WIDTH", width)
    print_summary(summary_rows())
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    assert shown.count("(89-100)") == 5 + 5 + 4
    assert shown.count("underpowered") == 3
    assert all(language in shown for language in TIERS)


def test_where_columns_are_many_tiers_stand_with_the_averages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("isogloss.cli.console.PIPED_WIDTH", 80)
    helpful = [
        replace(row, estimate=1.0, low=0.888, high=1.0) if row.metric == "helpful_rate" else row
        for row in summary_rows()
    ]
    print_summary(helpful)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    assert shown.count("(89-100)") == 6 + 6 + 5
    assert "tier" not in shown
    assert all(tier in shown for tier in TIERS.values())


def test_what_has_no_figure_is_said_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    rows = summary_rows()
    print_summary(rows)
    shown = capsys.readouterr().out
    assert "harmful rate: not measured in sw (such as: 28 relevant replies)" in shown
    assert "helpful rate: not measured in any language (such as: nobody knows)" in shown
    assert "unverified" not in shown
    doubted = [replace(r, verdict="unverified") if r.metric == "over_refusal" else r for r in rows]
    print_summary(doubted)
    assert "?: unverified, too many replies without an outcome" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("unit", "told"),
    [
        ("bits per character", "2.31 [2.10,"),
        ("tokens", "2 [2,"),
        ("rate", "231 % (210-250)"),
        ("rate difference", "+231 points (+210 to +250)"),
    ],
)
def test_a_narrow_figure_is_in_its_unit(
    unit: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("isogloss.cli.console.PIPED_WIDTH", 90)
    row = Measurement(
        area="concepts", metric="competence", target="a model", language="sw", estimate=2.31,
        low=2.1, high=2.5, unit=unit,
    )  # fmt: skip
    print_rows([row])
    assert told in " ".join(capsys.readouterr().out.split())
