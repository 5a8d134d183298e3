"""Several experiments: what is refused beforehand, what is read and not made again, the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import isogloss.control.several as several
from control.planted_runs import experiment, rates
from isogloss.cli.main import app
from isogloss.control.config import ControlConfig
from isogloss.control.material import load_material
from isogloss.control.over_runs import AREA
from isogloss.control.run import ControlResult
from isogloss.control.settings import SearchGrid
from isogloss.control.several import run_control_across, under_seeds
from isogloss.errors import InputError, IsoglossError, ModelError, StoreError
from isogloss.store import RunStore

TINY = ["lab:tiny#0", "lab:tiny#1", "lab:tiny#2"]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In place of experiments: rows, and a list of the targets that were asked for them."""
    made: list[str] = []

    def run(config: ControlConfig, **_: Any) -> ControlResult:
        made.append(config.target)
        assert config.out is not None
        wobble = 0.01 * int(config.target[-1]) + 0.3 * ("balanced" in config.target)
        arms = {"none": rates(0.0, 0.3), "own": rates(0.9, 0.6 + wobble),
                "source": rates(0.9, 0.5 - wobble), "random 0": rates(0.0, 0.31)}  # fmt: skip
        rows = [
            row
            for metric in ("compliance_rate", "over_refusal", "helpful_rate")
            for row in experiment(config.target, arms, metric=metric)
        ]
        with RunStore(config.out, create=True) as store:
            store.replace_measurements("control", rows, target=config.target)
        return ControlResult(
            folder=config.out, target=config.target, arms=(), measurements=tuple(rows), guard=None
        )

    monkeypatch.setattr(several, "run_control", run)
    monkeypatch.setattr(several, "load_material", lambda _: SimpleNamespace(source="en-x-lab"))
    monkeypatch.setattr(
        several, "study_fingerprint", lambda target, settings, *_: f"{target} {settings}"
    )
    return made


def config(out: Path, **more: Any) -> ControlConfig:
    return ControlConfig(target="", out=out, toward="comply", **more)


