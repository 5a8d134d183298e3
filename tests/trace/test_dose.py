"""Doses by hand, on labs trained in seconds, through the command line, and all that is refused."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.concepts.run import ConceptsConfig, run_concepts
from isogloss.errors import InputError, MissingExtraError, ModelError, UserError
from isogloss.records import CLAIM, Measurement
from isogloss.stats.verdict import claim_verdict
from isogloss.store import RunStore
from isogloss.targets.local import LocalTarget
from isogloss.targets.options import LocalOptions
from isogloss.trace import arm_runs, experiment
from isogloss.trace.arm_rewards import AREA as REWARDS
from isogloss.trace.arm_runs import AREA as RUNS
from isogloss.trace.arm_runs import MEASURED, TOKENS
from isogloss.trace.dose import plan_dose, run_dose
from isogloss.trace.dose_claims import CLAIMS
from isogloss.trace.dose_config import DoseConfig
from isogloss.trace.dose_design import DoseDesign, design_doses, dose_text
from isogloss.trace.dose_figures import DoseFigures
from isogloss.trace.dose_rows import AREA, dose_rows
from isogloss.trace.outcomes import Outcomes
from isogloss.trace.parity import tokens_to_parity
from isogloss.trace.recognised_harm import METRIC as RECOGNITION
from planted_runs import arm_rows, micro_preset

SW = "sw-x-lab"
LANGUAGES = ("en-x-lab", "fr-x-lab", "zh-x-lab", "es-x-lab", SW)


# By hand.


@pytest.fixture
def design(tmp_path: Path) -> DoseDesign:
    return design_doses(DoseConfig(mix="lab:tiny", languages=("sw",), factors=(1, 4)), tmp_path)


NAN = float("nan")
FOLLOWING = [
    [[1, 0.8, 0.6, 0.7, 0.1], [1, 0.7, 0.7, 0.7, 0.5]],
    [[1, 0.8, 0.8, 0.8, 0.2], [1, 0.8, 0.6, 0.8, 0.8]],
    [[1, 0.9, 0.7, 0.8, 0.3], [1, 0.6, 0.8, 0.8, 0.8]],
]
HARMFUL = [
    [[0, 0.2, 0.2, 0.2, NAN], [0, 0.3, 0.2, 0.2, 0.5]],
    [[0, 0.2, 0.4, 0.2, NAN], [0, 0.2, NAN, 0.2, 0.6]],
    [[0, 0.1, 0.3, 0.2, 0.5], [0, 0.2, 0.2, 0.2, 0.7]],
]


def runs_by_hand(design: DoseDesign) -> list[Measurement]:
    """Swahili has 1,000 tokens undosed and 4,000 dosed."""
    tokens = np.full(np.shape(FOLLOWING), 1000.0)
    tokens[:, 1, -1] = 4000.0
    values = {"following_rate": np.array(FOLLOWING), "harmful_rate": np.array(HARMFUL)}
    return arm_rows(values, [arm.name for arm in design.arms], LANGUAGES, tokens=tokens)


def rows_over(design: DoseDesign, runs: Sequence[Measurement]) -> list[Measurement]:
    return dose_rows(DoseFigures(design, Outcomes(runs)))


def cell(
    rows: Sequence[Measurement], metric: str, language: str | None = SW, **more: Any
) -> Measurement:  # fmt: skip
    (row,) = [
        r for r in rows
        if (r.metric, r.language) == (metric, language)
        and all(getattr(r, name) == value for name, value in more.items())
    ]  # fmt: skip
    return row


def test_a_dose_response_by_hand(design: DoseDesign) -> None:
    rows = rows_over(design, runs_by_hand(design))
    assert {row.target for row in rows} == {"lab:tiny:english+fixed+equal+even+apart@chat"}
    assert {row.area for row in rows} == {AREA}
    level = cell(rows, "following_rate", arm="x4")
    assert (level.estimate, level.n, level.tier) == (pytest.approx(0.7), 3, "low")
    assert level.strength == pytest.approx(4000)
    change = cell(rows, "following_rate_change")
    assert (change.arm, change.category) == ("x4", "since x1")
    assert change.estimate == pytest.approx((0.4 + 0.6 + 0.5) / 3)
    # t(0.975, 2) = 4.3027
    assert change.high == pytest.approx(0.5 + 4.3027 * 0.1 / np.sqrt(3), abs=1e-4)
    slope = cell(rows, "following_rate_per_doubling")
    assert slope.estimate == pytest.approx(0.25), "two doublings"
    others = cell(rows, "following_rate_change", None)
    assert (others.tier, others.estimate) == ("other languages", pytest.approx(-0.1 / 3))
    # Undosed, the high tier follows at 70, 80 and 80 %; Swahili at most at 80 %.
    parity = cell(rows, "following_rate_tokens_to_parity")
    assert (parity.estimate, parity.high) == (None, None)
    assert 1000 < (parity.low or 0) < 4000
    assert parity.verdict == "beyond the largest dose"
    assert "4,000 tokens" in (parity.reason or "")


def test_what_is_missing_is_said_and_never_nought(design: DoseDesign) -> None:
    """Swahili's harmful rate is measured in one run of three at the undosed mix."""
    rows = rows_over(design, runs_by_hand(design))
    change = cell(rows, "harmful_rate_change")
    assert (change.estimate, change.n) == (pytest.approx(0.2), 1)
    assert (change.reason or "").startswith("not measured in 2 of 3 runs (such as: x1 #0")
    assert "too few replies" in (change.reason or "")
    for metric in ("harmful_rate_per_doubling", "harmful_rate_tokens_to_parity"):
        row = cell(rows, metric)
        assert (row.estimate, row.verdict) == (None, "not measured")
        assert "measured in every run at 1 of 2 doses" in (row.reason or "")
    # Chinese lacks one run: the others' mean is over those that all runs of both arms have.
    others = cell(rows, "harmful_rate_change", None)
    assert others.estimate == pytest.approx((0.1 + 0.0 + 0.1) / 3 / 3)


