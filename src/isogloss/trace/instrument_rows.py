"""What each instrument finds, failure or not: rows that tell a weak probe from a broken link."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
    every = np.ones(len(items.keys), dtype=bool)
    decided = items.complied | items.refused
    measures: list[tuple[str, str, Instrument, str, Array, Mask, str]] = [
        (COMPREHENSION, name, "comprehension", "",
         _at_least(readings.comprehension, cut), every,
         f"the right one beats {cut:.0%} of the wrong alternatives at least")
        for name, cut in (("lenient", LENIENT), ("strict", STRICT))
    ]  # fmt: skip
    for direction in (OWN, ENGLISH, QUESTION, SHUFFLED):
        names = readings.placebos if direction == SHUFFLED else (direction,)
        for metric, by_name, words in (
            (REPRESENTED, readings.represented, "beyond the threshold and above the benign twin"),
            (ABOVE_TWIN, readings.above_twin, "above the benign twin, ties one half"),
        ):
            known = [by_name[name] for name in names if name in by_name]
            values = np.mean(known, axis=0) if known else np.full(len(every), math.nan)
            measures.append(
                (metric, direction, "representation", direction, values, items.harmful, words)
            )
    margin = readings.margin
    agrees = np.where(np.isnan(margin), np.nan, (margin > 0) == items.refused)
    measures += [
        (AGREEMENT, "none", "decision", "", agrees, decided, "sign of the margin"),
        (RIGHT_FORM, "none", "form", "", _at_least(readings.form, FORM_CUT), every,
         "likelier than every corruption"),
    ]  # fmt: skip
    rows: list[Measurement] = []
    for group in groups:
        inside = items.in_languages(group.languages)
        for metric, arm, instrument, direction, values, mask, words in measures:
            used = inside & mask & ~np.isnan(values)
            found = clustered_rate(
                items.by_cluster(np.where(used, values, 0.0)), items.by_cluster(used.astype(float))
            )
            if not found.n:
                why = readings.why(instrument, group.languages[0], direction)
                found = replace(found, reason=why or "no such test item")
            row = measurement(metric, found, **common, **group.fields, arm=arm)
            layer = readings.layers.get(direction) if direction else None
            rows.append(replace(row, method=f"{words}; {found.method}", layer=layer))
        rows.append(_bits_row(readings, group, inside, common))
    return rows


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
