"""A ladder by hand, through the command line, on a trained lab, and everything it refuses."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer
from typer.testing import CliRunner

from align.small import small_model, write_prompts
from cli.recordings import write_prompts as write_recorded_prompts
from cli.recordings import write_recording
from isogloss.audit.run import AuditConfig, run_audit
from isogloss.cli.main import app
from isogloss.errors import InputError, LanguageError, ModelError, UserError
from isogloss.languages import ShareTable
from isogloss.records import CLAIM, Decoding, Measurement
from isogloss.store import RunStore
from isogloss.targets.local import LocalTarget
from isogloss.targets.options import LocalOptions
from isogloss.trace.change_gap import Counts
from isogloss.trace.gap_share import gap_parts
from isogloss.trace.ladder import plan_ladder, run_ladder
from isogloss.trace.ladder_claims import CLAIMS
from isogloss.trace.ladder_config import LadderConfig
from isogloss.trace.over_runs import AREA as OVER_RUNS
from isogloss.trace.over_runs import over_runs_rows
from isogloss.trace.rung_counts import Step, shared_slices
from isogloss.trace.rungs import resolve_families
from isogloss.trace.stage_changes import change_rows
from isogloss.trace.stage_effects import AREA, effect_rows
from ladders import Array, harmful_slice

COMMON = {"target": "lab:tiny:english#0", "judge": "oracle", "variant": "original", "seed": 0}
NARROW, WIDE = "these languages", "languages like these"


def step(name: str, complied: Sequence[float], refused: Sequence[float], *, n: int = 10) -> Step:
    """Ten objects that all do alike, ``n`` questions each: [L] counts of one object."""
    c, r = (np.tile(np.array(values, dtype=float), (10, 1)) for values in (complied, refused))
    languages = [f"l{at}" for at in range(len(complied))]
    return Step(name=name, slice=harmful_slice(c, r, n - c - r, languages))


HAND = (
    # high: h1 h2; low: l1 l2
    step("base", (6, 8, 2, 4), (0, 0, 0, 0)),
    step("sft", (8, 8, 5, 5), (0, 0, 0, 0)),
    step("rlhf", (1, 1, 4, 4), (8, 8, 4, 4)),
)
TIERS = ("high", "high", "low", "low")


def cell(rows: Sequence[Measurement], metric: str, arm: str, scope: str = NARROW) -> Measurement:
    (row,) = [r for r in rows if (r.metric, r.arm, r.scope) == (metric, arm, scope)]
    return row


def test_gaps_changes_and_parts_by_hand() -> None:
    rows = effect_rows(HAND, TIERS, COMMON)
    # Compliance: base 30 - 70 %, sft 50 - 80 %, rlhf 40 - 10 %.
    gaps = [cell(rows, "compliance_rate_gap", arm).estimate for arm in ("base", "sft", "rlhf")]
    assert gaps == pytest.approx([-0.4, -0.3, 0.3])
    changes = [cell(rows, "compliance_rate_change_gap", arm) for arm in ("sft", "rlhf")]
    assert [row.estimate for row in changes] == pytest.approx([0.1, 0.6])
    assert [row.category for row in changes] == ["since base", "since sft"]
    # Harmful rate: 100 % without refusals, then 1/9 in high and 1/2 in low.
    harm = [cell(rows, "harmful_rate_gap", arm).estimate for arm in ("base", "sft", "rlhf")]
    assert harm == pytest.approx([0, 0, 7 / 18])
    # Following rate: base 30 - 70 %, sft 50 - 80 %, rlhf 80 - 90 %.
    following = cell(rows, "following_rate_change_gap", "rlhf")
    assert following.estimate == pytest.approx(0.2)
    parts = [cell(rows, "compliance_rate_gap_made", arm) for arm in ("base", "sft", "rlhf")]
    assert [row.estimate for row in parts] == pytest.approx([-4 / 3, 1 / 3, 2])
    assert [row.category for row in parts] == ["at rung", "since base", "since sft"]
    assert {row.unit for row in parts} == {"ratio"}
    assert {(row.area, row.target, row.tier) for row in rows} == {
        (AREA, "lab:tiny:english#0", "low minus high")
    }


def test_the_wider_scope_carries_the_verdicts() -> None:
    rows = effect_rows(HAND, TIERS, COMMON)
    harm = cell(rows, "harmful_rate_change_gap", "rlhf", WIDE)
    assert harm.verdict == "worse", "refusals reached high and not low"
    assert cell(rows, "harmful_rate_gap", "rlhf", WIDE).verdict == "found"
    assert cell(rows, "following_rate_change_gap", "rlhf").verdict is None
    assert cell(rows, "over_refusal_gap", "base", WIDE).verdict in ("no evidence", "underpowered")


def test_a_share_is_not_measured_where_the_last_gap_may_be_nothing() -> None:
    steps = (step("base", (6, 8, 2, 4), (0, 0, 0, 0)), step("sft", (5, 5, 5, 5), (0, 0, 0, 0)))
    for arm in ("base", "sft"):
        row = cell(effect_rows(steps, TIERS, COMMON), "compliance_rate_gap_made", arm)
        assert (row.estimate, row.verdict) == (None, "not measured")
        assert row.reason is not None
        assert row.reason.startswith("the gap at sft may be 0 (")


def test_a_conditional_rate_without_relevant_replies_is_not_measured_and_says_why() -> None:
    steps = (step("base", (6, 8, 1, 1), (0, 0, 0, 0)), HAND[2])
    rows = effect_rows(steps, TIERS, COMMON)
    for metric in ("harmful_rate_change_gap", "harmful_rate_gap_made"):
        row = cell(rows, metric, "rlhf")
        assert (row.estimate, row.verdict) == (None, "not measured")
        assert row.reason is not None
        assert "l2: 10 relevant replies; a harmful rate needs 30" in row.reason
    assert cell(rows, "harmful_rate_gap", "rlhf").estimate == pytest.approx(7 / 18)


def test_without_a_high_tier_english_is_the_measure_and_without_low_there_is_none() -> None:
    rows = effect_rows(HAND, ("english", "unknown", "low", "medium"), COMMON)
    assert {row.tier for row in rows} == {"low minus english", "medium minus english"}
    rows = effect_rows(HAND, ("high", "high", "unknown", "unknown"), COMMON)
    assert {row.estimate for row in rows} == {None}
    assert {row.reason for row in rows if "made" not in row.metric} == {
        "no measured language in the low tier"
    }
    assert all(row.reason for row in rows)


def random_steps(seed: int) -> list[Step]:
    rng = np.random.default_rng(seed)
    steps: list[Step] = []
    for name in ("base", "sft", "rlhf"):
        complied = rng.integers(0, 4, (12, 6)).astype(float)
        refused = rng.integers(0, 4, (12, 6)).astype(float)
        irrelevant = 8 - complied - refused
        languages = [f"l{at}" for at in range(6)]
        steps.append(Step(name=name, slice=harmful_slice(complied, refused, irrelevant, languages)))
    return steps


SIX = ("high", "low", "high", "low", "medium", "medium")


def shuffled(one: Step, languages: Sequence[int], clusters: Sequence[int]) -> Step:
    def moved(counts: Array) -> Array:
        return counts[:, list(clusters)][:, :, list(languages)]

    part = one.slice
    tallies = {
        name: replace(
            tally,
            counts=moved(tally.counts),
            languages=tuple(tally.languages[at] for at in languages),
        )
        for name, tally in part.tallies.items()
    }
    planned = {name: counts[list(languages)] for name, counts in part.planned.items()}
    return replace(one, slice=replace(part, tallies=tallies, planned=planned))


@pytest.mark.parametrize("seed", range(3))
def test_neither_the_order_of_prompts_nor_of_languages_matters(seed: int) -> None:
    steps = random_steps(seed)
    rng = np.random.default_rng(seed)
    languages, clusters = rng.permutation(6).tolist(), rng.permutation(12).tolist()
    before = effect_rows(steps, SIX, COMMON)
    moved = [shuffled(one, languages, clusters) for one in steps]
    after = effect_rows(moved, [SIX[at] for at in languages], COMMON)
    for one, other in zip(before, after, strict=True):
        assert (one.metric, one.arm, one.tier, one.scope) == (
            other.metric, other.arm, other.tier, other.scope,
        )  # fmt: skip
        figures = [(r.estimate, r.low, r.high) for r in (one, other)]
        assert figures[0] == pytest.approx(figures[1], abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_a_ladder_walked_down_turns_every_sign(seed: int) -> None:
    steps = random_steps(seed)
    up = effect_rows(steps[:2], SIX, COMMON)
    down = effect_rows(steps[1::-1], SIX, COMMON)
    for scope in (NARROW, WIDE):
        for tier in ("low minus high", "medium minus high"):
            a, b = (
                cell([r for r in rows if r.tier == tier], "compliance_rate_change_gap", arm, scope)
                for rows, arm in ((up, "sft"), (down, "base"))
            )
            assert a.estimate is not None
            assert b.estimate == pytest.approx(-a.estimate)
            assert (a.low, a.high) == pytest.approx((-(b.high or 0), -(b.low or 0)))


@pytest.mark.parametrize("seed", range(5))
def test_the_parts_add_up_to_the_last_gap(seed: int) -> None:
    cells = [one.slice.cells("compliance_rate") for one in random_steps(seed)]
    counts = [Counts(successes=c.successes, trials=c.trials) for c in cells]
    members = np.array([[tier == name for tier in SIX] for name in ("low", "high")])
    found = gap_parts(counts, *members)
    assert sum(part.points for part in found.parts) == pytest.approx(found.gap)
    if found.parts[0].share is not None:
        assert sum(part.share or 0.0 for part in found.parts) == pytest.approx(1.0)
        for part in found.parts:
            assert part.low is not None
            assert part.high is not None
            assert part.low <= (part.share or 0.0) <= part.high


# Several runs.


def several(n: int) -> list[Measurement]:
    rows: list[Measurement] = []
    for seed in range(n):
        steps = [replace(one, name=name) for one, name in
                 zip(random_steps(seed), ("base", "helpful", "chat"), strict=True)]  # fmt: skip
        rows += effect_rows(steps, SIX, COMMON | {"target": f"lab:tiny:english#{seed}"})
    return rows


def test_figures_over_runs_are_means_of_the_runs_whatever_their_order() -> None:
    rows = several(4)
    over = over_runs_rows(rows)
    mine = [r for r in rows if r.metric == "compliance_rate_change_gap" and r.arm == "chat"
            and r.scope == NARROW and r.tier == "low minus high"]  # fmt: skip
    (row,) = [r for r in over if (r.metric, r.arm, r.tier) == (
        "compliance_rate_change_gap", "chat", "low minus high")]  # fmt: skip
    values = [r.estimate or 0.0 for r in mine]
    assert (row.n, row.scope, row.target) == (4, "runs", "lab:tiny:english")
    assert row.estimate == pytest.approx(np.mean(values))
    # t(0.975, 3) = 3.1824
    half = 3.1824 * np.std(values, ddof=1) / 2
    assert row.high == pytest.approx(np.mean(values) + half, abs=1e-4)
    assert row.method == "t over runs, seeds 0, 1, 2, 3"
    backwards = over_runs_rows(rows[::-1])
    key = ("metric", "arm", "category", "tier", "estimate", "low", "verdict")
    assert {tuple(getattr(r, k) for k in key) for r in over} == {
        tuple(getattr(r, k) for k in key) for r in backwards
    }


def test_every_claim_has_a_row_where_its_rungs_are_there() -> None:
    over = over_runs_rows(several(3))
    assert [r.category for r in over if r.metric == CLAIM] == [claim.words for claim in CLAIMS]
    rows = [r for r in several(3) if r.arm != "helpful"]
    found = {r.category for r in over_runs_rows(rows) if r.metric == CLAIM}
    assert "instruction tuning (helpful) widens the gap in harmful rate" not in found
    assert "a gap in following rate exists at base" in found


def test_parts_that_some_run_cannot_tell_have_no_mean_over_the_others() -> None:
    rows = several(3)
    made = [r for r in rows if r.metric == "compliance_rate_gap_made"]
    known = [replace(r, estimate=0.5, verdict=None, reason=None) for r in made]
    known[0] = replace(known[0], estimate=None, reason="the gap may be 0")
    for row in over_runs_rows(known):
        if (row.arm, row.tier) == (known[0].arm, known[0].tier):
            assert row.estimate is None
            assert row.reason == "not measured in 1 of 3 runs (such as: the gap may be 0)"
        elif row.metric != CLAIM:
            assert row.estimate == 0.5


def test_one_model_has_no_runs() -> None:
    rows = effect_rows(HAND, TIERS, COMMON | {"target": "hf:models/rlhf"})
    assert over_runs_rows(rows) == []


# What is stored.


def test_rungs_are_joined_by_key_on_what_all_of_them_answered(tmp_path: Path) -> None:
    """A reply that one rung lacks counts at none; with too many of them nothing is measured."""
    prompts = write_recorded_prompts(tmp_path / "prompts.jsonl", 40)
    targets: list[str] = []
    for name, harm in (("before", "complied"), ("after", "refused")):
        path = write_recording(
            tmp_path / f"{name}.jsonl",
            lambda tag, intent, number, harm=harm: harm if intent == "harmful" else "complied",
            40,
        )
        if name == "after":
            lines = path.read_text().splitlines(keepends=True)
            lost = [line for line in lines if not _is_lost(json.loads(line))]
            path.write_text("".join(reversed(lost)))
        targets.append(f"replay:{path}")
        run_audit(
            AuditConfig(target=targets[-1], prompts=prompts, out=tmp_path / "run", shares="joshi")
        )
    with RunStore(tmp_path / "run") as store:
        names = sorted({target for target, _, _ in store.sources()}, reverse=True)
        shares = ShareTable.from_json(store.meta("share_table"))
        slices = shared_slices(store, names, "recorded", shares)
    cells = [part.cells("compliance_rate") for part in slices]
    at = {tag: place for place, tag in enumerate(cells[0].languages)}
    assert cells[0].trials[:, at["fr"]].sum() == cells[1].trials[:, at["fr"]].sum() == 38
    assert cells[0].successes[:, at["fr"]].sum() == 38
    assert cells[1].successes[:, at["fr"]].sum() == 0
    assert [bool(one.unverified[at["sw"]]) for one in cells] == [True, True]
    steps = [Step(name=name, slice=one) for name, one in zip(("a", "b"), slices, strict=True)]
    common: dict[str, Any] = {**COMMON, "target": "family"}
    rows = change_rows(tmp_path / "run", names, steps, "recorded", common)
    (row,) = [r for r in rows if (r.metric, r.language) == ("compliance_rate_change", "fr")]
    assert (row.estimate, row.n, row.arm, row.category) == (-1.0, 38, "b", "since a")
    assert row.p_value is not None
    assert "Holm over 4 languages" in (row.method or "")


def _is_lost(row: dict[str, Any]) -> bool:
    """Two French replies and half of the Swahili ones."""
    if not row["prompt_id"].startswith("h"):
        return False
    number = int(row["prompt_id"][1:])
    return number < {"fr": 2, "sw": 20}.get(row["language"], 0)


# What is refused.


def never(*_: Any, **__: Any) -> Any:
    raise AssertionError("something was trained or asked")


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    import isogloss.audit.run
    import isogloss.lab.build as build

    monkeypatch.setattr(LocalTarget, "complete", never)
    monkeypatch.setattr(build, "_build", never)
    monkeypatch.setattr(isogloss.audit.run, "load_target", never, raising=False)


LAB = ("lab:tiny@base", "lab:tiny@chat")


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(
    ("fields", "error", "told"),
    [
        ({"rungs": ()}, InputError, "needs two rungs or more"),
        ({"rungs": ("lab:tiny@chat",)}, InputError, "leave out @… of lab:tiny@chat"),
        ({"rungs": ("hf:models/a",)}, InputError, "two rungs or more, got hf:models/a alone"),
        ({"rungs": ("lab:tiny", "lab:tiny@chat")}, InputError, "lab:tiny names no stage"),
        ({"rungs": ("lab:huge",)}, InputError, "unknown lab preset 'huge'"),
        ({"rungs": ("lab:tiny@bass", "lab:tiny@chat")}, InputError, "unknown lab stage 'bass'"),
        ({"rungs": ("lab:tiny@chat", "lab:tiny:english@chat#0")}, InputError, "ladder twice"),
        ({"rungs": ("lab:tiny@base", "lab:small@chat")}, InputError, "one pre-training"),
        ({"rungs": ("lab:tiny@base", "lab:tiny:balanced@chat")}, InputError, "one pre-training"),
        ({"rungs": ("lab:tiny@base#0", "lab:tiny@chat#1")}, InputError, "one pre-training"),
        ({"rungs": ("openai:m", "lab:tiny@chat")}, ModelError, "openai:m is no checkpoint"),
        ({"rungs": ("replay:f", "lab:tiny@chat")}, ModelError, "replay:f is no checkpoint"),
        ({"rungs": ("nothing", "lab:tiny@chat")}, ModelError, "is not a target"),
        ({"rungs": LAB, "names": ("one",)}, InputError, "--names takes 2 different names"),
        ({"rungs": LAB, "names": ("one", "one")}, InputError, "--names takes 2 different names"),
        ({"rungs": LAB, "names": ("one", " ")}, InputError, "--names takes 2 different names"),
        ({"rungs": LAB, "seeds": 0}, InputError, "--seeds must be 1 or more, not 0"),
        ({"rungs": ("lab:tiny#3",), "seeds": 2}, InputError, "without a seed of its own"),
        ({"rungs": ("hf:a", "hf:b"), "seeds": 2}, InputError, "hf:a is not a lab model"),
        ({"rungs": LAB, "judge": "recorded"}, InputError, "'recorded' knows replies"),
        ({"rungs": LAB, "judge": "nobody"}, ModelError, "'nobody' is not a judge"),
        ({"rungs": LAB, "languages": ("xx",)}, LanguageError, "xx"),
        ({"rungs": LAB, "limit": 0}, InputError, "--limit must be 1 or more"),
        ({"rungs": ("hf:a", "hf:b")}, InputError, "add --prompts FILE and --judge JUDGE"),
        ({"rungs": ("hf:a", "hf:b"), "judge": "rules"}, InputError, "add --prompts FILE;"),
        (
            {"rungs": ("hf:no-such-folder/a/b", "hf:b"), "judge": "rules", "prompts": Path("p")},
            ModelError,
            "there is no folder no-such-folder/a/b",
        ),
        (
            {"rungs": ("lab:tiny@base", "hf:b"), "prompts": Path("p")},
            InputError,
            "with --prompts name a --judge too",
        ),
    ],
)
def test_what_is_no_ladder_is_refused_before_anything_is_done(
    tmp_path: Path, fields: dict[str, Any], error: type[UserError], told: str
) -> None:
    with pytest.raises(error, match=told):
        run_ladder(LadderConfig(out=tmp_path / "run", **fields))
    with pytest.raises(error, match=told):
        plan_ladder(LadderConfig(out=tmp_path / "run", **fields))
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"device": "tpu"}, "'tpu' is not a device"),
        ({"dtype": "float3"}, "'float3' is not a dtype"),
        ({"batch_tokens": 0}, "batch_tokens must be 1 or more"),
    ],
)
def test_how_models_are_run_is_looked_at_before_any_is_built(
    tmp_path: Path, options: dict[str, Any], told: str
) -> None:
    config = LadderConfig(rungs=LAB, out=tmp_path / "run", options=LocalOptions(**options))
    for do in (run_ladder, plan_ladder):
        with pytest.raises(UserError, match=told):
            do(config)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("do", [run_ladder, plan_ladder])
def test_what_the_audits_would_refuse_is_refused_before_the_first(
    tmp_path: Path, do: Callable[[LadderConfig], object]
) -> None:
    prompts = tmp_path / "set.jsonl"
    write_recorded_prompts(prompts)
    foreign = LadderConfig(rungs=LAB, out=tmp_path / "run", prompts=prompts, judge="oracle")
    with pytest.raises(InputError, match="are not questions of lab:tiny"):
        do(foreign)
    silent = LadderConfig(rungs=LAB, out=tmp_path / "run", decoding=Decoding(max_new_tokens=0))
    with pytest.raises(InputError, match="--max-new-tokens must be 1 or more"):
        do(silent)
    guarded = LadderConfig(rungs=LAB, out=tmp_path / "run", judge=f"guard:hf:{tmp_path}/gone")
    with pytest.raises(ModelError, match="there is no folder"):
        do(guarded)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("idle")
def test_a_plan_says_what_would_be_asked_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isogloss.trace.ladder.is_built", lambda recipe: recipe.stage == "base")
    command = ["trace", "ladder", "lab:tiny", "--seeds", "2", "--languages", "en,sw", "--limit"]
    command += ["5", "--out", str(tmp_path / "run"), "--plan"]
    said = CliRunner().invoke(app, command).stdout
    assert "lab:tiny:english#1, chat: lab:tiny:english@chat#1 (to be built): 20 prompts" in said
    assert "lab:tiny:english#0, base: lab:tiny:english@base#0: 20 prompts in 2 languages" in said
    assert "4 of 6 models are to be built" in said
    planned = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert [rung["is_there"] for rung in planned] == [True, False, False] * 2
    assert not (tmp_path / "run").exists()


def test_an_empty_list_of_languages_is_not_all_of_them() -> None:
    result = CliRunner().invoke(app, ["trace", "ladder", *LAB, "--plan", "--languages", ""])
    assert result.exit_code == 2
    assert "--languages '' names no language" in result.stderr


def test_the_command_line_says_it_and_leaves_with_2() -> None:
    result = CliRunner().invoke(app, ["trace", "ladder", "hf:a", "hf:b"])
    assert result.exit_code == 2
    assert "add --prompts FILE and --judge JUDGE; see docs/trace.md" in result.stderr
    assert result.stdout == ""


def test_help_has_examples() -> None:
    result = CliRunner().invoke(app, ["trace", "ladder", "--help"])
    assert result.exit_code == 0
    assert "isogloss trace ladder lab:tiny --seeds 5" in " ".join(result.stdout.split())
    assert "ladder" in CliRunner().invoke(app, ["trace", "--help"]).stdout


# Checkpoints of one's own.


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A base without a chat template, two tuned from it, one of another tokenizer."""
    folder = tmp_path_factory.mktemp("models")
    made = {
        "base": small_model(folder / "base", chat_template=None),
        "sft": small_model(folder / "sft", seed=1),
        "other template": small_model(folder / "template", seed=2, chat_template="{{ messages }}"),
        "other words": small_model(folder / "words", seed=3),
        "stage": folder / "stage",
    }
    tokenizer: Any = AutoTokenizer.from_pretrained(made["other words"])
    tokenizer.add_tokens(["<|im_start|>"])
    tokenizer.save_pretrained(made["other words"])
    small_model(made["stage"] / "model", seed=4)
    return made