def test_each_model_has_a_folder_and_what_is_finished_is_read(
    planted: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    result = run_control_across(config(out), TINY[:2])
    names = [f"lab:tiny:english@chat#{n}" for n in range(3)]
    assert planted == names[:2]
    assert result.experiments == {
        name: out / f"lab-tiny-english-chat-{n}" for n, name in enumerate(names[:2])
    }
    with RunStore(out) as store:
        assert {row.area for row in store.measurements()} == {AREA}
        assert store.measurements() == list(result.measurements)
        assert store.meta(AREA)["experiments"][names[1]] == "lab-tiny-english-chat-1"
    again = run_control_across(config(out), TINY[:2])
    assert planted == names[:2], "nothing is made again"
    assert again.measurements == result.measurements
    run_control_across(config(out), TINY)
    assert planted == names, "a further seed, and no other"
    run_control_across(config(out, grid=SearchGrid(strengths=(0.4,))), TINY)
    assert planted == [*names, *names], "other settings are other experiments"


def test_a_killed_comparison_goes_on_with_the_model_it_was_at(
    planted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = several.run_control

    def killed(one: ControlConfig, **more: Any) -> ControlResult:
        found = whole(one, **more)
        if one.target.endswith("#1"):
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(several, "run_control", killed)
    with pytest.raises(KeyboardInterrupt):
        run_control_across(config(tmp_path / "run"), TINY)
    planted.clear()
    monkeypatch.setattr(several, "run_control", whole)
    run_control_across(config(tmp_path / "run"), TINY)
    assert [target[-1] for target in planted] == ["1", "2"]


def test_a_folder_holds_one_comparison(planted: list[str], tmp_path: Path) -> None:
    out = tmp_path / "run"
    run_control_across(config(out), TINY)
    planted.clear()
    with pytest.raises(StoreError, match=r"toward comply \(now refuse\); choose another --out"):
        run_control_across(replace(config(out), toward="refuse"), TINY)
    one = {"target": "lab:tiny:english@chat#0", "concept": "harmfulness", "source": "en-x-lab",
           "toward": "comply", "seed": 0}  # fmt: skip
    single = tmp_path / "single"
    with RunStore(single, create=True) as store:
        store.set_meta("control asked", one)
    with pytest.raises(StoreError, match=r"target lab:tiny\S+ \(now several models\)"):
        run_control_across(config(single), TINY)
    assert planted == []


@pytest.mark.parametrize(
    ("targets", "more", "told"),
    [
        (["lab:tiny"], {}, "two targets or more, each once"),
        (["lab:tiny", "lab:tiny:english@chat#0"], {}, "two targets or more, each once"),
        ([*TINY, "openai:m"], {}, "no hidden states to steer"),
        ([*TINY, "lab:huge"], {}, "unknown lab preset 'huge'"),
        ([*TINY, "hf:somewhere"], {}, "hf:somewhere needs --pairs"),
        (TINY, {"guard_out": Path("guard.safetensors")}, "each of the 3 models gets a guard"),
        (TINY, {"grid": SearchGrid(layers=((9,),))}, "there is no layer 9"),
        (["lab:small", "lab:tiny"], {"grid": SearchGrid(layers=((3,),))}, "there is no layer 3"),
        (TINY, {"concept": "toxicity"}, "--adding comply or --adding refuse"),
        (TINY, {"source": "de"}, "the source language de has no prompts"),
        (["lab:small", "lab:tiny"], {"source": "ny"}, "source language ny has no prompts"),
        (TINY, {"judge": "somebody"}, "'somebody' is not a judge"),
        (TINY, {"judge": "recorded"}, "recorded"),
        (TINY, {"n_placebos": -1}, "placebos are 0 or more"),
    ],
)
def test_what_cannot_be_tried_is_refused_before_any_model_is_built(
    planted: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    targets: Sequence[str],
    more: dict[str, Any],
    told: str,
) -> None:
    monkeypatch.setattr(several, "study_fingerprint", None)
    monkeypatch.setattr(several, "load_material", load_material)
    with pytest.raises(IsoglossError, match=told) as caught:
        run_control_across(config(tmp_path / "run", **more), targets)
    assert isinstance(caught.value, (InputError, ModelError)) or "language" in told
    assert planted == []
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("target", ["hf:mine", "lab:tiny#3", "lab:tiny:english@chat#0"])
def test_seeds_are_for_lab_models_without_one(target: str) -> None:
    with pytest.raises(InputError, match="not a lab model without a seed of its own"):
        under_seeds(["lab:tiny", target], 3)
    told = CliRunner().invoke(app, ["control", target, "--seeds", "3"])
    assert told.exit_code != 0


def test_the_command_prints_tables_and_claims_and_writes_a_page(
    planted: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    command = ["control", "lab:tiny", "lab:tiny:balanced", "--seeds", "3", "--toward", "comply",
               "--out", str(out)]  # fmt: skip
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 0, told.output
    assert len(planted) == 6
    for words in ("all but", "source minus own", "placebos", "lab:tiny:balanced@chat"):
        assert words in told.stdout
    claim = "confirmed: a language's own direction controls it: high tier; lab:tiny:balanced@chat: "
    assert claim in told.stdout
    assert told.stdout.splitlines()[-1] == f"report: {out / 'report.html'}"
    page = (out / "report.html").read_text()
    assert "a language&#39;s own direction controls it: high tier" in page
    rows = json.loads(CliRunner().invoke(app, [*command, "--json", "--no-report"]).stdout)
    assert {row["area"] for row in rows} == {AREA}
    assert len(planted) == 6


@pytest.mark.lab
def test_two_stages_of_one_model(tiny_lab: Path, tmp_path: Path) -> None:
    """Real models: what the comparison says of each is what its own experiment says."""
    del tiny_lab
    grid = SearchGrid(layers=((1,),), strengths=(0.3,), operators=("add",))
    targets = ["lab:tiny@helpful", "lab:tiny"]
    asked = config(tmp_path / "run", grid=grid, n_placebos=0, languages=("en", "sw"))
    result = run_control_across(asked, targets)
    for target, folder in result.experiments.items():
        with RunStore(folder) as store:
            (own,) = [
                row for row in store.measurements("control")
                if row.metric == "compliance_rate_change" and row.arm == "own"
                and row.category == "average without the source"
            ]  # fmt: skip
        (mine,) = [
            row for row in result.measurements
            if row.metric == own.metric and row.arm == "own" and row.category == own.category
            and row.target == target
        ]  # fmt: skip
        assert mine.estimate == pytest.approx(own.estimate)
    before = [(folder / "run.db").stat().st_mtime_ns for folder in result.experiments.values()]
    assert run_control_across(asked, targets).measurements == result.measurements
    after = [(folder / "run.db").stat().st_mtime_ns for folder in result.experiments.values()]
    assert after == before, "finished experiments are read"
