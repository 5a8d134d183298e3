"""`isogloss report`: one path on stdout, or one error for one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from isogloss.cli import report
from isogloss.errors import StoreError
from report.synthetic import lab_table, make_run


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    report.register(app)
    return app


def test_it_prints_where_the_page_is(app: typer.Typer, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", table=lab_table(), tags=("en-x-lab", "fi-x-lab"), n_prompts=12)
    out = tmp_path / "elsewhere" / "page.html"
    result = CliRunner().invoke(app, ["report", str(run), "--out", str(out)])
    assert result.exit_code == 0
    assert result.stdout == f"{out}\n"
    assert "<h1>" in out.read_text("utf-8")
    assert (out.parent / "page" / "tables" / "measurements.csv").is_file()


def test_a_folder_that_is_no_run_leaves_nothing_behind(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert isinstance(result.exception, StoreError)
    assert "is not a run folder" in str(result.exception)
    assert list(tmp_path.iterdir()) == []
