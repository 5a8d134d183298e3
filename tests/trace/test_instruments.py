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
from isogloss.errors import InputError, StoreError, UserError
from isogloss.judges.oracle import OracleJudge
from isogloss.lab.chat import answer_text
from isogloss.lab.questions import lab_prompts, read_question_id
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.prompts import PromptSet
from isogloss.records import CLAIM, ORIGINAL, Measurement, Request
from isogloss.store import RunStore
from isogloss.targets.options import LocalOptions
from isogloss.trace import instruments
from isogloss.trace.faulty_judge import FaultyJudge
from isogloss.trace.instrument_conditions import (
    FAULTS,
    Fault,
    conditions_of,
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
WORST = "both 30 % mistranslated"


def rows_of(moved: dict[str, float], *, n_runs: int = 3) -> list[Measurement]:
    """Following 80 % in the high tier, 20 in the low one; ``moved`` by errors in both."""
    conditions = conditions_of(GROUP, [0.1, 0.3])
    runs: list[Measurement] = []
    for condition in conditions:
        share = ((condition.prompts is not None) + condition.replies) * condition.rate / 0.6
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
    assert "Holm over 8 arms" in (shift.method or "")
    assert "tiers by the shares of the lab's mix" in (shift.method or "")
    assert cells["following_rate_change", WORST, "high"].estimate == pytest.approx(-0.2)
    # A third of the errors in prompts alone: a sixth of the change.
    tenth = cells["following_rate_gap_change", "prompts 10 % mistranslated", both]
    assert tenth.estimate == pytest.approx(0.05)
    told = [(claim.arm, claim.verdict) for claim in claims_of(rows)]
    assert told == [
        ("exact", "confirmed"),
        ("prompts 30 % mistranslated", "refuted"),
        ("prompts 30 % mistranslated", "refuted"),
        ("prompts 30 % mistranslated", "confirmed"),
        ("prompts 30 % left in English", "refuted"),
        ("prompts 30 % left in English", "refuted"),
        ("prompts 30 % left in English", "confirmed"),
        ("replies 30 % mistranslated", "refuted"),
        (WORST, "refuted"),
    ]


def test_verdicts_follow_what_is_planted() -> None:
    worse = [claim.verdict for claim in claims_of(rows_of({"low": -0.2}))]
    asked = ["confirmed", "confirmed", "refuted"]
    assert worse == ["confirmed", *asked, *asked, "confirmed", "confirmed"]
    none = [claim.verdict for claim in claims_of(rows_of({}))]
    assert none == ["confirmed", *["cannot tell"] * 8]


def test_two_runs_cannot_tell() -> None:
    claims = claims_of(rows_of({"low": -0.2}, n_runs=2))
    assert {claim.verdict for claim in claims} == {"cannot tell"}
    assert "3 are needed" in (claims[0].reason or "")


def by_prompt(prompts: PromptSet, variant: str) -> dict[tuple[str, str], str]:
    return {(p.prompt_id, p.language): p.text for p in prompts.prompts if p.variant == variant}


def test_prompts_go_wrong_at_the_rate_asked_for_and_the_same_ones_at_a_higher_rate() -> None:
    lab = Lab(parse_spec("lab:tiny#1"))
    prompts = prompts_under(lab, [0.1, 0.3])
    exact = by_prompt(prompts, ORIGINAL)
    assert exact == {p.key[:2]: p.text for p in lab_prompts(lab)}
    wrong: dict[tuple[float, Fault], set[tuple[str, str]]] = {}
    for rate in (0.1, 0.3):
        for fault in FAULTS:
            faulty = by_prompt(prompts, variant_of(rate, fault))
            assert set(faulty) == set(exact)
            mine = {key for key in exact if exact[key] != faulty[key]}
            assert {language for _, language in mine} == set(lab.recipe.languages) - {"en-x-lab"}
            others = [key for key in exact if key[1] != "en-x-lab"]
            assert len(mine) / len(others) == pytest.approx(rate, abs=0.03)
            wrong[rate, fault] = mine
            if fault == "left in English":
                assert all(faulty[key] == exact[key[0], "en-x-lab"] for key in mine)
    assert wrong[0.1, "mistranslated"] < wrong[0.3, "mistranslated"]
    assert wrong[0.3, "mistranslated"] == wrong[0.3, "left in English"]
    again = prompts_under(Lab(parse_spec("lab:tiny#2")), [0.3])
    assert by_prompt(again, variant_of(0.3, "mistranslated")) != by_prompt(
        prompts, variant_of(0.3, "mistranslated")
    ), "another draw a seed"


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
    ({"rates": (0.1, 0.1000001)}, "each once"),
    ({"limit": 0}, "--limit must be 1 or more"),
    ({"options": LocalOptions(device="foo")}, "is not a device"),
    ({"options": LocalOptions(batch_tokens=0)}, "batch_tokens must be 1 or more"),
]