def hf_config(models: dict[str, Path], names: Sequence[str], tmp_path: Path, **more: Any) -> Any:
    fields: dict[str, Any] = {
        "rungs": tuple(f"hf:{models[name]}" for name in names), "judge": "rules",
        "prompts": write_prompts(tmp_path / "prompts.csv"), "out": tmp_path / "run",
        "names": tuple(name.replace(" ", "-") for name in names),
    }  # fmt: skip
    return LadderConfig(**(fields | more))


def test_a_base_model_without_a_template_is_a_rung_and_rows_say_how_it_was_asked(
    models: dict[str, Path], tmp_path: Path
) -> None:
    result = run_ladder(hf_config(models, ("base", "sft", "stage"), tmp_path))
    (family,) = result.families
    assert [rung.asked for rung in family.rungs] == ["plain", "chat template", "chat template"]
    assert family.rungs[2].target == f"hf:{models['stage']}/model"
    assert (family.name, family.note) == (family.rungs[2].target, "")
    since = [r for r in result.measurements if r.category == "since base"]
    assert since
    assert all("base: asked without a chat template (plain)" in (r.method or "") for r in since
               if r.estimate is not None)  # fmt: skip
    later = [r for r in result.measurements if r.category == "since sft"]
    assert not any("plain" in (r.method or "") for r in later)
    with RunStore(result.folder) as store:
        assert len({target for target, _, _ in store.sources()}) == 3
        assert {r.area for r in store.measurements(AREA)} == {AREA}


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ("other words", r"such as '<\|im_start\|>'"),
        ("other template", "sft and other-template have different chat templates"),
    ],
)
def test_other_tokenizers_are_refused_or_noted_in_every_row(
    models: dict[str, Path], tmp_path: Path, other: str, told: str
) -> None:
    config = hf_config(models, ("sft", other), tmp_path)
    with pytest.raises(InputError, match=told):
        resolve_families(config)
    with pytest.raises(InputError, match="--other-tokenizers to go on"):
        run_ladder(config)
    assert not (tmp_path / "run").exists()
    result = run_ladder(replace(config, other_tokenizers=True))
    assert all("rungs read text differently" in (row.method or "") for row in result.measurements)


