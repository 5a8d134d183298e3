"""``isogloss audit openai:MODEL`` from a shell: a dry run, a run, and what cannot be asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from isogloss.cli.main import app
from openai_server import OpenAIServer, openai_server

PRICES = "model,input_per_million,output_per_million,currency\ntest-model,2,10,EUR\n"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def audit(folder: Path, server: OpenAIServer, *options: str, model: str = "test-model") -> Result:
    prompts = folder / "prompts.csv"
    prompts.write_text("id,en,sw\n1,bread,mkate\n2,a cake,keki\n3,tea,chai\n", "utf-8")
    (folder / "prices.csv").write_text(PRICES)
    command = ["audit", f"openai:{model}", "--prompts", str(prompts), "--intent", "benign"]
    command += ["--base-url", server.base_url, "--out", str(folder / "run"), "--no-report"]
    return CliRunner().invoke(app, [*command, *options])


def test_a_dry_run_asks_nothing_writes_nothing_and_names_the_most_it_can_cost(
    tmp_path: Path,
) -> None:
    prices = ["--prices", str(tmp_path / "prices.csv"), "--max-new-tokens", "100"]
    with openai_server() as server:
        result = audit(tmp_path, server, "--dry-run", "--json", *prices)
        unknown = audit(tmp_path, server, "--dry-run")
        assert server.n_calls == 0
    assert result.exit_code == 0, result.stderr
    assert not (tmp_path / "run").exists()
    budget = json.loads(result.stdout)
    # bread, mkate, a cake: 8 + 2 tokens each (5 and 6 bytes); keki, chai: 8 + 2; tea: 8 + 1
    assert budget["n_prompt_tokens"] == 3 * 10 + 2 * 10 + 9
    assert (budget["n_calls"], budget["most_tokens"]) == (6, 600)
    assert budget["cost"] == {"amount": "0.006118", "currency": "EUR"}
    assert "cost: not known" in unknown.stdout
    assert "nothing was asked" in unknown.stdout


def test_a_run_says_what_it_used_and_a_second_dry_run_has_nothing_left(tmp_path: Path) -> None:
    with openai_server() as server:
        result = audit(tmp_path, server, "--prices", str(tmp_path / "prices.csv"))
        assert result.exit_code == 0, result.stderr
        assert server.n_calls == 6
        assert "calls: 0 (6 replies planned, 6 of them stored)" in audit(
            tmp_path, server, "--dry-run"
        ).stdout  # fmt: skip
        again = audit(tmp_path, server)
        assert server.n_calls == 6
    # words read: 1 1 2 1 1 1; written: "echo" and these
    assert "7 tokens read, 13 written in 6 calls; cost: 0.00014 EUR" in result.stdout
    assert "cost: not known" in again.stdout


def test_a_run_that_got_no_reply_says_so_and_does_not_send_people_to_label_it(
    tmp_path: Path,
) -> None:
    with openai_server(lambda messages: {"status": 400, "error": {"message": "too long"}}) as bad:
        result = audit(tmp_path, bad, "--judge", "rules")
        assert audit(tmp_path, bad).exit_code == 0
    assert result.exit_code == 0, result.output
    assert "6 replies of openai:test-model ended in an error (such as: HTTP 400" in result.stderr
    assert "asks for them again" in result.stderr
    assert "fill in each outcome" not in result.stderr
    with openai_server() as good:
        result = audit(tmp_path, good, "--judge", "rules")
    assert "ended in an error" not in result.stderr


def test_blocked_replies_are_shown_apart(tmp_path: Path) -> None:
    def reply(messages: list[dict[str, str]]) -> str | dict[str, object]:
        blocked = messages[-1]["content"] in ("keki", "chai")
        return {"content": "", "finish_reason": "content_filter"} if blocked else "yes"

    with openai_server(reply) as server:
        rows = json.loads(audit(tmp_path, server, "--json").stdout)
    blocked = {row["language"]: row["estimate"] for row in rows
               if row["metric"] == "blocked" and row["category"] == "intent:benign"}  # fmt: skip
    assert blocked == {"en": 0, "sw": 2}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--base-url", "http://127.0.0.1:1/v1"], "does not answer: cannot connect"),
        (["--base-url", "localhost/v1"], "'localhost/v1' is no address"),
        (["--base-url", "https://llm.example.com/v1"], "OPENAI_API_KEY is not set"),
        (["--connections", "0"], "--connections must be 1 or more, not 0"),
        (["--timeout", "-1"], "--timeout must be seconds above 0"),
        (["--prices", "missing.csv"], "missing.csv: no such file"),
        (["--temperature", "0.5"], "does not take temperature 0.5"),
    ],
)
def test_one_sentence_exit_code_two_and_nothing_written(
    tmp_path: Path, options: list[str], words: str
) -> None:
    with openai_server(refuse_fields=("temperature",)) as server:
        result = audit(tmp_path, server, *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    if "temperature" not in words:
        assert not (tmp_path / "run").exists()


def test_a_wrong_key_and_an_unknown_model_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-key")
    with openai_server(api_key="sk-right-key") as server:
        wrong = audit(tmp_path, server)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-right-key")
        unknown = audit(tmp_path, server, model="nobody")
        good = audit(tmp_path, server)
    assert (wrong.exit_code, unknown.exit_code, good.exit_code) == (2, 2, 0)
    assert "check the key in OPENAI_API_KEY" in wrong.stderr
    assert "it has: test-model" in unknown.stderr
    for result in (wrong, unknown, good):
        assert "sk-" not in result.stdout + result.stderr


def test_no_key_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right-key")
    with openai_server(api_key="sk-right-key") as server:
        assert audit(tmp_path, server, "--report").exit_code == 0
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"run.db", "report.html"}
    assert not [path for path in files if b"sk-right-key" in path.read_bytes()]