@pytest.mark.parametrize(
    ("shares", "told"),
    [("fr,60\nsw,40", "has no English"), ("en,50\nfr,50", "has no gap to ask about")],
)
def test_a_mix_without_english_or_a_gap_is_refused(shares: str, told: str, tmp_path: Path) -> None:
    table = tmp_path / "mix#1.csv"
    table.write_text(f"language,percent\n{shares}\n")
    with pytest.raises(InputError, match=told):
        plan_instruments(InstrumentsConfig(target=f"lab:tiny:{table}"))


def test_a_folder_holds_one_set_of_rates(tmp_path: Path) -> None:
    with RunStore(tmp_path, create=True) as store:
        store.set_meta(AREA, {"rates": [0.1]})
    with pytest.raises(StoreError, match=r"holds the rates 0\.1; choose another --out"):
        run_instruments(InstrumentsConfig(target="lab:tiny", out=tmp_path))


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


def test_a_judge_behind_a_translator_without_faults_is_the_oracle(
    micro: str, tmp_path: Path
) -> None:
    lab = Lab(parse_spec(f"lab:{micro}:english+fixed+equal+even+apart#0"))
    config = AuditConfig(target=lab.recipe.spec, out=tmp_path)
    target = PlantedTarget(lambda request: rightly(lab, request), lab.recipe.spec)
    folder = run_audit(config, target=target).folder
    with RunStore(folder) as store:
        replies = [response for _, response in store.unjudged_by("nobody", after=0, limit=1000)]
    exact = [verdict.outcome for verdict in OracleJudge(lab).judge(replies)]
    assert set(exact) == {"complied", "refused"}
    assert [verdict.outcome for verdict in FaultyJudge(lab, 0.0).judge(replies)] == exact
    untranslated = OracleJudge(lab, languages=["en-x-lab"]).judge(replies)
    languages = [response.request.prompt.language for response in replies]
    for tag, verdict in zip(languages, untranslated, strict=True):
        assert (verdict.outcome == "irrelevant") == (tag != "en-x-lab")

    def lost(rate: float) -> list[bool]:
        found = [verdict.outcome for verdict in FaultyJudge(lab, rate).judge(replies)]
        assert {b for a, b in zip(exact, found, strict=True) if a != b} == {"irrelevant"}
        return [a != b for a, b in zip(exact, found, strict=True)]

    half = lost(0.5)
    elsewhere = [gone for tag, gone in zip(languages, half, strict=True) if tag != "en-x-lab"]
    assert sum(elsewhere) / len(elsewhere) == pytest.approx(0.5, abs=0.15)
    assert sum(half) == sum(elsewhere), "English needs no translation"
    assert all(gone for tag, gone in zip(languages, lost(1.0), strict=True) if tag != "en-x-lab")


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
    assert "both 50 % mistranslated" in result.stdout
    assert "cannot tell" in result.stdout
    with RunStore(out) as store:
        runs, rows = store.measurements(RUNS), store.measurements(AREA)
    assert {row.arm for row in runs} == {
        "exact", "prompts 50 % mistranslated", "prompts 50 % left in English",
        "replies 50 % mistranslated", "both 50 % mistranslated",
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
