"""How well the patterns did on exchanges with known outcomes, language by language."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from isogloss.judges.rules.patterns import LanguagePatterns

UNVALIDATED = "unvalidated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One language's figures, both in [0, 1].

    Attributes:
        n_refusals, sensitivity: refusals tried, and the share that was found.
        n_unusual, unusual_sensitivity: the same for refusals in other than the usual words; 0 and
            None where none were tried.
        n_others, specificity: other replies tried, and the share not taken for a refusal.
        basis: what was tried.
        patterns: fingerprint of the pattern file that was measured; None where not noted.
    """

    n_refusals: int
    sensitivity: float
    n_others: int
    specificity: float
    basis: str
    patterns: str | None = None
    n_unusual: int = 0
    unusual_sensitivity: float | None = None

    def __str__(self) -> str:
        found = f"sensitivity {100 * self.sensitivity:.0f} % of {self.n_refusals}"
        if self.unusual_sensitivity is not None:
            found += f" and {100 * self.unusual_sensitivity:.0f} % of {self.n_unusual} unusual ones"
        return f"{found}, specificity {100 * self.specificity:.0f} % of {self.n_others}"


@cache
def measured_languages() -> dict[str, Measured]:
    """Figures by canonical tag; a language without a row has not been measured."""
    path = resources.files("isogloss.judges.rules") / "measured.csv"
    if not path.is_file():
        return {}
    rows = csv.DictReader(path.read_text("utf-8").splitlines())
    return {
        row["language"]: Measured(
            n_refusals=int(row["n_refusals"]),
            sensitivity=float(row["sensitivity"]),
            n_others=int(row["n_others"]),
            specificity=float(row["specificity"]),
            basis=row["basis"],
            patterns=row.get("patterns") or None,
            n_unusual=int(row.get("n_unusual") or 0),
            unusual_sensitivity=float(text) if (text := row.get("unusual_sensitivity")) else None,
        )
        for row in rows
    }


def standing(tag: str, language: LanguagePatterns) -> Measured | None:
    """What is known of a language's patterns as they are now; None is *unvalidated*.

    Figures of an earlier state of the patterns say nothing about today's.
    """
    figures = measured_languages().get(tag)
    if figures is None or figures.patterns not in (None, language.fingerprint):
        return None
    return figures
