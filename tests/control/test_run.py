"""An experiment on a trained lab model, end to end: measured, resumed, guarded, or refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import isogloss.control.material as material
from isogloss.cli.main import app
from isogloss.concepts.held_out import lab_texts
from isogloss.concepts.pairs import lab_pair_set
from isogloss.control.config import ControlConfig
from isogloss.control.run import run_control
from isogloss.control.settings import SearchGrid
from isogloss.control.trial import Bounds
from isogloss.errors import InputError, LanguageError, ModelError, StoreError
from isogloss.lab.questions import lab_prompts
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.records import Measurement
from isogloss.store import RunStore
from isogloss.targets.local import LocalTarget

TINY = "lab:tiny"
FEW = ("en-x-lab", "fr-x-lab", "sw-x-lab")
GRID = SearchGrid(layers=((1,), (2,)), strengths=(0.1, 0.2), operators=("add",))
LOOSE = Bounds(
    use_loss=1, over_refusal_rise=1, repetition_rise=1, fidelity_loss=1, perplexity_ratio=100
)
"""So that the few settings of a test find something."""


def config(out: Path, **more: Any) -> ControlConfig:
    fields: dict[str, Any] = {"languages": FEW, "grid": GRID, "n_placebos": 1, "bounds": LOOSE}
    fields |= more
    return ControlConfig(target=TINY, out=out, **fields)


@pytest.fixture(scope="module")
def study(tiny_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    del tiny_lab
    out = tmp_path_factory.mktemp("control") / "run"
    run_control(config(out))
    return out


def rows_of(folder: Path) -> list[Measurement]:
    with RunStore(folder) as store:
        return store.measurements("control") + store.measurements("control dose")


def cell(rows: list[Measurement], metric: str, arm: str, language: str | None) -> Measurement:
    mine = [r for r in rows if r.area == "control"]
    (row,) = [r for r in mine if (r.metric, r.arm, r.language) == (metric, arm, language)]
    return row


@pytest.mark.lab
def test_every_arm_is_measured_in_every_language(study: Path) -> None:
    rows = rows_of(study)
    measured = Counter(row.arm for row in rows if row.metric == "compliance_rate" and row.language)
    for arm in ("none", "source", "guard", "own guard", "safety line", "refuse weak languages"):
        assert measured[arm] >= len(FEW), arm
    assert all(row.estimate is not None or row.reason for row in rows)
    assert all(row.n > 0 for row in rows if row.metric == "compliance_rate" and row.language)
    chosen = {(r.arm, r.language): r for r in rows if r.metric == "chosen_setting"}
    assert {chosen["source", tag].category for tag in FEW} == {
        chosen["source", "en-x-lab"].category
    }, "one setting everywhere"
    change = cell(rows, "compliance_rate_change", "source", "fr-x-lab")
    plain, steered = (cell(rows, "compliance_rate", arm, "fr-x-lab") for arm in ("none", "source"))
    assert plain.estimate is not None
    assert steered.estimate is not None
    assert change.estimate == pytest.approx(steered.estimate - plain.estimate)
    assert {row.area for row in rows} == {"control", "control dose"}


@pytest.mark.lab
def test_killed_and_resumed_it_ends_in_the_same_rows(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(study)
    path = study / "control" / "search.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:7]) + lines[7][:30])
    asked: list[int] = []
    complete = LocalTarget.complete

    def counted(self: LocalTarget, requests: Any, *rest: Any) -> Any:
        asked.append(len(requests))
        return complete(self, requests, *rest)

    monkeypatch.setattr(LocalTarget, "complete", counted)
    run_control(config(study))
    assert rows_of(study) == before
    assert sorted(path.read_text().splitlines()) == sorted(x.rstrip("\n") for x in lines)
    assert asked, "what was lost was tried again"
    asked.clear()
    run_control(config(study))
    assert rows_of(study) == before
    assert asked == [], "nothing is tried or asked twice"


@pytest.mark.lab
def test_the_guard_file_protects_as_the_arm_did(study: Path, tmp_path: Path) -> None:
    """The ordinary audit under the file gives the arm's very replies."""
    told = CliRunner().invoke(
        app,
        ["audit", TINY, "--guard", str(study / "guard.safetensors"), "--out", str(tmp_path / "a"),
         "--languages", "en,fr,sw", "--no-report", "--json"],
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    assert {row["arm"] for row in json.loads(told.stdout)} == {"guard guard"}
    replies = []
    for folder, arm in ((study, "guard"), (tmp_path / "a", "guard guard")):
        with RunStore(folder) as store:
            found = store.transcripts()
        found = found.filter(found["arm"] == arm)
        replies.append(found.select("prompt_id", "language", "reply", "outcome").rows())
    assert replies[0] == replies[1]
    assert len(replies[0]) == len(FEW) * 42 * 4


@pytest.mark.lab
def test_towards_compliance_english_is_controlled(tiny_lab: Path, tmp_path: Path) -> None:
    """What the model refuses by itself it does under its own direction; nothing random does it."""
    del tiny_lab
    grid = SearchGrid(layers=((1,),), strengths=(0.3, 0.6), operators=("add",))
    asked = config(tmp_path / "run", toward="comply", languages=("en", "fr"), grid=grid)
    result = run_control(asked)
    rows = list(result.measurements)
    plain, steered = (cell(rows, "compliance_rate", a, "en-x-lab") for a in ("none", "source"))
    assert plain.high is not None
    assert steered.low is not None
    assert steered.low > plain.high + 0.2
    assert {arm.name for arm in result.arms} == {
        *("none", "own", "source", "random 0", "shuffled 0"),
    }
    assert result.guard is None


@pytest.mark.lab
def test_the_command_prints_tables_and_names_guard_and_report(study: Path) -> None:
    command = ["control", TINY, "--out", str(study), "--languages", "en,fr,sw", "--layers", "1;2",
               "--strengths", "0.1,0.2", "--operators", "add", "--placebos", "1",
               "--max-over-refusal", "100", "--max-use-loss", "100"]  # fmt: skip
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 0, told.output
    assert f"guard: {study / 'guard.safetensors'}" in told.stdout
    assert told.stdout.splitlines()[-1] == f"report: {study / 'report.html'}"
    rows = json.loads(CliRunner().invoke(app, [*command, "--json", "--no-report"]).stdout)
    assert {row["area"] for row in rows} == {"control", "control dose"}


@pytest.mark.lab
@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"concept": "toxicity"}, "--adding comply or --adding refuse"),
        ({"source": "de"}, "the source language de has no prompts"),
        ({"languages": ("en", "xx")}, "not a language"),
        ({"grid": SearchGrid(layers=((9,),))}, "there is no layer 9"),
        ({"grid": SearchGrid(operators=())}, "the grid is empty"),
        ({"n_placebos": -1}, "placebos are 0 or more"),
        ({"judge": "recorded"}, "recorded"),
        ({"gate_examples": 99}, "needs 99 labelled examples"),
    ],
)
def test_what_cannot_be_tried_is_refused_before_a_single_reply(
    tiny_lab: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: dict[str, Any],
    told: str,
) -> None:
    del tiny_lab

    def never(*_: Any) -> Any:
        raise AssertionError("a reply was asked for")

    monkeypatch.setattr(LocalTarget, "complete", never)
    with pytest.raises((InputError, LanguageError, ModelError), match=told):
        run_control(config(tmp_path / "run", **more))


