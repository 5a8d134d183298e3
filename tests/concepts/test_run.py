"""A whole study on a trained lab model: all measured, resumed to the same bytes, or refused."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.concepts.run import ConceptsConfig, run_concepts
from isogloss.errors import InputError, ModelError
from isogloss.store import RunStore

TINY = "lab:tiny"
FEW = ("en-x-lab", "fr-x-lab", "sw-x-lab")
TWO = ("toxicity", "harmfulness")


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.safetensors"))
    }


@pytest.fixture(scope="module")
def study(tiny_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    del tiny_lab
    folder = tmp_path_factory.mktemp("concepts") / "run"
    run_concepts(ConceptsConfig(target=TINY, out=folder, concepts=TWO, languages=FEW))
    return folder


@pytest.mark.lab
def test_every_pair_of_languages_is_measured(study: Path) -> None:
    with RunStore(study) as store:
        rows = store.measurements("concepts")
    own = Counter(row.concept for row in rows if row.metric == "recognition_accuracy")
    assert all(own[concept] >= len(FEW) ** 2 for concept in TWO)
    polite = [
        row.estimate
        for row in rows
        if (row.metric, row.concept) == ("recognition_accuracy", "toxicity")
        and row.language == row.source_language
        and row.language is not None
    ]
    assert min(value or 0 for value in polite) > 0.9, "one word tells insults from courtesy"
    assert {row.area for row in rows} == {"concepts"}
    related = {row.concept for row in rows if row.metric == "linguistic_correlation"}
    assert related == {*TWO, None}, "by concept, and of the mean over concepts"
    assert all(row.estimate is not None or row.reason for row in rows)


@pytest.mark.lab
def test_what_was_killed_resumes_to_the_same_bytes(study: Path) -> None:
    before = digests(study)
    assert len(before) == 2 * len(TWO) * len(FEW), "activations and vectors"
    gone = study / "activations" / "toxicity" / "sw-x-lab.safetensors"
    half = gone.with_name(f"{gone.name}.part")
    half.write_bytes(gone.read_bytes()[: gone.stat().st_size // 2])
    gone.unlink()
    kept = study / "activations" / "toxicity" / "en-x-lab.safetensors"
    written = kept.stat().st_mtime_ns
    run_concepts(ConceptsConfig(target=TINY, out=study, concepts=TWO, languages=FEW))
    assert digests(study) == before
    assert kept.stat().st_mtime_ns == written, "read, not recorded again"


@pytest.mark.lab
def test_the_command_prints_rows_and_writes_a_page(study: Path) -> None:
    only = [word for concept in TWO for word in ("--concept", concept)]
    command = ["concepts", TINY, "--out", str(study), "--languages", ",".join(FEW), *only]
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 0, told.output
    assert "layer (0 is the first block): harmfulness" in told.stdout
    assert (study / "report.html").is_file()
    rows = json.loads(CliRunner().invoke(app, [*command, "--json", "--no-report"]).stdout)
    assert {row["area"] for row in rows} == {"concepts"}


def test_what_cannot_be_studied_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(InputError, match="--pairs FILE"):
        run_concepts(ConceptsConfig(target="hf:somewhere", out=out))
    with pytest.raises(InputError, match="not a layer"):
        run_concepts(ConceptsConfig(target=TINY, layer="best", out=out))
    table = tmp_path / "pairs.csv"
    table.write_text("id,concept,language,positive,negative\n1,honesty,en,a,b\n")
    with pytest.raises(ModelError, match="no hidden states to read"):
        run_concepts(ConceptsConfig(target="openai:m", pairs=table, out=out))
    assert not out.exists()
