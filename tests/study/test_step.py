"""Steps are named by their content, shared, and run once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from isogloss.errors import DefectError, InputError
from isogloss.lab.modifiers import SIZES
from isogloss.study import worker
from isogloss.study.plan import EXTENTS, TIMES_A_SIZE, plan_study
from isogloss.study.step import DONE, Step, in_order


def step(name: str, *needs: Step, **settings: Any) -> Step:
    return Step(kind="audit", name=name, settings=settings, needs=needs)


def test_a_key_is_of_all_that_matters_and_of_nothing_else() -> None:
    base = step("base", spec="a")
    assert step("other words", spec="a").key == base.key
    assert step("base", spec="b").key != base.key
    assert Step(kind="model", name="base", settings={"spec": "a"}).key != base.key
    assert step("child", base).key != step("child", step("base", spec="b")).key
    assert step("x", a=1, b=2).key == Step(kind="audit", name="", settings={"b": 2, "a": 1}).key


def test_equal_steps_are_one_and_stand_after_what_they_need() -> None:
    base, again = step("base", spec="a"), step("base", spec="a")
    children = [step("one", base, n=1), step("two", again, n=2)]
    assert [found.name for found in in_order(reversed(children))] == ["base", "two", "one"]


@pytest.mark.parametrize("extent", EXTENTS)
def test_every_planned_step_can_be_read_by_its_tool(
    extent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real tools' configurations; none of them is run."""
    read: list[object] = []
    import isogloss.study.kinds as kinds

    def only_read(kind: type[Any], settings: Mapping[str, Any], folder: Path) -> Any:
        read.append(real(kind, settings, folder))
        raise InterruptedError

    real = kinds.read_config
    monkeypatch.setattr(kinds, "read_config", only_read)
    experiments = [s for s in plan_study(extent) if s.kind != "model"]
    for planned in experiments:
        with pytest.raises(InterruptedError):
            kinds.KINDS[planned.kind](planned.settings, tmp_path, lambda *_: None)
    assert len(read) == len(experiments)
    assert all(config.out == tmp_path for config in read)  # type: ignore[attr-defined]


def test_a_setting_that_no_tool_knows_is_a_defect(tmp_path: Path) -> None:
    from isogloss.study.kinds import read_config
    from isogloss.trace.ladder_config import LadderConfig

    with pytest.raises(DefectError, match="LadderConfig has no field rung"):
        read_config(LadderConfig, {"rung": "lab:tiny"}, tmp_path)


def test_one_kind_brings_what_it_needs_and_an_unknown_one_is_refused() -> None:
    names = {planned.kind for planned in plan_study("quick", only=("dose",))}
    assert names == {"dose", "model"}
    with pytest.raises(InputError, match="'doses' is no kind of step of the quick study"):
        plan_study("quick", only=("doses",))
    with pytest.raises(InputError, match="'slow' is no extent of a study; choose quick or full"):
        plan_study("slow")


def test_a_step_is_run_once_and_is_done_when_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Mapping[str, Any]] = []

    def tool(settings: Mapping[str, Any], folder: Path, progress: object) -> None:
        runs.append(settings)
        if len(runs) == 1:
            raise InputError("cut off")

    monkeypatch.setitem(worker.KINDS, "audit", tool)
    one = step("one", spec="a")
    one.write(tmp_path)
    folder = one.folder(tmp_path)
    with pytest.raises(InputError):
        worker.run_step(folder)
    assert not one.is_done(tmp_path)
    worker.run_step(folder)
    worker.run_step(folder)
    assert runs == [{"spec": "a"}] * 2
    assert one.is_done(tmp_path)
    assert json.loads((folder / DONE).read_text())["seconds"] >= 0


def test_every_size_has_its_minutes() -> None:
    assert set(TIMES_A_SIZE) == set(SIZES)
    minutes = {step.name: step.minutes for step in plan_study("full") if step.kind == "model"}
    plain = minutes["chat english+fixed#0"]
    assert minutes["chat english+fixed+300k#0"] < plain < minutes["chat english+fixed+3m#0"]