def test_claims_without_their_arms_or_metrics_have_no_row(design: DoseDesign) -> None:
    rows = [r for r in rows_over(design, runs_by_hand(design)) if r.metric == CLAIM]
    told = {row.category: row.verdict for row in rows}
    assert told["more text of a language lifts its following rate"] == "confirmed"
    assert told["more text of a language lowers its harmful rate"] == "cannot tell"
    assert len(told) == 2
    assert {row.variant for row in rows} == {"P1, section 4"}
    sources = {claim.source for claim in CLAIMS}
    assert all(s.startswith(("P1", "ours")) for s in sources)


@pytest.mark.parametrize("seed", range(3))
def test_rows_do_not_depend_on_the_order_of_the_runs(design: DoseDesign, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = runs_by_hand(design)
    shuffled = [rows[at] for at in rng.permutation(len(rows))]
    assert rows_over(design, rows) == rows_over(design, shuffled)


def test_parity_by_hand() -> None:
    doses = np.log2([1000.0, 4000.0])
    found = tokens_to_parity(doses, np.array([[-0.2, 0.2], [-0.2, 0.2]]))
    assert found.tokens == pytest.approx(2000), "halfway on the log scale; two doses: a line"
    alone = tokens_to_parity(doses, np.array([[-0.2, 0.2]]))
    assert (alone.low, alone.high, alone.reason) == (None, None, "one run: no interval over runs")
    there = tokens_to_parity(doses, np.array([[0.0, 0.2], [0.0, 0.3]]))
    assert there.reached == "at or below the smallest dose"
    assert (there.tokens, there.low) == (None, None)
    far = tokens_to_parity(doses, np.array([[-0.5, -0.3], [-0.51, -0.31], [-0.5, -0.32]]))
    assert (far.tokens, far.low, far.high) == (None, pytest.approx(4000), None)


def test_a_verdict_needs_three_runs_and_an_interval_on_one_side() -> None:
    row = Measurement(area="", metric="", target="", n=3, estimate=0.2, low=0.1, high=0.3)
    assert claim_verdict(row, sign=1) == "confirmed"
    assert claim_verdict(row, sign=-1) == "refuted"
    assert claim_verdict(row, sign=1, null=0.2) == "cannot tell"
    assert claim_verdict(replace(row, n=2), sign=1) == "cannot tell"
    assert claim_verdict(replace(row, low=None, high=None), sign=1) == "cannot tell"


# The design.


@pytest.mark.parametrize("factor", [0.25, 3, 16])
def test_several_languages_are_dosed_by_the_same_factor(factor: float, tmp_path: Path) -> None:
    config = DoseConfig(mix="lab:tiny", tier="low", factors=(factor,))
    design = design_doses(config, tmp_path)
    before = design.undosed.recipe.shares
    (dosed,) = [arm.recipe.shares for arm in design.doses if arm.name != "x1"]
    assert design.dosed == ("ta-x-lab", SW)
    for tag in design.dosed:
        assert dosed[tag] == pytest.approx(factor * before[tag])
    others = [tag for tag in before if tag not in design.dosed]
    assert {round(dosed[tag] / before[tag], 6) for tag in others} == {
        round(dosed["en-x-lab"] / before["en-x-lab"], 6)
    }
    assert sum(dosed.values()) == pytest.approx(100)


def test_arms_differ_in_what_they_are_for(tmp_path: Path) -> None:
    config = DoseConfig(
        mix="lab:tiny:english+300k", languages=("sw",), factors=(4,), extra=(50_000,),
        parallel=True, tokenizer=True,
    )  # fmt: skip
    design = design_doses(config, tmp_path)
    head, tail = "lab:tiny:english", "+300k+fixed+equal+even+apart"
    assert {arm.name: arm.group.removesuffix("@chat") for arm in design.arms} == {
        "x1": head + tail,
        "x4": f"{head}*sw=4{tail}",
        "+50k of the mix": f"{head}{tail}+mix=50000",
        "+50k sw": f"{head}{tail}+sw=50000",
        "x4, parallel": f"{head}*sw=4{tail}+parallel:sw",
        "x1, own tokenizer": f"{head}+300k+equal+even+apart",
    }
    assert [tuple(contrast) for contrast in design.contrasts] == [
        ("dose", "x4", "x1"), ("extra", "+50k sw", "+50k of the mix"),
        ("parallel", "x4, parallel", "x4"), ("tokenizer", "x1, own tokenizer", "x1"),
    ]  # fmt: skip
    assert dose_text({"en-x-lab": 60.0, SW: 40.0}, [SW], 1.0) == ""


TABLE = """dose,language,percent
now,en,80
now,fr,15
now,sw,5
more,en,70
more,fr,10
more,sw,20
"""


def test_a_table_is_one_mix_a_dose_the_first_one_undosed(tmp_path: Path) -> None:
    path = tmp_path / "doses.csv"
    path.write_text(TABLE)
    config = DoseConfig(mix="lab:tiny", languages=("sw",), table=path)
    design = design_doses(config, tmp_path / "run")
    assert design.undosed.name == "now"
    assert [arm.recipe.shares[SW] for arm in design.doses] == [5, 20]
    assert all("+fixed+equal+even+apart" in arm.group for arm in design.doses)
    assert not list((tmp_path / "run").glob("run.db"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("more,sw,20", "more,sw,10", r"dose 'more' adds up to 90 % over 3 languages"),
        ("more,sw,20", "more,swa,20", "line 7: 'swa' is not a lab language"),
        ("more,fr,10", "more,ta,10", r"doses 'more' and 'now' differ in their languages"),
        ("more,sw,20", "more,sw,a lot", "line 7: 'a lot' is not a number"),
        ("more,sw,20", "more,sw,0", "a share lies above 0 and below 100 percent, not 0"),
        ("more,fr,10", "more,sw,10", "line 7: sw-x-lab comes twice in dose 'more'"),
        ("more,", ",", "line 5: the dose has no name"),
        ("more,", "now ,", "comes twice in dose 'now'"),
        ("dose,", "name,", "expected the columns dose,language,percent"),
        ("more,sw,20\n", "more,sw,5\n", "adds up to 85 %"),
    ],
)
def test_a_table_that_cannot_be_is_refused(old: str, new: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "doses.csv"
    path.write_text(TABLE.replace(old, new))
    config = DoseConfig(mix="lab:tiny", languages=("sw",), table=path, out=tmp_path / "run")
    with pytest.raises(InputError, match=told):
        plan_dose(config)
    assert not (tmp_path / "run").exists()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"mix": "hf:models/mine"}, "cannot be trained here"),
    ({"mix": "lab:nano"}, "unknown lab preset"),
    ({"mix": "lab:tiny#1"}, "an arm is a recipe without seed or stage"),
    ({"mix": "lab:tiny@base"}, "an arm is a recipe without seed or stage"),
    ({"factors": (4.0, 1.0, 4.0)}, "name every dose once; got 4, 1, 4"),
    ({"limit": 0}, "--limit must be 1 or more"),
    ({"options": LocalOptions(device="foo")}, "is not a device"),
    ({"options": LocalOptions(dtype="foo")}, "is not a dtype"),
    ({"languages": None}, "name whose text is dosed"),
    ({"tier": "low"}, "name whose text is dosed"),
    ({"languages": ("xx",)}, "xx"),
    ({"languages": ("ny",)}, "'ny' is not a language of the mix"),
    ({"languages": ("sw", "sw")}, "each once"),
    ({"languages": None, "tier": "middle"}, "there are english, high, medium, low"),
    ({"factors": (0.0,)}, "a dose is a factor above 0"),
    ({"factors": (1.0,)}, "needs a factor besides 1"),
    ({"languages": ("en",), "factors": (4,)}, "a dose leaves the other languages something"),
    ({"extra": (100,)}, "100 further tokens"),
    ({"factors": (0.5,), "parallel": True}, "add a factor above 1"),
    ({"table": Path("nowhere.csv")}, "nowhere.csv cannot be read"),
    ({"table": Path("nowhere.csv"), "parallel": True}, "--parallel belongs to factors"),
    ({"table": Path("nowhere.csv"), "mix": "lab:tiny:balanced"}, "--table says all of each mix"),
    ({"seeds": 0}, "--seeds must be 1 or more"),
]


