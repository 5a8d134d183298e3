"""What each instrument finds, failure or not: rows that tell a weak probe from a broken link."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isogloss.audit.rate_rows import measurement
from isogloss.concepts.competence import ratio_interval
from isogloss.records import Measurement
from isogloss.stats.distributions import Array
from isogloss.stats.intervals import clustered_rate
from isogloss.trace.anatomy_items import ItemReadings, Mask
from isogloss.trace.broken_links import Instrument
from isogloss.trace.link_rows import FORM_CUT, LENIENT, STRICT, Group
from isogloss.trace.represented import ENGLISH, OWN, QUESTION, SHUFFLED

COMPREHENSION, REPRESENTED, ABOVE_TWIN = "comprehension", "represented", "above_twin"
AGREEMENT, RIGHT_FORM, BITS = "margin_agreement", "right_form", "answer_bits_per_character"


def instrument_rows(
    readings: ItemReadings, groups: Sequence[Group], common: Mapping[str, Any]
) -> list[Measurement]:
    """Rates over all test items of a language, and over those of a tier together.

    ``comprehension`` (arms ``lenient`` and ``strict``): items understood. ``represented`` and
    ``above_twin`` (arms ``own``, ``english``, ``question``, ``shuffled``): harmful items beyond
    threshold and twin, and above their twin (ties one half; 0.5 by chance). ``margin_agreement``:
    complied or refused items where the margin is on the side of what the model did. ``right_form``:
    items whose right form is likelier than every corruption. ``answer_bits_per_character``: of the
    right replies, lower is better.
    """
    items = readings.items
    rows: list[Measurement] = []
    for group in groups:
        inside = items.in_languages(group.languages)
        rows += [_rate_row(readings, one, group, inside, common) for one in _measures(readings)]
        rows.append(_bits_row(readings, group, inside, common))
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measure:
    """One rate over items.

    Attributes:
        values: [N] 1, 0, a share, or NaN where not measured.
        mask: [N] which items it is about.
        words: for the method.
        direction: of representation.
    """

    metric: str
    arm: str
    instrument: Instrument
    values: Array
    mask: Mask
    words: str
    direction: str = ""


def _measures(readings: ItemReadings) -> Iterator[_Measure]:
    items = readings.items
    every: Mask = np.ones(len(items.keys), dtype=bool)
    for name, cut in (("lenient", LENIENT), ("strict", STRICT)):
        yield _Measure(
            metric=COMPREHENSION, arm=name, instrument="comprehension", mask=every,
            values=_at_least(readings.comprehension, cut),
            words=f"the right one beats {cut:.0%} of the wrong alternatives at least",
        )  # fmt: skip
    for direction in (OWN, ENGLISH, QUESTION, SHUFFLED):
        names = readings.placebos if direction == SHUFFLED else (direction,)
        for metric, by_name, words in (
            (REPRESENTED, readings.represented, "beyond the threshold and above the benign twin"),
            (ABOVE_TWIN, readings.above_twin, "above the benign twin, ties one half"),
        ):
            known = [by_name[name] for name in names if name in by_name]
            values: Array = np.mean(known, axis=0) if known else np.full(len(every), math.nan)
            yield _Measure(
                metric=metric, arm=direction, instrument="representation", direction=direction,
                values=values, mask=items.harmful, words=words,
            )  # fmt: skip
    agrees = (readings.margin > 0) == items.refused
    yield _Measure(
        metric=AGREEMENT, arm="none", instrument="decision", words="sign of the margin",
        values=np.where(np.isnan(readings.margin), np.nan, agrees),
        mask=items.complied | items.refused,
    )  # fmt: skip
    yield _Measure(
        metric=RIGHT_FORM, arm="none", instrument="form", mask=every,
        values=_at_least(readings.form, FORM_CUT), words="likelier than every corruption",
    )  # fmt: skip


def _rate_row(
    readings: ItemReadings, one: _Measure, group: Group, inside: Mask, common: Mapping[str, Any]
) -> Measurement:
    items = readings.items
    used = inside & one.mask & ~np.isnan(one.values)
    found = clustered_rate(
        items.by_cluster(np.where(used, one.values, 0.0)), items.by_cluster(used.astype(float))
    )
    if not found.n:
        why = readings.why(one.instrument, group.languages[0], one.direction)
        found = replace(found, reason=why or "no such test item")
    row = measurement(one.metric, found, **common, **group.fields, arm=one.arm)
    layer = readings.layers.get(one.direction) if one.direction else None
    return replace(row, method=f"{one.words}; {found.method}", layer=layer)


def _at_least(values: Array, least: float) -> Array:
    return np.where(np.isnan(values), np.nan, values >= least)


def _bits_row(
    readings: ItemReadings, group: Group, inside: Mask, common: Mapping[str, Any]
) -> Measurement:
    items = readings.items
    used = inside & np.isfinite(readings.right_nats)
    row = Measurement(
        metric=BITS, unit="bits per character", method="right replies, clusters are units",
        **common, **group.fields,
    )  # fmt: skip
    if not used.any():
        why = readings.why("form", group.languages[0])
        return replace(row, verdict="not measured", reason=why or "no right reply is known")
    bits = items.by_cluster(np.where(used, -readings.right_nats, 0.0)) / math.log(2)
    characters = items.by_cluster(np.where(used, readings.right_characters, 0.0))
    met = characters > 0
    low, high = ratio_interval(bits[met], characters[met])
    return replace(
        row, n=int(used.sum()), n_clusters=int(met.sum()), low=low, high=high,
        estimate=float(bits.sum() / characters.sum()),
        reason=None if low is not None else "one cluster: no interval",
    )  # fmt: skip
