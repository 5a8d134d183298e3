"""The chapter on a ladder: from stored rows alone, over runs and of one model, whole and cut."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from isogloss.report import ladder_facts
from isogloss.report.chapters.ladder import ladder_chapter
from isogloss.report.facts import RunFacts, read_facts
from isogloss.report.ladder_facts import LadderFacts, read_ladder, short_labels
from isogloss.report.ladder_words import ladder_headline, part, rate_words, side_of, verdict_of
from isogloss.report.lede import build_lede
from isogloss.report.page import build_report
from isogloss.report.trace_record import missing_trace
from isogloss.store import RunStore
from isogloss.trace import over_runs, stage_effects
from isogloss.trace.rungs import TUNED_FROM_BASE
from report.ladder_rows import GAPS, GROUP, RUNGS, SIDES, gap, make_ladder_run, target
from report.test_align_chapter import Tables, section


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seeds, with audits; its page is built."""
    folder = make_ladder_run(tmp_path_factory.mktemp("ladder") / "run")
    build_report(folder)
    return folder


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_ladder_run(tmp_path_factory.mktemp("one") / "run", n_seeds=1, audited=False)


def facts_of(folder: Path) -> RunFacts:
    with RunStore(folder) as store:
        return read_facts(store)


def ladder_of(folder: Path) -> LadderFacts:
    found = read_ladder(facts_of(folder))
    assert found is not None
    return found


def plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("\u00a0", " ").replace("\u2212", "-")


@cache
def sections_of(folder: Path) -> dict[str, str]:
    """Anchor → HTML, without pictures as files."""
    with RunStore(folder) as store:
        chapter = ladder_chapter(store, read_facts(store))
    assert chapter is not None
    return {one.anchor: plain(str(one.html)) for one in chapter.sections}


def tables_of(html: str) -> dict[str, list[list[str]]]:
    parser = Tables()
    parser.feed(html)
    return parser.tables


def test_names_are_those_of_the_rows() -> None:
    assert (stage_effects.AREA, over_runs.AREA) == ("trace ladder", ladder_facts.OVER_RUNS)
    assert (stage_effects.AT_RUNG, stage_effects.SHARED, over_runs.WIDE, over_runs.CLAIM) == (
        ladder_facts.AT_RUNG, ladder_facts.SHARED, ladder_facts.WIDE, ladder_facts.CLAIM,
    )  # fmt: skip
    assert (
        stage_effects.GAP, stage_effects.CHANGE, stage_effects.CHANGE_GAP, stage_effects.GAP_MADE
    ) == (
        ladder_facts.GAP, ladder_facts.CHANGE, ladder_facts.CHANGE_GAP, ladder_facts.GAP_MADE,
    )  # fmt: skip


def test_over_runs_figures_are_their_means_with_their_intervals(several: Path) -> None:
    tables = tables_of(section(plain((several / "report.html").read_text()), "ladder-parts"))
    table = tables["Harmful rate: gaps, stages and parts"]
    rows = {(row[0], row[1]): row[2:] for row in table[1:]}
    # Seeds 0 to 4 are a point apart: t(4) x sd / sqrt(5) = 1.96 points around the third.
    for at, rung in enumerate(RUNGS):
        middle = gap("harmful_rate", at, SIDES[0], 2)
        assert rows[rung, "low - high"][0] == (
            f"{middle:+.0f} [{middle - 2:+.0f}, {middle + 2:+.0f}]"
        )
    assert rows["base", "low - high"][1:4] == ["worse", "–", "–"]
    # What a stage added is the same in every seed, so there is no interval over runs.
    assert rows["chat", "low - high"][2:4] == ["+30", "all alike"]
    assert rows["chat", "low - high"][4].startswith("72 % [")


