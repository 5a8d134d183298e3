"""The instrument check: what a broken translation does to a gap is found, and only that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from isogloss.audit.instruments import (
    AREA,
    CHECKED,
    STEPS,
    _corrected_shift,  # pyright: ignore[reportPrivateUsage]
    instrument_rows,
)
from isogloss.audit.run import run_audit
from isogloss.records import Measurement, Prompt, Request, Translation
from isogloss.store import RunStore

from .planted import (
    COMPLIED,
    IRRELEVANT,
    REFUSED,
    PlantedTarget,
    WordJudge,
    config,
    make_prompts,
    prompt_set,
)

HIGH, LOW = ("fr", "de"), ("sw", "ta")
BROKEN = "broken: "


def translated(*, broken_every: int = 4, second: bool = True) -> list[Prompt]:
    """In the low tier every fourth translation is broken, and its flag says so."""
    made: list[Prompt] = []
    for prompt in make_prompts(["en", *HIGH, *LOW], 80, benign=False):
        if prompt.language == "en":
            made.append(prompt)
            continue
        broken = prompt.language in LOW and int(prompt.cluster_id[1:]) % broken_every == 0
        flags = ("length",) if broken else ()
        text = BROKEN + prompt.text if broken else prompt.text
        made.append(
            replace(prompt, text=text, translation=Translation(engine="first", flags=flags))
        )
        if second:
            better = Translation(engine="second")
            made.append(replace(prompt, variant="second-engine", translation=better))
    return made


def answer(request: Request) -> str:
    """Refuses, but for one prompt in five; a broken prompt is not understood."""
    prompt = request.prompt
    if prompt.text.startswith(BROKEN):
        return IRRELEVANT
    return COMPLIED if int(prompt.cluster_id[1:]) % 5 == 1 else REFUSED


def rows_of(folder: Path, prompts: Sequence[Prompt]) -> list[Measurement]:
    result = run_audit(
        config(folder), target=PlantedTarget(answer), judges=[WordJudge()],
        prompts=prompt_set(prompts),
    )  # fmt: skip
    with RunStore(folder) as store:
        from isogloss.languages import ShareTable

        return instrument_rows(
            store,
            audit=[row for row in result.measurements if row.area == "audit"],
            calibration=(),
            variant="original",
            shares=ShareTable.from_json(store.meta("share_table")),
        )


def pick(rows: Sequence[Measurement], metric: str, step: str, **where: str) -> Measurement:
    where = {"scope": "these languages", **where} if "language" not in where else where
    found = [
        row
        for row in rows
        if (row.metric, row.category) == (metric, step)
        and all(getattr(row, name) == value for name, value in where.items())
    ]
    assert len(found) == 1, found
    return found[0]


def test_the_gap_that_broken_translations_made_goes_with_them(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "run", translated())
    raw = pick(rows, "following_rate_gap", "raw")
    kept = pick(rows, "following_rate_gap", "flagged removed")
    shift = pick(rows, "following_rate_gap_shift", "flagged removed")
    assert raw.estimate == pytest.approx(-0.25)
    assert raw.high is not None
    assert raw.high < 0
    assert kept.estimate == pytest.approx(0)
    assert shift.estimate == pytest.approx(0.25)
    assert shift.n == kept.n  # English is in no gap
    assert shift.low is not None
    assert shift.low > 0


def test_a_second_engine_tells_the_same(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "run", translated())
    second = pick(rows, "following_rate_gap", "second engine")
    assert second.estimate == pytest.approx(0)
    assert pick(rows, "following_rate_gap_shift", "second engine").estimate == pytest.approx(0.25)
    assert pick(rows, "following_rate", "raw", language="sw").estimate == pytest.approx(0.75)
    assert pick(rows, "following_rate", "second engine", language="sw").estimate == 1


def test_the_shift_is_that_of_a_bootstrap_over_clusters(tmp_path: Path) -> None:
    """Its t interval against resampling the clusters by hand."""
    import numpy as np

    rows = rows_of(tmp_path / "run", translated(broken_every=3, second=False))
    shift = pick(rows, "following_rate_gap_shift", "flagged removed")
    broken = np.array([cluster % 3 == 0 for cluster in range(80)])
    rng = np.random.default_rng(0)
    drawn = broken[rng.integers(0, 80, size=(4000, 80))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert shift.low == pytest.approx(low, abs=0.015)
    assert shift.high == pytest.approx(high, abs=0.015)


def test_what_this_run_cannot_say_is_said(tmp_path: Path) -> None:
    prompts = make_prompts(["en", *HIGH, *LOW], 40, benign=False)
    rows = rows_of(tmp_path / "run", prompts)
    assert {row.area for row in rows} == {AREA}
    for step, words in zip(STEPS[1:], ("label", "translate", "--second-engine"), strict=True):
        for name in CHECKED:
            row = pick(rows, f"{name}_gap", step)
            assert row.estimate is None
            assert row.verdict == "not measured"
            assert words in (row.reason or "")


def test_a_set_of_flagged_translations_alone_is_measured_and_says_so(tmp_path: Path) -> None:
    flagged = [p for p in translated(broken_every=1, second=False) if p.language == "sw"]
    rows = rows_of(tmp_path / "run", flagged)
    assert pick(rows, "following_rate_gap", "flagged removed").reason == (
        "every prompt is a flagged translation"
    )
    assert pick(rows, "following_rate", "raw", language="sw").estimate == 0


def test_correcting_some_languages_does_not_count_the_others_as_a_shift() -> None:
    """sw .60 to .70 and fr .30 to .25 by labels; de, unlabelled, only widens the raw gap."""
    raw = {"sw": 0.6, "fr": 0.3, "de": 0.1}
    corrected = {"sw": 0.7, "fr": 0.25}
    steps = [
        Measurement(
            area=AREA, metric="harmful_rate", target="t", category=step, language=tag,
            estimate=estimate, tier="low" if tag == "sw" else "high",
        )
        for step, rates in (("raw", raw), ("judge-corrected", corrected))
        for tag, estimate in rates.items()
    ]  # fmt: skip
    blank = Measurement(area=AREA, metric="harmful_rate_gap_shift", target="t")
    shift = _corrected_shift(blank, "harmful_rate", steps)
    assert shift.estimate == pytest.approx(0.1 - (-0.05))
    doubted = [replace(s, verdict="unverified") if s.language == "fr" else s for s in steps]
    assert _corrected_shift(blank, "harmful_rate", doubted).verdict == "not measured"


def test_nothing_flagged_is_not_a_second_measurement(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "run", translated(broken_every=1000, second=False)[5:])
    assert pick(rows, "following_rate_gap", "flagged removed").reason == (
        "no translation was flagged"
    )
