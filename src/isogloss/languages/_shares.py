"""Shares of training data and the resource tiers they make: the only place with thresholds."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from isogloss.errors import InputError, LanguageError
from isogloss.languages._tags import LAB_SUFFIX, resolve_language, table_rows

Tier = Literal["english", "high", "medium", "low", "unknown"]
TIERS: tuple[Tier, ...] = ("english", "high", "medium", "low", "unknown")
DEFAULT_SHARE_TABLE = "cc-2026-04"

# Deng et al. 2024 (MultiJail): above 1 % high, 0.1 to 1 % medium, below 0.1 % low.
_DENG = (1.0, 0.1)
# All identified languages but English are 1.9 % of LLaMA-2's documents together and none reaches
# 0.2 %: Deng's thresholds would leave no language high. A tenth of them cuts the table in three,
# and a language below its floor ("<0.005") is still surely low.
_LLAMA2 = (0.1, 0.01)
_LAB = (3.0, 1.6)

_NAMED: dict[str, tuple[tuple[float, float], str]] = {
    "cc-2026-04": (
        _DENG,
        "CommonCrawl CC-MAIN-2026-04, share of pages by language as CLD2 detects it",
    ),
    "llama2": (_LLAMA2, "Touvron et al. 2023 (LLaMA-2), Table 10, share of documents"),
    "roots": (_DENG, "ROOTS, the corpus of BLOOM, share of bytes, code included in the total"),
    "joshi": (
        _DENG,
        "Joshi et al. 2020, classes: 4-5 high, 3 medium, 0-2 low; classes are no shares",
    ),
}
SHARE_TABLES: tuple[str, ...] = tuple(_NAMED)
"""Names that `load_share_table` knows; the lab makes its own with `lab_share_table`."""

_JOSHI_TIERS: dict[str, Tier] = {
    "0": "low", "1": "low", "2": "low", "3": "medium", "4": "high", "5": "high"
}  # fmt: skip
_TIER_CELL = re.compile(r"(high|medium|low)(?:\s*\((.*)\))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One language's share of a corpus.

    Attributes:
        percent: in percent of the corpus; where ``censored``, an upper bound.
        censored: only known to lie below ``percent`` (a source that prints ``<0.005``).
        assigned: a tier known without a share (a class, or another snapshot of the corpus).
        note: where an assigned tier comes from.
    """

    percent: float | None = None
    censored: bool = False
    assigned: Tier | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareTable:
    """Shares of one corpus, and where its tiers are cut. Stored with every run.

    Attributes:
        name: ``cc-2026-04``, ``lab:small:english``, a file's stem, …
        shares: by canonical tag; a language that is absent or None is missing, never zero.
        high: at or above it (percent) a language is high-resource.
        low: below it a language is low-resource; between the two it is medium.
        source: where the figures come from, for readers.
    """

    name: str
    shares: Mapping[str, Share | None]
    high: float
    low: float
    source: str

    def tier(self, tag: str) -> Tier:
        """The resource tier; English is always apart, a missing share is ``unknown``.

        Example:
            >>> load_share_table("cc-2026-04").tier("sw")
            'low'
        """
        if tag in ("en", "en" + LAB_SUFFIX):
            return "english"
        share = self.shares.get(tag)
        if share is None:
            return "unknown"
        if share.assigned is not None:
            return share.assigned
        if share.percent is None:
            return "unknown"
        if share.censored:  # a bound tells the tier only where all below it is low
            return "low" if share.percent <= self.low else "unknown"
        if share.percent >= self.high:
            return "high"
        return "low" if share.percent < self.low else "medium"

    def share(self, tag: str) -> float | None:
        """The share in percent, for slopes; None where missing, censored or only a tier is known.

        A slope runs on log10(share), so a share of exactly 0 % leaves it too.
        """
        share = self.shares.get(tag)
        return None if share is None or share.censored else share.percent or None

    def to_json(self) -> dict[str, Any]:
        """A dictionary of JSON values; `from_json` is its inverse."""
        return {
            "name": self.name,
            "high": self.high,
            "low": self.low,
            "source": self.source,
            "shares": {
                tag: None
                if share is None
                else {
                    "percent": share.percent,
                    "censored": share.censored,
                    "assigned": share.assigned,
                    "note": share.note,
                }
                for tag, share in sorted(self.shares.items())
            },
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ShareTable:
        """The table that `to_json` wrote."""
        shares = {
            tag: None if share is None else Share(**share)
            for tag, share in stored["shares"].items()
        }
        return cls(
            name=stored["name"],
            shares=shares,
            high=stored["high"],
            low=stored["low"],
            source=stored["source"],
        )


def load_share_table(name: str | Path) -> ShareTable:
    """A named table, or one from a CSV file with the columns ``language`` and ``percent``.

    In a file, ``percent`` is a number, ``<NUMBER`` (censored), a tier word (``high``, ``medium``,
    ``low``: no share) or empty (missing). Tiers are cut at 1 % and 0.1 %.

    Args:
        name: one of `SHARE_TABLES` or a path.

    Raises:
        InputError: no such table, or a file that cannot be used; names file, line and column.
    """
    if str(name) in _NAMED:
        return _named_table(str(name))
    path = Path(name)
    if not path.is_file():
        known = ", ".join(SHARE_TABLES)
        raise InputError(
            f"no share table {str(name)!r}: it is neither a file nor one of {known}; "
            "a file needs the columns language and percent"
        )
    return _read_share_file(path)


def lab_share_table(shares: Mapping[str, float], name: str) -> ShareTable:
    """The table of a lab mix: shares of documents in percent, tiers cut at 3 % and 1.6 %.

    Args:
        shares: percent by lab tag.
        name: of the mix, for example ``lab:small:english``.
    """
    return ShareTable(
        name=name,
        shares={resolve_language(tag): Share(percent=float(p)) for tag, p in shares.items()},
        high=_LAB[0],
        low=_LAB[1],
        source="share of pre-training documents in this lab mix",
    )


@cache
def _named_table(name: str) -> ShareTable:
    (high, low), source = _NAMED[name]
    parse = _joshi_class if name == "joshi" else parse_share
    return ShareTable(
        name=name,
        shares={row["tag"]: parse(row[name]) for row in table_rows()},
        high=high,
        low=low,
        source=source,
    )


def _joshi_class(cell: str) -> Share | None:
    return Share(assigned=_JOSHI_TIERS[cell], note=f"class {cell}") if cell else None


def parse_share(cell: str) -> Share | None:
    """A cell of a share table; None where missing.

    Raises:
        ValueError: neither a percentage, ``<NUMBER``, a tier word nor empty.
    """
    cell = cell.strip()
    if cell in ("", "-"):
        return None
    if tier := _TIER_CELL.fullmatch(cell):
        return Share(assigned=cast(Tier, tier[1]), note=tier[2])
    censored = cell.startswith("<")
    percent = float(cell.removeprefix("<").removesuffix("%"))
    if not (math.isfinite(percent) and 0 <= percent <= 100):
        raise ValueError(cell)
    return Share(percent=percent, censored=censored)


def _read_share_file(path: Path) -> ShareTable:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from None
    reader = csv.DictReader(lines)
    if not {"language", "percent"} <= set(reader.fieldnames or ()):
        raise InputError(
            f"{path}: line 1: a share table needs the columns language and percent, "
            f"found {', '.join(reader.fieldnames or ()) or 'nothing'}"
        )
    shares: dict[str, Share | None] = {}
    for row in reader:
        where = f"{path}: line {reader.line_num}"
        if row["language"] is None or row["percent"] is None:
            raise InputError(
                f"{where}: the row ends before the columns language and percent; a missing share "
                "is an empty cell after a comma"
            )
        try:
            tag = resolve_language(row["language"])
            share = parse_share(row["percent"])
        except LanguageError as error:
            raise InputError(f"{where}: column language: {error}") from None
        except ValueError:
            raise InputError(
                f"{where}: column percent: {row['percent']!r} is not a percentage between 0 and "
                "100, nor <NUMBER, high, medium, low or empty"
            ) from None
        if tag in shares:
            raise InputError(f"{where}: column language: {tag!r} comes twice")
        shares[tag] = share
    total = sum(s.percent for s in shares.values() if s and s.percent and not s.censored)
    if total > 101:
        raise InputError(f"{path}: column percent: the shares sum to {total:.1f} %, more than 100")
    if not shares:
        raise InputError(f"{path}: no rows")
    return ShareTable(name=path.stem, shares=shares, high=_DENG[0], low=_DENG[1], source=path.name)
