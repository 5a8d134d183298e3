"""The chapter on control: from stored rows alone, both ways, whole and in pieces."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest

from isogloss.control import arms as control_arms
from isogloss.control import baselines, costs, table
from isogloss.control import run as control_run
from isogloss.records import Measurement
from isogloss.report import control_facts
from isogloss.report.chapters.control import (
    bounds_in_words,
    dose_lines,
    placebo_search,
    published_table,
    setting_lines,
)
from isogloss.report.control_facts import ControlFacts, read_control, spread
from isogloss.report.control_pictures import safety_picture, strength_picture
from isogloss.report.facts import RunFacts, is_placebo, read_facts
from isogloss.report.lede import build_lede
from isogloss.report.numbers import decimal
from isogloss.report.page import build_report
from isogloss.store import RunStore
from report.browser import Page
from report.control_rows import (
    LEFT,
    N_SETTINGS,
    STRENGTHS,
    add_rows,
    arms_of,
    lab_tags,
    make_control_run,
    make_rows,
    planted,
)
from report.synthetic import TARGET

ANCHORS = ("control", "control-costs", "control-strength", "control-frontier", "control-settings")
FEW = ("en-x-lab", "fr-x-lab", "id-x-lab", "sw-x-lab")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Towards refusal, sixteen languages, every arm, twenty placebos; and its page."""
    folder = tmp_path_factory.mktemp("control") / "run"
    make_control_run(folder, n_prompts=90, n_placebos=20)
    build_report(folder)
    return folder


@pytest.fixture(scope="module")
def html(run: Path) -> str:
    return plain(run / "report.html")