def test_targets_that_cannot_be_steered_or_bring_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no hidden states to steer"):
        run_control(ControlConfig(target="openai:m", out=tmp_path / "run"))
    with pytest.raises(InputError, match="needs --pairs"):
        run_control(ControlConfig(target="hf:somewhere", out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_settings_are_never_chosen_on_test_prompts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plant the leak: let the validation prompts of the lab be its test prompts."""
    import isogloss.control.prompts as prompts

    def leaked(lab: Any, *, split: str, languages: Any) -> Any:
        del split
        return lab_prompts(lab, split="test", languages=languages)

    monkeypatch.setattr(prompts, "lab_prompts", leaked)
    with pytest.raises(InputError, match="in the validation and in the test prompts"):
        material.load_material(ControlConfig(target=TINY, out=tmp_path / "run"))


@pytest.mark.lab
def test_a_folder_holds_one_experiment(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalTarget, "complete", None)
    with pytest.raises(StoreError, match=r"toward refuse \(now comply\); choose another --out"):
        run_control(config(study, toward="comply"))


def write_lab_files(folder: Path) -> dict[str, Path]:
    """The lab's value pairs, validation and test prompts and clean text, as a user's files."""
    lab = Lab(parse_spec(TINY))
    pairs = lab_pair_set(lab, n_per_object=4).select(concepts=("harmfulness",), languages=FEW)
    columns = ("pair_id", "concept", "language", "positive", "negative", "cluster_id", "split")
    prompts = {
        "validation": lab_prompts(lab, split="validation", languages=FEW),
        "test": lab_prompts(lab, split="test", languages=FEW),
    }
    texts = lab_texts(lab, n=4)
    tables: dict[str, list[dict[str, Any]]] = {
        "pairs": [{name: getattr(pair, name) for name in columns} for pair in pairs.pairs],
        "texts": [{"language": tag, "text": text} for tag in FEW for text in texts[tag]],
    }
    fields = ("prompt_id", "language", "text", "intent", "cluster_id")
    for name, found in prompts.items():
        tables[name] = [{field: getattr(prompt, field) for field in fields} for prompt in found]
    files: dict[str, Path] = {}
    for name, table in tables.items():
        files[name] = folder / f"{name}.jsonl"
        files[name].write_text("\n".join(json.dumps(line) for line in table))
    return files


@pytest.mark.lab
def test_a_users_model_and_files_give_what_the_lab_gives(
    tiny_lab: Path, study: Path, tmp_path: Path
) -> None:
    """`hf:`, four files and a judge: the same settings chosen, the same rates."""
    files = write_lab_files(tmp_path)
    asked = ControlConfig(
        target=f"hf:{tiny_lab}", out=tmp_path / "run", languages=FEW, grid=GRID, n_placebos=0,
        bounds=LOOSE, pairs=files["pairs"], prompts=files["test"], validation=files["validation"],
        texts=files["texts"], judge=f"oracle:{TINY}", source="en",
    )  # fmt: skip
    mine, labs = list(run_control(asked).measurements), rows_of(study)
    for arm in ("none", "own", "source"):
        for language in FEW:
            pair = [cell(rows, "compliance_rate", arm, language) for rows in (mine, labs)]
            assert pair[0].estimate == pair[1].estimate, (arm, language)
    settings = [
        {(r.arm, r.language): r.category for r in rows if r.metric == "chosen_setting"}
        for rows in (mine, labs)
    ]
    assert all(settings[1][place] == setting for place, setting in settings[0].items())


@pytest.mark.lab
def test_training_on_what_is_asked_is_refused(tiny_lab: Path, tmp_path: Path) -> None:
    files = write_lab_files(tmp_path)
    asked = json.loads(files["test"].read_text().splitlines()[0])["text"]
    lines = [json.loads(line) for line in files["pairs"].read_text().splitlines()]
    next(line for line in lines if line["split"] == "train")["positive"] = asked
    files["pairs"].write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(InputError, match="training texts of value pairs are test prompts too"):
        run_control(
            ControlConfig(
                target=f"hf:{tiny_lab}", out=tmp_path / "run", languages=FEW, grid=GRID,
                pairs=files["pairs"], prompts=files["test"], validation=files["validation"],
                judge=f"oracle:{TINY}",
            )
        )  # fmt: skip
