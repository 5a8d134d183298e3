"""The chapter on alignment: from stored rows alone, over runs and of one model, whole and cut."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from isogloss.align import across, outcomes, reward_accuracy
from isogloss.align import measuring as align_measuring
from isogloss.records import Measurement
from isogloss.report import align_facts
from isogloss.report.align_facts import AlignFacts, group_of, read_align
from isogloss.report.align_pictures import plane_picture, reward_picture
from isogloss.report.align_words import align_headline
from isogloss.report.chapters.align import languages_in_words, published_lines
from isogloss.report.chapters.record import environment_groups, missing_rows
from isogloss.report.facts import RunFacts, read_facts
from isogloss.report.lede import build_lede
from isogloss.report.page import build_report
from isogloss.store import RunStore
from report.align_rows import (
    CLAIMS,
    FEW,
    GROUP,
    STAGES,
    accuracy,
    make_align_run,
    meta_of,
    planted,
    policies,
    seeds,
)
from report.browser import Page

ANCHORS = (
    "align", "align-plane", "align-tiers", "align-rewards", "align-curves", "align-claims",
)  # fmt: skip


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seeds, every arm."""
    folder = make_align_run(tmp_path_factory.mktemp("align") / "run", n_targets=5)
    build_report(folder)
    return folder


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One seed, every arm."""
    folder = make_align_run(tmp_path_factory.mktemp("single") / "run")
    build_report(folder)
    return folder


def plain(page: Path) -> str:
    text = page.read_text("utf-8")
    return text.replace("\u202f", " ").replace("\u00a0", " ").replace("\u2212", "-")


def section(html: str, anchor: str) -> str:
    start = html.index(f'<section class="part" id="{anchor}"')
    return html[start : html.index("</section>", start)]


class Tables(HTMLParser):
    """Tables by their label: rows of cells as text."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] = []
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        label = dict(attrs).get("aria-label")
        if tag == "div" and label:
            self._rows = self.tables.setdefault(label, [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self._rows[-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


def table_of(run: Path, anchor: str, label: str) -> dict[str, list[str]]:
    return table_of_page(run / "report.html", anchor, label)


def table_of_page(page: Path, anchor: str, label: str) -> dict[str, list[str]]:
    """First cell → the others."""
    parser = Tables()
    parser.feed(section(plain(page), anchor))
    return {row[0]: row[1:] for row in parser.tables[label]}


def facts_of(folder: Path) -> RunFacts:
    with RunStore(folder) as store:
        return read_facts(store)


def align_of(folder: Path) -> AlignFacts:
    a = read_align(facts_of(folder))
    assert a is not None
    return a


def rewrite(folder: Path, keep: Callable[[Measurement], Measurement | None]) -> None:
    """Every row as ``keep`` gives it back; None drops it."""
    with RunStore(folder) as store:
        for area in {row.area for row in store.measurements()}:
            rows = [kept for row in store.measurements(area) if (kept := keep(row))]
            store.replace_measurements(area, rows)


def test_names_are_those_of_the_rows() -> None:
    assert (across.AREA, outcomes.AREA, reward_accuracy.AREA) == (
        align_facts.OVER_RUNS, align_facts.ALIGN, align_facts.REWARDS,
    )  # fmt: skip
    assert (outcomes.GATE, outcomes.NONE, across.CLAIM) == (
        align_facts.GATE, align_facts.NONE, align_facts.CLAIM,
    )  # fmt: skip
    assert (
        reward_accuracy.ACCURACY, reward_accuracy.OVERCONFIDENCE, reward_accuracy.ASSOCIATION
    ) == (align_facts.ACCURACY, align_facts.OVERCONFIDENCE, align_facts.ASSOCIATION)  # fmt: skip
    assert (align_measuring.SAFETY_LINE, align_measuring.GUARD) == (
        align_facts.SAFETY_LINE, align_facts.GUARD,
    )  # fmt: skip
    assert group_of("lab:tiny:english@helpful#3") == "lab:tiny:english@helpful"
    assert group_of("hf:a/b#c") == "hf:a/b#c"


def test_a_report_never_loads_torch(single: Path) -> None:
    code = (
        "import sys; from isogloss.report.page import build_report\n"
        f"build_report({str(single)!r}, {str(single / 'again.html')!r})\n"
        "print(sorted({'torch', 'trl', 'peft', 'transformers', 'datasets'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_section_is_there_with_its_pictures_and_tables(several: Path) -> None:
    html = plain(several / "report.html")
    for anchor in ANCHORS:
        assert f'<a href="#{anchor}">' in html
        section(html, anchor)
    charts = {path.stem for path in (several / "report" / "charts").glob("align*.svg")}
    assert charts == {
        "align-plane", "align-reward", "align-curves-rl", "align-curves-sft",
        "align-curves-reward", "align-curves-dpo", "align-curves-mpo",
    }  # fmt: skip
    tables = several / "report" / "tables"
    with (tables / "align.csv").open(encoding="utf-8-sig") as file:
        areas = {row["area"] for row in csv.DictReader(file)}
    assert areas == {"align", "align reward", "align over runs"}
    with (tables / "align_curves.csv").open(encoding="utf-8-sig") as file:
        curves = list(csv.DictReader(file))
    assert {row["target"] for row in curves} == set(seeds(5))
    assert {row["arm"] for row in curves} == set(STAGES)


@pytest.mark.parametrize("metric", ["harmful_rate", "helpful_rate"])
def test_changes_over_runs_are_their_means_with_their_intervals(several: Path, metric: str) -> None:
    label = {"harmful_rate": "Harmful rate", "helpful_rate": "Helpful"}[metric]
    table = table_of(several, "align-tiers", f"{label}, change by method and tier")
    head = next(iter(table.values()))
    assert head[:6] == ["English", "High", "Medium", "Low", "Seen", "Unseen"]
    for arm in policies(tuple(STAGES)):
        # Seeds 0 to 4 differ by a point each; t(4) x sd / sqrt(5) = 1.96 points.
        value = planted(metric, arm, "highnone", 2)
        assert table[arm][1] == f"{value} [{value - 2}, {value + 2}]"
    low = table["xsft"][3]
    assert low == "not measured" if metric == "harmful_rate" else low.startswith("-")
    assert table["xsft"][5] == "–"  # it was trained on all of them
    assert table["sft"][5].startswith("-")


def test_of_one_model_the_intervals_are_its_own(single: Path) -> None:
    table = table_of(single, "align-tiers", "Compliance, change by method and tier")
    value = planted("compliance_rate", "xsft", "lownone")
    assert table["xsft"][3] == f"{value} [{value - 6}, {value + 2}]"
    text = section(plain(single / "report.html"), "align-tiers")
    assert "One model cannot tell what the method does" in text
    assert "over runs (Student" not in text


def test_a_figure_no_run_has_says_why(several: Path) -> None:
    row = align_of(several).row("harmful_rate_change", "xsft", tier="low")
    assert row is not None
    assert row.estimate is None
    assert row.reason == (
        "measured in none of 5 runs: 12 relevant replies; a harmful rate needs 30"
    )
    missing = dict(missing_rows(facts_of(several)))
    reasons = dict(missing["Harmful rate, change by alignment"])
    places = reasons["12 relevant replies; a harmful rate needs 30"]
    assert f"low tier (xsft since none, {GROUP}#3)" in places


def test_a_figure_of_fewer_runs_says_of_how_many(several: Path, tmp_path: Path) -> None:
    folder = copy_of(several, tmp_path)
    rewrite(
        folder,
        lambda row: (
            replace(row, n=2)
            if (row.area, row.metric, row.arm, row.tier, row.language, row.category)
            == ("align over runs", "helpful_rate_change", "xsft", "low", None, "since none")
            else row
        ),
    )
    build_report(folder)
    table = table_of(folder, "align-tiers", "Helpful, change by method and tier")
    assert table["xsft"][3].endswith("2 of 5")
    assert "of 5" not in table["sft"][3]


def test_published_figures_stand_beside_and_are_those_of_the_paper(several: Path) -> None:
    text = files("isogloss.report").joinpath("published_alignment.csv").read_text("utf-8")
    assert len(published_lines()) == len(text.strip().splitlines()) - 1 == 9
    changes = table_of(several, "align-tiers", "Harmful rate, change by method and tier")
    assert changes["xsft"][-2:] == ["-20 to -23", "-7 to -10"]
    assert changes["xrlhf"][-2:] == ["-14.4", "0 to -2.4"]
    assert changes["P1: the official chat model"][-2:] == ["-45", "-20 to -23"]
    assert changes["sft"][-2:] == ["–", "–"]
    after = table_of(several, "align-tiers", "Harmful rate after training")
    assert after["sft"] == ["42 %", "42 %", "65.6", "81.6"]
    assert after["sft:sw"][-2:] == ["74.8", "81.0"]
    assert after["before"][1] == "not measured"
    rewards = table_of(several, "align-rewards", "Accuracy of reward models by tier")
    assert rewards["xreward"][-2:] == ["63.3", "49.4"]
    assert rewards["xreward-contrast"][-2:] == ["65.9", "49.9"]
    said = section(plain(several / "report.html"), "align-tiers")
    assert "conditional" in said
    assert "no interval was published" in said


def test_what_rewards_add_is_counted_from_their_own_start(several: Path) -> None:
    table = table_of(several, "align-tiers", "Change since the start of the stage")
    assert set(table) - {"Method"} == {"xrlhf", "xrlhf-oracle", "xdpo", "mpo"}
    assert table["mpo"][0] == "sft"
    value = planted("compliance_rate", "xrlhf", "highxwarm-up", 2)
    assert table["xrlhf"][3].startswith(f"{value} ")


def test_reward_models_by_tier_and_what_accuracy_goes_with(single: Path) -> None:
    table = table_of(single, "align-rewards", "Accuracy of reward models by tier")
    value = accuracy("xreward", "low", None, 0)
    assert table["xreward"][:5][4] == f"{value} % [{value - 12}, {value + 5}]"
    goes_with = table_of(single, "align-rewards", "What accuracy goes with")
    assert goes_with["xreward"] == [
        "0.80 [0.10, 0.97] p = .020", "not measured", "not measured", "4",
    ]  # fmt: skip
    text = section(plain(single / "report.html"), "align-rewards")
    assert "association" in text
    assert "overconfidence</td>" in text
    assert "+20" in text
    assert "bottleneck" in text
    assert CLAIMS[2][0] in text


def test_claims_have_their_source_their_figure_and_their_verdict(several: Path) -> None:
    table = table_of(several, "align-claims", "Claims on alignment")
    assert {name: (row[2], row[4]) for name, row in table.items() if name != "Claim"} == {
        words: (f"{100 * value:+.0f} [{100 * value - 1:+.0f}, {100 * value + 2:+.0f}]", verdict)
        for words, verdict, value in CLAIMS
    }
    assert table[CLAIMS[0][0]][:2] == ["P1, section 3", "what the figure is"]
    assert table[CLAIMS[0][0]][5] == "8.3"


def test_stages_are_told_once_for_all_runs(several: Path) -> None:
    table = table_of(several, "align", "Stages")
    assert table["xsft"][1:] == [
        "all 4 languages 3 200 each left out as too long: Swahili 3", "the model", "0.001",
        "200 × 64", "all", "24",
    ]  # fmt: skip
    assert table["sft"][1] == "English 12 800"
    assert table["xrlhf"][2] == "xwarm-up"
    assert table["xdpo"][5] == "LoRA, rank 16"
    gates = table_of(several, "align", "Gate of retained skill")
    assert gates["xsft"] == ["-4", "-7", "pass in 5 of 5"]
    assert gates["mpo"][-1] == "worse in 5 of 5"
    assert list(gates)[-2:] == ["xwarm-up", "safety line"]  # aside, last


def test_languages_in_few_words() -> None:
    assert languages_in_words({}, 3) == "not stored"
    assert languages_in_words({"en": 5}, 1).replace("\u202f", " ") == "English 5"
    assert languages_in_words({"fr": 686, "sw": 685, "ta": 686}, 4) == "3 languages 686 each"
    many = languages_in_words({tag: 2**k for k, tag in enumerate(("ny", "te", "ta", "sw", "fr",
                                                                  "en"), 3)}, 6)  # fmt: skip
    assert many.endswith("3 others 56 together")


def test_the_page_is_about_the_first_model_before_alignment(several: Path) -> None:
    facts = facts_of(several)
    subjects = {(row.target, row.arm) for row in facts.audited}
    assert subjects == {(f"{GROUP}#0", "none")}
    assert facts.setting("arm") == "none"
    assert facts.setting("target") == f"{GROUP}#0"
    assert any("xsft" in words for words in facts.other_audits)
    groups = dict(environment_groups(facts))
    assert ("n_parameters", "428448") in groups["Model"]
    assert not any(name == "source" for name, _ in groups["Model"])
    assert not any("curve" in name for name, _ in groups["Alignment"])
    lede = build_lede(facts)
    assert lede.kicker == "Alignment by language"
    assert lede.target == GROUP
    assert {word: n for _, word, n in lede.tally} == {
        "confirmed": 1, "refuted": 1, "cannot tell": 1,
    }  # fmt: skip
    assert ("Verdicts by language", f"of {GROUP}#0 before alignment", False) in lede.settings
    assert lede.headline == (
        "All 7 methods lower compliance with harm in low-resource languages; 6 of these keep "
        "benign skill"
    )
    assert any(pointer.lead.startswith("Before alignment") for pointer in lede.pointers)


def test_without_an_alignment_the_latest_audit_stays_the_subject(tmp_path: Path) -> None:
    folder = make_align_run(tmp_path / "run")
    with RunStore(folder) as store:
        store.set_meta("align", None)
    facts = facts_of(folder)
    assert facts.setting("arm") == "mpo"
    assert {row.arm for row in facts.audited} == {"mpo"}


def test_the_plane_takes_means_over_the_runs_that_have_all_four(several: Path) -> None:
    a = align_of(several)
    audits = dict(a._audits)
    key = (f"{GROUP}#4", "xsft", "helpful_rate", "sw-x-lab")
    audits[key] = replace(audits[key], estimate=None)
    found = replace(a, _audits=audits).before_and_after("xsft", "sw-x-lab")
    assert found is not None
    _, after, n = found
    values = [audits[f"{GROUP}#{k}", "xsft", "compliance_rate", "sw-x-lab"] for k in range(4)]
    assert n == 4
    assert after[0] == pytest.approx(sum(row.estimate or 0 for row in values) / 4)
    assert a.before_and_after("nothing", "sw-x-lab") is None


def test_headlines_never_say_more_than_was_shown(single: Path) -> None:
    a = align_of(single)

    def with_ends(low: float, high: float, arms: tuple[str, ...]) -> AlignFacts:
        index = {
            key: replace(row, low=low, high=high) if row.metric == "compliance_rate_change" else row
            for key, row in a._index.items()
        }
        return replace(a, _index=index, arms=arms)

    assert align_headline(with_ends(-0.2, 0.1, ("xsft", "sft"))) == (
        "None of 2 methods is shown to lower compliance with harm in low-resource languages"
    )
    assert align_headline(with_ends(-0.2, 0.1, ("xsft",))) == (
        "The method is not shown to lower compliance with harm in low-resource languages"
    )
    assert align_headline(with_ends(-0.2, -0.1, ("mpo",))) == (
        "The method lowers compliance with harm in low-resource languages, but is not shown to "
        "keep benign skill"
    )
    assert align_headline(replace(a, arms=("safety line",), rewards=("xreward",))).startswith(
        "The reward model is "
    )
    assert align_headline(replace(a, arms=(), rewards=())) == (
        "This run cannot tell what alignment changed"
    )


@pytest.mark.parametrize(
    ("arms", "there", "gone"),
    [
        (("xreward",), {"align", "align-rewards", "align-curves"}, {"bottleneck"}),
        (("xsft",), {"align-plane", "align-tiers"}, {"align-rewards", "rewards and preferences"}),
        (("xwarm-up", "xdpo"), {"align-plane", "align-tiers"}, {"align-rewards"}),
    ],
)
def test_runs_with_less_render(
    tmp_path: Path, arms: tuple[str, ...], there: set[str], gone: set[str]
) -> None:
    folder = make_align_run(tmp_path / "run", arms=arms)
    html = plain(build_report(folder))
    for anchor in there:
        section(html, anchor)
    for words in gone:
        assert words not in html


def test_rows_alone_render_without_audits_meta_or_shares(tmp_path: Path) -> None:
    folder = make_align_run(tmp_path / "run", n_targets=2)
    with RunStore(folder) as store:
        store.replace_measurements("audit", [])
        for key in ("align", "audit", "audits", "share_table", "model"):
            store.set_meta(key, None)
    html = plain(build_report(folder))
    assert "How the stages were trained is not stored" in section(html, "align")
    assert "Too few languages with a known share" in section(html, "align-rewards")
    assert "No arm has both rates" in section(html, "align-plane")
    assert 'id="align-curves"' not in html
    assert 'id="languages"' not in html
    a = align_of(folder)
    assert plane_picture(a) is None
    assert reward_picture(a) is None


def test_a_language_without_a_share_is_in_the_table_and_not_in_the_picture(single: Path) -> None:
    a = align_of(single)
    unknown = tuple(replace(x, share=None) if x.code == "sw" else x for x in a.languages)
    picture = reward_picture(replace(a, languages=unknown))
    assert picture is not None
    text = str(picture.wide.to_dict())  # type: ignore[union-attr]
    assert "'fr'" in text
    assert "'sw'" not in text


def test_a_model_of_a_user_is_one_target_and_its_own_group(tmp_path: Path) -> None:
    folder = make_align_run(tmp_path / "run", arms=("xsft", "xreward"))
    target = "hf:models/llama#1"
    rewrite(folder, lambda row: replace(row, target=target))
    with RunStore(folder) as store:
        meta = store.meta("align")
        for one in meta["stages"]:
            one["target"] = target
        store.set_meta("align", meta | {"targets": [target]})
        store.set_meta("audits", {})
    a = align_of(folder)
    assert (a.targets, a.group, a.is_over_runs) == ((target,), target, False)
    row = a.row("helpful_rate_change", "xsft", tier="low")
    assert row is not None
    assert row.area == "align"  # of the model, not of "one run"
    table = table_of_page(build_report(folder), "align-tiers", "Helpful, change by method and tier")
    assert table["xsft"][3] == (
        f"{planted('helpful_rate', 'xsft', 'lownone')} "
        f"[{planted('helpful_rate', 'xsft', 'lownone') - 6}, "
        f"{planted('helpful_rate', 'xsft', 'lownone') + 2}]"
    )


def test_other_targets_are_named_and_kept_apart(tmp_path: Path) -> None:
    folder = make_align_run(tmp_path / "run")
    with RunStore(folder) as store:
        rows = store.measurements("align")
        other = [replace(row, target="lab:tiny@chat#0", estimate=0.99) for row in rows]
        store.replace_measurements("align", [*other, *rows])
    a = align_of(folder)
    assert a.targets == (f"{GROUP}#0",)
    assert a.others == ("lab:tiny@chat#0",)
    assert all(row.target != "lab:tiny@chat#0" for row in a.rows)
    assert "lab:tiny@chat#0" in section(plain(build_report(folder)), "align")


def test_hostile_names_and_data_stay_text(tmp_path: Path, browser: Page) -> None:
    bad = "</script><img src=x onerror=alert(1)>\u202e{{ 7 * 7 }}"
    folder = make_align_run(tmp_path / "run")
    rewrite(
        folder,
        lambda row: replace(
            row,
            arm=bad if row.arm == "xsft" else row.arm,
            reason=bad if row.reason else None,
            verdict=bad if row.metric == "gate_helpful_rate" else row.verdict,
            category=bad if row.metric == "claim" else row.category,
        ),
    )
    with RunStore(folder) as store:
        meta: dict[str, Any] = meta_of(seeds(1), tuple(STAGES), FEW)
        meta["data"] |= {"source": bad, "notes": [bad], "fingerprint": bad}
        for one in meta["stages"]:
            if one["arm"] == "xsft":
                one |= {"arm": bad, "words": bad, "versions": {bad: bad}}
                one["method"] = one["method"] | {bad: bad}
        store.set_meta("align", meta)
    page = build_report(folder)
    html = page.read_text("utf-8")
    assert "<img src=x" not in html
    assert "\u202e" not in html
    assert re.search(r"\{\{ 7 \* 7 \}\}", html)
    browser.open(page)
    assert browser.dialogs == []
    assert browser.problems == []
    assert all(request.startswith("file:") for request in browser.requests)


def copy_of(folder: Path, to: Path) -> Path:
    made = to / "copy"
    made.mkdir()
    (made / "run.db").write_bytes((folder / "run.db").read_bytes())
    return made
