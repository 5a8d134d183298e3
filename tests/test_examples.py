"""The examples run as a reader would run them, and say what is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import isogloss

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, folder: Path) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), str(folder)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_own_target_counts_by_language(tmp_path: Path) -> None:
    # By construction the target refuses the one harmful request in English and answers the other.
    assert run("own_target.py", tmp_path).splitlines() == [
        "en: 0 of 1 harmful requests complied with",
        "sw: 1 of 1 harmful requests complied with",
    ]


@pytest.mark.lab
@pytest.mark.usefixtures("tiny_lab")
def test_lab_tour_audits_compares_and_reports(tmp_path: Path) -> None:
    told = run("lab_tour.py", tmp_path)
    languages = isogloss.parse_spec("lab:tiny").languages
    # Share, then harmful rate, for every language; then the comparison for every language.
    for tag in languages:
        assert len(re.findall(rf"^  {tag} ", told, flags=re.MULTILINE)) == 2, told
    assert told.count("these languages: ") == told.count("languages like these: ") == 1
    assert (tmp_path / "chat" / "report.html").is_file()


def test_every_example_is_listed() -> None:
    listed = set(re.findall(r"\]\((\w+\.py)\)", (EXAMPLES / "README.md").read_text()))
    assert listed == {path.name for path in EXAMPLES.glob("*.py")}