def test_one_model_shows_both_scopes_and_the_wider_one_decides(single: Path) -> None:
    html = sections_of(single)["ladder-parts"]
    table = tables_of(html)["Harmful rate: gaps, stages and parts"]
    rows = {(row[0], row[1]): row[2:] for row in table[1:]}
    assert rows["chat", "low - high"] == [
        "+40 [+35, +45]like these [+25, +55]", "worse", "+30 [+25, +35]like these [+15, +45]",
        "worse", "75 % [65, 85]",
    ]  # fmt: skip
    # Narrow [5, 15] leaves out 0, wide [-5, 25] does not.
    assert rows["helpful", "low - high"][1] == "underpowered"
    assert "One model cannot tell what a stage does" in html
    assert "over runs (Student" not in html
    assert "ladder-claims" not in sections_of(single)
    following = tables_of(html)["Following: gaps, stages and parts"]
    assert following[1][3] == "worse"  # fewer relevant replies where resources are low


def test_what_was_not_measured_says_why(several: Path, single: Path) -> None:
    for folder in (several, single):
        table = tables_of(sections_of(folder)["ladder-parts"])[
            "Over-refusal: gaps, stages and parts"
        ]
        rows = {(row[0], row[1]): row[2:] for row in table[1:]}
        assert rows["chat", "medium - high"][0] == "not measured"
        missing = missing_trace(facts_of(folder))["Over-refusal, gap on the ladder"]
        places = [place for where in missing.values() for place in where]
        assert "medium minus high (at base)" in places
        assert "medium minus high (chat since helpful)" in places
    assert "too few" in sections_of(single)["ladder-parts"]


def test_sentences_follow_the_verdicts(single: Path) -> None:
    words = {one.label: one for one in rate_words(ladder_of(single))}
    assert set(words) == {"Harmful rate", "Following", "Compliance"}
    harmful = [plain(sentence) for _, _, sentence in words["Harmful rate"].lines]
    assert harmful[0].startswith("too few prompts or languages to tell: +2 points [-13, +17].")
    assert harmful[2] == "did the low tier worse than the high: +30 points [+15, +45]."
    assert plain(words["Following"].lines[0][2]) == (
        "worse where resources are low: -80 points [-95, -65]."
    )
    assert plain(words["Compliance"].lines[0][2]).startswith("better where resources are low")
    assert words["Harmful rate"].verdict == "worse"
    assert words["Harmful rate"].instead_of == ""


def test_where_low_is_not_measured_medium_is_told_and_said_so(single: Path) -> None:
    ladder = ladder_of(single)
    index = {
        key: replace(row, estimate=None, verdict="not measured", reason="12 replies")
        if row.tier == SIDES[0] and row.metric.startswith("harmful_rate")
        else row
        for key, row in ladder._index.items()
    }
    words = rate_words(replace(ladder, _index=index))[0]
    assert (words.sides, words.instead_of) == (SIDES[1], SIDES[0])


def test_fewer_than_three_runs_decide_nothing(tmp_path: Path) -> None:
    ladder = ladder_of(make_ladder_run(tmp_path / "run", n_seeds=2, audited=False))
    row = ladder.gap("harmful_rate", 2, SIDES[0])
    assert row is not None
    assert row.low is not None
    assert side_of(ladder, "harmful_rate", row) == ""
    assert verdict_of(ladder, "harmful_rate", row) == "cannot tell"
    assert ladder_headline(ladder).startswith("No gap between languages is shown at chat")


def test_headlines_say_where_most_of_the_gap_came_from(several: Path) -> None:
    ladder = ladder_of(several)
    assert ladder_headline(ladder) == (
        "Most of chat’s gap in harmful rate between low- and high-resource languages came with chat"
    )
    assert ladder_headline(replace(ladder, sides=("low minus english",))).startswith("No gap")

    def with_parts(low: float) -> LadderFacts:
        index = {
            key: replace(row, low=low, high=1.2) if row.metric.endswith("gap_made") else row
            for key, row in ladder._index.items()
        }
        return replace(ladder, _index=index)

    assert ladder_headline(with_parts(0.6)).endswith("was there at base already")
    assert ladder_headline(with_parts(0.4)) == (
        "At chat there is a gap in harmful rate between low- and high-resource languages; no rung "
        "is shown to have made most of it"
    )


