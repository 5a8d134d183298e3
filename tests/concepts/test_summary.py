"""A study in a few figures: hand-worked rows, and what is missing stays missing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from isogloss.concepts.summary import FIGURES, StudySummary, summarise_study
from isogloss.languages import ShareTable, lab_share_table
from isogloss.records import Measurement

TARGET = "lab:tiny:english@chat#0"
EN, FR, FI, SW = (f"{code}-x-lab" for code in ("en", "fr", "fi", "sw"))
SHARES = lab_share_table({EN: 89.0, FR: 10.0, FI: 1.0, SW: 0.1}, "lab:test")
"""Upper half: en and fr; log10 shares of the others 1, 0, -1."""


def row(metric: str, source: str, language: str, value: float, **more: Any) -> Measurement:
    fields: dict[str, Any] = {"area": "concepts", "concept": "harmfulness", "target": TARGET} | more
    return Measurement(
        metric=metric, source_language=source, language=language, estimate=value, **fields
    )  # type: ignore[arg-type]


def own(values: Mapping[str, float], recognised: int = 4, concept: str = "harmfulness"):
    return [
        row(
            "recognition_accuracy", tag, tag, value, concept=concept,
            verdict="recognised" if place < recognised else "no evidence",
        )
        for place, (tag, value) in enumerate(values.items())
    ]  # fmt: skip


def summary(rows: list[Measurement], shares: ShareTable = SHARES) -> StudySummary:
    return summarise_study(rows, shares, target=TARGET)


def test_recognition_by_hand() -> None:
    found = summary(own({EN: 1.0, FR: 0.9, FI: 0.8, SW: 0.7}, recognised=2)).values
    assert found["mean_recognition", "harmfulness", None] == pytest.approx(0.85)
    assert found["recognised_share", "harmfulness", None] == 0.5
    assert found["recognition_slope", "harmfulness", None] == pytest.approx(0.1)


def test_more_competence_and_more_recognition_correlate_positively() -> None:
    bits = [
        row("competence_bits_per_character", tag, tag, value, concept=None)
        for tag, value in {EN: 0.5, FR: 0.6, FI: 0.8, SW: 1.5}.items()
    ]
    found = summary(own({EN: 1.0, FR: 0.9, FI: 0.8, SW: 0.7}) + bits).values
    assert found["recognition_competence", "harmfulness", None] == pytest.approx(1.0)


def test_the_gap_is_within_the_upper_half_minus_between_the_halves() -> None:
    cosines = {(EN, FR): 0.9, (EN, FI): 0.5, (EN, SW): 0.1, (FR, FI): 0.4, (FR, SW): 0.2}
    rows = [row("consistency_cosine", a, b, value) for (a, b), value in cosines.items()]
    rows.append(row("consistency_cosine", FI, SW, -0.7))
    found = summary(own(dict.fromkeys((EN, FR, FI, SW), 1.0)) + rows).values
    assert found["consistency_gap", "harmfulness", None] == pytest.approx(0.9 - 0.3)
    assert found["mean_consistency", "harmfulness", None] == pytest.approx(1.4 / 6)


def transfers(values: Mapping[tuple[str, str], float], pattern: str = "cannot tell"):
    rows = [row("transfer", a, b, value) for (a, b), value in values.items()]
    pairs = {tuple(sorted(pair)) for pair in values}
    return rows + [row("transfer_asymmetry", a, b, 0.0, verdict=pattern) for a, b in pairs]


def test_asymmetry_on_the_ratio_of_shares() -> None:
    """T falls by .2 a decade when going up: the asymmetry is .2 a decade, English left out."""
    at = {FR: 1, FI: 0, SW: -1}
    values = {(a, b): -0.2 * max(0, at[b] - at[a]) for a in at for b in at if a != b} | {
        (EN, FR): 0.9,
        (FR, EN): -0.9,
    }
    found = summary(own(dict.fromkeys((EN, FR, FI, SW), 1.0)) + transfers(values)).values
    assert found["asymmetry_slope", "harmfulness", None] == pytest.approx(0.2)
    assert found["assessable_asymmetry_slope", "harmfulness", None] == pytest.approx(0.2)
    unread = summary(
        own(dict.fromkeys((EN, FR, FI, SW), 1.0)) + transfers(values, "not assessable")
    ).values
    assert unread["asymmetry_slope", "harmfulness", None] == pytest.approx(0.2)
    assert ("assessable_asymmetry_slope", "harmfulness", None) not in unread


def test_one_way_pairs_down_the_shares_count_for_and_up_against() -> None:
    patterns = {
        (EN, FI): "unidirectional", (EN, SW): "unidirectional", (SW, FR): "unidirectional",
        (FR, FI): "mutual", (FI, SW): "not assessable",
    }  # fmt: skip
    rows = [row("transfer_asymmetry", a, b, 0.2, verdict=p) for (a, b), p in patterns.items()]
    found = summary(own(dict.fromkeys((EN, FR, FI, SW), 1.0)) + rows).values
    assert found["one_way_balance", "harmfulness", None] == pytest.approx((2 - 1) / 4)


def test_directions_of_what_is_not_held_do_not_count_in_the_mean() -> None:
    everywhere = dict.fromkeys((EN, FR, FI, SW), 1.0)
    rows = own(everywhere) + own(everywhere, recognised=1, concept="truthfulness")
    rows += [
        row("consistency_cosine", EN, FR, value, concept=concept)
        for concept, value in (("harmfulness", 0.8), ("truthfulness", 0.0))
    ]
    found = summary(rows)
    assert found.held == ("harmfulness",)
    assert found.values["mean_consistency", None, None] == pytest.approx(0.8)
    assert found.values["mean_consistency", "truthfulness", None] == 0.0
    assert found.values["recognised_share", None, None] == pytest.approx((1 + 0.25) / 2)


def test_what_is_not_measured_is_absent_never_zero() -> None:
    found = summary([row("recognition_accuracy", EN, EN, 0.9, verdict="recognised")])
    assert {name for name, _, _ in found.values} == {"mean_recognition", "recognised_share"}
    assert all(math.isfinite(value) for value in found.values.values())
    other = Measurement(area="concepts", metric="recognition_accuracy", target="hf:other")
    assert summary([other]).values == {}


def test_correlations_are_kept_by_kind_and_design() -> None:
    rows = [
        Measurement(
            area="concepts", metric="linguistic_correlation", target=TARGET, category="genetic",
            estimate=0.4, method="direct: Mantel, whatever",
        )
    ]  # fmt: skip
    assert summary(rows).values == {("linguistic_correlation", None, "genetic direct"): 0.4}
    assert set(FIGURES) & {"linguistic_correlation"} == set()
