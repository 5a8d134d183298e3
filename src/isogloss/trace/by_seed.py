"""Rows of several runs put together by what they are runs of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from isogloss.records import Measurement


class Key(NamedTuple):
    """What a figure is of; its rows differ in the seed alone."""

    metric: str
    arm: str
    category: str | None
    language: str | None
    tier: str | None


def rows_by_seed(rows: Iterable[Measurement]) -> dict[str, dict[int, list[Measurement]]]:
    """Target without its seed → seed, in rising order → its rows. Others than a lab's have no seed,
    and are left out.

    Example:
        >>> row = Measurement(area="a", metric="m", target="lab:tiny:english@chat#3", n=1)
        >>> {group: list(runs) for group, runs in rows_by_seed([row]).items()}
        {'lab:tiny:english@chat': [3]}
    """
    found: dict[str, dict[int, list[Measurement]]] = {}
    for row in rows:
        group, hash_sign, seed = row.target.rpartition("#")
        if hash_sign and seed.isdecimal():
            found.setdefault(group, {}).setdefault(int(seed), []).append(row)
    return {group: dict(sorted(runs.items())) for group, runs in found.items()}


def rows_by_key(rows: Iterable[Measurement]) -> dict[Key, Measurement]:
    """Of one run, by what they are of."""
    return {Key(row.metric, row.arm, row.category, row.language, row.tier): row for row in rows}
