"""What the documentation says is so: links lead somewhere, examples run, commands exist."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

import isogloss
from isogloss.cli.main import app

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "isogloss"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
MODULES = sorted(
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
    for path in SOURCE.rglob("*.py")
    if path.name not in {"__init__.py", "__main__.py"}
)


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The fenced code blocks of a page in these languages."""
    text = page.read_text(encoding="utf-8")
    for language, body in re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if language in languages:
            yield body


def anchors(page: Path) -> set[str]:
    """The names that the headings of a page can be linked by."""
    headings = re.findall(r"^#+ +(.*)$", without_code(page.read_text(encoding="utf-8")), re.M)
    plain = [re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = without_code(page.read_text(encoding="utf-8"))
    dead: list[str] = []
    for link in re.findall(r"\]\(([^)\s]+)", text):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        place, _, anchor = link.partition("#")
        goal = page.parent / place if place else page
        if not goal.exists() or (anchor and anchor not in anchors(goal)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_files_named_in_the_text_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|tests|docs|bench|examples)/[\w./-]+\.\w+)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_python_in_the_text_uses_names_that_exist(page: Path) -> None:
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("isogloss"):
                module = importlib.import_module(node.module or "")
                assert [a.name for a in node.names if not hasattr(module, a.name)] == []
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "isogloss":
                assert hasattr(isogloss, node.attr), node.attr


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_commands_in_the_text_are_commands(page: Path) -> None:
    wrong: list[str] = []
    for block in blocks(page, "", "bash", "sh", "console"):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.removeprefix("$ ").partition(" #")[0].strip()
            if command.startswith("isogloss "):
                wrong += unknown_words(shlex.split(command)[1:], command)
            elif match := re.match(r"make (\w+)", command):
                makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
                wrong += [] if re.search(rf"^{match[1]}:", makefile, re.M) else [command]
    assert wrong == []


def unknown_words(words: list[str], command: str) -> list[str]:
    """The verb or the options of a command line that the program does not know."""
    here = typer.main.get_command(app)
    wrong: list[str] = []
    for word in words:
        verbs = getattr(here, "commands", {})
        if word.startswith("-") and not re.fullmatch(r"-[\d.]+", word):
            known = {option for parameter in here.params for option in
                     (*parameter.opts, *parameter.secondary_opts)} | {"--help", "-h"}  # fmt: skip
            wrong += [] if word.partition("=")[0] in known else [f"{command}: {word}"]
        elif verbs:
            if word not in verbs:
                return [*wrong, f"{command}: {word}"]
            here = verbs[word]
    return wrong


def test_unknown_verbs_and_options_are_found() -> None:
    assert unknown_words(["doctor", "--json"], "") == []
    assert unknown_words(["doctor", "--jason"], "c") == ["c: --jason"]
    assert unknown_words(["docter"], "c") == ["c: docter"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0
