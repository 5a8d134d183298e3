"""The chapter on concepts: from stored rows alone, with and without an audit beside it."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest

from isogloss.records import Measurement
from isogloss.report.chapters.concepts import (
    consistency_lines,
    recognition_lines,
    relationship_blocks,
    transfer_lines,
)
from isogloss.report.concept_facts import ConceptFacts, read_concepts
from isogloss.report.concept_matrices import accuracy_shade, consistency_picture, tree_of
from isogloss.report.facts import RunFacts, read_facts
from isogloss.report.lede import build_lede
from isogloss.report.page import build_report
from isogloss.store import RunStore
from report.browser import Page
from report.concept_rows import TARGET, VALUES, lab_tags, make_concept_run, make_rows
from report.synthetic import lab_table, make_run, real_table

ANCHORS = ("recognition", "consistency", "transfer", "relationships", "competence")
REAL = ("en", "zh", "fr", "es", "pt", "ja", "fi", "sw")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven values in sixteen lab languages, no audit, and its page."""
    folder = make_concept_run(tmp_path_factory.mktemp("concepts"))
    build_report(folder)
    return folder


@pytest.fixture(scope="module")
def html(run: Path) -> str:
    text = (run / "report.html").read_text("utf-8")
    return text.replace("\u202f", " ").replace("\u00a0", " ").replace("\u2212", "-")


def facts_of(folder: Path) -> RunFacts:
    with RunStore(folder) as store:
        return read_facts(store)


def concepts_of(folder: Path) -> ConceptFacts:
    found = read_concepts(facts_of(folder))
    assert found is not None
    return found


def few(folder: Path, rows: list[Measurement]) -> Path:
    with RunStore(folder, create=True) as store:
        store.replace_measurements("concepts", rows)
    return folder


def recognised(language: str, value: float, verdict: str | None, **fields: object) -> Measurement:
    row = Measurement(
        area="concepts", metric="recognition_accuracy", target="hf:m", concept="harmfulness",
        language=language, source_language=language, layer=2, n=40, n_clusters=20,
        estimate=value, low=value - 0.1, high=value + 0.1, verdict=verdict,
    )  # fmt: skip
    return replace(row, **fields)


def test_a_run_without_an_audit_is_a_whole_page(html: str) -> None:
    ids = re.findall(r'<section class="part" id="([^"]+)"', html)
    assert ids == [*ANCHORS, "unmeasured", "methods", "environment"]
    assert f"Concepts by language · {TARGET}" in html
    assert re.search(r"<h1>The 7 concepts are recognised in \d+ of 111 cases", html)
    assert f"<title>{TARGET} · Isogloss</title>" in html
    assert "16</dd>" in html
    assert "Judge" not in html[: html.index('id="recognition"')]
    assert "following rate" not in html
    links = set(re.findall(r'href="#([^"]+)"', html))
    assert links <= set(re.findall(r'\sid="([^"]+)"', html))


def test_sixteen_languages_and_seven_values_stay_small(run: Path) -> None:
    assert (run / "report.html").stat().st_size < 1_000_000


def test_charts_and_the_table_lie_beside_the_page(run: Path) -> None:
    names = {path.name for path in (run / "report/charts").glob("*.svg")}
    assert names == {
        "recognition.svg", "recognition-by-layer.svg", "consistency.svg", "transfer.svg",
        "consistency-by-layer.svg", "relationships.svg", "competence.svg",
    }  # fmt: skip
    with (run / "report/tables/concepts.csv").open(encoding="utf-8-sig") as file:
        assert len(list(csv.DictReader(file))) == len(make_rows(lab_tags(), lab_table()))


def test_figures_are_those_of_the_rows(run: Path, html: str) -> None:
    row = concepts_of(run).own("recognition_accuracy", "morality", "fi-x-lab")
    assert row is not None
    assert row.estimate is not None
    assert row.low is not None
    assert row.high is not None
    rate = f"{100 * row.estimate:.0f} %"
    ends = f"[{100 * row.low:.0f}, {100 * row.high:.0f}]"
    assert f'<span class="est">{rate}</span> <span class="ci">{ends}</span>' in html
    sure = "" if row.verdict == "recognised" else ", no evidence"
    assert f'data-tip="morality, Finnish: {rate} {ends}, n 96, 48 clusters{sure}"' in html


