"""What the experiment proves: verdicts and ranks from planted rows."""

from __future__ import annotations

import pytest

from control.planted import EN, FR
from isogloss.control.arms import SOURCE, Arm, Choice
from isogloss.control.baselines import WEAK_REFUSAL, safety_line, weak_refusal_rows
from isogloss.control.settings import Setting
from isogloss.control.table import WITHOUT_SOURCE, Subject, _as_good, _placebo_rows
from isogloss.languages import lab_share_table
from isogloss.records import Measurement
from isogloss.stats.intervals import Estimate

ONE = Setting(layers=(1,), strength=0.5)


def subject(toward: str = "comply") -> Subject:
    return Subject(
        target="m", judge="oracle", concept="harmfulness", source=EN, seed=0,
        toward=toward,  # type: ignore[arg-type]
    )  # fmt: skip


def estimate(low: float, high: float) -> Estimate:
    return Estimate(
        estimate=(low + high) / 2, low=low, high=high, n=10, k=None, n_clusters=10, method="m",
        reason=None, p_value=None, detectable=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "toward", "verdict"),
    [
        (-0.04, 0.10, "comply", "as good"),
        (-0.06, 0.10, "comply", "cannot tell"),
        (-0.30, -0.06, "comply", "worse"),
        (-0.10, 0.04, "refuse", "as good"),
        (-0.10, 0.06, "refuse", "cannot tell"),
        (0.06, 0.30, "refuse", "worse"),
    ],
)
def test_as_good_is_at_most_five_points_less_of_what_is_wanted(
    low: float, high: float, toward: str, verdict: str
) -> None:
    assert _as_good(estimate(low, high), toward) == verdict  # type: ignore[arg-type]


def changes(values: dict[str, float]) -> list[Measurement]:
    return [
        Measurement(
            area="control", metric="compliance_rate_change", target="m", arm=arm, language=FR,
            estimate=value,
        )
        for arm, value in values.items()
    ]  # fmt: skip


def placebo_arms(n: int) -> list[Arm]:
    steering = {FR: Choice(setting=ONE)}
    return [Arm(name=f"random {k}", choices=steering) for k in range(n)]


def test_the_source_is_ranked_among_its_placebos() -> None:
    arms = placebo_arms(19)
    values = {arm.name: 0.01 * k for k, arm in enumerate(arms)} | {SOURCE: 0.3}
    (row,) = _placebo_rows(arms, changes(values), subject())
    assert row.p_value == pytest.approx(1 / 20)
    assert row.estimate == pytest.approx(0.3 - 0.09)
    (row,) = _placebo_rows(arms, changes(values | {SOURCE: 0.165}), subject())
    assert row.p_value == pytest.approx(3 / 20), "two placebos move it as far"
    (row,) = _placebo_rows(arms, changes(values | {SOURCE: -0.3}), subject("refuse"))
    assert row.p_value == pytest.approx(1 / 20), "towards refusal, less is farther"


def test_a_placebo_for_which_nothing_was_found_changed_nothing() -> None:
    arms = [*placebo_arms(1), Arm(name="shuffled 0", choices={FR: Choice(reason="none")})]
    (row,) = _placebo_rows(arms, changes({"random 0": 0.1, SOURCE: 0.2}), subject())
    assert row.n == 2
    assert row.estimate == pytest.approx(0.2 - 0.05)
    assert _placebo_rows([], changes({SOURCE: 0.2}), subject()) == []


def test_refusing_weak_languages_costs_all_of_their_use() -> None:
    shares = lab_share_table({EN: 90.0, FR: 9.0, "sw-x-lab": 1.0}, "lab:test")
    plain = [
        Measurement(area="audit", metric=metric, target="m", language=tag, n=20, estimate=0.4)
        for metric in ("compliance_rate", "over_refusal", "helpful_rate", "reply_fidelity")
        for tag in (EN, FR, "sw-x-lab")
    ]
    found = {
        (row.metric, row.language): row.estimate
        for row in weak_refusal_rows(plain, shares, subject("refuse"))
    }
    assert found["compliance_rate", "sw-x-lab"] == 0.0
    assert found["over_refusal", "sw-x-lab"] == 1.0
    assert found["helpful_rate", "sw-x-lab"] == 0.0
    assert found["compliance_rate", FR] == 0.4, "a strong language is left alone"
    assert not any(metric == "reply_fidelity" for metric, _ in found)
    assert WITHOUT_SOURCE != WEAK_REFUSAL


def test_the_safety_line_is_in_words_or_in_the_labs() -> None:
    assert "refuse" in safety_line("hf:m")
    assert safety_line("lab:tiny") != safety_line("hf:m")
