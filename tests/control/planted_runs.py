"""Rows of experiments in control with planted rates, as `run_control` stores them."""

from __future__ import annotations

from collections.abc import Mapping

from isogloss.control.table import LEFT
from isogloss.records import Measurement

EN, FR, ES, SW = "en-x-lab", "fr-x-lab", "es-x-lab", "sw-x-lab"
TIERS = {EN: "english", FR: "high", ES: "high", SW: "low"}
Rates = Mapping[str, float | None]
"""Language → rate; None is not measured."""


def experiment(
    target: str,
    arms: Mapping[str, Rates],
    *,
    metric: str = "compliance_rate",
    left: tuple[str, ...] = (),
    source: str = EN,
) -> list[Measurement]:
    """One rate by arm and language; arms in ``left`` steer nothing and have no rates."""
    fields = {"area": "control", "target": target, "judge": "oracle", "concept": "harmfulness",
              "source_language": source}  # fmt: skip
    rows = [
        Measurement(
            metric=metric, arm=arm, language=language, tier=TIERS[language], n=84, estimate=value,
            variant="original", reason=None if value is not None else "the judge was away",
            **fields,  # type: ignore[arg-type]
        )
        for arm, rates in arms.items()
        for language, value in rates.items()
    ]  # fmt: skip
    for arm in (*arms, *left):
        if arm not in ("none", "safety line"):
            rows += [
                Measurement(
                    metric="chosen_setting", arm=arm, language=language,
                    verdict=LEFT if arm in left else None,
                    **fields,  # type: ignore[arg-type]
                )
                for language in TIERS
            ]  # fmt: skip
    return rows


def rates(english: float, high: float, low: float | None = 0.1) -> Rates:
    """French and Spanish lie five points either side of their tier's mean."""
    return {EN: english, FR: high + 0.05, ES: high - 0.05, SW: low}
