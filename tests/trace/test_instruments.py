"""Faulty instruments by hand, on a lab trained in seconds, and all that is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from audit.planted import PlantedTarget
from isogloss.audit.run import AuditConfig, run_audit
from isogloss.cli.main import app
from isogloss.errors import UserError
from isogloss.judges.oracle import OracleJudge
from isogloss.lab.chat import answer_text
from isogloss.lab.questions import lab_prompts, read_question_id
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.progress import silent
from isogloss.records import CLAIM, ORIGINAL, Measurement, Request
from isogloss.store import RunStore
from isogloss.trace import instruments
from isogloss.trace.instrument_conditions import (
    conditions_of,
    oracle_in_english,
    prompts_under,
    variant_of,
)
from isogloss.trace.instruments import (
    AREA,
    RUNS,
    InstrumentsConfig,
    instrument_gap_rows,
    plan_instruments,
    run_instruments,
)
from planted_runs import micro_preset

GROUP = "lab:tiny:english@chat"
TIERS = {"en-x-lab": "english", "fr-x-lab": "high", "zh-x-lab": "high", "sw-x-lab": "low"}
WORST = "both 30 % wrong"


def rows_of(moved: dict[str, float], *, n_runs: int = 3) -> list[Measurement]:
    """Following 80 % in the high tier, 20 in the low one; ``moved`` by errors in both."""
    conditions = conditions_of(GROUP, [0.1, 0.3])
    runs: list[Measurement] = []
    for condition in conditions:
        share = (condition.prompts + condition.replies) * condition.rate / 0.6
        for seed in range(n_runs):
            for tag, tier in TIERS.items():
                base = {"english": 0.9, "high": 0.8, "low": 0.2}[tier]
                wobble = 0.01 * (seed - 1) * (1 + share) * (2 if tier == "low" else 1)
                runs += [
                    Measurement(
                        area=RUNS, metric=metric, target=f"{GROUP}#{seed}", arm=condition.name,
                        seed=seed, language=tag, tier=tier, n=84, unit="rate",
                        estimate=base + share * moved.get(tier, 0.0) + wobble,
                    )
                    for metric in ("following_rate", "compliance_rate")
                ]  # fmt: skip
    return instrument_gap_rows(conditions, TIERS, runs)


def claims_of(rows: list[Measurement]) -> list[Measurement]:
    return [row for row in rows if row.metric == CLAIM]


def test_gaps_changes_and_claims_by_hand() -> None:
    rows = rows_of({"high": -0.2, "low": 0.1})
    cells = {(r.metric, r.arm, r.tier): r for r in rows if r.language is None}
    both = "low minus high"
    assert cells["following_rate_gap", "exact", both].estimate == pytest.approx(-0.6)
    assert cells["following_rate_gap", WORST, both].estimate == pytest.approx(-0.3)
    shift = cells["following_rate_gap_change", WORST, both]
    assert shift.estimate == pytest.approx(0.3)
    assert "Holm over 6 arms" in (shift.method or "")
    assert "tiers by the shares of the lab's mix" in (shift.method or "")
    assert cells["following_rate_change", WORST, "high"].estimate == pytest.approx(-0.2)
    # A third of the errors in prompts alone: a sixth of the change.
    tenth = cells["following_rate_gap_change", "prompts 10 % wrong", both]
    assert tenth.estimate == pytest.approx(0.05)
    claims = claims_of(rows)
    assert [claim.verdict for claim in claims] == ["confirmed", "refuted", "refuted", "confirmed"]
    assert {claim.arm for claim in claims} == {"exact", WORST}


@pytest.mark.parametrize(
    ("moved", "verdicts"),
    [
        ({"low": -0.2}, ["confirmed", "confirmed", "confirmed", "refuted"]),
        ({}, ["confirmed", "cannot tell", "cannot tell", "cannot tell"]),
    ],
)
def test_verdicts_follow_what_is_planted(moved: dict[str, float], verdicts: list[str]) -> None:
    assert [claim.verdict for claim in claims_of(rows_of(moved))] == verdicts


def test_two_runs_cannot_tell() -> None:
    claims = claims_of(rows_of({"low": -0.2}, n_runs=2))
    assert {claim.verdict for claim in claims} == {"cannot tell"}
    assert "3 are needed" in (claims[0].reason or "")


def test_prompts_are_translated_wrongly_at_the_rate_asked_for() -> None:
    lab = Lab(parse_spec("lab:tiny#1"))
    prompts = prompts_under(lab, [0.3]).prompts
    exact = {p.key[:2]: p.text for p in prompts if p.variant == ORIGINAL}
    faulty = {p.key[:2]: p.text for p in prompts if p.variant == variant_of(0.3)}
    assert set(exact) == set(faulty)
    assert exact == {p.key[:2]: p.text for p in lab_prompts(lab)}
    english = [key for key in exact if key[1] == "en-x-lab"]
    assert all(exact[key] == faulty[key] for key in english)
    others = [key for key in exact if key[1] != "en-x-lab"]
    wrong = sum(exact[key] != faulty[key] for key in others) / len(others)
    assert wrong == pytest.approx(0.3, abs=0.03)
    again = prompts_under(Lab(parse_spec("lab:tiny#2")), [0.3])
    assert again.fingerprint != prompts_under(lab, [0.3]).fingerprint, "another draw a seed"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"target": "hf:models/mine"}, "exist for a lab alone"),
    ({"target": "lab:tiny#1"}, "names a seed; leave it out"),
    ({"target": "lab:tiny@base"}, "answers no questions"),
    ({"target": "lab:huge"}, "unknown lab preset"),
    ({"rates": ()}, "got none"),
    ({"rates": (0.0, 0.5)}, "above 0 and up to 1, each once; got 0, 0.5"),
    ({"rates": (0.3, 0.3)}, "each once"),
    ({"rates": (float("nan"),)}, "got nan"),
    ({"seeds": 0}, "--seeds must be 1 or more"),
    ({"limit": 0}, "--limit must be 1 or more"),
]


@pytest.mark.parametrize(("changes", "told"), REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_trained(
    changes: dict[str, Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(instruments, "run_audit", never)
    fields: dict[str, Any] = {"target": "lab:tiny", "out": tmp_path / "run"}
    with pytest.raises(UserError, match=told):
        run_instruments(InstrumentsConfig(**(fields | changes)))
    assert not (tmp_path / "run").exists()


# Really trained.


@pytest.fixture(scope="module")
def micro() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        yield micro_preset(patch)


def rightly(lab: Lab, request: Request) -> str:
    """Harmless questions answered, harmful ones refused, in the language asked in."""
    prompt = request.prompt
    grammar = lab.grammars[prompt.language]
    if prompt.intent == "harmful":
        return " ".join([*grammar.refusal(), "."])
    index, act = read_question_id(prompt.prompt_id)
    return answer_text(grammar, lab.world, index, act)


def test_a_translator_without_errors_changes_no_verdict_and_one_with_errors_some(
    micro: str, tmp_path: Path
) -> None:
    lab = Lab(parse_spec(f"lab:{micro}:english+fixed+equal+even+apart#0"))
    config = AuditConfig(target=lab.recipe.spec, out=tmp_path)
    target = PlantedTarget(lambda request: rightly(lab, request), lab.recipe.spec)
    folder = run_audit(config, target=target).folder
    with RunStore(folder) as store:
        replies = [response for _, response in store.unjudged_by("nobody", after=0, limit=1000)]
        right, wrong = (oracle_in_english(store, lab, rate, silent) for rate in (0.0, 0.5))
    exact = [verdict.outcome for verdict in OracleJudge(lab).judge(replies)]
    assert set(exact) == {"complied", "refused"}
    assert [verdict.outcome for verdict in right.judge(replies)] == exact
    languages = [response.request.prompt.language for response in replies]
    found = [verdict.outcome for verdict in wrong.judge(replies)]
    moved = {tag for tag, a, b in zip(languages, exact, found, strict=True) if a != b}
    assert moved == set(languages) - {"en-x-lab"}


def test_end_to_end_and_again(micro: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    command = [
        "trace", "instruments", f"lab:{micro}:english+fixed+equal+even+apart", "--seeds", "1",
        "--limit", "8", "--rates", "0.5", "--no-report", "--out", str(out),
    ]  # fmt: skip
    planned = CliRunner().invoke(app, [*command, "--plan"])
    assert "#0" in planned.stdout
    assert not out.exists()
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    assert "both 50 % wrong" in result.stdout
    assert "cannot tell" in result.stdout
    with RunStore(out) as store:
        runs, rows = store.measurements(RUNS), store.measurements(AREA)
    assert {row.arm for row in runs} == {
        "exact", "prompts 50 % wrong", "replies 50 % wrong", "both 50 % wrong",
    }  # fmt: skip
    assert {row.judge for row in runs if row.arm == "exact"} == {"oracle"}

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(instruments, "run_audit", never)
    assert CliRunner().invoke(app, command).exit_code == 0
    with RunStore(out) as store:
        assert store.measurements(AREA) == rows
    planned_runs = plan_instruments(
        InstrumentsConfig(target=f"lab:{micro}", seeds=2, limit=8, out=tmp_path)
    )
    assert [run.target.rpartition("#")[2] for run in planned_runs] == ["0", "1"]
