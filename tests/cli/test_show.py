"""``isogloss show`` from a shell: rows and transcripts, and nothing harmful by accident."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.recordings import write_prompts, write_recording
from isogloss.cli.main import app


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("show")
    prompts = write_prompts(folder / "prompts.jsonl", 3)
    recording = write_recording(folder / "recorded.jsonl", n=3)
    command = ["audit", f"replay:{recording}", "--prompts", str(prompts), "--no-report"]
    assert CliRunner().invoke(app, [*command, "--out", str(folder / "run")]).exit_code == 0
    return str(folder / "run")


def show(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["show", *arguments])


def test_rows_by_metric_and_language(run: str) -> None:
    result = show(run, "--json", "--metric", "refusal_rate", "--language", "swh_Latn")
    rows = json.loads(result.stdout)
    assert {(r["metric"], r["language"]) for r in rows} == {("refusal_rate", "sw")}
    assert {r["category"] for r in rows} == {None, "topic 0", "topic 1"}
    assert json.loads(show(run, "--json").stdout) != rows


def test_a_table(run: str) -> None:
    result = show(run, "--metric", "refusal_rate")
    assert result.exit_code == 0
    assert "refusal_rate" in result.stdout
    assert "topic 1" in result.stdout


def test_a_narrow_table_keeps_names_and_figures_whole(
    run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isogloss.cli.console.PIPED_WIDTH", 80)
    result = show(run)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("refusal_rate" in line and "sw" in line and "100 % (" in line for line in lines)
    assert any("refusal_rate" in line and "average: low" in line for line in lines)
    assert "scope" not in result.stdout


def test_transcripts_hide_what_is_harmful(run: str) -> None:
    hidden = show(run, "--transcripts").stdout
    assert "SECRET harmful" not in hidden
    assert "SECRET benign 1" in hidden
    assert "-> complied (recorded)" in hidden  # whose verdict: a run may have several judges
    assert "hidden; --reveal" in hidden
    revealed = show(run, "--transcripts", "--reveal", "--language", "sw").stdout
    assert "SECRET harmful 1" in revealed
    assert " fr " not in revealed


def test_a_reply_is_shown_once_with_the_word_of_every_judge(run: str, tmp_path: Path) -> None:
    judged = str(shutil.copytree(run, tmp_path / "judged"))
    command = ["judge", judged, "--judge", "rules", "--no-report"]
    assert CliRunner().invoke(app, command).exit_code == 0
    before, after = (show(folder, "--transcripts").stdout for folder in (run, judged))
    assert len(after.splitlines()) == len(before.splitlines())
    heads = [line for line in after.splitlines() if "->" in line]
    assert len(heads) == 30
    assert all("(recorded), " in line and "(rules)" in line for line in heads)
    assert show(judged, "--transcripts", "--limit", "2").stdout.count("->") == 2


def test_no_control_character_reaches_the_terminal(run: str) -> None:
    text = show(run, "--transcripts", "--reveal").stdout
    assert "REPLY [31mharmful" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    as_json = show(run, "--transcripts", "--reveal", "--json").stdout
    assert as_json.isascii()
    assert "\x1b" not in as_json
    assert json.loads(as_json)[0]["reply"].startswith("REPLY \x1b[31m")


def test_user_errors(run: str, tmp_path: Path) -> None:
    for arguments, words in (
        ([str(tmp_path)], "not a run folder"),
        ([run, "--metric", "niceness"], "has no metric niceness"),
        ([run, "--language", "zz-top"], "zz-top"),
    ):
        result = show(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert words in result.stderr
