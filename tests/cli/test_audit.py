"""``isogloss audit`` from a shell, on recorded responses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.recordings import LANGUAGES, write_prompts, write_recording
from isogloss.cli.main import app


def audit(folder: Path, *options: str) -> Result:
    prompts, recording = folder / "prompts.jsonl", folder / "recorded.jsonl"
    if not prompts.exists():
        write_prompts(prompts)
        write_recording(recording)
    fixed = [f"replay:{recording}", "--prompts", str(prompts), "--out", str(folder / "run")]
    return CliRunner().invoke(app, ["audit", *fixed, *options])


def test_rows_as_json(tmp_path: Path) -> None:
    result = audit(tmp_path, "--json", "--no-report")
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)
    rates = {r["language"]: r["estimate"] for r in rows if r["metric"] == "refusal_rate"
             and r["language"] and r["category"] is None}  # fmt: skip
    assert rates == dict.fromkeys(LANGUAGES, 1.0)
    assert {r["judge"] for r in rows} == {"recorded"}
    needed = "area metric concept language source_language tier category target arm judge layer"
    needed += " strength n k n_clusters estimate low high unit method scope seed reason"
    assert set(needed.split()) <= set(rows[0])


def test_summary_for_people(tmp_path: Path) -> None:
    result = audit(tmp_path, "--no-report")
    assert result.exit_code == 0, result.stderr
    for word in ("sw", "low", "underpowered", "harmfulness curse", str(tmp_path / "run")):
        assert word in result.stdout
    assert "SECRET" not in result.stdout + result.stderr
    assert "REPLY" not in result.stdout + result.stderr


def test_limit_and_languages(tmp_path: Path) -> None:
    result = audit(tmp_path, "--json", "--no-report", "--limit", "7", "--languages", "swh_Latn,en")
    rows = json.loads(result.stdout)
    planned = {(r["language"], r["category"]): r["estimate"]
               for r in rows if r["metric"] == "planned"}  # fmt: skip
    assert planned == {
        (tag, f"intent:{intent}"): 7 for tag in ("sw", "en") for intent in ("harmful", "benign")
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--languages", "xx-nowhere"], "xx-nowhere"),
        (["--languages", "de"], "has no prompts in de"),
        (["--prompts", "missing.csv"], "missing.csv"),
        (["--judge", "nobody"], "unknown judge 'nobody'"),
        (["--judge", "oracle"], "oracle only judges lab targets"),
        (["--shares", "nothing"], "no share table"),
        (["--limit", "0"], "--limit"),
        (["--out", "/proc/run"], "/proc/run"),
    ],
)
def test_one_sentence_and_exit_code_two(tmp_path: Path, options: list[str], words: str) -> None:
    result = audit(tmp_path, "--no-report", *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "run").exists()


def test_an_empty_prompt_set(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("prompt_id,language,text,intent\n")
    write_recording(tmp_path / "recorded.jsonl")
    command = ["audit", f"replay:{tmp_path / 'recorded.jsonl'}", "--no-report"]
    command += ["--prompts", str(tmp_path / "empty.csv"), "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert not (tmp_path / "run").exists()


def test_a_default_folder_is_named_after_target_and_prompts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_prompts(Path("prompts.jsonl"))
    write_recording(Path("mine.jsonl"))
    command = ["audit", "replay:mine.jsonl", "--prompts", "prompts.jsonl", "--no-report"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert (tmp_path / "runs" / "replay-mine.jsonl-prompts" / "run.db").is_file()


def test_shuffled_files_give_identical_rows(tmp_path: Path) -> None:
    import random

    first = audit(tmp_path, "--json", "--no-report").stdout
    for name in ("prompts.jsonl", "recorded.jsonl"):
        lines = (tmp_path / name).read_text().splitlines(keepends=True)
        random.Random(3).shuffle(lines)
        (tmp_path / name).write_text("".join(lines))
    second = audit(tmp_path, "--json", "--no-report", "--out", str(tmp_path / "again")).stdout
    assert second == first
