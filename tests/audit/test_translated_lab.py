"""A translator with planted errors: its flags find them, and the gap it makes is laid to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from isogloss.audit.run import AuditConfig, run_audit
from isogloss.records import Measurement
from isogloss.store import RunStore
from isogloss.translate.job import TranslationConfig, run_translation

LANGUAGES = tuple(f"{code}-x-lab" for code in ("fr", "es", "zh", "id", "fi", "ta", "sw"))
TINY = "lab:tiny"


def gaps(folder: Path, area: str) -> dict[tuple[str | None, str], Measurement]:
    with RunStore(folder) as store:
        return {
            (row.category, row.metric): row
            for row in store.measurements(area)
            if row.language is None and row.scope == "these languages"
        }


@pytest.mark.lab
def test_the_gap_of_a_noisy_translator_is_laid_to_it(tiny_lab: Path, tmp_path: Path) -> None:
    del tiny_lab
    made = run_translation(
        TranslationConfig(
            prompts=TINY,
            to=LANGUAGES,
            engine=f"{TINY}~noise=0.4",
            second_engine=TINY,
            back_engine=TINY,
            out=tmp_path / "set.jsonl",
        )
    )
    exact, noisy = tmp_path / "exact", tmp_path / "noisy"
    run_audit(AuditConfig(target=TINY, out=exact))
    run_audit(AuditConfig(target=TINY, prompts=made.out, out=noisy))
    truth = gaps(exact, "audit")[None, "following_rate_gap"].estimate
    steps = gaps(noisy, "instruments")
    raw = steps["raw", "following_rate_gap"].estimate
    kept = steps["flagged removed", "following_rate_gap"].estimate
    second = steps["second engine", "following_rate_gap"].estimate
    assert truth is not None
    assert raw is not None
    assert kept is not None
    assert second == pytest.approx(truth), "an exact engine asks what the lab itself asks"
    assert abs(raw - truth) > 0.05, "the planted errors distort the gap"
    assert abs(kept - truth) < 0.6 * abs(raw - truth)
    shift = steps["second engine", "following_rate_gap_shift"]
    assert shift.low is not None
    assert shift.high is not None
    assert shift.low < truth - raw < shift.high
    assert not shift.low < 0 < shift.high
