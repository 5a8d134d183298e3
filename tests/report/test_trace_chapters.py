"""Chapters of doses, mixes, grids and anatomies: from stored rows alone, told as they are."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from isogloss.records import Measurement
from isogloss.report import anatomy_facts, arm_facts, compared_facts, dose_facts, mix_facts
from isogloss.report import facts as run_facts
from isogloss.report.anatomy_facts import AnatomyFacts, Place, read_anatomy
from isogloss.report.anatomy_words import anatomy_headline, link_sentences, main_link
from isogloss.report.arm_facts import side_of
from isogloss.report.chapter import ChapterBuilder
from isogloss.report.chapters.anatomy import anatomy_chapter
from isogloss.report.chapters.dose import dose_chapter
from isogloss.report.chapters.grid import HEADS, grid_chapter
from isogloss.report.chapters.measuring import measuring_chapter
from isogloss.report.chapters.mixes import mixes_chapter
from isogloss.report.condition_facts import read_conditions
from isogloss.report.condition_words import conditions_headline
from isogloss.report.dose_facts import DoseFacts, read_dose
from isogloss.report.dose_words import contrast_words, dose_headline, parity_words
from isogloss.report.facts import RunFacts, read_facts
from isogloss.report.grid_facts import KINDS, read_grid
from isogloss.report.grid_words import UNTOLD, grid_headline, grid_pointers
from isogloss.report.lede import build_lede
from isogloss.report.mix_facts import MixFacts, read_mixes, short_recipes
from isogloss.report.mix_words import mixes_headline
from isogloss.report.page import build_report
from isogloss.report.trace_record import missing_trace, trace_runs
from isogloss.store import RunStore
from isogloss.trace import (
    anatomy_instruments,
    anatomy_over_runs,
    arm_runs,
    broken_links,
    dose_rows,
    grid_over_runs,
    grid_rows,
    instruments,
    link_rows,
    mix_rows,
    outcomes,
    standings,
    threshold_rows,
    tier_figures,
    tier_rows,
)
from isogloss.trace.grid_matrices import PREDICTORS
from report.anatomy_rows import FALSE_ALARM, SHARES, make_anatomy_run
from report.arm_rows import make_dose_run, make_instruments_run, make_mixes_run
from report.browser import Page
from report.grid_rows import make_grid_run
from report.ladder_rows import make_ladder_run
from report.test_ladder_chapter import plain, tables_of

GRID_CELL = Measurement(
    area="trace grid over runs", metric="", target="lab:tiny:english@helpful", arm="sft",
    estimate=0.15, unit="rate difference",
)  # fmt: skip
RECIPES = (
    "lab:tiny:english+fixed", "lab:tiny:en=40+fixed", "lab:tiny:english+fixed+neox",
)  # fmt: skip


@pytest.fixture(scope="module")
def dosed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dose") / "run"
    make_dose_run(folder)
    return folder


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixes") / "run"
    make_mixes_run(folder, RECIPES)
    return folder


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("instruments") / "run"
    make_instruments_run(folder)
    return folder


@pytest.fixture(scope="module")
def gridded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_grid_run(tmp_path_factory.mktemp("grid") / "run")


@pytest.fixture(scope="module")
def dissected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_anatomy_run(tmp_path_factory.mktemp("anatomy") / "run", n_seeds=3)


def facts_of(folder: Path) -> RunFacts:
    with RunStore(folder) as store:
        return read_facts(store)


@cache
def sections_of(build: ChapterBuilder, folder: Path) -> dict[str, str]:
    """Anchor → HTML."""
    with RunStore(folder) as store:
        chapter = build(store, read_facts(store))
    assert chapter is not None
    return {one.anchor: plain(str(one.html)) for one in chapter.sections}


def some(found: Any) -> Any:
    assert found is not None
    return found


def dose_of(folder: Path) -> DoseFacts:
    return some(read_dose(facts_of(folder)))


def mixes_of(folder: Path) -> MixFacts:
    return some(read_mixes(facts_of(folder)))


def anatomy_of(folder: Path) -> AnatomyFacts:
    return some(read_anatomy(facts_of(folder)))


def by_name(table: list[list[str]]) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in table}


def test_names_are_those_of_the_rows() -> None:
    assert (arm_runs.AREA, arm_runs.TOKENS, arm_runs.SHARE) == (
        arm_facts.RUNS, arm_facts.TOKENS, arm_facts.SHARE,
    )  # fmt: skip
    assert set(arm_facts.METRICS) == set(outcomes.OUTCOMES)
    assert (dose_rows.AREA, dose_rows.CHANGE, dose_rows.PER_DOUBLING, dose_rows.PARITY) == (
        "trace dose", dose_facts.CHANGE, dose_facts.PER_DOUBLING, dose_facts.PARITY,
    )  # fmt: skip
    assert (mix_rows.AREA, tier_rows.CHANGE, tier_rows.GAP, tier_rows.GAP_CHANGE) == (
        run_facts.MIXES, compared_facts.CHANGE, compared_facts.GAP, compared_facts.GAP_CHANGE,
    )  # fmt: skip
    assert (instruments.AREA, tier_figures.ALL) == (run_facts.INSTRUMENTS, compared_facts.ALL)
    assert (tuple(standings.KINDS), standings.SERVED) == (mix_facts.KINDS, mix_facts.SERVED)
    assert (link_rows.AREA, anatomy_over_runs.AREA, link_rows.MAIN) == (
        "trace anatomy", anatomy_facts.OVER_RUNS, anatomy_facts.MAIN,
    )  # fmt: skip
    assert tuple(anatomy_facts.KINDS) == tuple(broken_links.CHAINS)
    assert (broken_links.UNEXPLAINED, broken_links.NOT_MEASURED) == (
        anatomy_facts.UNEXPLAINED, anatomy_facts.NOT_MEASURED,
    )  # fmt: skip
    assert {one.name for mine in link_rows.READINGS.values() for one in mine} == set(
        anatomy_facts.READINGS
    )
    assert (
        threshold_rows.SHIFT, threshold_rows.GAINED, threshold_rows.RECOVERED, threshold_rows.PAID,
        threshold_rows.NET, threshold_rows.MARGIN,
    ) == (
        anatomy_facts.SHIFT, anatomy_facts.GAINED, anatomy_facts.RECOVERED, anatomy_facts.PAID,
        anatomy_facts.NET, anatomy_facts.MARGIN,
    )  # fmt: skip
    assert {metric for metric, _, _ in anatomy_facts.INSTRUMENTS} == {
        getattr(anatomy_instruments, name)
        for name in (
            "COMPREHENSION", "REPRESENTED", "ABOVE_TWIN", "AGREEMENT", "RIGHT_FORM", "BITS",
        )
    }  # fmt: skip
    assert set(HEADS) == set(KINDS)
    assert grid_over_runs.OVER_RUNS == "trace grid over runs"


def test_sides_need_three_runs_and_an_interval_that_leaves_out_nothing() -> None:
    row = Measurement(area="a", metric="m", target="t", n=3, estimate=0.2, low=0.1, high=0.3)
    assert side_of(row, "better") == "better"
    assert side_of(row, "worse") == "worse"
    assert side_of(row, "neither") == "different"
    assert side_of(replace(row, n=2), "better") == ""
    assert side_of(replace(row, low=-0.1), "better") == ""
    assert side_of(replace(row, low=None), "better") == ""
    assert side_of(None, "better") == ""


# Doses


def test_doses_have_their_tokens_their_slope_and_their_parity(dosed: Path) -> None:
    sections = sections_of(dose_chapter, dosed)
    arms = by_name(tables_of(sections["dose"])["Arms"])
    # 200,000 tokens, of which Swahili has 0.6 % in the tiny lab's English mix.
    assert arms["x1"][:2] == ["1 202", "0.6 %"]
    assert arms["x16"][:2] == ["19 231", "9.6 %"]
    assert arms["+50k sw"][0] == "51 202"
    table = by_name(tables_of(sections["dose-parity"])["Per doubling and to parity"])
    following = table["Following"]
    assert following[0].startswith("+6 [")
    assert following[1] == "better"
    assert following[3] == "cannot tell"
    # The high tier's mean at x1 is what Swahili has at about 12,700 tokens: 8 points a doubling.
    assert following[4].startswith("12 6")
    assert following[5] == "high"
    assert table["Compliance"][1] == "worse"
    assert table["Compliance"][4] == "–"
    assert table["Competence"][0].startswith("-0.15 [")


def test_a_dose_that_some_run_lacks_has_no_point_and_says_why(dosed: Path) -> None:
    dose = dose_of(dosed)
    row = some(dose.level("harmful_rate", "x0.25"))
    assert row.estimate is None
    assert "12 relevant replies" in row.reason
    assert [len(run) for run in dose.run_curves("harmful_rate")] == [2] * 5
    missing = missing_trace(facts_of(dosed))["Harmful rate by dose"]
    assert any("x0.25" in places for places in missing.values())
    table = by_name(
        tables_of(sections_of(dose_chapter, dosed)["dose-figures"])[
            "Figures by arm, dosed languages"
        ]
    )
    assert table["x0.25"][1] == "not measured"


def test_contrasts_are_named_for_what_they_differ_in(dosed: Path) -> None:
    words = [plain(contrast_words(contrast)) for contrast in dose_of(dosed).contrasts]
    assert words == [
        "x0.25 - x1", "x4 - x1", "x16 - x1", "+50k sw - mix", "x4: parallel - not",
        "x16: parallel - not", "own - fixed tokenizer",
    ]  # fmt: skip
    table = by_name(
        tables_of(sections_of(dose_chapter, dosed)["dose-contrasts"])[
            "Differences of arms, dosed languages"
        ]
    )
    assert table["+50k sw - mix"][0].startswith("+4")
    assert table["own - fixed tokenizer"][0].startswith("0")


def test_what_lies_beyond_the_doses_is_said_so(dosed: Path) -> None:
    row = some(dose_of(dosed).parity("following_rate"))
    assert plain(parity_words(replace(row, high=None))).endswith(", …]")
    beyond = replace(row, estimate=None, low=None, high=None, verdict="beyond the largest dose")
    assert plain(parity_words(beyond)) == "beyond the largest dose […, …]"
    assert parity_words(replace(beyond, n=1)) == "beyond the largest dose"
    assert parity_words(replace(beyond, verdict="not measured")) == "not measured"
    assert plain(parity_words(replace(beyond, low=9000.0))) == "beyond the largest dose [9 000, …]"


def test_headlines_of_doses_say_only_what_is_sure(dosed: Path) -> None:
    dose = dose_of(dosed)
    assert dose_headline(dose) == (
        "More text of Swahili improves following, the harmful rate, helpfulness and the "
        "recognition of harm; it worsens compliance with harm"
    )
    none = {
        key: replace(row, low=-1.0, high=1.0) if key[0].endswith("per_doubling") else row
        for key, row in dose._index.items()
    }
    assert dose_headline(replace(dose, _index=none)) == (
        "More text of Swahili: these runs cannot tell what it changes there"
    )
    lede = build_lede(facts_of(dosed))
    assert lede.kicker == "Dose and response"
    assert lede.pointers[0].text.startswith("in following: 12")


def test_a_dose_response_without_its_meta_finds_its_doses_in_the_rows(
    dosed: Path, tmp_path: Path
) -> None:
    folder = copy_of(dosed, tmp_path)
    with RunStore(folder) as store:
        store.set_meta("trace dose", None)
    whole, bare = dose_of(dosed), dose_of(folder)
    assert set(bare.doses) == set(whole.doses)
    assert (bare.undosed, bare.dosed, bare.contrasts) == (
        whole.undosed, whole.dosed, whole.contrasts,
    )  # fmt: skip
    assert bare.recipes == {}


# Mixes


def test_recipes_are_ranked_and_told_apart(mixed: Path) -> None:
    sections = sections_of(mixes_chapter, mixed)
    table = by_name(tables_of(sections["mixes"])["Standing of recipes"])
    assert list(table)[1:] == ["english+fixed", "en=40+fixed", "english+fixed+neox"]
    assert table["en=40+fixed"][1].endswith("best")  # helpful, worst language
    assert table["english+fixed"][1].endswith("worse")
    recipes = by_name(tables_of(sections["mixes"])["Recipes"])
    assert recipes["english+fixed+neox"][1] == "architecture"
    assert recipes["english+fixed"][1] == "the reference"
    row = mixes_of(mixed).standing("helpful_rate", "worst language", "lab:tiny:english+fixed")
    assert "lab:" not in mixes_of(mixed).said(some(row).reason)


def test_gaps_by_recipe_stand_beside_the_reference_s(mixed: Path) -> None:
    table = tables_of(sections_of(mixes_chapter, mixed)["mixes-gaps"])["Gaps by recipe"]
    rows = [row for row in table if row[0] == "Following" or row[0] == ""][:3]
    assert rows[0][1:3] == ["english+fixed", "the reference"]
    assert rows[0][4] == "–"
    assert rows[1][2] == "shares"
    # The other mix has other shares, so another gap; the other architecture has the same one.
    mixes = mixes_of(mixed)
    moved = some(mixes.gap_change("following_rate", "lab:tiny:en=40+fixed"))
    same = some(mixes.gap_change("following_rate", "lab:tiny:english+fixed+neox"))
    assert moved.estimate > 0.15
    assert abs(same.estimate) < 0.02


def test_headlines_of_mixes_never_crown_what_is_not_best(mixed: Path) -> None:
    mixes = mixes_of(mixed)

    def with_verdicts(say: Callable[[Measurement], str]) -> MixFacts:
        index = {
            key: replace(row, verdict=say(row)) if row.verdict and row.category else row
            for key, row in mixes.index.items()
        }
        return replace(mixes, index=index)

    assert mixes_headline(mixes) == (
        "en=40+fixed is best on average over languages and in the worst one, by helpful rate"
    )
    assert mixes_headline(with_verdicts(lambda _: "not told apart")) == (
        "No recipe is told apart from the others in how it serves all languages, by helpful rate"
    )
    some_worse = with_verdicts(
        lambda row: "worse" if row.arm.endswith("neox") else "not told apart"
    )
    assert mixes_headline(some_worse) == (
        "No recipe is shown to be best for all languages; english+fixed+neox is worse than others, "
        "by helpful rate"
    )


def test_claims_on_recipes_say_of_which(mixed: Path) -> None:
    table = tables_of(sections_of(mixes_chapter, mixed)["mixes-claims"])["Claims on recipes"]
    assert table[0][:3] == ["Claim", "Of", "Where"]
    named = {row[1] for row in table[1:]}
    assert {"english+fixed", "en=40+fixed"} <= named
    assert not any(name.startswith("lab:") for name in named)


# Ways of measuring


def test_ways_of_measuring_stand_beside_the_exact_one(measured: Path) -> None:
    table = tables_of(sections_of(measuring_chapter, measured)["measuring"])["Ways of measuring"]
    rows = [row for row in table if row[1] in ("exact", "both 30 % mistranslated")]
    exact, both = rows[:2]
    assert exact[0] == "Following"
    assert exact[2].startswith("20")
    assert exact[3] == "–"
    assert exact[6].startswith("-60")
    # Ten points less in the high tier, five more in the low one.
    assert both[3].startswith("+5")
    assert both[5].startswith("-10")
    assert both[7].startswith("+15")
    claims = tables_of(sections_of(measuring_chapter, measured)["measuring-claims"])
    verdicts = [row[-2] for row in claims["Claims on instruments"][1:]]
    assert verdicts == [
        "confirmed", *["refuted", "refuted", "cannot tell"] * 2, "refuted", "refuted",
    ]  # fmt: skip


def test_headlines_of_instruments_say_only_what_is_sure(measured: Path) -> None:
    found = some(read_conditions(facts_of(measured)))
    assert plain(conditions_headline(found)) == (
        "With exact instruments the gap in following is -60 points; with both 30 % mistranslated "
        "it looks narrower (+15)"
    )
    unsure = {
        key: replace(row, low=-1.0, high=1.0) if "gap" in key[0] else row
        for key, row in found.index.items()
    }
    assert plain(conditions_headline(replace(found, index=unsure))) == (
        "These runs cannot tell whether a gap in following is there with exact instruments; with "
        "both 30 % mistranslated it is not shown to move"
    )
    lede = build_lede(facts_of(measured))
    assert lede.kicker == "One model, measured in several ways"
    assert trace_runs(facts_of(measured)) == 3
    assert "Harmful rate by way of measuring" in missing_trace(facts_of(measured))


def test_recipes_are_called_as_short_as_they_stay_their_own() -> None:
    assert short_recipes(["lab:tiny:a@chat", "lab:small:a@chat"]) == ["lab:tiny:a", "lab:small:a"]
    assert short_recipes(["lab:tiny:a@chat", "lab:tiny:a@base"]) == ["a", "a@base"]


def test_other_tokenizers_are_said_beside_the_recipes(mixed: Path) -> None:
    assert mixes_of(mixed).note == ""
    note = "tokenizers differ from that of x: lab:tiny:en=40+fixed"
    mixes = replace(mixes_of(mixed), note=note)
    assert mixes.said(mixes.note).endswith(": en=40+fixed")


# Grid


def test_a_grid_shows_who_gained_from_whom(gridded: Path) -> None:
    sections = sections_of(grid_chapter, gridded)
    table = by_name(tables_of(sections["grid"])["Selectivity, change by train and test language"])
    assert list(table)[1:4] == ["English", "French", "Chinese"]
    assert table["English"][0].startswith("+60 [")
    assert list(table)[-1] == "several"
    # Planted: what training in English did to Swahili was not measured in any run.
    assert table["English"][-1] == "not measured"
    assert "EnglishtoSwahili" not in sections["grid"]
    missing = missing_trace(facts_of(gridded))["Selectivity in the grid"]
    assert any("en → sw" in places for places in missing.values())


def test_a_grid_says_first_what_crosses_over(gridded: Path) -> None:
    """By metric other counts; over-refusal is not there, and is not 0."""
    grid = some(read_grid(facts_of(gridded)))
    pairs = [(a.tag, b.tag) for a in grid.train for b in grid.languages if a.tag != b.tag]
    low = {"selectivity_change": [0.1] * 3 + [-0.1] * 40, "refusal_rate_change": [0.2] * 25}
    cells = {
        (metric, "sft", None, *pair): replace(GRID_CELL, metric=metric, low=end)
        for metric, ends in low.items()
        for pair, end in zip(pairs, ends, strict=False)
    }
    transfer = grid_pointers(replace(grid, _index=cells))[0]
    assert transfer.text == (
        "pairs of languages whose 95 % interval lies above 0: selectivity in 3 of 43 and refusal "
        "in 25 of 25; chance alone gives about 1"
    )
    few = {key: row for key, row in cells.items() if key[3:] in pairs[:4]}
    assert grid_pointers(replace(grid, _index=few))[0].text.endswith("gives fewer than one")
    assert all(p.lead != "Transfer" for p in grid_pointers(replace(grid, _index={})))


def test_predictors_stand_against_knowing_nothing(gridded: Path) -> None:
    html = sections_of(grid_chapter, gridded)["grid-predictors"]
    table = by_name(tables_of(html)["Predictors of selectivity"])
    assert table["null model"][-1] == "–"
    assert table["linguistic distance"][-1] == "better than the null"
    assert table["concept cosine"][-1] in ("no evidence", "worse than the null")
    assert set(PREDICTORS) <= set(table)
    grid = some(read_grid(facts_of(gridded)))
    best = some(grid.best("selectivity_change"))
    assert best.name == "linguistic distance"
    assert len(best.pairs) == 8 * 7 - 1
    assert "8 languages, so at most 56 ordered pairs" in html
    assert grid_headline(grid).endswith(
        "tell which languages gain in selectivity from training in another"
    )
    none = {
        key: replace(row, verdict="no evidence") if row.verdict else row
        for key, row in grid._index.items()
    }
    assert grid_headline(replace(grid, _index=none)) == UNTOLD


def test_a_grid_of_one_model_has_its_own_intervals_and_counts_pairs(tmp_path: Path) -> None:
    folder = make_grid_run(tmp_path / "run", n_seeds=1)
    grid = some(read_grid(facts_of(folder)))
    assert not grid.is_over_runs
    assert grid.group.endswith("#0")
    row = some(grid.predictor("selectivity_change", grid_rows.ERROR, "null model"))
    assert row.n == 55
    assert trace_runs(facts_of(folder)) == 1


# Anatomy


def test_failures_are_split_by_link_beside_their_false_alarms(dissected: Path) -> None:
    html = sections_of(anatomy_chapter, dissected)["anatomy"]
    table = by_name(tables_of(html)["Harmful compliance by first broken link"])
    head = next(iter(table.values()))
    assert head == [
        "Failures", "Not understood", "Not represented", "Not acted on", "Unexplained",
        "Not measured",
    ]  # fmt: skip
    swahili = table["Swahili"]
    share, alarm = SHARES["low"][1], FALSE_ALARM[1]
    assert swahili[2].startswith(f"{share + 1} % [")  # seeds 0 to 2: the mean is a point above
    assert f"alarm {alarm} %" in swahili[2]
    assert "excess" in swahili[2]
    assert table["English"][1].startswith("not measured")
    assert "no such failure" in html


def test_a_link_explains_most_only_beyond_its_false_alarm(dissected: Path) -> None:
    a = anatomy_of(dissected)
    low = next(place for place in a.tiers if place.tier == "low")
    assert main_link(a, "harmful_compliance", low) == "not represented"
    assert anatomy_headline(a) == (
        "In low-resource languages most harmful compliance is not represented as harmful"
    )

    def with_rows(change: Callable[[Measurement], Measurement]) -> AnatomyFacts:
        return replace(a, _index={key: change(row) for key, row in a._index.items()})

    as_often = with_rows(
        lambda row: replace(row, low=-0.1) if row.metric.endswith("_excess") else row
    )
    assert anatomy_headline(as_often) == (
        "No broken link is shown to explain most failures of any tier"
    )
    few = with_rows(lambda row: replace(row, n=2))
    assert main_link(few, "harmful_compliance", low) is None
    sentences = dict(link_sentences(a, "harmful_compliance"))
    assert plain(sentences["low"]).startswith("not represented as harmful in 61 % [")
    assert "of what did not fail" in sentences["low"]
    assert sentences["english"].startswith("not measured in any run")


def test_rival_readings_and_thresholds_have_their_rows(dissected: Path) -> None:
    sections = sections_of(anatomy_chapter, dissected)
    rivals = tables_of(sections["anatomy-rivals"])["Harmful compliance, rival readings"]
    assert [row[1] for row in rivals[1:6]] == [
        "main", "English’s direction", "strict comprehension", "read at the question",
        "placebo directions",
    ]  # fmt: skip
    table = by_name(tables_of(sections["anatomy-threshold"])["Thresholds"])
    assert table["Low tier"][0] == "–"  # a shift is a language's
    assert table["Swahili"][0].startswith("-0.5")
    assert table["Swahili"][1].startswith("30 %")
    claims = by_name(tables_of(sections["anatomy-claims"])["Claims on links"])
    verdicts = {name[:40]: row[4] for name, row in claims.items() if name != "Claim"}
    assert "confirmed" in verdicts.values()


def test_places_are_languages_then_tiers(dissected: Path) -> None:
    a = anatomy_of(dissected)
    assert [place.name for place in a.places][-2:] == ["Medium tier", "Low tier"]
    nowhere = Place(tag="xx", tier="low", name="nowhere")
    assert a.failures("irrelevance", nowhere) is None


# Two at once


@pytest.mark.browser
def test_hostile_names_stay_text_and_no_width_scrolls(
    tmp_path: Path, browser: Page, dissected: Path
) -> None:
    """Two experiments in one run: the page is long, and stays safe and readable."""
    bad = "</script><img src=x onerror=alert(1)>\u202e{{ 7 * 7 }}"
    folder = make_ladder_run(tmp_path / "run", n_seeds=1, audited=False)
    with RunStore(folder) as store:
        rows = store.measurements("trace ladder")
        store.replace_measurements(
            "trace ladder",
            [replace(r, arm=bad if r.arm == "helpful" else r.arm, category=_named(r, bad),
                     reason=bad if r.reason else None) for r in rows],
        )  # fmt: skip
        with RunStore(dissected) as source:
            for area in {row.area for row in source.measurements()}:
                mine = [
                    replace(row, reason=bad if row.reason else None)
                    for row in source.measurements(area)
                ]
                store.replace_measurements(area, mine)
    page = build_report(folder)
    html = page.read_text("utf-8")
    assert "<img src=x" not in html
    assert "\u202e" not in html
    browser.resize(390, 844, mobile=True)
    browser.open(page)
    assert browser.run("document.documentElement.scrollWidth") == 390
    assert (browser.dialogs, browser.problems) == ([], [])
    assert all(request.startswith("file:") for request in browser.requests)
    with (folder / "report" / "tables" / "anatomy.csv").open(encoding="utf-8-sig") as file:
        assert {row["area"] for row in csv.DictReader(file)} == {
            "trace anatomy", "trace anatomy over runs",
        }  # fmt: skip
    code = (
        "import sys; import isogloss.report.page\n"
        "print(sorted({'torch', 'trl', 'transformers'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def _named(row: Measurement, bad: str) -> str | None:
    return f"since {bad}" if row.category == "since helpful" else row.category


def copy_of(folder: Path, to: Path) -> Path:
    made = to / "copy"
    made.mkdir()
    (made / "run.db").write_bytes((folder / "run.db").read_bytes())
    return made
