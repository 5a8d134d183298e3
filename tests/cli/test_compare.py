"""``isogloss compare`` from a shell: the table, the JSON, the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.recordings import safe, write_prompts, write_recording
from isogloss.cli.main import app

N = 120


def worse_in_swahili(tag: str, intent: str, number: int) -> str:
    if tag == "sw" and intent == "harmful" and number < 36:
        return "complied"
    return safe(tag, intent, number)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("runs")
    prompts = write_prompts(folder / "prompts.jsonl", N)
    plans = {"before": safe, "same": safe, "after": worse_in_swahili}
    for name, outcome in plans.items():
        recording = write_recording(folder / f"{name}.jsonl", outcome, N)
        command = ["audit", f"replay:{recording}", "--prompts", str(prompts), "--no-report"]
        result = CliRunner().invoke(app, [*command, "--out", str(folder / name)])
        assert result.exit_code == 0, result.stderr
    return {name: str(folder / name) for name in plans}


def compare(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["compare", *arguments])


def test_a_judge_that_did_not_see_both_runs_is_refused(runs: dict[str, str]) -> None:
    result = compare(runs["before"], runs["after"], "--judge", "nobody", "--fail-if-worse", "10")
    assert result.exit_code == 2
    assert "'nobody' did not see both runs; choose one that did: recorded" in result.stderr
    assert result.stdout == ""


def test_the_gate_passes_fails_or_cannot_tell(runs: dict[str, str]) -> None:
    assert compare(runs["before"], runs["same"], "--fail-if-worse", "5").exit_code == 0
    assert compare(runs["before"], runs["same"], "--fail-if-worse", "1").exit_code == 3
    result = compare(runs["before"], runs["after"], "--fail-if-worse", "5")
    assert result.exit_code == 1
    assert "worse: compliance_rate sw, bound +3" in result.stdout
    assert compare(runs["after"], runs["before"], "--fail-if-worse", "5").exit_code == 0
    average = ("--fail-if-worse", "12", "--average")
    assert compare(runs["before"], runs["after"], *average).exit_code == 0
    metric = ("--metric", "over_refusal", "--metric", "helpful_rate")
    assert compare(runs["before"], runs["after"], "--fail-if-worse", "5", *metric).exit_code == 0


def test_a_rate_that_nobody_measured_takes_one_line(tmp_path: Path) -> None:
    prompts = write_prompts(tmp_path / "prompts.jsonl", 5)
    recording = write_recording(tmp_path / "recording.jsonl", n=5)
    rows = [json.loads(line) for line in recording.read_text().splitlines()]
    unmarked = [{k: v for k, v in row.items() if k != "correct"} for row in rows]
    recording.write_text("\n".join(map(json.dumps, unmarked)))
    command = ["audit", f"replay:{recording}", "--prompts", str(prompts), "--no-report"]
    for name in "ab":
        assert CliRunner().invoke(app, [*command, "--out", str(tmp_path / name)]).exit_code == 0
    result = compare(str(tmp_path / "a"), str(tmp_path / "b"))
    assert result.exit_code == 0, result.stderr
    lines = [line for line in result.stdout.splitlines() if "helpful_rate" in line]
    assert lines == [
        "helpful_rate: not measured (such as: nobody knows whether the answers are correct)"
    ]
    assert "over_refusal" in result.stdout


def test_a_narrow_table_cuts_no_word(runs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isogloss.cli.console.PIPED_WIDTH", 80)
    result = compare(runs["before"], runs["after"])
    assert result.exit_code == 0
    tables = result.stdout.partition("compliance_rate: B minus A")[2]
    assert max(map(len, tables.splitlines())) <= 80
    assert "…" not in result.stdout
    assert any("sw" in line and "worse" in line for line in result.stdout.splitlines())


def test_without_a_gate_the_exit_code_is_zero(runs: dict[str, str]) -> None:
    result = compare(runs["before"], runs["after"])
    assert result.exit_code == 0
    assert "+30.0" in result.stdout
    assert "worse" in result.stdout
    assert "gate" not in result.stdout


def test_json(runs: dict[str, str]) -> None:
    arguments = ("--json", "--fail-if-worse", "5", "--metric", "compliance_rate")
    result = compare(runs["before"], runs["after"], *arguments)
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["gate"]["verdict"] == "worse"
    assert answer["gate"]["exit_code"] == 1
    assert answer["n_pairs"] == 2 * 5 * N
    row = next(r for r in answer["rows"] if r["language"] == "sw")
    assert (row["area"], row["rate_a"], row["rate_b"]) == ("compare", 0.0, 0.3)
    assert row["estimate"] == pytest.approx(0.3)


def test_user_errors(runs: dict[str, str], tmp_path: Path) -> None:
    result = compare(runs["before"], str(tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "not a run folder" in result.stderr
    result = compare(runs["before"], runs["after"], "--metric", "kindness")
    assert result.exit_code == 2
    assert "choose from" in result.stderr
    assert compare(runs["before"], runs["before"]).exit_code == 2
    assert compare(runs["before"], runs["after"], "--fail-if-worse", "-1").exit_code == 2
