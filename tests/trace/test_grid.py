"""A grid end to end on a trained lab, its rows without a model, and everything it refuses."""

from __future__ import annotations

import csv
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
from isogloss.lab.questions import lab_prompts
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
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

TINY = "lab:tiny"
FOUR = ("en-x-lab", "fr-x-lab", "ta-x-lab", "sw-x-lab")
SHORT = ("sft.steps=6", "sft.batch_size=8", "sft.learning_rate=0.01")


def lab_config(folder: Path, **more: Any) -> GridConfig:
    """The chat stage is trained already, and any stage will do here."""
    fields: dict[str, Any] = {
        "target": "lab:tiny@chat", "train": ("fr", "sw"), "settings": SHORT,
        "prompts": folder / "prompts.csv", "out": folder / "run",
        "decoding": Decoding(max_new_tokens=20),
    }  # fmt: skip
    return GridConfig(**(fields | more))


def arguments_of(folder: Path) -> list[str]:
    """The same on the command line."""
    return [
        "trace", "grid", "lab:tiny@chat", "--train", "fr,sw", "--max-new-tokens", "20",
        "--prompts", str(folder / "prompts.csv"), "--out", str(folder / "run"), "--no-report",
        *(part for change in SHORT for part in ("--set", change)),
    ]  # fmt: skip


def write_few(folder: Path) -> None:
    """One of the lab's questions about every test object, in four languages."""
    asked = {prompt.cluster_id: prompt.prompt_id for prompt in lab_prompts(Lab(parse_spec(TINY)))}
    with (folder / "prompts.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["prompt_id", "language", "text", "intent", "cluster_id"])
        for one in lab_prompts(Lab(parse_spec(TINY)), languages=FOUR):
            if one.prompt_id in asked.values():
                fields = (one.prompt_id, one.language, one.text, one.intent, one.cluster_id)
                table.writerow(fields)


@pytest.fixture(scope="module")
def lab_run(tiny_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> GridResult:
    """Two languages trained on, four tested."""
    del tiny_lab
    folder = tmp_path_factory.mktemp("grid")
    write_few(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "run_jobs", here)
        return run_grid(lab_config(folder))


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
              for r in rows_of(lab_run.folder, "audit") if r.category is None}  # fmt: skip
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
def test_the_same_again_trains_and_reads_nothing_and_prints_it_all(
    lab_run: GridResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(jobs: Sequence[Job], **rest: Any) -> None:
        assert not jobs

    def never(*_: object, **__: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(run, "run_jobs", none)
    monkeypatch.setattr(grid, "predictor_rows", never)
    result = CliRunner().invoke(app, arguments_of(lab_run.folder.parent))
    assert result.exit_code == 0, result.output
    printed = " ".join(result.stdout.split())
    for words in ("change of selectivity by language trained on", "error on languages left out",
                  "linguistic distance", "null model", "would have been seen"):  # fmt: skip
        assert words in printed
    assert tuple(rows_of(lab_run.folder, AREA)) == lab_run.measurements


@pytest.mark.lab
def test_a_plan_counts_minutes_by_what_is_done(
    lab_run: GridResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "run_jobs", None)
    more = [word.replace("fr,sw", "fr,sw,ta") for word in arguments_of(lab_run.folder.parent)]
    result = CliRunner().invoke(app, [*more, "--plan"])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[1].startswith("2. lab:tiny:english@chat#0 sft:sw-x-lab: sft, 6 steps of 8")
    assert [line.endswith("(done)") for line in lines[:4]] == [True, True, False, False]
    assert lines[-1].startswith("minutes of training and audits: about 1 (by the stages that are")


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
    told = {
        (r.metric, r.category): r
        for r in finding_rows(found, find_predictors(found, n_permutations=9))
    }
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


def test_a_users_languages_need_examples_and_prompts_and_are_planned(tmp_path: Path) -> None:
    config = GridConfig(
        target=f"hf:{small_model(tmp_path / 'model')}",
        data=write_pairs(tmp_path / "pairs.jsonl", small_examples(("en", "sw", "fr"))),
        prompts=write_prompts(tmp_path / "prompts.csv", ("en", "sw", "id")),
        judge="rules",
    )
    assert plan_arms(config).train == ("en", "sw")
    assert plan_arms(config).everywhere == "sft:en,sw"
    planned = plan_grid(replace(config, out=tmp_path / "run"))
    assert [stage.arm for stage in planned.stages] == ["sft:en", "sft:sw", "sft:en,sw"]
    assert planned.minutes is not None
    assert 0 < planned.minutes < 5
    assert "GFLOP/s" in planned.basis
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="has no examples in it; there are some in en, sw, fr"):
        plan_arms(replace(config, train=("en", "id")))
    with pytest.raises(InputError, match="fr, which the audit does not ask in"):
        plan_arms(replace(config, train=("en", "fr")))