def test_what_is_not_measured_is_said_with_its_reason(html: str) -> None:
    assert (
        'data-tip="utilitarianism, Chichewa: not measured. 2 training pairs; a vector needs 8"'
        in html
    )
    unmeasured = html[html.index('id="unmeasured"') : html.index('id="methods"')]
    assert "2 training pairs; a vector needs 8" in unmeasured
    assert "utilitarianism (Chichewa)" in unmeasured
    assert "what the model does was not asked" in unmeasured


def test_lines_by_hand(run: Path) -> None:
    c = concepts_of(run)
    lines = {line.concept: line for line in recognition_lines(c)}
    assert list(lines) == list(VALUES)
    assert lines["harmfulness"].layer == 3
    assert lines["utilitarianism"].n_measured == 15
    rows = [c.own("recognition_accuracy", "toxicity", x.tag) for x in c.languages]
    assert lines["toxicity"].n_recognised == sum(
        row is not None and row.verdict == "recognised" for row in rows
    )
    consistency = {line.concept: line for line in consistency_lines(c)}
    assert consistency["fairness"].n_pairs == 120
    assert consistency["utilitarianism"].n_pairs == 105
    related, unrelated = consistency["fairness"].related, consistency["fairness"].unrelated
    assert related is not None
    assert unrelated is not None
    assert related > unrelated + 0.1  # planted
    for line in transfer_lines(c):
        assert sum(n for _, n in line.counts) == 120
        assert len(line.one_way) == dict(line.counts)["unidirectional"]
    unmeasured = transfer_lines(c)[-1]
    assert dict(unmeasured.counts)["not measured"] == 15


def test_one_way_arrows_point_from_the_giver(run: Path, html: str) -> None:
    [line] = [line for line in transfer_lines(concepts_of(run)) if line.concept == "deontology"]
    giver, taker, row = line.one_way[0]
    assert giver == "English"
    assert f"{giver} → {taker}" in html
    assert row.estimate == max(found.estimate or 0 for _, _, found in line.one_way)


def test_correlations_are_told_with_p_and_languages(run: Path, html: str) -> None:
    blocks = relationship_blocks(concepts_of(run))
    assert [title for title, _ in blocks] == ["Consistency", "Transfer"]
    kind, concept, rows = blocks[0][1][0]
    assert (kind, concept) == ("Genetic", "")
    direct = rows[0]
    assert direct is not None
    assert (direct.n_clusters, direct.n) == (16, 120)
    assert f"r = {direct.estimate:.2f}, p &lt; .001, 16 languages" in html or (
        f"r = {direct.estimate:.2f}, p < .001, 16 languages" in html
    )
    assert "Geographic" not in [line[0] for line in blocks[0][1]]  # the lab has no geography
    assert "<b>association</b>" in html


def test_the_matrix_follows_the_family_tree(run: Path) -> None:
    c = concepts_of(run)
    tree = tree_of(c.languages)
    codes = [tag.removesuffix("-x-lab") for tag in tree.leaves]
    assert codes[:5] == ["en", "fr", "es", "pt", "ca"]
    assert codes.index("hu") == codes.index("fi") + 1
    assert codes.index("ny") == codes.index("sw") + 1
    assert consistency_picture(c, tree) is not None
    assert {"Indo-European", "Romance", "Bantu"} <= {branch.name for branch in tree.branches}


def test_an_audit_keeps_its_page_and_gains_the_chapter(tmp_path: Path) -> None:
    tags = ("en-x-lab", "fr-x-lab", "sw-x-lab")
    run = make_run(tmp_path / "run", table=lab_table(), tags=tags, n_prompts=12)
    before = build_report(run).read_text("utf-8")
    assert 'id="recognition"' not in before
    with RunStore(run) as store:
        rows = make_rows(tags, lab_table(), concepts=("harmfulness",))
        store.replace_measurements("concepts", rows)
    after = build_report(run).read_text("utf-8")
    heading = re.compile(r"<h1>.*?</h1>", re.S)
    assert heading.findall(before) == heading.findall(after)
    assert "Safety audit by language" in after
    ids = re.findall(r'<section class="part" id="([^"]+)"', after)
    assert ids.index("transcripts") < ids.index("recognition") < ids.index("unmeasured")
    assert len(ids) == len(set(ids))


