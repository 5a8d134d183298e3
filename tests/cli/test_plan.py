"""`isogloss plan`: the numbers of `stats.power`, for people and as JSON; bad values are named."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from isogloss.cli import plan
from isogloss.errors import InputError

ROWS = [
    ("one language against English", "these languages"),
    ("gap between tiers", "these languages"),
    ("gap between tiers", "languages like these"),
    ("compare: margin ruled out", "these languages"),
]


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    plan.register(app)
    return app


def answers(app: typer.Typer, *options: str) -> list[dict]:
    result = CliRunner().invoke(app, ["plan", "--json", *options])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["answers"]


def test_needed_prompts_are_the_textbook_ones(app: typer.Typer) -> None:
    """Three languages are two comparisons: z(1 - .05 / 2 / 2) = 2.2414, z(.8) = .8416."""
    found = answers(app, "--points", "5", "--rate", "10", "--languages", "3")
    by_hand = (2.2414 + 0.8416) ** 2 * (0.09 + 0.1275) / 0.05**2
    assert found[0]["needed_prompts"] == pytest.approx(by_hand, abs=1)
    assert [(row["question"], row["scope"]) for row in found] == ROWS
    assert all(row["detectable"] is None and row["n_prompts"] is None for row in found)


def test_both_scopes_and_the_margin_for_a_prompt_set(app: typer.Typer) -> None:
    found = answers(app, "--prompts", "315")
    assert [(row["question"], row["scope"]) for row in found] == ROWS
    english, these, like, margin = (row["detectable"] for row in found)
    assert these < margin < english < like
    more = answers(app, "--prompts", "3150")
    assert more[0]["detectable"] < english
    assert more[2]["detectable"] > 0.9 * like  # prompts do not help: languages vary


def test_repeated_samples_count_by_their_correlation(app: typer.Typer) -> None:
    options = ("--prompts", "100", "--samples", "4", "--icc")
    independent, alike = answers(app, *options, "0"), answers(app, *options, "1")
    assert independent[0]["detectable"] == answers(app, "--prompts", "400")[0]["detectable"]
    assert alike[0]["detectable"] == pytest.approx(
        answers(app, "--prompts", "100")[0]["detectable"], rel=0.02
    )


def test_what_cannot_be_had_says_why(app: typer.Typer) -> None:
    never = answers(app, "--points", "5")[2]
    assert never["needed_prompts"] is None
    assert "ask more languages" in never["reason"]
    full = answers(app, "--points", "60", "--rate", "50")[0]
    assert "no room" in full["reason"]
    few = answers(app, "--prompts", "100", "--languages", "3")[2]
    assert "two languages in each tier" in few["reason"]


def test_text_tells_the_same_and_its_assumptions(app: typer.Typer) -> None:
    shown = CliRunner().invoke(app, ["plan", "--prompts", "300", "--points", "10"])
    assert shown.exit_code == 0
    row = answers(app, "--prompts", "300", "--points", "10")[0]
    line = next(x for x in shown.stdout.splitlines() if x.startswith(ROWS[0][0]))
    assert f"{100 * row['detectable']:.1f} points" in line
    assert line.rstrip().endswith(str(row["needed_prompts"]))
    assert "Assumed: rate 10 %, 16 languages (5 low, 5 high tier)" in shown.stdout
    table = CliRunner().invoke(app, ["plan"])
    assert table.stdout.count(ROWS[0][0]) == len(plan.PROMPTS_SHOWN)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--points", "0"], "--points"),
        (["--points", "100"], "--points"),
        (["--prompts", "1"], "--prompts"),
        (["--rate", "101"], "--rate"),
        (["--languages", "2"], "--languages"),
        (["--icc", "1.5"], "icc"),
        (["--power", "100"], "power"),
        (["--language-sd", "80"], "language_sd"),
        (["--samples", "0"], "cluster_size"),
        (["--low", "12", "--high", "9"], "--low 12"),
    ],
)
def test_bad_values_are_named(app: typer.Typer, options: list[str], word: str) -> None:
    result = CliRunner().invoke(app, ["plan", *options])
    assert isinstance(result.exception, InputError)
    assert word in str(result.exception)


def test_the_module_is_cheap_to_import() -> None:
    code = "import sys, isogloss.cli.plan; print(any(m in sys.modules for m in ('numpy', 'scipy')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
