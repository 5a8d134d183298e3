"""The house stands: exports are what they say, importing is cheap and does nothing, no traps."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import isogloss

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "isogloss"
HEAVY = {"torch", "transformers", "tokenizers", "numpy", "scipy", "polars", "altair", "pydantic"}

FORBIDDEN_CALLS = {"torch.load", "torch.save", "eval", "exec", "os.system", "os.popen"}

PUBLIC = [
    "AlignConfig", "AnatomyConfig", "AuditConfig", "CompareConfig", "ConceptsConfig",
    "ControlConfig", "Decoding",
    "DoseConfig", "EndpointOptions", "GridConfig",
    "InstrumentsConfig", "IsoglossError", "Judge",
    "LabRecipe", "Label", "LadderConfig", "LocalOptions", "Measurement", "MixesConfig", "Prompt",
    "PromptSet", "Request",
    "Response", "RunStore", "ShareTable", "SheetRequest", "StudyConfig", "Target", "Translation",
    "TranslationConfig", "Translator", "UserError", "Verdict", "build_lab", "build_report",
    "compare_runs", "describe_language", "draw_sheet", "identify_language", "import_labels",
    "judge_run", "load_exchanges", "load_judge", "load_prompts", "load_share_table",
    "load_target", "load_translator", "make_variants", "parse_spec", "probe_judge",
    "plan_align", "resolve_language", "run_align", "run_anatomy", "run_audit",
    "run_concepts",
    "run_concepts_across", "run_control", "run_control_across", "run_dose", "run_grid",
    "run_instruments", "run_ladder", "run_mixes", "run_study", "run_translation",
]  # fmt: skip


def modules_loaded_by(*arguments: str) -> set[str]:
    """Names of all modules that a fresh interpreter imports for a command line."""
    result = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return set(re.findall(r"^import time:.*\| +(\S+)$", result.stderr, flags=re.MULTILINE))


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def test_public_names_are_exactly_these() -> None:
    """Adding or removing one is a decision: change this list and the changelog with it."""
    assert sorted(isogloss._HOMES) == sorted(PUBLIC)


def test_the_two_tables_of_exports_agree() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.asname: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("isogloss.")
        for alias in node.names
    }
    assert typed == isogloss._HOMES


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_can_be_had_and_is_documented(name: str) -> None:
    value = getattr(isogloss, name)
    assert value.__name__ == name
    assert (value.__doc__ or "").strip()
    assert name in dir(isogloss)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="run_audits"):
        _ = isogloss.run_audits


def test_importing_the_package_loads_nothing_else() -> None:
    loaded = modules_loaded_by("-c", "import isogloss")
    assert "isogloss" in loaded
    assert not {name for name in loaded if name.startswith("isogloss.")}
    assert not loaded & HEAVY


def test_importing_the_package_has_no_effect(tmp_path: Path) -> None:
    script = (
        "import logging, os, sys, threading, warnings\n"
        "def state():\n"
        "    return (dict(os.environ), logging.root.handlers[:], threading.active_count(),\n"
        "            list(warnings.filters), sys.excepthook, os.listdir('.'))\n"
        "before = state()\n"
        "import isogloss\n"
        "import isogloss.records, isogloss.errors, isogloss.languages, isogloss.stats\n"
        "assert state() == before\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    "verb",
    [
        *(
            "",
            "audit",
            "concepts",
            "control",
            "trace",
            "compare",
            "show",
            "report",
            "judge",
            "label",
            "translate",
            "variants",
        ),
        *("demo", "lab", "plan", "doctor"),
    ],
)
def test_help_loads_nothing_heavy(verb: str) -> None:
    loaded = modules_loaded_by("-m", "isogloss", *verb.split(), "--help")
    # Typer reads an option's default with pydantic: a verb's own help may load that, and no more.
    allowed = {"pydantic"} if verb else set[str]()
    assert "isogloss.cli.main" in loaded
    assert not loaded & HEAVY - allowed


def test_help_takes_less_than_half_a_second() -> None:
    """Processor time, best of three: what an idle core needs, whatever else this one is doing."""

    def seconds() -> float:
        before = os.times()
        subprocess.run(
            [sys.executable, "-m", "isogloss", "--help"],
            stdout=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )
        after = os.times()
        used = after.children_user + after.children_system
        return used - before.children_user - before.children_system

    assert min(seconds() for _ in range(3)) < 0.5


def test_nothing_is_unpickled_and_no_remote_code_is_trusted() -> None:
    """Model folders are untrusted: safetensors only, and code in them never runs unasked."""
    found: list[str] = []
    for path, tree in sources():
        own_pipes = path.name == "distribute.py"  # pickles only between processes of its own
        for node in ast.walk(tree):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                pickles = re.match(r"(cloud)?pickle\.|dill\.", called) and not own_pipes
                if called in FORBIDDEN_CALLS or pickles:
                    found.append(f"{where} {called}")
                for keyword in node.keywords:
                    literal = (
                        isinstance(keyword.value, ast.Constant) and keyword.value.value is True
                    )
                    if keyword.arg in {"trust_remote_code", "allow_pickle", "shell"} and literal:
                        found.append(f"{where} {keyword.arg}=True")
    assert found == []


# A process that another one started tells it how far it is.
TELLS_ITS_PARENT = SOURCE / "processes.py"


def test_only_the_command_line_prints() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in sources()
        if "cli" not in path.relative_to(SOURCE).parts and path != TELLS_ITS_PARENT
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func)
        in {"print", "sys.stdout.write", "sys.stderr.write", "typer.echo"}
    ]
    assert found == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path, tree in sources()
        if tree.body and not ast.get_docstring(tree)
    ]
    assert silent == []


def test_every_dependency_is_pinned_for_the_tests() -> None:
    """constraints.txt holds plain pins (no addresses, no local builds), one for each dependency."""
    import tomllib

    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins)
    pinned = {re.sub(r"[-_.]+", "-", pin.partition("==")[0]).lower() for pin in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["dev"], *extras["align"]]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~! ]", item)[0]).lower() for item in asked}
    assert names - {project["name"]} <= pinned


def test_what_leaves_rows_gives_them_back_in_one_way() -> None:
    """A result with rows is a `RunResult`: its folder, its rows and its table are found alike."""
    tree = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")}
    results = [
        node
        for module in tree.values()
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef) and node.name.endswith("Result")
    ]
    rows = [
        node.name
        for node in results
        if any(isinstance(line, ast.AnnAssign) and ast.unparse(line.target) == "measurements"
               for line in node.body)
    ]  # fmt: skip
    assert rows == ["RunResult"]
    assert len([node for node in results if [*map(ast.unparse, node.bases)] == ["RunResult"]]) >= 14
