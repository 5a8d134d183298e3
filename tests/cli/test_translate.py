"""``isogloss translate`` from a shell."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from isogloss.cli.main import app
from isogloss.lab.questions import lab_prompts
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.prompts import load_prompts, write_prompts
from openai_server import OpenAIServer, openai_server
from translate.planted import english


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def translate(*words: object) -> Result:
    return CliRunner().invoke(app, ["translate", *map(str, words)])


@pytest.fixture
def lab_set(tmp_path: Path) -> Path:
    """English questions of the lab, and Finnish ones of half of them."""
    lab = Lab(parse_spec("lab:tiny"))
    prompts = lab_prompts(lab, languages=["en-x-lab", "fi-x-lab"])
    half = {prompt.prompt_id for prompt in prompts[: len(prompts) // 2]}
    kept = [p for p in prompts if p.language == "en-x-lab" or p.prompt_id in half]
    write_prompts(kept, tmp_path / "half.csv")
    return tmp_path / "half.csv"


def test_a_half_translated_set_says_what_it_lacks(lab_set: Path) -> None:
    result = translate(lab_set)
    assert result.exit_code == 0, result.stderr
    assert "fi-x-lab         84 of 168 prompts, 84 missing" in result.stdout
    assert "--to fi-x-lab" in result.stderr
    assert json.loads(translate(lab_set, "--json").stdout) == {
        "missing": {"en-x-lab": 0, "fi-x-lab": 84}
    }


def test_a_half_translated_set_is_filled(lab_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "whole.jsonl"
    result = translate(lab_set, "--to", "fi-x-lab", "--engine", "lab:tiny", "--out", out)
    assert result.exit_code == 0, result.stderr
    expected = lab_prompts(Lab(parse_spec("lab:tiny")), languages=["en-x-lab", "fi-x-lab"])
    made = load_prompts(out).prompts
    assert [replace(p, translation=None) for p in made] == sorted(expected, key=lambda p: p.key)
    assert sum(p.translation is not None for p in made) == 84
    assert "fi-x-lab" in result.stdout
    assert "84" in result.stdout
    assert f"isogloss audit TARGET --prompts {out}".replace("\n", "") in result.stdout


def test_the_lab_s_own_questions(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    result = translate("lab:tiny", "--to", "fi-x-lab", "--engine", "lab:tiny", "--out", out)
    assert result.exit_code == 0, result.stderr
    expected = lab_prompts(Lab(parse_spec("lab:tiny")), languages=["en-x-lab", "fi-x-lab"])
    texts = {p.key: p.text for p in load_prompts(out).prompts}
    assert texts == {p.key: p.text for p in expected}


def test_flags_missing_rows_and_json(lab_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    options = ["--to", "fi-x-lab,fr-x-lab", "--engine", "lab:tiny~noise=0.5", "--out", out,
               "--back-engine", "lab:tiny", "--second-engine", "lab:tiny", "--json"]  # fmt: skip
    result = translate(lab_set, *options)
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)
    rates = {(r["language"], r["variant"]): r["estimate"]
             for r in rows if r["metric"] == "flag_rate" and r["category"] is None}  # fmt: skip
    assert rates["fr-x-lab", "original"] > 0.3
    assert rates["fr-x-lab", "second-engine"] == 0
    missing = table(tmp_path / "out.csv.untranslated.csv")
    made = load_prompts(out).prompts
    keys = {tuple(p.key) for p in made}
    assert missing
    assert len(made) + len(missing) == 168 * 5
    assert all((m["prompt_id"], m["language"], m["variant"]) not in keys for m in missing)
    assert f"{len(missing)} prompts not translated" in result.stderr
    n_flagged = sum(bool(row["flags"]) for row in table(out))
    again = translate(lab_set, *options[:-1])
    assert f"{n_flagged} flagged: they stay in the set" in again.stdout
    assert "--edits" in again.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--to", ","], "--to ',' names no language"),
        (["--to", "fi-x-lab"], "name --engine and --out too"),
        (["--to", "fi-x-lab", "--engine", "lab:tiny"], "name --out too"),
        (["--to", "qq", "--engine", "lab:tiny", "--out", "o.csv"], "'qq' is not a language code"),
        (["--to", "sw", "--engine", "lab:tiny", "--out", "o.csv"], "no rows in en or the column"),
        (["--to", "sw-x-lab", "--engine", "deepl:x", "--out", "o.csv"], "not a translation engine"),
        (["--to", "sw-x-lab", "--engine", "lab:tiny", "--out", "o.xlsx"], "cannot write '.xlsx'"),
        (["--to", "ny-x-lab", "--engine", "lab:tiny", "--out", "o.csv"], "not ny-x-lab"),
        (["--to", "sw-x-lab", "--engine", "lab:tiny", "--out", "half.csv"], "is the set itself"),
        (["--to", "sw-x-lab", "--engine", "lab:tiny", "--out", "o.csv", "--dry-run"],
         "--dry-run estimates openai: engines"),
        (["--to", "sw-x-lab", "--engine", "openai:m", "--out", "o.csv", "--base-url",
          "http://127.0.0.1:9/v1"], "knows no lab language"),
    ],
)  # fmt: skip
def test_errors_are_one_sentence_and_leave_nothing(
    lab_set: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.chdir(lab_set.parent)
    before = lab_set.read_bytes()
    result = translate(lab_set, *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert lab_set.read_bytes() == before
    assert not Path("o.csv").exists()


def test_edits_by_file(lab_set: Path, tmp_path: Path) -> None:
    out, corrected = tmp_path / "out.csv", tmp_path / "corrected.csv"
    options = ["--to", "fi-x-lab", "--engine", "lab:tiny", "--out", out]
    assert translate(lab_set, *options).exit_code == 0
    rows = [row for row in table(out) if row["engine"]]
    with corrected.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["prompt_id", "language", "text"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows([rows[0] | {"text": "uusi teksti ?"}, *rows[1:]])
    result = translate(lab_set, *options, "--edits", corrected)
    assert result.exit_code == 0, result.stderr
    assert "1 texts corrected by people" in result.stderr
    again = {row["prompt_id"]: row for row in table(out) if row["engine"]}
    edited = again[rows[0]["prompt_id"]]
    assert (edited["text"], edited["engine"]) == ("uusi teksti ?", "human")
    assert "low_chrf" in edited["flags"]
    assert sum(row["engine"] == "human" for row in again.values()) == 1
    corrected.write_text("prompt_id,language,text\nobject:1/act:99,fi-x-lab,x\n")
    result = translate(lab_set, *options, "--edits", corrected)
    assert result.exit_code == 2
    assert "prompt_id 'object:1/act:99', language fi-x-lab" in result.stderr


@pytest.fixture
def english_set(tmp_path: Path) -> Path:
    write_prompts(english(40), tmp_path / "english.csv")
    return tmp_path / "english.csv"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    def reply(messages: list[dict[str, str]]) -> str:
        return "tafsiri " + messages[-1]["content"].split("\n")[1]

    with openai_server(reply) as running:
        yield running


def chat_options(out: Path, server: OpenAIServer) -> list[str]:
    return ["--to", "sw", "--engine", "openai:test-model", "--out", str(out), "--no-back",
            "--base-url", server.base_url, "--connections", "2"]  # fmt: skip


def test_an_endpoint_estimated_then_asked(
    english_set: Path, tmp_path: Path, server: OpenAIServer
) -> None:
    out, prices = tmp_path / "out.csv", tmp_path / "prices.csv"
    prices.write_text(
        "model,input_per_million,output_per_million,currency\ntest-model,10,1000,EUR\n"
    )
    result = translate(english_set, *chat_options(out, server), "--dry-run", "--json")
    assert result.exit_code == 0, result.stderr
    (estimate,) = json.loads(result.stdout)
    assert estimate["cost"] is None
    assert (estimate["n_calls"], estimate["n_known"], server.n_calls) == (40, 0, 0)
    assert 40 * 100 < estimate["n_prompt_tokens"] < 40 * 500
    assert not list(tmp_path.glob("out*"))
    result = translate(english_set, *chat_options(out, server), "--prices", prices)
    assert result.exit_code == 0, result.stderr
    used = re.search(
        r"asked 40 times now, ([\d,]+) tokens read, ([\d,]+) written; cost: ([\d.]+) EUR",
        result.stdout,
    )
    assert used is not None
    read, written = (int(used[i].replace(",", "")) for i in (1, 2))
    assert float(used[3]) == pytest.approx((10 * read + 1000 * written) / 1e6, abs=0.005)
    assert server.n_calls == 40
    texts = {p.prompt_id: p.text for p in load_prompts(out).prompts if p.language == "sw"}
    assert texts == {p.prompt_id: f"tafsiri {p.text}" for p in english(40)}
    result = translate(english_set, *chat_options(out, server), "--dry-run")
    assert "0 calls (40 known already)" in result.stdout


def test_killed_and_run_again_nothing_is_paid_twice(
    english_set: Path, tmp_path: Path, server: OpenAIServer
) -> None:
    out = tmp_path / "out.csv"
    server.latency = 0.05
    words = [sys.executable, "-m", "isogloss", "translate", str(english_set),
             *chat_options(out, server)]  # fmt: skip
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while server.n_calls < 10 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert 10 <= server.n_calls < 40
    server.latency = 0.0
    result = translate(english_set, *chat_options(out, server))
    assert result.exit_code == 0, result.stderr
    assert server.n_calls <= 40 + 4  # two in flight, two between reply and journal
    assert len(load_prompts(out).prompts) == 80


def test_what_a_filter_blocked_is_listed_and_asked_again(
    english_set: Path, tmp_path: Path, server: OpenAIServer
) -> None:
    out = tmp_path / "out.csv"
    server.faults = lambda number: "filter-error" if number == 5 else None
    result = translate(english_set, *chat_options(out, server))
    assert result.exit_code == 0, result.stderr
    (row,) = table(tmp_path / "out.csv.untranslated.csv")
    assert "blocked by the provider" in row["reason"]
    assert len(load_prompts(out).prompts) == 79
    server.faults = None
    assert translate(english_set, *chat_options(out, server)).exit_code == 0
    assert server.n_calls == 41
    assert not (tmp_path / "out.csv.untranslated.csv").exists()


def test_an_unknown_model(english_set: Path, tmp_path: Path, server: OpenAIServer) -> None:
    options = chat_options(tmp_path / "out.csv", server)
    options[options.index("--engine") + 1] = "openai:other-model"
    result = translate(english_set, *options)
    assert result.exit_code == 2
    assert "other-model" in result.stderr
