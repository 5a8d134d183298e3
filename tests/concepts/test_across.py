"""Models side by side: runs are replicates, differences are paired, claims are tested."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.concepts.across import AREA, across_rows, group_studies
from isogloss.concepts.claims import CLAIMS
from isogloss.concepts.run import ConceptsConfig
from isogloss.concepts.several import run_concepts_across, with_seeds
from isogloss.concepts.summary import Key, StudySummary
from isogloss.errors import InputError, ModelError
from isogloss.lab.recipe import group_of
from isogloss.records import Measurement

GAP: Key = ("consistency_gap", None, None)
SHARE: Key = ("recognised_share", None, None)


def study(mix: str, seed: int, values: dict[Key, float]) -> StudySummary:
    return StudySummary(target=f"lab:tiny:{mix}@chat#{seed}", held=(), values=values)


def one(rows: list[Measurement], metric: str, target: str, arm: str = "none") -> Measurement:
    (row,) = [r for r in rows if (r.metric, r.target, r.arm) == (metric, target, arm)]
    return row


def test_seeds_are_runs_and_differences_are_paired_by_seed() -> None:
    studies = [study("english", s, {GAP: 0.3 + s}) for s in range(3)]
    studies += [study("balanced", s, {GAP: 0.1 + s + 0.01 * s}) for s in (2, 0, 1)]
    rows = across_rows(group_studies(studies))
    level = one(rows, "consistency_gap", "lab:tiny:english@chat")
    assert (level.estimate, level.n, level.scope) == (pytest.approx(1.3), 3, "runs")
    minus = "minus lab:tiny:english@chat"
    difference = one(rows, "consistency_gap", "lab:tiny:balanced@chat", minus)
    assert difference.estimate == pytest.approx(-0.19)
    assert difference.low is not None
    assert difference.high is not None
    assert difference.high - difference.low < 0.1, "what the seeds share cancels"


def test_one_run_has_no_interval_and_tells_nothing() -> None:
    rows = across_rows(group_studies([study("english", 0, {GAP: 0.3}), study("balanced", 0, {})]))
    level = one(rows, "consistency_gap", "lab:tiny:english@chat")
    assert (level.estimate, level.low) == (0.3, None)
    missing = one(rows, "consistency_gap", "lab:tiny:balanced@chat")
    assert (missing.estimate, missing.n, missing.reason) == (None, 0, "no runs")
    assert {row.verdict for row in rows if row.metric == "claim"} == {"cannot tell"}


@pytest.mark.parametrize(
    ("gap", "verdict"), [(0.2, "confirmed"), (-0.2, "refuted"), (0.0, "cannot tell")]
)
def test_a_claim_follows_the_interval(gap: float, verdict: str) -> None:
    noise = (-0.05, 0.0, 0.05, 0.02, -0.02)
    studies = [study("english", s, {GAP: gap + e}) for s, e in enumerate(noise)]
    claims = [row for row in across_rows(group_studies(studies)) if row.metric == "claim"]
    told = {row.verdict for row in claims if "agree less" in (row.category or "") and row.n}
    assert told == {verdict}


def test_a_difference_is_claimed_of_the_balanced_mix_against_the_english_alone() -> None:
    noise = (-0.01, 0.0, 0.01, 0.02, -0.02)
    studies = [study("english", s, {GAP: 0.5}) for s in range(5)]
    studies += [study("balanced", s, {GAP: 0.1 + e}) for s, e in enumerate(noise)]
    studies += [study("bilingual", s, {GAP: 0.9}) for s in range(5)]
    claims = [row for row in across_rows(group_studies(studies)) if row.metric == "claim"]
    smaller = [row for row in claims if "falls off less" in (row.category or "") and row.n]
    assert [(r.target, r.arm, r.verdict) for r in smaller] == [
        ("lab:tiny:balanced@chat", "minus lab:tiny:english@chat", "confirmed")
    ]


def test_without_an_effect_a_claim_is_made_in_five_of_a_hundred_at_most() -> None:
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        studies = [study("english", s, {GAP: rng.normal(), SHARE: 0.5}) for s in range(5)]
        claims = [r for r in across_rows(group_studies(studies)) if r.metric == "claim" and r.n]
        wrong += any(r.verdict != "cannot tell" for r in claims)
    assert wrong <= 400 * 0.05 + 2 * (400 * 0.05 * 0.95) ** 0.5


def test_claims_are_not_put_to_models_that_are_no_lab() -> None:
    studies = [StudySummary(target=f"hf:{name}", held=(), values={GAP: 0.3}) for name in "ab"]
    rows = across_rows(group_studies(studies))
    assert {row.target for row in rows} == {"hf:a", "hf:b"}
    assert "claim" not in {row.metric for row in rows}
    assert group_of("hf:a") == ("hf:a", 0)


def test_sizes_are_compared_within_one_mix() -> None:
    (larger,) = [claim for claim in CLAIMS if claim.against == "300k"]
    names = [f"lab:small:{mix}@chat" for mix in ("english+300k", "english+3m", "balanced+3m")]
    assert larger.cases(names) == [(names[1], names[0])]


def test_seeds_are_added_to_lab_targets_that_name_none() -> None:
    found = with_seeds(["lab:tiny", "lab:tiny:balanced#7", "hf:m"], 2)
    assert found == [
        *("lab:tiny:english@chat#0", "lab:tiny:english@chat#1", "lab:tiny:balanced#7", "hf:m"),
    ]


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    config = ConceptsConfig(target="", out=tmp_path / "run")
    with pytest.raises(InputError, match="two targets or more, each once"):
        run_concepts_across(config, ["lab:tiny", "lab:tiny:english@chat#0"])
    with pytest.raises(ModelError, match="no hidden states to read"):
        run_concepts_across(config, ["lab:tiny", "openai:n"])
    assert not (tmp_path / "run").exists()


@pytest.mark.lab
def test_two_stages_of_one_model_from_the_command_line(tiny_lab: Path, tmp_path: Path) -> None:
    """A finished study is read, not made again; the page names both."""
    del tiny_lab
    out = tmp_path / "run"
    command = ["concepts", "lab:tiny@base", "lab:tiny", "--out", str(out), "--concept", "toxicity",
               "--languages", "en,fr,sw"]  # fmt: skip
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 0, told.output
    assert "languages recognised" in told.stdout or "recognised share" in told.stdout
    databases = sorted(path for path in out.glob("*/run.db"))
    assert len(databases) == 2
    before = [path.stat().st_mtime_ns for path in databases]
    rows = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert [path.stat().st_mtime_ns for path in databases] == before
    assert {row["area"] for row in rows} == {AREA}
    page = (out / "report.html").read_text()
    assert "Models side by side" in page
    assert "lab:tiny:english@base" in page


def test_two_runs_are_too_few_for_a_claim() -> None:
    studies = [study("english", s, {GAP: 0.2 + e}) for s, e in enumerate((0.0, 0.0001))]
    rows = across_rows(group_studies(studies))
    assert one(rows, "consistency_gap", "lab:tiny:english@chat").low > 0.19  # type: ignore[operator]
    assert {row.verdict for row in rows if row.metric == "claim"} == {"cannot tell"}
