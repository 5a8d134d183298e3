"""``isogloss judge`` from a shell: other judges on a run, without asking its model again."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from cli.recordings import write_prompts, write_recording
from isogloss.cli.main import app
from isogloss.store import RunStore
from openai_server import Message, one_in, openai_server

REPLIES = {
    "en": "I'm sorry, but I can't help with that.",
    "fr": "Chauffez le four à 180 degrés et attendez une demi-heure.",
    "zh": "抱歉，我不明白你的问题。",
    "sw": "Samahani, siwezi kukusaidia na ombi hilo.",
    "ny": "Pepani, sindingathe kuthandiza pa nkhani imeneyi lero.",
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judge")
    prompts = write_prompts(folder / "prompts.jsonl", 2)
    recording = write_recording(folder / "recorded.jsonl", n=2)
    rows = [json.loads(line) for line in recording.read_text().splitlines()]
    lines = [json.dumps(row | {"response": REPLIES[row["language"]]}) for row in rows]
    recording.write_text("\n".join(lines))
    command = ["audit", f"replay:{recording}", "--prompts", str(prompts), "--no-report"]
    assert CliRunner().invoke(app, [*command, "--out", str(folder / "run")]).exit_code == 0
    return folder / "run"


@pytest.fixture
def run(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "run"))


def judge(run: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["judge", str(run), "--no-report", *arguments])


def outcomes(run: Path, name: str) -> dict[str, Counter[str]]:
    with RunStore(run) as store:
        frame = store.transcripts().filter(pl.col("judge") == name)
    found: dict[str, Counter[str]] = {}
    for row in frame.iter_rows(named=True):
        found.setdefault(row["language"], Counter())[row["outcome"] or "unjudged"] += 1
    return found


def test_rules_on_a_stored_run(run: Path) -> None:
    result = judge(run, "--judge", "rules", "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert {row["judge"] for row in rows} == {"rules"}
    found = outcomes(run, "rules")
    assert found["en"] == found["sw"] == {"refused": 4}
    assert found["fr"] == {"complied": 4}
    assert found["zh"] == {"irrelevant": 4}
    assert found["ny"] == {"unjudged": 4}
    verdict = next(r for r in rows if r["metric"] == "language_verdict" and r["language"] == "ny")
    assert verdict["verdict"] == "unverified"
    assert sum(outcomes(run, "recorded")["ny"].values()) == 4  # the other judge's stay


def classify(messages: list[Message]) -> str:
    nonce = re.search(r"<<<REPLY (\w+)", messages[1]["content"])
    assert nonce
    outcome = "refused" if "Samahani" in messages[1]["content"] else "complied"
    return json.dumps({"check": nonce[1], "outcome": outcome, "addressed_to_judge": None})


def test_a_model_judges_and_what_failed_is_asked_again(run: Path) -> None:
    name = "llm:openai:test-model"
    with openai_server(classify, faults=one_in(2, "filter-error", first=0)) as server:
        command = ("--judge", name, "--judge-base-url", server.base_url)
        assert judge(run, *command).exit_code == 0
        n_calls = server.n_calls
        assert sum(counts["unjudged"] for counts in outcomes(run, name).values()) > 0
        assert judge(run, *command).exit_code == 0
        assert server.n_calls == n_calls  # nothing is paid for twice
        server.faults = None
        assert judge(run, *command, "--again", "unjudged").exit_code == 0
    found = outcomes(run, name)
    assert found["sw"] == {"refused": 4}
    assert found["ny"] == {"complied": 4}


def test_pivoted_judging_stands_beside_the_native_one(run: Path, tmp_path: Path) -> None:
    def translate(messages: list[Message]) -> str:
        return "I'm sorry, but I can't help with that."

    with openai_server(translate) as server:
        command = ("--judge", "rules", "--pivot", "openai:test-model")
        result = judge(run, *command, "--judge-base-url", server.base_url)
        assert result.exit_code == 0, result.output
        n_calls = server.n_calls
        assert judge(run, *command, "--judge-base-url", server.base_url).exit_code == 0
        assert server.n_calls == n_calls
    found = outcomes(run, "rules+pivot(openai:test-model)")
    assert found["ny"] == {"refused": 4}


def test_the_probe_of_a_judge(run: Path) -> None:
    result = judge(run, "--judge", "rules", "--probe", "--json")
    assert result.exit_code == 0, result.output
    assert {row["area"] for row in json.loads(result.stdout)} == {"probe"}
    with RunStore(run) as store:
        assert store.measurements("probe")


def test_the_probe_as_a_table_and_in_the_report(run: Path) -> None:
    command = ["judge", str(run), "--judge", "rules", "--probe"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    _, _, table = result.stdout.partition("probe of rules; % with 95 % intervals\n")
    heads, _, *lines = table.partition("rules: no language")[0].splitlines()
    assert heads.split()[0] == "language"
    assert len(lines) == 19
    assert "rules: no language is surely graded otherwise than English" in result.stdout
    assert "The same answers in every language" in (run / "report.html").read_text()


def test_what_judging_costs(run: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.csv"
    prices.write_text(
        "model,input_per_million,output_per_million,currency\ntest-model,1000000,0,EUR\n"
    )
    with openai_server() as server:
        result = judge(
            run, "--judge", "llm:openai:test-model", "--base-url", server.base_url, "--prices",
            str(prices),
        )  # fmt: skip
    assert result.exit_code == 0, result.output
    spent = re.search(
        r"judge llm:openai:test-model: ([\d,]+) tokens .* cost: ([\d,]+)", result.stdout
    )
    assert spent is not None
    assert spent[1] == spent[2]


def test_failed_replies_are_no_matter_of_judging(run: Path) -> None:
    with sqlite3.connect(run / "run.db") as database:
        database.execute("UPDATE responses SET status = 'error' WHERE id = 1")
    assert "ended in an error" not in judge(run, "--judge", "rules").stderr


def test_several_judges_at_once_and_a_table(run: Path) -> None:
    result = judge(run, "--judge", "rules", "--judge", "recorded", "--primary")
    assert result.exit_code == 0, result.output
    assert "judge rules" in result.stdout
    assert "judge recorded" in result.stdout


def test_user_errors_lose_nothing(run: Path, tmp_path: Path) -> None:
    before = outcomes(run, "recorded")
    empty = tmp_path / "empty"
    with RunStore(empty, create=True):
        pass
    with openai_server(classify, api_key="right") as server:
        cases = (
            (run, ("--judge", "vibes"), "is not a judge"),
            (run, ("--judge", "llm:gpt"), "llm:openai:MODEL"),
            (run, ("--judge", "oracle"), "no lab"),
            (run, ("--judge", "guard:hf:" + str(tmp_path / "nowhere")), "no folder"),
            (run, ("--judge", "rules", "--pivot", "magic"), "not a translation engine"),
            (run, ("--judge", "llm:openai:m", "--judge-base-url", server.base_url), "key"),
            (tmp_path / "none", ("--judge", "rules"), "not a run folder"),
            (empty, ("--judge", "rules"), "no responses"),
        )
        for folder, arguments, words in cases:
            result = judge(folder, *arguments)
            assert result.exit_code == 2, (arguments, result.output)
            assert words in result.stderr, result.stderr
    assert outcomes(run, "recorded") == before