def test_rates_by_tier_are_means_over_the_runs_that_have_them(several: Path) -> None:
    table = tables_of(sections_of(several)["ladder-rates"])["Rates by rung and tier"]
    assert table[0] == ["Rate", "Rung", "English", "High", "Medium", "Low"]
    assert table[1][2] == "92 % [90, 94]"  # seeds 0 to 4: 90 to 94 %
    assert table[1][5].endswith("4 of 5 runs")  # seed 1 has too few relevant replies
    assert table[3][0] == ""
    tables = several / "report" / "tables"
    with (tables / "ladder_rates.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 4 * len(GAPS)
    assert float(rows[0]["estimate"]) == pytest.approx(0.92)


def test_rungs_say_how_they_were_asked_and_what_their_change_is(several: Path) -> None:
    html = sections_of(several)["ladder"]
    table = {row[0]: row[1:] for row in tables_of(html)["Rungs"]}
    assert table["base"][0].startswith(target(0, at=0))
    assert table["base"][0].endswith("and 4 other seeds")
    assert table["base"][1] == "few-shot"
    assert table["chat"][2] == TUNED_FROM_BASE


def test_the_ladder_comes_first_and_the_audit_is_of_the_first_last_rung(several: Path) -> None:
    html = plain((several / "report.html").read_text())
    anchors = ["ladder", "ladder-parts", "ladder-rates", "ladder-claims", "languages"]
    places = [html.index(f'<section class="part" id="{anchor}"') for anchor in anchors]
    assert places == sorted(places)
    facts = facts_of(several)
    assert {row.target for row in facts.audited} == {target(0)}
    assert f"<code>{target(0)}</code>, alone" in section(html, "ladder")
    lede = build_lede(facts)
    assert lede.target == GROUP
    assert lede.kicker == "Which stage made the gap"
    assert lede.anchor == "ladder-claims"
    assert sum(n for _, _, n in lede.tally) == 5
    assert lede.pointers[-1].lead == "chat of the first run by itself"
    assert any(p.lead == "At base already" for p in lede.pointers)
    assert "Intervals over runs rest on 5 runs" in section(html, "unmeasured")
    assert "difference in differences" in section(html, "methods")


def test_every_figure_is_also_in_a_file(several: Path) -> None:
    folder = several / "report"
    assert {path.stem for path in (folder / "charts").glob("ladder*.svg")} == {
        "ladder-gaps", "ladder-parts", "ladder-rates",
    }  # fmt: skip
    with (folder / "tables" / "ladder.csv").open(encoding="utf-8-sig") as file:
        areas = {row["area"] for row in csv.DictReader(file)}
    assert areas == {"trace ladder", "trace ladder over runs"}


def test_rows_alone_render_without_audits_and_meta(tmp_path: Path) -> None:
    folder = make_ladder_run(tmp_path / "run", n_seeds=2, audited=False)
    with RunStore(folder) as store:
        for key in ("trace ladder", "share_table"):
            store.set_meta(key, None)
    found = sections_of(folder)
    assert "ladder-rates" not in found
    table = {row[0]: row[1:] for row in tables_of(found["ladder"])["Rungs"]}
    assert table["base"][:2] == ["not stored", "not stored"]
    assert "Most" not in ladder_headline(ladder_of(folder))


def test_short_labels_stay_unique() -> None:
    assert short_labels(["hf:a/base", "hf:a/chat/"]) == ["base", "chat"]
    assert short_labels(["hf:a/model", "hf:b/model"]) == ["hf:a/model", "hf:b/model"]


def test_parts_may_be_negative_and_above_all(single: Path) -> None:
    row = ladder_of(single).made("following_rate", 1, SIDES[0])
    assert row is not None
    assert plain(part(row)) == "-13 % [-23, -3]"
    assert plain(part(replace(row, estimate=1.3, low=None))) == "130 %"
    assert plain(part(replace(row, estimate=-0.001, low=None))) == "0 %"
