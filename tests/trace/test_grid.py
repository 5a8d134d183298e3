"""A grid end to end on a trained lab, its rows without a model, and everything it refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import isogloss.align.run as run
import isogloss.concepts.competence as competence
import isogloss.concepts.retrieval as retrieval
from align.small import small_examples, small_model, write_pairs, write_prompts
from align.test_run import here
from grids import LANGUAGES, OTHERS, L, of_test, of_train, stored_rows, symmetric
from isogloss.cli.main import app
from isogloss.errors import InputError, LanguageError, UserError
from isogloss.processes import Job
from isogloss.records import Decoding, Measurement
from isogloss.store import RunStore
from isogloss.trace import grid, grid_matrices
from isogloss.trace.grid import GridResult, run_grid
from isogloss.trace.grid_config import GridConfig, plan_arms
from isogloss.trace.grid_findings import BENEFITS, find_predictors
from isogloss.trace.grid_matrices import (
    AREA,
    COMPETENCE,
    COSINE,
    MATRICES,
    MEASURED,
    RETRIEVAL,
    SELECTIVITY,
    SHARE,
    TOKENS,
    read_grids,
)
from isogloss.trace.grid_plan import plan_grid
from isogloss.trace.grid_rows import CORRELATION, DIFFERENCE, ERROR, finding_rows

FOUR = ("en-x-lab", "fr-x-lab", "ta-x-lab", "sw-x-lab")
SHORT = ("sft.steps=4", "sft.batch_size=8")


def lab_config(out: Path, **more: Any) -> GridConfig:
    """The chat stage is trained already, and any stage will do here."""
    fields: dict[str, Any] = {
        "target": "lab:tiny@chat", "train": ("fr", "sw"), "languages": FOUR, "settings": SHORT,
        "out": out, "decoding": Decoding(max_new_tokens=10),
    }  # fmt: skip
    return GridConfig(**(fields | more))


@pytest.fixture(scope="module")
def lab_run(tiny_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> GridResult:
    """Two languages trained on, four tested."""
    del tiny_lab
    out = tmp_path_factory.mktemp("grid") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "run_jobs", here)
        return run_grid(lab_config(out))


def rows_of(folder: Path, area: str) -> list[Measurement]:
    with RunStore(folder) as store:
        return store.measurements(area)


@pytest.mark.lab
@pytest.mark.filterwarnings("ignore")  # of the libraries that train
def test_every_cell_is_a_change_of_the_alignment_below_it(lab_run: GridResult) -> None:
    cells = [row for row in lab_run.measurements if row.metric in MATRICES]
    names = {(r.metric, r.source_language, r.language) for r in cells}
    trained = {"fr-x-lab": "sft:fr-x-lab", "sw-x-lab": "sft:sw-x-lab"}
    assert names == {(m, a, b) for m in MATRICES for a in (*trained, None) for b in FOUR}
    below = {
        (r.metric, r.arm, r.language): r.estimate
        for r in rows_of(lab_run.folder, "align")
        if r.category == "since none" and r.language
    }
    audits = {(r.metric, r.arm, r.language): r.estimate or 0.0
              for r in rows_of(lab_run.folder, "audit") if r.language}  # fmt: skip
    for row in cells:
        arm = trained.get(row.source_language or "", row.arm)
        assert row.n > 0
        assert row.language is not None
        if row.metric == SELECTIVITY:
            after, before = (audits["selectivity", a, row.language] for a in (arm, "none"))
            assert row.estimate == pytest.approx(after - before)
            assert row.low is not None
            assert row.low <= (row.estimate or 0.0)
        else:
            assert row.estimate == below[row.metric, arm, row.language]


@pytest.mark.lab
def test_predictors_are_of_every_ordered_pair_and_of_the_model_before(lab_run: GridResult) -> None:
    rows = {(r.metric, r.source_language, r.language): r for r in lab_run.measurements
            if r.metric in MEASURED and r.category is None}  # fmt: skip
    for one in FOUR:
        for metric in (TOKENS, SHARE, COMPETENCE):
            assert rows[metric, None, one].estimate is not None
        for other in set(FOUR) - {one}:
            found = rows[RETRIEVAL, one, other]
            assert found.estimate is not None
            assert found.n > 50
            assert (COSINE, one, other) in rows or (COSINE, other, one) in rows
    # Rarer languages break into more tokens and are known less well.
    for metric in (TOKENS, COMPETENCE):
        english, swahili = (rows[metric, None, tag].estimate or 0 for tag in (FOUR[0], FOUR[3]))
        assert english < swahili
    # English and its neighbour share more than chance.
    assert (rows[RETRIEVAL, FOUR[0], FOUR[1]].estimate or 0) > 3 / rows[
        RETRIEVAL, FOUR[0], FOUR[1]
    ].n


@pytest.mark.lab
def test_matrices_and_findings_come_back_from_the_stored_rows_alone(lab_run: GridResult) -> None:
    stored = rows_of(lab_run.folder, AREA)
    assert tuple(stored) == lab_run.measurements
    (found,) = read_grids(stored)
    assert found.languages == FOUR
    again = finding_rows(found, find_predictors(found))
    assert again == [row for row in stored if row in again]
    metrics = {row.metric for row in again}
    assert {f"{b}_{kind}" for b in BENEFITS for kind in (ERROR, DIFFERENCE, CORRELATION)} <= metrics
    sizes = {(r.n, r.n_clusters) for r in again if r.metric == f"{SELECTIVITY}_{CORRELATION}"
             and r.arm == "sft" and r.estimate is not None}  # fmt: skip
    assert sizes == {(6, 4)}
    assert np.isfinite(found.benefits[SELECTIVITY][[1, 3]]).all()
    assert np.isnan(found.benefits[SELECTIVITY][[0, 2]]).all()


@pytest.mark.lab
def test_the_same_again_trains_and_reads_nothing(
    lab_run: GridResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(jobs: Sequence[Job], **rest: Any) -> None:
        assert not jobs

    def never(*_: object, **__: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(run, "run_jobs", none)
    monkeypatch.setattr(grid, "predictor_rows", never)
    assert run_grid(lab_config(lab_run.folder)).measurements == lab_run.measurements
    planned = plan_grid(lab_config(lab_run.folder))
    assert (planned.minutes, planned.basis) == (0.0, "everything is trained")


@pytest.mark.lab
def test_a_plan_trains_nothing_and_counts_minutes(lab_run: GridResult, tmp_path: Path) -> None:
    planned = plan_grid(lab_config(tmp_path / "new"))
    assert [stage.arm for stage in planned.stages] == [
        "sft:fr-x-lab", "sft:sw-x-lab", "sft:fr-x-lab,sw-x-lab",
    ]  # fmt: skip
    assert planned.minutes is not None
    assert 0 < planned.minutes < 5
    assert not (tmp_path / "new" / "run.db").exists()
    more = plan_grid(lab_config(lab_run.folder, train=("fr", "sw", "ta")))
    assert "by the stages that are done" in more.basis
    arguments = [
        "trace", "grid", "lab:tiny@chat", "--train", "fr,sw", "--languages", ",".join(FOUR),
        "--out", str(tmp_path / "cli"), "--plan",
    ]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "sft:fr-x-lab: sft, 200 steps of 64" in result.stdout
    assert "minutes of training and audits: about" in result.stdout


@pytest.mark.lab
@pytest.mark.filterwarnings("ignore")
def test_the_command_line_prints_matrices_and_predictors(lab_run: GridResult) -> None:
    arguments = [
        "trace", "grid", "lab:tiny@chat", "--train", "fr,sw", "--languages", ",".join(FOUR),
        "--out", str(lab_run.folder), "--max-new-tokens", "10", "--no-report",
        *(part for change in SHORT for part in ("--set", change)),
    ]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    for words in ("change of selectivity by language trained on", "error on languages left out",
                  "linguistic distance", "null model", "no correlation below"):  # fmt: skip
        assert words in result.stdout
    printed = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert len(printed) == len(lab_run.measurements)


def test_a_grid_read_from_rows_is_the_planted_one() -> None:
    rng = np.random.default_rng(0)
    benefit, tree, words, geography = (symmetric(rng) for _ in range(4))
    benefit, ask = benefit + of_test(rng.random(L)), rng.random((L, L))
    geography[1, 2] = geography[2, 1] = np.nan  # so that this kind is left out of every pair
    tokens, share, bits = rng.random((3, L)) + 1
    share[4] = np.nan
    rows = stored_rows(
        benefit, target="lab:tiny:english@helpful#0", cosine=tree, retrieval=ask,
        similarity={"genetic": tree, "lexical": words, "geographic": geography},
        single={TOKENS: tokens, SHARE: share, COMPETENCE: bits},
    )  # fmt: skip
    (found,) = read_grids(list(reversed(rows)))
    assert found.languages == LANGUAGES[::-1]
    (found,) = read_grids(rows)
    for values, expected in (
        (found.benefits[SELECTIVITY], benefit),
        (found.predictors["linguistic distance"], 1 - (tree + words) / 2),
        (found.predictors["concept cosine"], tree),
        (found.predictors["sentence retrieval"], (ask + ask.T) / 2),
        (found.predictors["fertility"], of_test(tokens)),
        (found.predictors["fertility ratio"], of_test(tokens) / of_train(tokens)),
        (found.predictors["share of the train language"], of_train(np.log10(share))),
        (found.predictors["share of the test language"], of_test(np.log10(share))),
        (found.predictors["competence"], of_test(bits)),
    ):
        np.testing.assert_allclose(values[OTHERS], expected[OTHERS])
    # A language without a share is missing from that predictor's pairs, and from nothing else.
    told = {(r.metric, r.category): r for r in finding_rows(found, find_predictors(found))}
    of = {name: told[f"{SELECTIVITY}_{DIFFERENCE}", name].n for name in found.predictors}
    assert of["share of the test language"] == of["share of the train language"] == 7 * 7
    assert of["competence"] == 8 * 7


def test_names_of_measurements_are_those_of_where_they_come_from() -> None:
    assert competence.METRIC == grid_matrices.COMPETENCE
    assert retrieval.METRIC == grid_matrices.RETRIEVAL


def test_training_everywhere_is_one_more_arm() -> None:
    arms = plan_arms(GridConfig(target="lab:tiny", method="dpo", languages=("en", "sw"), seeds=2))
    assert arms.by_arm == {"dpo:en-x-lab": "en-x-lab", "dpo:sw-x-lab": "sw-x-lab"}
    assert arms.everywhere == "dpo:all"
    assert arms.targets == ("lab:tiny:english@helpful#0", "lab:tiny:english@helpful#1")
    part = plan_arms(GridConfig(target="lab:tiny", train=("sw", "en")))
    assert (part.train, part.everywhere) == (("sw-x-lab", "en-x-lab"), "sft:sw-x-lab,en-x-lab")


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"train": ("sw",)}, InputError, "needs two languages.*isogloss align sft:sw-x-lab"),
        ({"train": ("sw", "sw")}, InputError, "sw-x-lab twice"),
        ({"train": ("sw", "de")}, InputError, "de, which the audit does not ask in"),
        ({"train": ("sw", "xx1")}, LanguageError, "not a language code"),
        ({"method": "rlhf"}, InputError, "sft or dpo; 'rlhf' is neither"),
        ({"method": "sft:sw"}, InputError, "Languages stand in --train"),
        ({"method": "magic"}, InputError, "no method at all"),
        ({"seeds": 0}, InputError, "1 or more"),
        ({"seeds": 2, "target": "lab:tiny#1"}, InputError, "without a seed of its own"),
        ({"target": "hf:nowhere"}, InputError, "needs --data"),
        ({"settings": ("sft.speed=1",)}, InputError, "speed"),
        ({"pairs": Path("none.csv")}, UserError, "none.csv"),
        ({"languages": ("sw",)}, InputError, "needs two languages"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_trained(
    fields: dict[str, Any],
    error: type[UserError],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr(run, "run_jobs", never)
    monkeypatch.setattr("isogloss.align.material.build_lab", never)
    with pytest.raises(error, match=words):
        run_grid(replace(GridConfig(target="lab:tiny", out=tmp_path / "run"), **fields))
    assert not (tmp_path / "run").exists()


def test_a_users_languages_need_examples_and_prompts(tmp_path: Path) -> None:
    config = GridConfig(
        target=f"hf:{small_model(tmp_path / 'model')}",
        data=write_pairs(tmp_path / "pairs.jsonl", small_examples(("en", "sw", "fr"))),
        prompts=write_prompts(tmp_path / "prompts.csv", ("en", "sw", "id")),
        judge="rules",
    )
    assert plan_arms(config).train == ("en", "sw")
    assert plan_arms(config).everywhere == "sft:en,sw"
    with pytest.raises(InputError, match="has no examples in it; there are some in en, sw, fr"):
        plan_arms(replace(config, train=("en", "id")))
    with pytest.raises(InputError, match="fr, which the audit does not ask in"):
        plan_arms(replace(config, train=("en", "fr")))