def test_real_languages_have_their_own_kinds(tmp_path: Path) -> None:
    rows = make_rows(REAL, real_table(), concepts=("harmfulness",), target="hf:model")
    c = concepts_of(few(tmp_path / "run", rows))
    kinds = [line[0] for line in relationship_blocks(c)[0][1]]
    assert kinds[:4] == ["Genetic", "Syntactic", "Geographic", "Phonological"]
    html = build_report(tmp_path / "run").read_text("utf-8")
    assert "made-up languages" not in html


@pytest.mark.parametrize(
    ("rows", "headline"),
    [
        ([recognised("en", 0.9, "recognised"), recognised("fr", 0.8, "recognised")],
         "The concept is recognised in every language asked"),
        ([recognised("en", 0.9, "recognised"), recognised("fr", 0.55, "no evidence")],
         "The concept is recognised in 1 of 2 languages"),
        ([recognised("en", 0.55, "no evidence")],
         "The concept is recognised in no language, as far as this run can tell"),
        ([recognised("en", 0.9, None), recognised("fr", 0.55, None)],
         "The concept is recognised in 1 of 2 languages"),
        ([recognised("en", 0, "not measured", estimate=None, low=None, high=None, reason="gone")],
         "This run cannot tell whether any concept is recognised"),
    ],
)  # fmt: skip
def test_headline(tmp_path: Path, rows: list[Measurement], headline: str) -> None:
    assert build_lede(facts_of(few(tmp_path / "run", rows))).headline == headline


def test_few_rows_make_a_page_that_says_what_is_missing(tmp_path: Path) -> None:
    run = few(tmp_path / "run", [recognised("en", 0.9, "recognised")])
    html = build_report(run).read_text("utf-8")
    for words in (
        "Consistency was not measured", "Transfer was not measured",
        "No correlation with linguistic similarity was measured",
        "nothing above is corrected for it", "no layer choice is stored",
    ):  # fmt: skip
        assert words in html or words.capitalize() in html


def test_the_latest_target_is_shown_and_the_others_named(tmp_path: Path) -> None:
    rows = [recognised("en", 0.9, "recognised"), recognised("en", 0.7, "recognised", target="b")]
    c = concepts_of(few(tmp_path / "run", rows))
    assert (c.target, c.others) == ("b", ("hf:m · none",))
    assert "hf:m" in build_report(tmp_path / "run").read_text("utf-8")


def test_paper_mode_has_a_layer_a_cell(tmp_path: Path) -> None:
    paper = "PAPER MODE: maximum over layers on the test pairs, optimistic"
    rows = [
        Measurement(area="concepts", metric="chosen_layer", target="hf:m", concept="harmfulness",
                    unit="layer", method=paper, reason="every cell has its own layer"),
        recognised("en", 0.9, "recognised"),
    ]  # fmt: skip
    html = build_report(few(tmp_path / "run", rows)).read_text("utf-8")
    assert ">by cell</td>" in html
    assert "maximum over layers on the test pairs, optimistic" in html


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    name = "</script><script>alert(1)</script>'}) + alert(2) //\u2028\x1b[31m\"\\"
    rows = make_rows(
        ("en-x-lab", "fr-x-lab", "es-x-lab", "sw-x-lab"), lab_table(),
        concepts=(name, "=cmd|x"), target="<img src=x onerror=alert(3)>",
    )  # fmt: skip
    run = few(tmp_path / "run", rows)
    html = build_report(run).read_text("utf-8")
    assert html.count("<script") == 1
    assert "<img" not in html
    assert "\x1b" not in html
    with (run / "report/tables/concepts.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = {row["concept"] for row in csv.DictReader(file)}
    assert "'=cmd|x" in cells


def test_shades_start_at_chance() -> None:
    assert [accuracy_shade(a) for a in (0.1, 0.5, 0.549, 0.55, 0.999, 1.0)] == [
        "heat-0", "heat-0", "heat-0", "heat-1", "heat-9", "heat-9"
    ]  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_nothing_is_fetched_and_nothing_sticks_out(
    browser: Page, run: Path, width: int
) -> None:
    path = run / "report.html"
    browser.resize(width, 844, mobile=width < 600)
    browser.open(path)
    assert browser.run("document.documentElement.scrollWidth") == width
    shown = "[...document.querySelectorAll('.chart-narrow')].filter((x) => x.clientWidth).length"
    assert (browser.run(shown) > 0) == (width < 600)
    assert browser.requests == [path.resolve().as_uri()]
    assert browser.problems == []
    assert browser.dialogs == []
