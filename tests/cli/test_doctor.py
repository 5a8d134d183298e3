"""`isogloss doctor`: true findings, and a failure that is told and not thrown."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from isogloss.cli import doctor, machine


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    doctor.register(app)
    return app


def test_findings_tell_what_this_process_really_has(app: typer.Typer) -> None:
    import torch

    result = CliRunner().invoke(app, ["doctor", "--json"])
    told = json.loads(result.stdout)
    found = {finding["name"]: finding for finding in told["findings"]}
    assert torch.__version__ in found["torch"]["value"]
    assert f"{machine.usable_cores()} usable" in found["cores"]["value"]
    assert os.environ["ISOGLOSS_CACHE"] in found["cache"]["value"]
    assert sqlite3.sqlite_version in found["sqlite"]["value"]
    assert found["identifiers"]["state"] == "ok"
    assert "tiny" in found["lab"]["value"] or "preset" in found["lab"]["value"]
    assert told["healthy"] is (result.exit_code == 0) is True


def test_something_missing_is_named_and_is_code_1(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_torch() -> machine.Finding:
        raise ImportError("libtorch.so: \x1b[31mcannot open")

    def find_python() -> machine.Finding:
        return machine.Finding(name="python", value="fine")

    monkeypatch.setattr(machine, "LOOKS", (find_python, find_torch))
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "ok    python       fine",
        "FAIL  torch        ImportError: libtorch.so: [31mcannot open",
        "",
        "Not ready: see the lines marked FAIL.",
    ]


def test_a_cache_that_cannot_be_a_folder_is_missing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    finding = machine.find_cache(blocked / "cache")
    assert finding.state == "missing"
    assert finding.advice is not None
    assert "ISOGLOSS_CACHE" in finding.advice


def test_looking_at_the_cache_leaves_nothing_in_it(tmp_path: Path) -> None:
    assert machine.find_cache(tmp_path / "new").state == "ok"
    assert list((tmp_path / "new").iterdir()) == []


def test_a_busy_machine_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (machine.usable_cores() + 3.0, 1.0, 1.0))
    assert machine.find_cores().state == "note"
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    assert machine.find_cores().state == "ok"


def test_training_times_scale_with_the_measured_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = machine.PRESET_SECONDS["small"]
    monkeypatch.setattr(machine, "measure_speed", lambda: machine.REFERENCE_SPEED / 2)
    assert f"small in about {machine.in_words(2 * seconds)}" in machine.find_presets().value


def test_the_measured_speed_is_a_plausible_number_of_operations() -> None:
    # One matrix product is 0.5 billion operations: no core does fewer than 0.1 or more than 10,000
    # billion a second, so a slip by a factor of a thousand or a forgotten 2*n*m*k shows.
    assert 0.1 < machine.measure_speed(0.05) < 10_000


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "10 seconds"), (44, "40 seconds"), (89, "90 seconds"), (150, "2 minutes"),
     (5000, "83 minutes"), (7300, "2 hours")],
)  # fmt: skip
def test_durations_in_words(seconds: float, words: str) -> None:
    assert machine.in_words(seconds) == words
