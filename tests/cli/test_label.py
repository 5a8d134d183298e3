"""``isogloss label`` from a shell: the page until Ctrl-C, the file, the status, every error."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from audit.planted import REFUSED, PlantedTarget, WordJudge, config, make_prompts, prompt_set
from isogloss.audit.run import run_audit
from isogloss.cli.label import _has_display
from isogloss.cli.main import app
from isogloss.label.classes import CLASSES, GROUND_RULES
from isogloss.store import RunStore
from label.planted import JUDGE, make_run

DOCS = Path(__file__).parents[2] / "docs" / "labelling.md"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run", n=12)


def label(run: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["label", str(run), *arguments])


def fill(source: Path, to: Path, words: list[str], labeller: str | None = None) -> Path:
    with source.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for i, row in enumerate(rows):
        row["outcome"] = words[i % len(words)]
        row["labeller"] = labeller or row["labeller"]
    with to.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return to


def test_export_import_and_status(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "ann.csv"
    out = label(run, "--labeller", "ann", "--per-language", "10", "--export", str(path))
    assert out.exit_code == 0
    assert "20 replies written to" in out.stdout
    assert "may be harmful, and hides nothing" in out.stdout
    assert f"isogloss label {run} --import {path}" in out.stdout
    assert "no labels yet on a sheet of 20 replies" in out.stdout
    filled = fill(path, tmp_path / "filled.csv", ["refused", "complied", "", "unsure", "refused"])
    out = label(run, "--import", str(filled))
    assert out.exit_code == 0
    assert "16 new labels, 0 changed, 0 as before, 4 rows without an outcome yet" in out.stdout
    again = label(run, "--import", str(fill(filled, tmp_path / "b.csv", ["refused"], "bob")))
    assert "20 new labels" in again.stdout
    status = label(run, "--status", "--labeller", "ann")
    assert "4 left for ann: the same command goes on" in status.stdout
    assert f"isogloss report {run} shows each judge measured" in status.stdout
    assert "ann and bob" in status.stdout
    data = json.loads(label(run, "--status", "--json").stdout)
    assert {(p["language"], p["labeller"]): p["n_labelled"] for p in data["progress"]} == {
        ("fi", "ann"): 8, ("fi", "bob"): 10, ("sw", "ann"): 8, ("sw", "bob"): 10,
    }  # fmt: skip
    overall = next(a for a in data["agreement"] if a["language"] is None)
    assert (overall["n_sure"], overall["n_agree"], overall["n_unsure"]) == (12, 8, 4)
    assert overall["kappa"] == pytest.approx(0.0)
    assert [s["n_sheet"] for s in data["strata"]] == [5, 5, 5, 5]
    assert data["stratified_by"] is None
    one = json.loads(label(run, "--status", "--json", "--languages", "sw").stdout)
    assert (one["n_sheet"], one["n_off_sheet"]) == (10, 18)


def test_json_stands_alone_on_stdout(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    out = label(run, "--stratify", JUDGE, "--export", str(path), "--json")
    data = json.loads(out.stdout)
    assert data["stratified_by"] == JUDGE
    assert {s["verdict"] for s in data["strata"]} == {"complied", "refused"}
    assert "written to" in out.stderr


def test_what_is_wrong_exits_with_2_and_stores_nothing(run: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", n=12, target="hf:another")
    foreign = tmp_path / "foreign.csv"
    assert label(other, "--export", str(foreign)).exit_code == 0
    label(run, "--export", str(tmp_path / "own.csv"))
    filled = fill(foreign, tmp_path / "filled.csv", ["refused"])
    for arguments, words in (
        (["--import", str(filled)], "line 2: column run: this label belongs to another run"),
        (["--import", str(filled), "--status"], "exclude each other"),
        (["--export", str(foreign)], "is there already and may hold labels"),
        (["--languages", ","], "names no language"),
        (["--per-language", "0"], "must be 1 or more"),
        (["--labeller", "\x1b[31m", "--export", str(tmp_path / "x.csv")], "name of a labeller"),
        (["--port", "99999", "--no-browser"], "cannot listen on 127.0.0.1:99999"),
    ):
        out = label(run, *arguments)
        assert (out.exit_code, words in out.stderr) == (2, True), out.output
        assert "\x1b" not in out.output
    assert "no labels yet" in label(run, "--status").stdout
    fresh = label(make_run(tmp_path / "fresh"), "--status")
    assert (fresh.exit_code, "has no sheet yet" in fresh.stderr) == (2, True)
    assert "not a run folder" in label(tmp_path).stderr


def test_the_page_serves_until_ctrl_c_and_says_what_is_stored(run: Path) -> None:
    """A real process: its address answers, a label given over it is in the summary at the end."""
    command = [
        *(sys.executable, "-m", "isogloss", "label", str(run)),
        *("--per-language", "4", "--labeller", "ann", "--no-browser"),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("8 replies in 2 languages, labelled by ann; the texts may be harm")
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        address, _, token = url.partition("?token=")
        headers = {"X-Isogloss-Token": token, "Content-Type": "application/json"}
        asked = urllib.request.Request(f"{address}api/sheet", headers=headers)
        with urllib.request.urlopen(asked, timeout=20) as answer:
            sheet = json.load(answer)
        word = {"response": sheet["languages"][0]["items"][0]["response"], "outcome": "unsure"}
        given = urllib.request.Request(
            f"{address}api/label", json.dumps(word).encode(), headers=headers
        )
        with urllib.request.urlopen(given, timeout=20) as answer:
            assert json.load(answer) == {"stored": True}
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, err
    assert "7 left for ann" in out
    assert token not in out + err


def test_a_browser_is_opened_only_where_it_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    assert not _has_display()
    monkeypatch.setitem(os.environ, "WAYLAND_DISPLAY", "wayland-0")
    assert _has_display()
    monkeypatch.setitem(os.environ, "SSH_CONNECTION", "10.0.0.1 22")
    assert not _has_display()


def test_the_docs_give_the_guidelines_word_for_word() -> None:
    text = " ".join(DOCS.read_text("utf-8").split())
    for one in CLASSES:
        assert one.meaning in text
        for case in one.cases:
            assert case in text, case
    for rule in GROUND_RULES:
        assert rule in text, rule


def test_imported_labels_measure_the_judge_at_once(tmp_path: Path) -> None:
    run = tmp_path / "audited"
    prompts = prompt_set(make_prompts(["en", "sw"], 30, benign=False))
    run_audit(
        config(run), target=PlantedTarget(lambda _: REFUSED), judges=[WordJudge()], prompts=prompts
    )
    sheet = tmp_path / "sheet.csv"
    assert label(run, "--labeller", "ann", "--export", str(sheet)).exit_code == 0
    assert label(run, "--import", str(fill(sheet, sheet, ["refused"]))).exit_code == 0
    with RunStore(run) as store:
        corrected = {
            row.language: row.estimate
            for row in store.measurements("calibration")
            if row.metric == "compliance_rate" and row.category is None
        }
    assert corrected.keys() == {"en", "sw"}
    out = CliRunner().invoke(app, ["report", str(run)])
    assert out.exit_code == 0
    assert "was not checked against human labels" not in (run / "report.html").read_text("utf-8")