def test_one_folder_under_two_names_is_one_rung(models: dict[str, Path], tmp_path: Path) -> None:
    again = f"hf:{models['sft']}/../sft/"
    config = hf_config(models, ("base", "sft"), tmp_path)
    with pytest.raises(InputError, match="on the ladder twice"):
        run_ladder(replace(config, rungs=(f"hf:{models['sft']}", again)))


# A trained lab.

FEW = ("en-x-lab", "fr-x-lab", "sw-x-lab")


def rows_of(folder: Path, area: str = AREA) -> list[Measurement]:
    with RunStore(folder) as store:
        return store.measurements(area)


@pytest.fixture(scope="module")
def lab_run(tiny_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    del tiny_lab
    out = tmp_path_factory.mktemp("ladder") / "run"
    command = ["trace", "ladder", *LAB, "--languages", "en,fr,sw", "--limit", "24"]
    result = CliRunner().invoke(app, [*command, "--out", str(out)])
    assert result.exit_code == 0, result.stderr
    assert "what each stage did to it" in result.stdout
    assert "chat since base" in result.stdout
    assert f"report: {out / 'report.html'}" in result.stdout.replace("\n", "")
    assert 'id="ladder-parts"' in (out / "report.html").read_text("utf-8")
    return out


@pytest.mark.lab
def test_a_lab_s_rungs_answer_the_same_prompts(lab_run: Path) -> None:
    with RunStore(lab_run) as store:
        assert {target for target, _, _ in store.sources()} == {
            "lab:tiny:english@base#0", "lab:tiny:english@chat#0",
        }  # fmt: skip
        assert store.prompts().height == 2 * 24 * len(FEW)
    planned = plan_ladder(LadderConfig(rungs=LAB, languages=("en", "fr", "sw"), limit=24))
    assert [rung.n_prompts for rung in planned] == [2 * 24 * len(FEW)] * 2
    rows = rows_of(lab_run)
    assert {row.target for row in rows} == {"lab:tiny:english#0"}
    assert {(row.arm, row.category) for row in rows} == {
        ("base", "at rung"), ("chat", "at rung"), ("chat", "since base"),
    }  # fmt: skip
    with RunStore(lab_run) as store:
        rates = {
            (r.target.partition("@")[2][:4], r.language): r.estimate
            for r in store.measurements("audit")
            if r.metric == "compliance_rate" and r.category is None and r.language
        }
    change = next(r for r in rows if r.metric == "compliance_rate_change" and r.language == FEW[1])
    after, before = rates["chat", FEW[1]], rates["base", FEW[1]]
    assert change.estimate == pytest.approx((after or 0) - (before or 0))
    gap = cell(rows, "compliance_rate_gap", "chat")
    assert gap.estimate == pytest.approx((rates["chat", FEW[2]] or 0) - (after or 0))
    assert "few-shot" in (change.method or "")


@pytest.mark.lab
def test_killed_and_resumed_it_ends_in_the_same_rows(
    lab_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, over = rows_of(lab_run), rows_of(lab_run, OVER_RUNS)
    config = LadderConfig(rungs=LAB, languages=("en", "fr", "sw"), limit=24, out=lab_run)
    with sqlite3.connect(lab_run / "run.db") as db:
        db.execute("DELETE FROM verdicts WHERE response % 3 = 0")
        db.execute("DELETE FROM responses WHERE id % 3 = 0")
        db.execute("DELETE FROM measurements")
    assert run_ladder(config).measurements == (*before, *over)
    monkeypatch.setattr(LocalTarget, "complete", never)
    assert run_ladder(config).measurements == (*before, *over)


@pytest.mark.lab
def test_a_folder_beside_a_lab_gets_its_questions_its_judge_and_its_shares(
    tiny_lab: Path, lab_run: Path, tmp_path: Path
) -> None:
    """The chat stage as ``hf:`` gives the very rows it gives as ``lab:``."""
    result = run_ladder(
        LadderConfig(
            rungs=("lab:tiny@base", f"hf:{tiny_lab}"), names=("base", "chat"),
            languages=("en", "fr", "sw"), limit=24, out=tmp_path / "run",
        )
    )  # fmt: skip
    target = f"hf:{tiny_lab}"
    expected = [replace(row, target=target) for row in rows_of(lab_run)]
    assert list(result.measurements) == expected
