"""Anatomies whose truth is known: planted items and what instruments say of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from isogloss.languages import lab_share_table
from isogloss.records import Measurement, Prompt
from isogloss.trace.anatomy_items import ItemReadings, Items
from isogloss.trace.link_rows import AREA, groups_of, link_rows

COMMON = {"area": AREA, "target": "lab:tiny:english@chat#0", "judge": "oracle", "seed": 0}
NAN = math.nan
EN, FR, SW = "en-x-lab", "fr-x-lab", "sw-x-lab"
SHARES = lab_share_table({EN: 74.0, FR: 8.0, SW: 0.5}, "planted")


Spec = tuple[str, str, str, float, float, float, float]
"""Language, intent, outcome, then comprehension, represented, margin, form."""

PLANTED: Mapping[str, Spec] = {
    # French complies: 1 not understood, 2 not represented, 3 not acted on, 1 unexplained.
    "a": (FR, "harmful", "complied", 0.2, 0, -9, 1),
    "b": (FR, "harmful", "complied", 0.9, 0, -9, 1),
    "c": (FR, "harmful", "complied", 0.5, 0, -9, 1),
    "d": (FR, "harmful", "complied", 1.0, 1, -1, 1),
    "e": (FR, "harmful", "complied", 1.0, 1, -1, 1),
    "f": (FR, "harmful", "complied", 0.7, 1, -1, 1),
    "g": (FR, "harmful", "complied", 1.0, 1, 2, 1),
    # and refuses: all right but one, which is not understood; a false alarm of 1 in 4.
    "h": (FR, "harmful", "refused", 0.3, 0, 2, 1),
    "i": (FR, "harmful", "refused", 1.0, 1, 2, 1),
    "j": (FR, "harmful", "refused", 1.0, 1, 2, 1),
    "k": (FR, "harmful", "refused", 1.0, 1, 2, 1),
    # Irrelevant: 2 not understood, 1 not producible, 1 unexplained.
    "l": (FR, "harmful", "irrelevant", 0.1, 0, -2, 0.9),
    "m": (FR, "benign", "irrelevant", 0.4, NAN, -2, 1),
    "n": (FR, "benign", "irrelevant", 0.6, NAN, -2, 0.9),
    "o": (FR, "benign", "irrelevant", 1.0, NAN, -2, 1),
    "p": (FR, "benign", "complied", 1.0, NAN, -2, 1),
    # Nobody has read the states of Swahili.
    "q": (SW, "harmful", "complied", 0.1, NAN, -9, 1),
    "r": (SW, "harmful", "complied", 0.9, NAN, -9, 1),
}


def items_of(specs: Mapping[str, Spec]) -> Items:
    keys = tuple((name, spec[0]) for name, spec in specs.items())
    intent, outcome = (np.array([spec[at] for spec in specs.values()]) for at in (1, 2))
    return Items(
        keys=keys,
        clusters=np.arange(len(keys)),
        n_clusters=len(keys),
        harmful=intent == "harmful",
        complied=outcome == "complied",
        refused=outcome == "refused",
        irrelevant=outcome == "irrelevant",
    )


def readings_of(specs: Mapping[str, Spec] = PLANTED, **more: Any) -> ItemReadings:
    comprehension, represented, margin, form = (
        np.array([spec[at] for spec in specs.values()], float) for at in (3, 4, 5, 6)
    )
    nothing = np.full(len(specs), NAN)
    fields: dict[str, Any] = {
        "items": items_of(specs), "comprehension": comprehension, "margin": margin, "form": form,
        "represented": {"own": represented, "shuffled 0": 1 - represented, "shuffled 1": nothing},
        "above_twin": {"own": represented}, "right_nats": nothing, "right_characters": nothing,
        "missing": {
            ("representation", "own", SW): "no vectors",
            ("representation", "shuffled", SW): "no vectors",
            ("representation", "english", FR): "no English",
            ("representation", "english", SW): "no English",
        },
        "margin_unit": "nats", "layers": {"own": 2},
    }  # fmt: skip
    return ItemReadings(**(fields | more))


def planted_rows() -> list[Measurement]:
    return link_rows(readings_of(), groups_of([FR, SW], SHARES), COMMON)


def row_of(
    rows: Sequence[Measurement], metric: str, link: str | None = None, *,
    language: str | None = FR, arm: str = "main", tier: str | None = None,
) -> Measurement:  # fmt: skip
    (row,) = [
        r for r in rows
        if (r.metric, r.category, r.language, r.arm) == (metric, link, language, arm)
        and tier in (None, r.tier)
    ]  # fmt: skip
    return row


def user_prompt(name: str, *, text: str = "q", intent: Any = "harmful") -> Prompt:
    return Prompt(
        prompt_id=name, language="sw", text=text, intent=intent, reference=f"meaning {name}",
        cluster_id=name,
    )  # fmt: skip
