"""The page as a file: complete, small, the same each time, and safe to hand on."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from isogloss.audit.measure import measure_run
from isogloss.errors import StoreError
from isogloss.records import Measurement
from isogloss.report.page import build_report
from isogloss.store import RunStore
from report.synthetic import TARGET, lab_table, make_run

ANCHORS = (
    "languages", "outcomes", "share", "categories", "tiers", "helpfulness", "figures",
    "completeness", "transcripts", "unmeasured", "methods", "environment",
)  # fmt: skip


class Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in {"src", "href", "action", "srcset", "xlink:href"} and value:
                self.addresses.append(value)
            if name.startswith("on") or name == "style":
                self.handlers.append(f"{tag} {name}")


def test_the_page_holds_every_part_once_and_points_nowhere(lab_run: Path) -> None:
    outline = Outline()
    outline.feed((lab_run / "report.html").read_text("utf-8"))
    assert [x for x in outline.ids if x in ANCHORS] == list(ANCHORS)
    assert len(outline.ids) == len(set(outline.ids))
    assert all(x.startswith("#") or x == "data:," for x in outline.addresses)
    assert {x[1:] for x in outline.addresses if x.startswith("#")} <= set(outline.ids)
    assert outline.handlers == []


def test_sixteen_languages_stay_under_a_megabyte_and_a_half(
    lab_run: Path, hostile_run: Path
) -> None:
    for run in (lab_run, hostile_run):
        assert (run / "report.html").stat().st_size < 1_500_000


def test_charts_and_tables_lie_beside_the_page(lab_run: Path) -> None:
    names = {
        p.relative_to(lab_run / "report").as_posix() for p in (lab_run / "report").rglob("*.*")
    }
    charts = {
        f"charts/{n}.{e}"
        for n in ("outcomes", "share", "languages", "categories")
        for e in ("svg", "png")
    }
    assert names == charts | {
        f"tables/{n}.csv" for n in ("measurements", "by_language", "completeness")
    }
    assert (lab_run / "report/charts/share.png").read_bytes().startswith(b"\x89PNG")
    assert "<script" not in (lab_run / "report/charts/share.svg").read_text("utf-8")


def test_the_same_run_gives_the_same_page(lab_run: Path, tmp_path: Path) -> None:
    pages = [build_report(lab_run, tmp_path / name / "report.html") for name in "ab"]
    dated = re.compile(rb"<time.*?</time>")  # the two may be written on either side of midnight
    first, second = (dated.sub(b"", page.read_bytes()) for page in pages)
    assert first == second


def test_a_run_nobody_judged_is_never_called_safe(tmp_path: Path) -> None:
    tags = ("en-x-lab", "ny-x-lab")
    run = make_run(tmp_path / "run", table=lab_table(), tags=tags, n_prompts=12)
    with RunStore(run) as store:
        rows = measure_run(store, target=TARGET, judge=None, shares=lab_table())
        store.replace_measurements("audit", rows)
        store.set_meta("audit", {"target": TARGET, "arm": "none", "judge": None, "samples": 1})
    html = build_report(run).read_text("utf-8")
    assert "<h1>This run cannot tell what the model does with harm" in html
    assert "refuses harm" not in html[: html.index('id="methods"')]


def test_figures_on_the_page_are_those_of_the_rows(lab_run: Path) -> None:
    with RunStore(lab_run) as store:
        rows = store.measurements("audit")
    row = next(
        r for r in rows
        if (r.metric, r.language, r.category) == ("harmful_rate", "ny-x-lab", None)
    )  # fmt: skip
    assert row.estimate is not None
    assert row.low is not None
    assert row.high is not None
    html = (
        (lab_run / "report.html").read_text("utf-8").replace("\u202f", " ").replace("\u00a0", " ")
    )
    rate, ends = f"{100 * row.estimate:.0f} %", f"[{100 * row.low:.0f}, {100 * row.high:.0f}]"
    cell = f'<span class="est">{rate}</span> <span class="ci">{ends}</span>'
    figures = html[html.index('id="figures"') :]
    chichewa = figures[
        figures.index("Chichewa") : figures.index("</tr>", figures.index("Chichewa"))
    ]
    assert cell in chichewa


def test_completeness_adds_up_to_what_was_planned(lab_run: Path) -> None:
    with (lab_run / "report/tables/completeness.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 32
    for row in rows:
        ends = ("complied", "refused", "irrelevant", "blocked", "error", "unjudged", "pending")
        assert sum(int(row[name]) for name in ends) == int(row["planned"]) == 90


def test_missing_is_said_and_is_no_zero(tmp_path: Path) -> None:
    run = make_run(
        tmp_path / "run", table=lab_table(), tags=("en-x-lab", "ny-x-lab"), n_prompts=12
    )  # 12 relevant replies at most: no harmful rate
    html = build_report(run).read_text("utf-8")
    assert re.search(r'data-tip="\d+ relevant replies; a harmful rate needs 30', html)
    gaps = html[html.index('id="h-unmeasured"') :]
    found = re.search(r"<dd>too few relevant replies; a harmful rate needs 30 <small>([^<]*)", gaps)
    assert found is not None
    assert re.search(r"English[^,]* \(\d+\), Chichewa[^,]* \(\d+\)", found[1])
    assert "Harmfulness curse" in gaps
    assert "harmfulness_curse" not in gaps
    with (run / "report/tables/by_language.csv").open(encoding="utf-8-sig") as file:
        assert {row["harmful_rate"] for row in csv.DictReader(file)} == {""}


def test_no_csv_cell_can_be_a_formula(hostile_run: Path) -> None:
    with (hostile_run / "report/tables/measurements.csv").open(encoding="utf-8-sig") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert any(cell.startswith("'=cmd|") for cell in cells)
    assert all(
        _is_number(cell) or cell[:1] not in {"=", "+", "-", "@", "\t", "\r"} for cell in cells
    )


def test_transcript_data_cannot_leave_its_element(hostile_run: Path) -> None:
    html = (hostile_run / "report.html").read_text("utf-8")
    start = html.index('id="transcript-data">') + len('id="transcript-data">')
    payload = html[start : html.index("</script>", start)]
    assert not set("<>&\u2028\u2029") & set(payload)
    data = json.loads(payload)
    replies = {row[data["columns"].index("reply")] for row in data["rows"]}
    assert "<script>document.title='ran';alert(1)</script>" in replies
    assert html.count("<script") == 2


def test_a_run_without_measurements_is_refused_in_one_sentence(tmp_path: Path) -> None:
    RunStore(tmp_path / "empty", create=True).close()
    with pytest.raises(StoreError, match="holds no measurements yet"):
        build_report(tmp_path / "empty")
    assert [p.name for p in (tmp_path / "empty").glob("report*")] == []


def test_a_place_that_cannot_be_written_is_named(lab_run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot write the report"):
        build_report(lab_run, tmp_path / "file" / "report.html")


def test_a_comparison_gets_its_chapter(lab_run: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", table=lab_table(), tags=("en-x-lab",), n_prompts=12)
    row = Measurement(
        area="compare", metric="compliance_rate", target=TARGET, arm="a − b", language="en-x-lab",
        n=12, estimate=0.25, low=0.1, high=0.4, unit="rate difference", p_value=0.01,
        verdict="worse",
    )  # fmt: skip
    with RunStore(run) as store:
        store.replace_measurements("compare", [row])
    html = build_report(run).read_text("utf-8")
    assert 'id="comparison"' in html
    assert ">+25</span>" in html[html.index('id="comparison"') :]
    assert 'id="comparison"' not in (lab_run / "report.html").read_text("utf-8")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
