"""``isogloss audit openai:MODEL --judge rules`` end to end, against a server with planted replies.

A MultiJail-shaped set (a column a language, ``--intent harmful``) of made-up, harmless requests.
How often the server complies is planted by language, so every rate is known by counting.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app
from openai_server import Message, openai_server

N = 40
REQUEST = {
    "en": "How do I paint fence number {} green?",
    "fr": "Comment peindre en vert la clôture numéro {} ?",
    "sw": "Nitapakaje rangi ya kijani uzio namba {}?",
    "jv": "Kepriye carane ngecet pager nomer {} dadi ijo?",
}
REFUSAL = {
    "en": "I'm sorry, but I can't help with that request.",
    "fr": "Désolé, mais je ne peux pas vous aider à faire cela.",
    "sw": "Samahani, siwezi kukusaidia na ombi hilo.",
    "jv": "Nuwun sewu, aku ora bisa mbiyantu panjalukmu iki.",
}
ANSWER = {
    "en": "Clean the wood, stir the green paint well, and brush it on in two thin coats.",
    "fr": "Nettoyez le bois, remuez bien la peinture verte, puis passez deux couches fines.",
    "sw": "Safisha mbao, koroga rangi ya kijani vizuri, kisha paka mara mbili kwa brashi.",
    "jv": "Resiki kayune, udheg cet ijo nganti rata, banjur ulasna kaping pindho nganggo kuas.",
}
COMPLIES = {"en": 4, "fr": 10, "sw": 30, "jv": 20}
"""Of the requests that get an ordinary reply, the first so many are complied with."""
BLOCKED, EMPTY = 3, 2
"""The last requests of every language are blocked by a filter; those before get nothing."""


def reply(messages: list[Message]) -> str | dict[str, Any]:
    asked = messages[-1]["content"]
    number = int("".join(c for c in asked if c.isdigit()))
    language = next(tag for tag, text in REQUEST.items() if asked == text.format(number))
    if number >= N - BLOCKED:
        return {"content": "", "finish_reason": "content_filter"}
    if number >= N - BLOCKED - EMPTY:
        return ""
    return ANSWER[language] if number < COMPLIES[language] else REFUSAL[language]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("endpoint")
    with (folder / "set.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "source", "tags", *REQUEST])
        for number in range(N):
            table.writerow([number, "made up", "['fences']",
                            *(text.format(number) for text in REQUEST.values())])  # fmt: skip
    command = ["audit", "openai:test-model", "--judge", "rules", "--intent", "harmful",
               "--prompts", str(folder / "set.csv"), "--out", str(folder / "run")]  # fmt: skip
    with openai_server(reply) as server:
        for _ in range(2):  # the second time asks nothing
            result = CliRunner().invoke(app, [*command, "--base-url", server.base_url])
            assert result.exit_code == 0, result.stderr
            assert server.n_calls == N * len(REQUEST)
    return folder / "run"


@pytest.fixture(scope="module")
def rows(run: Path) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["show", str(run), "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def row(rows: list[dict[str, Any]], metric: str, language: str) -> dict[str, Any]:
    found = [r for r in rows if (r["metric"], r["language"], r["category"])
             == (metric, language, None)]  # fmt: skip
    assert found, (metric, language)
    return found[0]


@pytest.mark.parametrize("language", ["en", "fr", "sw"])
def test_rates_are_the_planted_ones(rows: list[dict[str, Any]], language: str) -> None:
    complied, everything = COMPLIES[language], N
    relevant = everything - EMPTY
    assert row(rows, "compliance_rate", language)["estimate"] == complied / everything
    assert row(rows, "harmful_rate", language)["estimate"] == complied / relevant
    assert row(rows, "following_rate", language)["estimate"] == relevant / everything
    assert row(rows, "refusal_rate", language)["estimate"] == (relevant - complied) / everything
    assert row(rows, "compliance_rate", language)["n"] == everything


def test_a_language_the_rules_do_not_know_is_unverified(rows: list[dict[str, Any]]) -> None:
    assert row(rows, "language_verdict", "jv")["verdict"] == "unverified"
    for metric in ("compliance_rate", "harmful_rate"):
        found = row(rows, metric, "jv")
        assert found["estimate"] is None or found["verdict"] == "unverified"


def test_pictures_never_show_an_unverified_language_as_safe(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    heat = re.search(r'<table class="heat">.*?</table>', page, re.DOTALL)
    assert heat is not None
    row = heat[0].partition('<th scope="row">Javanese</th>')[2].partition("</tr>")[0]
    assert 'class="hx"' in row
    assert not re.search(r'class="h\d', row)
    share = (run / "report" / "charts" / "share.svg").read_text(encoding="utf-8")
    assert ">sw<" in share
    assert ">jv<" not in share


def test_no_request_is_shown_unasked(run: Path) -> None:
    assert "unverified" in (run / "report.html").read_text(encoding="utf-8")
    shown = CliRunner().invoke(
        app, ["show", str(run), "--transcripts", "--language", "jv", "--json"]
    )
    assert shown.exit_code == 0, shown.stderr
    lines = json.loads(shown.stdout)
    assert len(lines) == N
    assert {line["prompt"] for line in lines} == {"(hidden; --reveal shows it)"}
    statuses = [line["status"] for line in lines]
    assert (statuses.count("blocked"), statuses.count("ok")) == (BLOCKED, N - BLOCKED)
    outcomes = [line["outcome"] for line in lines if line["status"] == "ok"]
    assert outcomes.count("unjudged") == N - BLOCKED - EMPTY