@pytest.mark.parametrize(("changes", "told"), REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_trained(
    changes: dict[str, Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("trained")

    monkeypatch.setattr(arm_runs, "build_lab", never)
    fields: dict[str, Any] = {"mix": "lab:tiny", "languages": ("sw",), "out": tmp_path / "run"}
    with pytest.raises(UserError, match=told):
        run_dose(DoseConfig(**(fields | changes)))
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_is_named_as_what_it_is() -> None:
    with pytest.raises(ModelError, match="isogloss trace ladder"):
        plan_dose(DoseConfig(mix="hf:models/mine", languages=("sw",)))


# Really trained.


@pytest.fixture(scope="module")
def micro() -> Iterator[str]:
    """The name of a preset whose models train in two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        yield micro_preset(patch)


def micro_config(micro: str, out: Path) -> DoseConfig:
    return DoseConfig(
        mix=f"lab:{micro}", languages=("sw",), factors=(1, 4), seeds=1, limit=8, out=out
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(micro: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dose") / "run"
    run_dose(micro_config(micro, folder))
    return folder


def stored(folder: Path, area: str) -> list[Measurement]:
    with RunStore(folder) as store:
        return store.measurements(area)


def test_every_run_is_measured_alike(run: Path, micro: str) -> None:
    rows = stored(run, RUNS)
    assert {(row.arm, row.seed) for row in rows} == {("x1", 0), ("x4", 0)}
    for arm, dose in (("x1", ""), ("x4", "*sw=4")):
        mine = [row for row in rows if row.arm == arm]
        assert {row.metric for row in mine} == set(MEASURED)
        assert len(mine) == len(MEASURED) * len({row.language for row in mine})
        assert {row.target for row in mine} == {
            f"lab:{micro}:english{dose}+fixed+equal+even+apart@chat#0"
        }
    assert all(row.estimate is not None or row.reason for row in rows)
    tiers = {row.tier for row in rows if row.language == SW}
    assert len(tiers) == 1, "a language's tier is what it is in the undosed mix"
    tokens = {r.arm: r.estimate or 0.0 for r in rows if r.metric == TOKENS and r.language == SW}
    assert tokens["x4"] > 2 * tokens["x1"]


def test_rows_over_runs_are_computed_from_the_stored_ones_alone(run: Path, micro: str) -> None:
    design = design_doses(micro_config(micro, run), run)
    assert rows_over(design, stored(run, RUNS)) == stored(run, AREA)
    with RunStore(run) as store:
        meta = store.meta(AREA)
    assert meta["doses"] == ["x1", "x4"]
    assert meta["contrasts"] == [{"kind": "dose", "arm": "x4", "since": "x1"}]


def test_recognition_is_what_concepts_measures(run: Path, micro: str, tmp_path: Path) -> None:
    target = f"lab:{micro}:english+fixed+equal+even+apart@chat#0"
    study = run_concepts(
        ConceptsConfig(target=target, concepts=("harmfulness",), out=tmp_path / "concepts")
    )
    expected = {
        row.language: (row.estimate, row.low, row.high, row.layer)
        for row in study.measurements
        if row.metric == RECOGNITION and row.language == row.source_language
    }
    found = {
        row.language: (row.estimate, row.low, row.high, row.layer)
        for row in stored(run, RUNS)
        if row.metric == RECOGNITION and row.target == target
    }
    assert len(found) == 4
    assert None not in found[SW]
    assert found == expected


def test_reward_models_are_trained_once_and_their_accuracy_is_a_figure(
    run: Path, micro: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What trains and tests them is `isogloss align`'s and tested there."""
    asked: list[tuple[list[str], int]] = []

    def rewards(arms: Any, seed: int, *_: Any) -> dict[str, list[Measurement]]:
        asked.append(([arm.name for arm in arms], seed))
        return {
            arm.name: [
                replace(row, area=REWARDS, metric="reward_accuracy", unit="rate", estimate=0.5)
                for row in stored(run, RUNS)
                if (row.arm, row.seed, row.metric) == (arm.name, seed, TOKENS)
            ]
            for arm in arms
        }

    monkeypatch.setattr(experiment, "reward_rows", rewards)
    config = replace(micro_config(micro, run), reward=True)
    rows = [r for r in run_dose(config).measurements if r.area == AREA]
    assert asked == [(["x1", "x4"], 0)]
    assert cell(rows, "reward_accuracy_change").estimate == 0
    run_dose(config)
    assert len(asked) == 1
    run_dose(micro_config(micro, run))  # without the flag they are not told of
    assert not [r for r in stored(run, AREA) if r.metric.startswith("reward")]


def test_reward_models_need_what_trains_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    config = DoseConfig(mix="lab:tiny", languages=("sw",), reward=True, out=tmp_path / "run")
    with pytest.raises(MissingExtraError, match="isogloss\\[align\\]"):
        run_dose(config)
    assert not (tmp_path / "run").exists()


def test_killed_and_resumed_it_repeats_what_was_in_flight_and_ends_in_the_same_rows(
    run: Path, micro: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = micro_config(micro, run)
    before = (*stored(run, RUNS), *stored(run, AREA))
    lost = f"lab:{micro}:english*sw=4+fixed+equal+even+apart@chat#0"
    with sqlite3.connect(run / "run.db") as db:
        db.execute("DELETE FROM verdicts WHERE response % 3 = 0")
        db.execute("DELETE FROM responses WHERE id % 3 = 0 AND target = ?", (lost,))
        db.execute("DELETE FROM measurements WHERE row LIKE ?", (f'%"{lost}"%',))
    with RunStore(run) as store:
        made = store.meta(experiment.MEASURED)
        store.set_meta(experiment.MEASURED, {k: v for k, v in made.items() if not k.endswith(lost)})
    measured: list[str] = []
    whole = arm_runs.measure_run

    def watched(arm: Any, seed: int, *rest: Any) -> list[Measurement]:
        measured.append(f"{arm.name} #{seed}")
        return whole(arm, seed, *rest)

    monkeypatch.setattr(experiment, "measure_run", watched)
    assert run_dose(config).measurements == before
    assert measured == ["x4 #0"]

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr(LocalTarget, "complete", never)
    assert run_dose(config).measurements == before


def test_the_command_prints_levels_slopes_parity_and_claims(run: Path, micro: str) -> None:
    command = [
        "trace", "dose", f"lab:{micro}", "--language", "sw", "--factors", "1,4", "--seeds", "1",
        "--limit", "8", "--no-report", "--out", str(run),
    ]  # fmt: skip
    plan = CliRunner().invoke(app, [*command, "--plan"])
    assert plan.exit_code == 0, plan.stderr
    assert "0 of 2 models are to be trained" in plan.stdout
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.stderr
    assert "per doubling" in shown.stdout
    assert "tokens to parity, following rate" in shown.stdout
    assert "cannot tell: more text of a language lifts its following rate" in shown.stdout
    printed = CliRunner().invoke(app, [*command, "--json"])
    assert len(json.loads(printed.stdout)) == len(stored(run, RUNS)) + len(stored(run, AREA))


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [("--factors", "1,much", "are not numbers"), ("--extra", "50x", "no number of tokens")],
)
def test_numbers_that_are_none_are_refused(option: str, value: str, told: str) -> None:
    result = CliRunner().invoke(
        app, ["trace", "dose", "lab:tiny", "--language", "sw", option, value]
    )  # fmt: skip
    assert result.exit_code == 2
    assert told in result.stderr
