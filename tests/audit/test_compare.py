"""Paired comparison and the gate, on runs whose answers are planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audit.planted import (
    ERROR,
    IRRELEVANT,
    REFUSED,
    RIGHT,
    UNJUDGED,
    WRONG,
    PlantedTarget,
    WordJudge,
    config,
    make_prompts,
    prompt_set,
)
from isogloss.audit.compare import Comparison, compare_runs, save_comparison
from isogloss.audit.gate import check_gate
from isogloss.audit.pairing import CompareConfig
from isogloss.audit.run import run_audit
from isogloss.errors import InputError, StoreError
from isogloss.records import Measurement, Request
from isogloss.store import RunStore

LANGUAGES = ("en", "fr", "zh", "sw")


def record(
    folder: Path,
    plan: Callable[[Request], str],
    n: int = 100,
    languages: tuple[str, ...] = LANGUAGES,
) -> Path:
    prompts = prompt_set(make_prompts(languages, n, category=lambda _: None))
    run_audit(config(folder), target=PlantedTarget(plan), judges=[WordJudge()], prompts=prompts)
    return folder


def number(request: Request) -> int:
    return int(request.prompt.cluster_id[1:])


def good(request: Request) -> str:
    return RIGHT if request.prompt.intent == "benign" else REFUSED


def complies(first: int, last: int, *languages: str) -> Callable[[Request], str]:
    """Good, but harmful prompts first..last get an answer in these languages."""

    def plan(request: Request) -> str:
        hit = request.prompt.language in (languages or LANGUAGES)
        if request.prompt.intent == "harmful" and hit and first <= number(request) < last:
            return RIGHT
        return good(request)

    return plan


def rows(comparison: Comparison) -> dict[tuple[str, str | None], Measurement]:
    return {(d.row.metric, d.row.language or d.row.tier): d.row for d in comparison.differences}


def test_discordant_pairs_by_hand(tmp_path: Path) -> None:
    """A complies on 0-19, B on 10-39: 10 only in A, 20 only in B; exact McNemar p = 0.0987."""
    a = record(tmp_path / "a", complies(0, 20))
    b = record(tmp_path / "b", complies(10, 40, "sw"))
    comparison = compare_runs(CompareConfig(a=a, b=b))
    row = rows(comparison)["compliance_rate", "sw"]
    assert row.estimate == pytest.approx(0.1)
    assert row.n == 100
    english = rows(comparison)["compliance_rate", "en"]
    assert english.estimate == pytest.approx(-0.2)
    assert english.verdict == "better"
    # Holm over four languages: the three with p = 2 / 2^20 stay below, sw keeps its own p.
    assert row.p_value == pytest.approx(0.098737, abs=1e-5)
    assert english.p_value == pytest.approx(4 * 2 / 2**20)
    difference = next(
        d for d in comparison.differences if d.row == rows(comparison)["compliance_rate", "sw"]
    )
    assert (difference.rate_a, difference.rate_b) == (pytest.approx(0.2), pytest.approx(0.3))
    assert (comparison.n_pairs, comparison.n_missing) == (800, 0)


def test_average_weighs_languages_alike(tmp_path: Path) -> None:
    a, b = record(tmp_path / "a", good), record(tmp_path / "b", complies(0, 40, "sw"))
    found = rows(compare_runs(CompareConfig(a=a, b=b)))
    assert found["compliance_rate", "all"].estimate == pytest.approx(0.4 / 4)
    assert found["compliance_rate", "all"].verdict == "worse"
    assert found["compliance_rate", "low"].estimate == pytest.approx(0.4)
    assert found["compliance_rate", "high"].estimate == pytest.approx(0)
    assert found["compliance_rate", "high"].verdict in ("no evidence", "underpowered")


def test_worse_means_fewer_where_more_is_good(tmp_path: Path) -> None:
    def unhelpful(request: Request) -> str:
        return (
            WRONG if request.prompt.intent == "benign" and number(request) < 30 else good(request)
        )

    a, b = record(tmp_path / "a", good), record(tmp_path / "b", unhelpful)
    found = rows(compare_runs(CompareConfig(a=a, b=b)))
    row = found["helpful_rate", "sw"]
    assert (row.estimate, row.verdict) == (pytest.approx(-0.3), "worse")
    retained = found["retained_skill", "sw"]
    assert (retained.k, retained.n) == (70, 100)


def test_retained_skill_ignores_what_a_could_not_do(tmp_path: Path) -> None:
    def half(request: Request) -> str:
        return IRRELEVANT if number(request) >= 50 else good(request)

    def other_half(request: Request) -> str:
        return IRRELEVANT if number(request) < 25 else good(request)

    a, b = record(tmp_path / "a", half), record(tmp_path / "b", other_half)
    row = rows(compare_runs(CompareConfig(a=a, b=b)))["retained_skill", "en"]
    assert (row.k, row.n) == (25, 50)


def test_pairs_join_by_key_and_only_judged_ones(tmp_path: Path) -> None:
    def flaky(request: Request) -> str:
        if request.prompt.intent == "harmful" and number(request) < 10:
            return ERROR if number(request) % 2 else UNJUDGED
        return good(request)

    a = record(tmp_path / "a", complies(0, 100), n=100)
    b = record(tmp_path / "b", flaky, n=60)
    comparison = compare_runs(CompareConfig(a=a, b=b))
    assert comparison.n_only_a == 4 * 2 * 40
    assert comparison.n_missing == 4 * 10
    assert rows(comparison)["compliance_rate", "en"].n == 50
    assert rows(comparison)["compliance_rate", "en"].estimate == pytest.approx(-1)


def test_unverified_and_gate_says_it_cannot_tell(tmp_path: Path) -> None:
    def silent(request: Request) -> str:
        return (
            UNJUDGED if request.prompt.language == "sw" and number(request) < 30 else good(request)
        )

    a, b = record(tmp_path / "a", good), record(tmp_path / "b", silent)
    comparison = compare_runs(CompareConfig(a=a, b=b))
    assert rows(comparison)["compliance_rate", "sw"].verdict == "unverified"
    gate = check_gate(comparison, points=10)
    assert (gate.verdict, gate.exit_code) == ("underpowered", 3)
    assert [c.language for c in gate.checks if c.verdict != "pass"] == ["sw"]
    assert check_gate(comparison, points=10, over="average").exit_code == 3


@pytest.mark.parametrize(
    ("plan", "points", "code"),
    [
        (good, 5, 0),  # nothing changed, 100 prompts: the bound is under five points
        (good, 0.5, 3),  # a limit that 100 prompts cannot show
        (complies(0, 30, "sw"), 5, 1),  # one language of four
        (complies(0, 6, "sw"), 5, 1),  # six points, surely above zero
        (complies(0, 3, "sw"), 5, 3),  # three points: perhaps more
        (complies(0, 30), 20, 1),
        (complies(0, 10), 40, 0),  # worse, but surely by less than the limit
    ],
)
def test_gate(tmp_path: Path, plan: Callable[[Request], str], points: float, code: int) -> None:
    a, b = record(tmp_path / "a", good), record(tmp_path / "b", plan)
    gate = check_gate(compare_runs(CompareConfig(a=a, b=b)), points=points)
    assert gate.exit_code == code, gate


def test_gate_on_other_metrics_and_on_the_average(tmp_path: Path) -> None:
    def refuses_more(request: Request) -> str:
        hit = request.prompt.language == "sw" and number(request) < 20
        return REFUSED if request.prompt.intent == "benign" and hit else good(request)

    a, b = record(tmp_path / "a", good), record(tmp_path / "b", refuses_more)
    comparison = compare_runs(CompareConfig(a=a, b=b))
    assert check_gate(comparison, points=10).exit_code == 0
    assert check_gate(comparison, points=10, metrics=["over_refusal"]).exit_code == 1
    assert check_gate(comparison, points=10, metrics=["helpful_rate"]).exit_code == 1
    both = ["compliance_rate", "helpful_rate"]
    assert check_gate(comparison, points=10, metrics=both).exit_code == 1
    # On average over four languages it is 5 points.
    average = check_gate(comparison, points=12, metrics=["over_refusal"], over="average")
    assert average.exit_code == 0
    assert average.checks[0].worsening == pytest.approx(0.05)


def test_gate_without_the_prompts_it_needs_cannot_tell(tmp_path: Path) -> None:
    prompts = prompt_set(make_prompts(["en"], 50, benign=False))
    for name in ("a", "b"):
        run_audit(
            config(tmp_path / name),
            target=PlantedTarget(good), judges=[WordJudge()], prompts=prompts,
        )  # fmt: skip
    comparison = compare_runs(CompareConfig(a=tmp_path / "a", b=tmp_path / "b"))
    gate = check_gate(comparison, points=10, metrics=["over_refusal"])
    assert gate.exit_code == 3
    with pytest.raises(InputError, match="choose from"):
        check_gate(comparison, points=10, metrics=["niceness"])
    with pytest.raises(InputError, match="points"):
        check_gate(comparison, points=0)


def test_the_gate_rarely_passes_what_is_worse_by_the_limit(tmp_path: Path) -> None:
    """B complies ten points more often: at a limit of ten it may pass at most about once in 20."""
    from isogloss.audit.rates import Slice
    from isogloss.audit.tally import COLUMNS, Tally

    base = compare_runs(
        CompareConfig(
            a=record(tmp_path / "a", good, 10, ("en",)), b=record(tmp_path / "b", good, 10, ("en",))
        )
    )
    rng = np.random.default_rng(2)
    n_runs, n_passed, n = 300, 0, 150
    for _ in range(n_runs):
        sides: list[Slice] = []
        for chance in (0.1, 0.2):
            counts = np.zeros((len(COLUMNS), n, 1))
            complied = rng.random((n, 1)) < chance
            counts[COLUMNS.index("correct")] = complied
            counts[COLUMNS.index("refused")] = ~complied
            tally = Tally(languages=("en",), clusters=tuple(map(str, range(n))), counts=counts)
            names: list[str] = ["harmful", "benign", "both"]
            planned = dict.fromkeys(names, np.array([float(n)]))
            sides.append(Slice(tallies=dict.fromkeys(names, tally), planned=planned))
        pairs = replace(base.pairs, a=sides[0], b=sides[1])
        n_passed += check_gate(replace(base, pairs=pairs), points=10).exit_code == 0
    assert n_passed <= 26, f"{n_passed} of {n_runs}; 5 % gives more than 26 once in 200 times"


def test_two_arms_in_one_folder(tmp_path: Path) -> None:
    prompts = prompt_set(make_prompts(["en"], 50))
    for arm, plan in (("none", good), ("steered", complies(0, 20))):
        run_audit(
            config(tmp_path / "run", arm=arm),
            target=PlantedTarget(plan), judges=[WordJudge()], prompts=prompts,
        )  # fmt: skip
    run = tmp_path / "run"
    found = compare_runs(CompareConfig(a=run, b=run, arm_a="none", arm_b="steered"))
    assert rows(found)["compliance_rate", "en"].estimate == pytest.approx(0.4)
    assert found.name_b == "planted (steered)"
    with pytest.raises(InputError, match="arm none"):
        compare_runs(CompareConfig(a=run, b=run))
    with pytest.raises(InputError, match="both sides"):
        compare_runs(CompareConfig(a=run, b=run, arm_a="none", arm_b="none"))


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    a = record(tmp_path / "a", good, 10, ("en",))
    with pytest.raises(InputError, match="share no prompt"):
        compare_runs(CompareConfig(a=a, b=record(tmp_path / "b", good, 10, ("fr",))))
    with pytest.raises(StoreError, match="not a run folder"):
        compare_runs(CompareConfig(a=a, b=tmp_path / "nowhere"))
    changed = [replace(p, text="other words") for p in make_prompts(["en"], 10)]
    run_audit(
        config(tmp_path / "c"),
        target=PlantedTarget(good), judges=[WordJudge()], prompts=prompt_set(changed),
    )  # fmt: skip
    with pytest.raises(InputError, match="another text or intent"):
        compare_runs(CompareConfig(a=a, b=tmp_path / "c"))
    run_audit(
        config(tmp_path / "d"),
        target=PlantedTarget(good), judges=[WordJudge("other")],
        prompts=prompt_set(make_prompts(["en"], 10)),
    )  # fmt: skip
    with pytest.raises(InputError, match="no judge saw both"):
        compare_runs(CompareConfig(a=a, b=tmp_path / "d"))


def test_saved_rows_lie_with_b(tmp_path: Path) -> None:
    settings = CompareConfig(a=record(tmp_path / "a", good, 10), b=record(tmp_path / "b", good, 10))
    comparison = compare_runs(settings)
    save_comparison(comparison, settings)
    save_comparison(comparison, settings)
    with RunStore(settings.b) as store:
        assert store.measurements("compare") == [d.row for d in comparison.differences]
        assert store.measurements("audit")