@pytest.fixture(scope="module")
def comply(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Towards compliance, four languages."""
    folder = tmp_path_factory.mktemp("comply") / "run"
    make_control_run(folder, toward="comply", tags=FEW)
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


def tables_of(html: str, anchor: str) -> dict[str, list[list[str]]]:
    parser = Tables()
    parser.feed(section(html, anchor))
    return parser.tables


def facts_of(folder: Path) -> RunFacts:
    with RunStore(folder) as store:
        return read_facts(store)


def control_of(folder: Path) -> ControlFacts:
    found = read_control(facts_of(folder))
    assert found is not None
    return found


def figure(value: int) -> str:
    """A planted percent as a table shows it, with the planted interval."""
    return f"{value} % [{value - 3}, {value + 4}]"


def signed(value: int) -> str:
    def one(number: int) -> str:
        return f"{number:+d}" if number else "0"

    return f"{one(value)} [{one(value - 3)}, {one(value + 4)}]"


def p_of(p: float) -> str:
    return f"p = {p:.3f}".replace("0.", ".") if p < 0.1 else f"p = {p:.2f}".replace("0.", ".")


# The whole page


def test_the_sections_follow_the_audit_and_the_audit_leads(html: str) -> None:
    ids = re.findall(r'<section class="part" id="([^"]+)"', html)
    at = ids.index("control")
    assert tuple(ids[at : at + 5]) == ANCHORS
    assert ids[0] == "languages"
    assert ids.index("transcripts") < at < ids.index("unmeasured")
    assert "Safety audit by language" in html
    assert re.findall(r"<h2 id=\"h-control\">(.*?)</h2>", html) == [
        "Does English’s direction defend every language?"
    ]
    links = set(re.findall(r'href="#([^"]+)"', html))
    assert links <= set(re.findall(r'\sid="([^"]+)"', html))


def test_sixteen_languages_and_every_arm_stay_small(run: Path) -> None:
    assert (run / "report.html").stat().st_size < 1_500_000


def test_charts_and_the_table_lie_beside_the_page(run: Path) -> None:
    names = {path.stem for path in (run / "report/charts").glob("control*.svg")}
    assert names == {"control-strength", "control-frontier"}
    with (run / "report/tables/control.csv").open(encoding="utf-8-sig") as file:
        assert len(list(csv.DictReader(file))) == len(make_rows(n_placebos=20))


def test_placebos_are_counted_and_never_listed(html: str) -> None:
    assert "random 0" not in html
    assert "shuffled 3" not in html
    assert "Placebos (20)" in html
    assert "own, source, guard, own guard, 20 placebos</dd>" in section(html, "environment")
    unmeasured = section(html, "unmeasured")
    assert (
        f"Also audited in this run, and not in this page's verdicts: {TARGET} · oracle (arms own, "
        "source, guard, own guard, safety line, 19 placebos)."
    ).replace("'", "&#39;") in unmeasured


def test_the_first_lines_point_to_the_chapter(run: Path) -> None:
    pointers = build_lede(facts_of(run)).pointers
    [pointer] = [pointer for pointer in pointers if pointer.anchor == "control"]
    assert pointer is pointers[-1]
    assert pointer.lead == "Defence"
    text = pointer.text.replace("\u00a0", " ").replace("\u2212", "-")
    assert text.startswith("English’s direction of harmfulness towards refusal, everywhere: ")
    assert re.search(r"compliance [+-]?\d+ \[.*?\], over-refusal [+-]?\d+ \[.*?\] points", text)


# Figures


@pytest.mark.parametrize("toward", ["refuse", "comply"])
def test_every_rate_in_the_table_is_the_rows(run: Path, comply: Path, toward: str) -> None:
    folder, tags = (run, lab_tags()) if toward == "refuse" else (comply, FEW)
    lines = tables_of(plain(folder / "report.html"), "control")["Compliance by language and arm"]
    steered = ["Own", "Source", *(["Guard", "Own guard", "Safety line", "Refuse weak"]
                                  if toward == "refuse" else [])]  # fmt: skip
    n = 20 if toward == "refuse" else 4
    tiers = [language.tier for language in control_of(folder).languages]
    assert lines[0] == ["Language", "Share", "Unsteered", *steered, f"Placebos ({n})", "n"]
    for i, tag in enumerate(tags):
        cells = lines[1 + i]
        for arm, cell in zip(arms_of(toward), cells[2:], strict=False):
            value = planted("compliance_rate", arm, i)
            if tag == LEFT and arm.startswith("own"):
                assert cell == figure(planted("compliance_rate", "none", i)).replace("%", "%°")
            elif arm == "refuse weak languages":
                strong = figure(planted("compliance_rate", "none", i))
                assert cell in (strong, "0 % [0, 0]")
                assert (cell == strong) == (tag in FEW[:2] or tiers[i] in ("english", "high"))
            else:
                assert cell == figure(value), (tag, arm)
        assert cells[-1] == "84"
    assert lines[1][0] == "English"
    by_name = {line[0]: line for line in lines}
    others = [i for i, tag in enumerate(tags) if tag != "en-x-lab"]
    mean = sum(planted("compliance_rate", "source", i) for i in others) / len(others)
    at = 2 + arms_of(toward).index("source")
    assert by_name["Average without English"][at] == f"{mean:.0f} %"
    assert by_name["High tier"][at] == figure(planted("compliance_rate", "source", 20))


def test_the_placebos_mean_and_range_by_hand(comply: Path) -> None:
    c = control_of(comply)
    assert c.placebos == ("random 0", "shuffled 0", "random 1", "shuffled 1")
    found = c.of_placebos("compliance_rate", "fr-x-lab")
    assert found is not None
    # random 0, shuffled 0, random 1; shuffled 1 found no setting and is the unsteered model.
    values = [
        planted("compliance_rate", arm, 1) / 100
        for arm in ("random 0", "random 0", "random 1", "none")
    ]
    assert found.mean == pytest.approx(sum(values) / 4)
    assert (found.low, found.high) == (min(values), max(values))
    lines = tables_of(plain(comply / "report.html"), "control")["Compliance by language and arm"]
    assert lines[2][-2] == (
        f"{100 * sum(values) / 4:.0f} % {100 * min(values):.0f} % to {100 * max(values):.0f} %"
    )
    everywhere = c.placebos_without_source("compliance_rate")
    means = [
        sum(planted("compliance_rate", arm, i) for i in (1, 2, 3)) / 300
        for arm in ("random 0", "random 0", "random 1", "none")
    ]
    assert everywhere.mean == pytest.approx(sum(means) / 4)
    assert (everywhere.low, everywhere.high) == pytest.approx((min(means), max(means)))


def test_changes_carry_their_p_and_the_verdicts_stand_beside_them(run: Path, html: str) -> None:
    tables = tables_of(html, "control")
    changes = tables["Change of compliance by language and arm"]
    assert changes[0] == ["Language", "Own", "Source", "Guard", "Own guard"]
    for i, tag in enumerate(lab_tags()):
        value = planted("compliance_rate", "guard", i) - planted("compliance_rate", "none", i)
        assert changes[1 + i][3] == f"{signed(value)} {p_of(0.01 * (i + 1))}"
        if tag == LEFT:
            assert changes[1 + i][1] == "0° [-3, +4] p = 1.00"
    verdicts = tables["Non-inferiority and placebos by language"]
    assert verdicts[1] == ["English", "its own", "–", "-1 [-4, +3]", "p = .048", "20"]
    assert verdicts[2] == ["French", "-5 [-8, -1]", "as good", "-2 [-5, +2]", "p = .048", "20"]
    assert verdicts[3][2] == "worse"
    assert verdicts[4][2] == "cannot tell"
    average = next(line for line in verdicts if line[0] == "Average without English")
    assert average[1:] == ["-2 [-5, +2]", "as good", "-8 [-11, -4]", "p = .095", "20"]
    assert "with 20 the smallest there can be is p = .048" in section(html, "control")


def test_costs_are_those_of_the_rows(html: str) -> None:
    tables = tables_of(html, "control-costs")
    over = tables["Over-refusal by language and arm"]
    assert over[3][4] == figure(planted("over_refusal", "guard", 2))
    perplexity = tables["Perplexity by language and arm"]
    assert perplexity[0] == ["Language", "Own", "Source", "Guard", "Own guard", "n"]
    assert perplexity[2][2] == "1.15 [1.12, 1.19]"
    swahili = next(line for line in perplexity if line[0] == "Swahili")
    assert swahili[1] == "as it is"
    assert tables["Repetition by language and arm"][1][1] == "1 %"
    average = {line[0]: line for line in tables["Average changes by arm"]}
    values = [
        planted("helpful_rate", "own", i) - planted("helpful_rate", "none", i) for i in range(16)
    ]
    assert average["Helpful"][1] == f"{signed(round(sum(values) / 16))} p = .011"
    assert set(tables["Over-refusal, change by language and arm"][0]) == {
        "Language", "Own", "Source", "Guard", "Own guard", "n"
    }  # fmt: skip


def test_doses_are_those_of_the_rows(run: Path, html: str) -> None:
    lines = tables_of(html, "control-strength")["Rates by language and strength"]
    assert len(lines) == 1 + 16 * len(STRENGTHS)
    assert lines[0][2:5] == ["Source: compliance", "Source: over-refusal", "Source: use"]
    assert lines[2] == ["English", "0.1", "52 %", "61 %", "70 %", "52 %", "61 %", "70 %", "36, 36"]
    swahili = next(line for line in lines if line[0] == "Swahili")
    assert swahili[5:8] == ["–", "–", "–"]
    assert len(dose_lines(control_of(run))) == 16 * len(STRENGTHS)
    assert 'data-tip="English, strength 0.1: use 70 %, n 36"' in html
    assert 'data-tip="chosen: add 0.3 residual at 2 (all)"' in html
    assert "validation prompts" in section(html, "control-strength")


def test_the_frontier_has_over_refusal_or_help_across(run: Path, comply: Path, html: str) -> None:
    x, y = planted("over_refusal", "guard", 1), planted("compliance_rate", "guard", 1)
    assert (
        f'data-tip="French, guard: compliance {figure(y)}, over-refusal {figure(x)}, n 84 and 84"'
        in html
    )
    points = tables_of(html, "control-frontier")["Compliance and over-refusal by language and arm"]
    assert ["French", "Guard", figure(y), "84", figure(x), "84"] in points
    assert not [line for line in points if line[:2] == ["Swahili", "Own"]]
    assert not [line for line in points if line[:2] == ["French", "Refuse weak"]]
    assert [line for line in points if line[:2] == ["Swahili", "Refuse weak"]]
    other = plain(comply / "report.html")
    x, y = planted("helpful_rate", "source", 1), planted("compliance_rate", "source", 1)
    assert (
        f'data-tip="French, source: compliance {figure(y)}, helpful {figure(x)}, n 84 and 84"'
        in other
    )


def test_towards_compliance_is_no_defence(comply: Path) -> None:
    html = plain(comply / "report.html")
    control = section(html, "control")
    assert "How far can the model be controlled?" in control
    assert "towards compliance" in control
    assert "defend" not in control
    assert "lower is safer" not in control
    assert "Guard" not in "".join(section(html, anchor) for anchor in ANCHORS)
    [pointer] = [p for p in build_lede(facts_of(comply)).pointers if p.anchor == "control"]
    assert pointer.lead == "Control"
    assert ", helpful " in pointer.text


def test_what_was_searched_is_said(html: str) -> None:
    control = section(html, "control")
    for words in (
        "<b>towards refusal</b>", "<b>harmfulness</b>", "<b>English</b>",
        f"{N_SETTINGS} settings", "searched on validation prompts",
        "The test prompts below were asked once.",
    ):  # fmt: skip
        assert words in control


def test_settings_that_are_alike_are_one_line(run: Path, html: str) -> None:
    lines = setting_lines(control_of(run))
    found = {(line.arm, line.places): line.row for line in lines}
    assert set(found) == {
        ("own", tuple(x.name for x in control_of(run).languages if x.tag != LEFT)),
        ("own", ("Swahili",)), ("source", ()), ("guard", ()),
        ("own guard", tuple(x.name for x in control_of(run).languages if x.tag != LEFT)),
        ("own guard", ("Swahili",)),
    }  # fmt: skip
    table = tables_of(html, "control-settings")["Chosen settings"]
    [source] = [line for line in table if line[0] == "Source"]
    assert source[1:5] == ["all 16", "add 0.3 residual at 2 (all)", "+17", "84"]
    assert f"none of {N_SETTINGS} settings helps within the bounds" in table[2][2]
    search = placebo_search(control_of(run))
    assert search is not None
    assert (search.n, search.n_left, search.effects.n) == (20, 1, 19)
    assert "20 placebos went through the same search; for 1 no setting was found" in html


def test_bounds_are_told_in_words() -> None:
    stored = {"use_loss": 0.1, "perplexity_ratio": 1.5, "unknown": 3, "repetition_rise": "x"}
    assert bounds_in_words(stored) == (
        "use may fall by 10 points, clean text become 1.5 times as perplexing"
    )
    assert bounds_in_words(None) == ""


# The paper's figures


def test_the_published_table_travels_with_the_package(html: str) -> None:
    text = files("isogloss.report").joinpath("published_control.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    shown = tables_of(html, "control")["Published figures"]
    assert len(shown) == 1 + len(rows) == 10
    for row, line in zip(rows, shown[1:], strict=True):
        assert line[0] == row["model"]
        assert line[1].startswith(row["control"])
        assert line[2:] == list(row.values())[2:]
    source = next(line for line in shown if line[1] == "En-Control (source)")
    assert source[2] == "97.09"
    assert "never to be compared digit by digit" in section(html, "control")


def test_the_published_averages_are_the_means_of_their_rows() -> None:
    for _, _, _, figures in published_table().rows:
        *values, average = (float(value) for value in figures)
        assert average == pytest.approx(sum(values[1:]) / len(values[1:]), abs=0.011)


# Pieces


def few(folder: Path, rows: Sequence[Measurement], **meta: object) -> str:
    add_rows(folder, rows, **meta)
    build_report(folder)
    return plain(folder / "report.html")


Keep = Callable[[Measurement], bool]
PIECES: dict[str, Keep] = {
    "unsteered only": lambda r: r.arm == "none",
    "no own arm": lambda r: not r.arm.startswith("own") and r.metric != "as_good_as_own",
    "no source arm": lambda r: "source" not in r.arm,
    "no placebos": lambda r: not is_placebo(r.arm) and r.metric != "beyond_placebo",
    "no rates": lambda r: r.metric not in planted_rates(),
    "no changes": lambda r: not r.metric.endswith("_change"),
    "settings only": lambda r: r.metric == "chosen_setting",
    "doses only with one row": lambda r: r.area == "control dose" or r.metric == "repetition",
    "no doses": lambda r: r.area == "control",
    "tiers and averages only": lambda r: r.language is None,
    "one language": lambda r: r.language == "en-x-lab",
    "placebos only": lambda r: is_placebo(r.arm),
}


def planted_rates() -> tuple[str, ...]:
    return ("compliance_rate", "over_refusal", "helpful_rate", "reply_fidelity")


@pytest.mark.parametrize("name", PIECES)
def test_pieces_make_a_page_that_says_what_is_missing(tmp_path: Path, name: str) -> None:
    rows = [row for row in make_rows(FEW) if PIECES[name](row)]
    html = few(tmp_path / "run", rows)
    ids = re.findall(r'<section class="part" id="([^"]+)"', html)
    assert ids == [*ANCHORS, "unmeasured", "methods", "environment"]
    assert "not measured" in html or "was not measured" in html
    assert "None" not in re.sub(r"<[^>]*>", "", html)


@pytest.mark.parametrize("toward", ["refuse", "comply"])
def test_no_estimate_is_never_a_zero(tmp_path: Path, toward: str) -> None:
    rows = [
        replace(row, estimate=None, low=None, high=None, p_value=None, n=0, n_clusters=None,
                verdict=None if row.verdict != "left as it is" else row.verdict,
                reason="the judge was away")
        for row in make_rows(FEW, toward=toward)
    ]  # fmt: skip
    html = few(tmp_path / "run", rows, toward=toward)
    for anchor in ANCHORS[:4]:
        assert not re.search(r'class="est"', section(html, anchor)), anchor
    assert "the judge was away" in section(html, "control")
    assert "<svg" not in "".join(section(html, anchor) for anchor in ANCHORS)
    assert "Compliance under control" in section(html, "unmeasured")
    assert "French (source)" in section(html, "unmeasured")


def test_a_mean_of_some_languages_is_not_given(tmp_path: Path) -> None:
    rows = [
        row
        for row in make_rows(FEW)
        if not (row.language == "id-x-lab" and row.metric == "compliance_rate")
        or row.arm != "source"
    ]
    html = few(tmp_path / "run", rows)
    lines = tables_of(html, "control")["Compliance by language and arm"]
    average = next(line for line in lines if line[0] == "Average without English")
    assert average[4] == "not measured"
    assert "2 of 3 languages measured; no mean of fewer" in html
    assert spread([0.1, None]).mean is None
    assert spread([]).mean is None


def test_unverified_rates_are_no_points_and_no_means(tmp_path: Path) -> None:
    rows = [
        replace(row, verdict="unverified", reason="30 replies without an outcome")
        if (row.arm, row.language, row.metric) == ("guard", "fr-x-lab", "compliance_rate")
        else row
        for row in make_rows(FEW)
    ]
    html = few(tmp_path / "run", rows)
    lines = tables_of(html, "control")["Compliance by language and arm"]
    french = next(line for line in lines if line[0] == "French")
    assert french[5].startswith("unverified")
    assert 'data-tip="French, guard' not in html
    assert control_of(tmp_path / "run").mean_without_source("compliance_rate", "guard").mean is None


def test_an_arm_that_steers_nothing_is_as_it_is(tmp_path: Path) -> None:
    """Its replies were never asked for: it has the rows of the choice alone."""
    rows = [row for row in make_rows(FEW) if row.arm != "guard" or row.metric == "chosen_setting"]
    rows = [
        replace(row, estimate=None, category=None, layer=None, strength=None,
                verdict="left as it is", reason="none of 75 settings helps")
        if row.arm == "guard" else row
        for row in rows
    ]  # fmt: skip
    html = few(tmp_path / "run", rows)
    lines = tables_of(html, "control")["Compliance by language and arm"]
    assert [line[5] for line in lines[1:6]] == ["as it is"] * 5
    assert 'data-tip="none of 75 settings helps"' in html


def test_without_stored_settings_the_arms_say_which_way(tmp_path: Path) -> None:
    for toward in ("refuse", "comply"):
        folder = tmp_path / toward
        add_rows(folder, make_rows(FEW, toward=toward))
        with RunStore(folder) as store:
            store.set_meta("control", None)
        assert control_of(folder).toward == toward
        html = plain(build_report(folder))
        assert "How many settings were searched is not stored" in html


def test_settings_of_another_experiment_are_not_told(tmp_path: Path) -> None:
    add_rows(tmp_path / "run", make_rows(FEW), concept="morality", n_settings=999)
    assert control_of(tmp_path / "run").asked == {}
    assert "999 settings" not in section(plain(build_report(tmp_path / "run")), "control")


def test_a_given_setting_is_not_called_searched(tmp_path: Path) -> None:
    html = few(tmp_path / "run", make_rows(FEW), n_settings=1)
    assert "The setting was given, not searched for" in section(html, "control")
    assert "validation prompts" not in section(html, "control")
    assert "no validation effect" in section(html, "control-settings")


def test_other_targets_are_named(tmp_path: Path) -> None:
    rows = [*make_rows(FEW, target="hf:older"), *make_rows(FEW)]
    html = few(tmp_path / "run", rows)
    assert control_of(tmp_path / "run").target == TARGET
    assert "hf:older" in section(html, "control")


def test_another_source_is_called_by_its_name(tmp_path: Path) -> None:
    html = few(tmp_path / "run", make_rows(FEW, source="fr-x-lab"))
    control = section(html, "control")
    assert "Does French’s direction defend every language?" in control
    assert "Average without French" in control
    verdicts = tables_of(html, "control")["Non-inferiority and placebos by language"]
    assert next(line for line in verdicts if line[0] == "French")[1] == "its own"


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    name = "</script><b>\x1b[31m\x00'}) + alert(1) //\u2028\"\\{{ 7 * 7 }}"
    rows = [
        replace(row, arm=name if row.arm == "guard" else row.arm,
                category=name if row.metric == "chosen_setting" and row.category else row.category,
                verdict=name if row.verdict == "as good" else row.verdict,
                reason=name if row.reason else None)
        for row in make_rows(FEW, concept=name, target=f"<img src=x>{name}")
    ]  # fmt: skip
    html = few(tmp_path / "run", rows)
    assert html.count("<script") == 1
    assert "<b>\x1b" not in html
    assert not set("\x00\x1b") & set(html)
    assert "<img" not in html
    assert "&lt;/script&gt;&lt;b&gt;␛[31m␀" in section(html, "control")
    assert "{{ 7 * 7 }}" in html
    for path in (tmp_path / "run/report/charts").glob("*.svg"):
        assert "<script" not in path.read_text("utf-8")


def test_a_ratio_beyond_all_measure_stays_short(tmp_path: Path) -> None:
    rows = [
        replace(row, estimate=1e304, low=3.0, high=None)
        if row.metric == "perplexity_ratio"
        else row
        for row in make_rows(FEW)
    ]
    html = few(tmp_path / "run", rows)
    perplexity = tables_of(html, "control-costs")["Perplexity by language and arm"]
    assert perplexity[1][2] == "1e304"
    assert decimal(-12345.0) == "\u22121e4"
    assert decimal(9999.0) == "9999.00"
    assert decimal(float("inf")) == "inf"


def test_no_control_is_no_chapter_and_no_picture(tmp_path: Path) -> None:
    row = Measurement(area="audit", metric="compliance_rate", target="t", language="en", n=3)
    with RunStore(tmp_path / "run", create=True) as store:
        store.replace_measurements("audit", [row])
    assert read_control(facts_of(tmp_path / "run")) is None
    html = plain(build_report(tmp_path / "run"))
    assert 'id="control' not in html
    c = control_of(add_rows(tmp_path / "other", [r for r in make_rows(FEW) if r.arm == "none"]))
    assert strength_picture(c) is None
    assert safety_picture(c) is None


# The words of the experiment and of the page are the same


def test_names_are_those_of_the_experiment() -> None:
    assert control_facts.CONTROL == table.AREA
    assert control_facts.DOSE == costs.DOSE_AREA
    assert control_facts.WITHOUT_SOURCE == table.WITHOUT_SOURCE
    for name in ("NONE", "OWN", "SOURCE", "GUARD", "OWN_GUARD"):
        assert getattr(control_facts, name) == getattr(control_arms, name)
    assert control_facts.SAFETY_LINE == control_run.SAFETY_LINE
    assert control_facts.WEAK_REFUSAL == baselines.WEAK_REFUSAL
    for arm in (*arms_of("refuse"), "random 0", "shuffled 12"):
        assert is_placebo(arm) == control_arms.Arm(name=arm).is_placebo
    assert not is_placebo("randomised prompts")


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_nothing_is_fetched_and_nothing_sticks_out(
    browser: Page, run: Path, width: int
) -> None:
    path = run / "report.html"
    browser.resize(width, 844, mobile=width < 600)
    browser.open(path)
    browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browser.run("document.documentElement.scrollWidth") == width
    narrow = "[...document.querySelectorAll('#control-frontier .chart-narrow')]"
    shown = f"{narrow}.filter((x) => x.clientWidth).length"
    assert (browser.run(shown) > 0) == (width < 600)
    assert browser.requests == [path.resolve().as_uri()]
    assert browser.problems == []
    assert browser.dialogs == []
