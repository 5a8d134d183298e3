"""Planted curses are found, absent ones are not, and the words say which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audit.planted import (
    IRRELEVANT,
    REFUSED,
    RIGHT,
    PlantedTarget,
    WordJudge,
    config,
    make_prompts,
    prompt_set,
)
from isogloss.audit.measure import measure_run
from isogloss.audit.run import run_audit
from isogloss.languages import Share, ShareTable, load_share_table
from isogloss.records import Measurement, Prompt, Request, Response, Verdict
from isogloss.store import RunStore

LANGUAGES = ("en", "zh", "fr", "es", "vi", "id", "fi", "ko", "hu", "ta", "te", "sw", "ny")
SHARES = load_share_table("cc-2026-04")


def audit(
    folder: Path, chances: Callable[[str], tuple[float, float]], n: int = 100, seed: int = 0
) -> dict[tuple[str, str | None, str | None], Measurement]:
    """Rows by (metric, language, scope); ``chances``: of compliance and of an irrelevant reply."""
    rng = np.random.default_rng(seed)
    draws = {(tag, c): rng.random(2) for tag in LANGUAGES for c in range(n)}

    def plan(request: Request) -> str:
        prompt = request.prompt
        complies, misses = chances(prompt.language)
        first, second = draws[prompt.language, int(prompt.cluster_id[1:])]
        if first < misses:
            return IRRELEVANT
        if prompt.intent == "benign":
            return RIGHT
        return RIGHT if second < complies else REFUSED

    result = run_audit(
        config(folder),
        target=PlantedTarget(plan),
        judges=[WordJudge()],
        prompts=prompt_set(make_prompts(LANGUAGES, n, category=lambda _: None)),
    )
    return {(r.metric, r.language, r.scope): r for r in result.measurements if not r.category}


WIDE = "languages like these"


def test_both_curses_are_found_where_planted(tmp_path: Path) -> None:
    def chances(tag: str) -> tuple[float, float]:
        decades = -np.log10((SHARES.share(tag) or 1.0) / 10)
        return 0.05 + 0.15 * decades, 0.02 + 0.1 * decades

    rows = audit(tmp_path / "run", chances)
    assert rows["harmfulness_curse", None, WIDE].verdict == "found"
    assert rows["relevance_curse", None, WIDE].verdict == "found"
    slope = rows["following_rate_slope", None, "these languages"]
    assert slope.estimate == pytest.approx(0.1, abs=0.03), "as planted, per decade of share"
    assert rows["helpful_rate_gap", None, WIDE].verdict == "found"
    assert rows["following_rate_gap", None, "these languages"].verdict is None


def test_the_reverse_is_called_reversed(tmp_path: Path) -> None:
    rows = audit(tmp_path / "run", lambda t: (0.6 if SHARES.tier(t) == "high" else 0.1, 0.0))
    assert rows["harmfulness_curse", None, WIDE].verdict == "reversed"


def test_no_difference_with_many_prompts_is_no_evidence(tmp_path: Path) -> None:
    rows = audit(tmp_path / "run", lambda _: (0.1, 0.05), n=300)
    row = rows["harmfulness_curse", None, WIDE]
    assert row.verdict == "no evidence"
    assert "would have been found" in (row.reason or "")


def test_few_prompts_are_underpowered_and_say_what_is_needed(tmp_path: Path) -> None:
    rows = audit(tmp_path / "run", lambda _: (0.5, 0.0), n=30, seed=1)
    row = rows["harmfulness_curse", None, WIDE]
    assert row.verdict == "underpowered"
    assert "need about" in (row.reason or "")


def test_languages_that_vary_ask_for_languages(tmp_path: Path) -> None:
    odd = {"zh": 0.9, "vi": 0.1, "fr": 0.5, "sw": 0.9, "ny": 0.1, "te": 0.5, "ta": 0.5}
    rows = audit(tmp_path / "run", lambda t: (odd.get(t, 0.5), 0.0), n=300)
    assert rows["harmful_rate_gap", None, WIDE].verdict == "underpowered"
    assert "such languages" in (rows["harmful_rate_gap", None, WIDE].reason or "")


def test_english_is_in_no_gap_and_no_slope(tmp_path: Path) -> None:
    def flat(tag: str) -> tuple[float, float]:
        return (0.2, 0.0)

    def lax_english(tag: str) -> tuple[float, float]:
        return (0.9, 0.0) if tag == "en" else flat(tag)

    first, second = audit(tmp_path / "a", flat), audit(tmp_path / "b", lax_english)
    for metric in ("compliance_rate_gap", "compliance_rate_slope", "harmful_rate_slope"):
        assert first[metric, None, WIDE] == second[metric, None, WIDE]
    assert second["compliance_rate_vs_english", "sw", None].verdict == "better"


def test_worse_than_english_is_paired_and_corrected(tmp_path: Path) -> None:
    rows = audit(tmp_path / "run", lambda t: (0.5 if t in ("sw", "ny") else 0.1, 0.0))
    verdicts = {t: rows["compliance_rate_vs_english", t, None].verdict for t in LANGUAGES[1:]}
    assert {t for t, verdict in verdicts.items() if verdict == "worse"} == {"sw", "ny"}
    row = rows["compliance_rate_vs_english", "sw", None]
    assert "Holm over 12 languages" in (row.method or "")
    assert (row.p_value or 1) < 0.05
    assert "better" not in verdicts.values()
    helped = rows["following_rate_vs_english", "sw", None]
    assert helped.verdict in ("no evidence", "underpowered")
    assert helped.detectable is not None


def test_a_censored_share_keeps_its_tier_and_leaves_slopes(tmp_path: Path) -> None:
    table = ShareTable(
        name="t",
        shares={
            "fr": Share(percent=10.0), "es": Share(percent=5.0), "fi": Share(percent=0.5),
            "sw": Share(percent=0.05), "ny": Share(percent=0.005, censored=True),
        },
        high=1.0, low=0.1, source="a test",
    )  # fmt: skip
    with RunStore(tmp_path / "run", create=True) as store:
        prompts = [
            Prompt(prompt_id=f"p{i}", language=tag, text="?", intent="harmful", cluster_id=f"c{i}")
            for tag in table.shares
            for i in range(40)
        ]
        store.add_prompts(prompts)
        store.add_responses(
            [Response(request=Request(prompt=p), status="ok", text="x") for p in prompts],
            target="t", arm="none", settings="s",
        )  # fmt: skip
        store.add_verdicts(
            [
                (i, Verdict(outcome="complied" if r.request.prompt.language == "ny" else "refused"))
                for i, r in store.unjudged_by("j")
            ],
            judge="j",
        )
        rows = {
            (r.metric, r.scope): r
            for r in measure_run(store, target="t", judge="j", shares=table)
            if r.language is None and r.tier in (None, "low-high")
        }
    assert rows["compliance_rate_slope", WIDE].estimate == pytest.approx(0)
    assert rows["compliance_rate_slope", WIDE].n == 160
    assert rows["compliance_rate_gap", WIDE].estimate == pytest.approx(0.5)


def test_no_high_tier_is_not_measured(tmp_path: Path) -> None:
    result = run_audit(
        config(tmp_path / "run"),
        target=PlantedTarget(lambda _: REFUSED),
        judges=[WordJudge()],
        prompts=prompt_set(make_prompts(["en", "sw", "ny"], 40)),
    )
    curse = next(r for r in result.measurements if r.metric == "harmfulness_curse")
    assert curse.verdict == "not measured"
    assert curse.estimate is None
    assert curse.reason


def test_an_absent_curse_is_rarely_claimed() -> None:
    """No effect, languages that truly vary: found or reversed in at most about 5 % of runs."""
    from isogloss.audit.curses import gap_rows
    from isogloss.audit.rates import Slice
    from isogloss.audit.tally import COLUMNS, Tally

    rng = np.random.default_rng(5)
    n_runs, n_claimed = 100, 0
    for _ in range(n_runs):
        chance = np.clip(rng.normal(0.3, 0.08, len(LANGUAGES)), 0.02, 0.98)
        counts = np.zeros((len(COLUMNS), 80, len(LANGUAGES)))
        complied = rng.random(counts.shape[1:]) < chance
        counts[COLUMNS.index("correct")] = complied
        counts[COLUMNS.index("refused")] = ~complied
        tally = Tally(languages=LANGUAGES, clusters=tuple(str(i) for i in range(80)), counts=counts)
        planned = np.full(len(LANGUAGES), 80.0)
        names = ("harmful", "benign", "both")
        part = Slice(tallies=dict.fromkeys(names, tally), planned=dict.fromkeys(names, planned))
        common = {"target": "t", "arm": "none", "judge": "j", "variant": "v", "seed": 0}
        rows = {r.metric: r for r in gap_rows(part, SHARES, common)}
        n_claimed += rows["harmfulness_curse"].verdict in ("found", "reversed")
    assert n_claimed <= 11, f"{n_claimed} of {n_runs}; 5 % gives more once in 200 times"
