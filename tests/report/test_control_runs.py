"""The page on control over runs: figures by tier and language, ranks, claims, what is absent."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from control.planted_runs import SW, experiment, rates
from isogloss.control import over_runs, run_figures
from isogloss.control.over_runs import over_runs_rows
from isogloss.control.settings import Toward
from isogloss.records import Measurement
from isogloss.report import control_runs
from isogloss.report.control_runs import read_control_runs
from isogloss.report.facts import RunFacts, read_facts
from isogloss.report.lede import build_lede
from isogloss.report.numbers import figure, figure_interval
from isogloss.report.page import build_report
from isogloss.store import RunStore
from report.browser import Page
from report.test_control import Tables, section

GROUPS = ("lab:tiny:english@chat", "lab:tiny:balanced@chat")
ANCHORS = ["control-runs", "control-claims", "unmeasured", "methods", "environment"]


def planted(toward: Toward, groups: Sequence[str] = GROUPS, n_seeds: int = 3) -> list[Measurement]:
    rows: list[Measurement] = []
    for g, group in enumerate(groups):
        for seed in range(n_seeds):
            up = 0.01 * seed + 0.02 * g
            arms = {"none": rates(0.0, 0.3 + up), "own": rates(0.9, 0.6 + up / 2),
                    "source": rates(0.9, 0.5 - up), "random 0": rates(0.0, 0.31 + up),
                    "guard": rates(0.0, 0.2 - up),
                    "safety line": rates(0.0, 0.25, None)}  # fmt: skip
            if toward == "comply":
                arms = {arm: arms[arm] for arm in ("none", "own", "source", "random 0")}
            for metric in run_figures.RATES:
                rows += experiment(f"{group}#{seed}", arms, metric=metric)
    rank = rows[0]
    rows.append(
        replace(rank, metric="beyond_placebo", arm="source", language=None, tier=None,
                category="average without the source", p_value=0.048, estimate=0.2)
    )  # fmt: skip
    return over_runs_rows(rows, toward)


def write(folder: Path, rows: Sequence[Measurement], toward: str) -> str:
    with RunStore(folder, create=True) as store:
        store.replace_measurements(over_runs.AREA, rows)
        names = dict.fromkeys(row.target for row in rows if "#" in row.target)
        store.set_meta(over_runs.AREA, {"toward": toward, "experiments": dict.fromkeys(names, "x")})
    text = build_report(folder).read_text("utf-8")
    return text.replace("\u202f", " ").replace("\u00a0", " ").replace("\u2212", "-")


@pytest.fixture(scope="module")
def comply(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "comply"
    write(folder, planted("comply"), "comply")
    return folder


def tables(html: str) -> dict[str, list[list[str]]]:
    found = Tables()
    found.feed(html)
    return found.tables


def page(folder: Path) -> str:
    text = (folder / "report.html").read_text("utf-8")
    return text.replace("\u202f", " ").replace("\u00a0", " ").replace("\u2212", "-")


def told(row: Measurement) -> str:
    text = f"{figure(row)} {figure_interval(row)}"
    return text.replace("\u202f", " ").replace("\u00a0", " ").replace("\u2212", "-")


def test_the_figures_of_every_group_are_the_rows(comply: Path) -> None:
    html = page(comply)
    assert re.findall(r'<section class="part" id="([^"]+)"', html) == ANCHORS
    lines = tables(html)["Compliance over runs"]
    heads = ["Arm", "Models", "English", "High", "Low", "All but the source"]
    assert lines[0] == heads
    cells = {(line[0], line[1]): line[2:] for line in lines[1:]}
    names = ("Unsteered", "Own", "Source", "Placebos, mean")
    assert list(cells) == [(name, mix) for name in names for mix in ("english", "balanced")]
    with RunStore(comply) as store:
        stored = store.measurements()
    for place, at in (("high", 1), ("low", 2), (None, 3)):
        (row,) = [
            r for r in stored
            if (r.metric, r.arm, r.target) == ("compliance_rate_change", "own", GROUPS[1])
            and (r.tier, r.language, r.variant) == (place, None, None)
        ]  # fmt: skip
        assert cells["Own", "balanced"][at].split() == told(row).split()


def test_claims_stand_with_figure_verdict_and_what_they_are_of(comply: Path) -> None:
    lines = tables(page(comply))["Claims on control"]
    verdicts = {(line[0], line[2]): line[6] for line in lines[1:]}
    with RunStore(comply) as store:
        claims = [row for row in store.measurements() if row.metric == "claim"]
    assert len(lines) == 1 + len(claims) > 10
    assert verdicts == {(row.category, row.target): row.verdict for row in claims}
    assert {row.verdict for row in claims} >= {"confirmed", "cannot tell"}
    lede = build_lede(facts_of(comply))
    assert lede.kicker == "Control over runs"
    assert lede.anchor == "control-claims"
    assert sum(n for _, _, n in lede.tally) == len(claims)


def facts_of(folder: Path) -> RunFacts:
    with RunStore(folder) as store:
        return read_facts(store)


def test_ranks_languages_and_experiments_are_told(comply: Path) -> None:
    html = page(comply)
    part = section(html, "control-runs")
    assert "by rank, run by run (english): p = .048" in part
    assert "towards compliance" in part
    assert "english: 3, balanced: 3" in part
    lines = tables(html)["Compliance by language over runs"]
    assert lines[0] == ["Arm", "Models", "English", "French", "Spanish", "Swahili"]
    good = tables(html)["Non-inferiority and placebos over runs"]
    assert [line[0] for line in good[1:]] == ["Source - own"] * 2 + ["Source - placebos"] * 2
    assert good[1][-1].endswith("worse")
    assert f"<code>{GROUPS[0]}#2</code> in <code>x</code>" in part
    assert "Intervals over runs rest on 3 runs" in section(html, "unmeasured")
    with (
        (comply / "report/tables/control_runs.csv").open(encoding="utf-8-sig") as file,
        RunStore(comply) as store,
    ):
        assert len(list(csv.DictReader(file))) == len(store.measurements())


def test_towards_refusal_one_group_and_what_was_not_measured(tmp_path: Path) -> None:
    html = write(tmp_path / "run", planted("refuse", GROUPS[:1]), "refuse")
    lines = tables(html)["Over-refusal over runs"]
    assert lines[0] == ["Arm", "English", "High", "Low", "All but the source"]
    line = next(line for line in lines if line[0] == "Safety line")
    assert line[3:] == ["not measured", "not measured"]
    assert f"not measured in 3 of 3 runs (such as: {SW}: the judge was away)" in html
    assert "Guard - placebos" in str(tables(html)["Non-inferiority and placebos over runs"])
    assert "towards refusal" in section(html, "control-runs")


def test_few_runs_hostile_names_and_no_settings_make_a_page(tmp_path: Path) -> None:
    name = "</script><b>\x1b[31m\x00{{ 7 * 7 }}"
    rows = [
        replace(row, category=name if row.metric == "claim" else row.category, concept=name,
                reason=name, arm=name if row.arm == "safety line" else row.arm)
        for row in planted("refuse", GROUPS[:1], n_seeds=1)
    ]  # fmt: skip
    with RunStore(tmp_path / "run", create=True) as store:
        store.replace_measurements(over_runs.AREA, rows)
    html = build_report(tmp_path / "run").read_text("utf-8")
    assert html.count("<script") == 1
    assert "<b>\x1b" not in html
    assert not set("\x00\x1b") & set(html)
    assert re.findall(r'<section class="part" id="([^"]+)"', html) == ANCHORS


def test_names_are_those_of_the_experiment(tmp_path: Path) -> None:
    assert control_runs.OVER_RUNS == over_runs.AREA
    assert control_runs.CLAIM == over_runs.CLAIM
    assert control_runs.PLACEBO_MEAN == run_figures.PLACEBO_MEAN
    assert set(control_runs.RATES) == set(run_figures.RATES)
    with RunStore(tmp_path / "run", create=True) as store:
        store.replace_measurements("x", [Measurement(area="x", metric="m", target="t")])
        assert read_control_runs(store, read_facts(store)) is None


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_nothing_sticks_out(browser: Page, comply: Path, width: int) -> None:
    browser.resize(width, 844, mobile=width < 600)
    browser.open(comply / "report.html")
    browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browser.run("document.documentElement.scrollWidth") == width
    assert browser.problems == []
