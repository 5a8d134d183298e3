"""``isogloss audit`` from a shell, on recorded responses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.recordings import LANGUAGES, write_prompts, write_recording
from isogloss.cli.main import app
from isogloss.store import RunStore


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
        (["--languages", ","], "names no language"),
        (["--languages", "de"], "has no prompts in de"),
        (["--prompts", "missing.csv"], "missing.csv"),
        (["--judge", "nobody"], "'nobody' is not a judge"),
        (["--judge", "oracle"], "oracle only judges answers to a lab's questions"),
        (["--shares", "nothing"], "no share table"),
        (["--limit", "0"], "--limit"),
        (["--out", "/proc/run"], "/proc/run"),
        (["--out", "/proc/version/run"], "/proc/version is a file"),
        (["--temperature", "-1"], "--temperature must be 0"),
        (["--temperature", "nan"], "--temperature must be 0"),
        (["--max-new-tokens", "0"], "Invalid value for '--max-new-tokens'"),
        (["--arm", " "], "--arm must be a name"),
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


def test_recorded_responses_may_bring_their_prompts(tmp_path: Path) -> None:
    apart = audit(tmp_path, "--json", "--no-report")
    prompts = [json.loads(line) for line in (tmp_path / "prompts.jsonl").read_text().splitlines()]
    records = [json.loads(line) for line in (tmp_path / "recorded.jsonl").read_text().splitlines()]
    both = tmp_path / "recorded.jsonl"  # the same name: the target is part of every row
    both.write_text(
        "".join(json.dumps(r | p) + "\n" for r, p in zip(records, prompts, strict=True))
    )
    command = ["audit", f"replay:{both}", "--out", str(tmp_path / "own"), "--json", "--no-report"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == apart.stdout


def test_recorded_responses_without_prompts_say_what_is_missing(tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "recorded.jsonl")
    command = ["audit", f"replay:{recording}", "--out", str(tmp_path / "run"), "--no-report"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "no column text and intent" in result.stderr
    assert "--prompts FILE" in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_table_without_intents_needs_the_option(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text("\ufeffid,en,sw\n0,one,moja\n1,two,mbili\n", "utf-8")
    (tmp_path / "recorded.csv").write_text(
        "prompt_id,language,outcome\n0,en,refused\n0,sw,complied\n1,en,refused\n1,sw,refused\n"
    )
    command = ["audit", f"replay:{tmp_path / 'recorded.csv'}", "--out", str(tmp_path / "run")]
    command += ["--prompts", str(tmp_path / "wide.csv"), "--json", "--no-report"]
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 2
    assert "--intent harmful" in refused.stderr
    assert not (tmp_path / "run").exists()
    result = CliRunner().invoke(app, [*command, "--intent", "harmful", "--licence", "MIT"])
    assert result.exit_code == 0, result.stderr
    rates = {
        row["language"]: row["estimate"]
        for row in json.loads(result.stdout)
        if row["metric"] == "compliance_rate" and row["language"] and not row["category"]
    }
    assert rates == {"en": 0.0, "sw": 0.5}
    with RunStore(tmp_path / "run") as store:
        assert store.meta("prompt_set")["licence"] == "MIT"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--intent", "harmful"], "name one with --prompts"),
        (["--languages", "de"], "has no prompts in de"),
        (["--prompts", "prompts.jsonl"], "are not questions of lab:tiny"),
        (["--out", "prompts.jsonl"], "prompts.jsonl is a file"),
        (["--out", "other"], "file is not a database"),
    ],
)
def test_what_is_wrong_is_said_before_a_lab_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    write_prompts(Path("prompts.jsonl"))
    Path("other").mkdir()
    Path("other/run.db").write_bytes(b"no database " * 500)
    result = CliRunner().invoke(app, ["audit", "lab:tiny", *options])
    assert result.exit_code == 2
    assert words in result.stderr
    assert not Path("cache").exists()
    assert not Path("runs").exists()


def test_replies_nobody_judged_go_through_a_hand_and_come_back(tmp_path: Path) -> None:
    """``show --transcripts --json``, with outcomes filled in, is a recording."""
    audit(tmp_path, "--no-report")
    shown = CliRunner().invoke(
        app, ["show", str(tmp_path / "run"), "--transcripts", "--reveal", "--json"]
    )
    labelled = [row | {"outcome": "irrelevant"} for row in json.loads(shown.stdout)]
    (tmp_path / "replies.json").write_text(json.dumps(labelled))
    command = ["audit", f"replay:{tmp_path / 'replies.json'}", "--out", str(tmp_path / "second")]
    command += ["--prompts", str(tmp_path / "prompts.jsonl"), "--json", "--no-report"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    rates = {r["estimate"] for r in json.loads(result.stdout) if r["metric"] == "following_rate"
             and r["language"] and r["category"] is None}  # fmt: skip
    assert rates == {0.0}


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
