"""What training in one language did to another: a train × test matrix of changes, as rows.

The changes of rates are those of `isogloss.align.outcomes` (after minus before, paired by prompt);
the change of selectivity, refusals of harmful prompts minus refusals of benign ones, is added here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from isogloss.align.outcomes import AREA as CHANGES
from isogloss.align.outcomes import NONE
from isogloss.audit.pairing import CompareConfig, Pairs, pair_runs
from isogloss.audit.rate_rows import measurement
from isogloss.audit.rates import DIFFERENCES, MAX_MISSING
from isogloss.records import Measurement
from isogloss.stats.contrast import METHODS, language_contrast
from isogloss.stats.intervals import Estimate, not_measured
from isogloss.store import RunStore
from isogloss.trace.grid_matrices import AREA, MATRICES, SELECTIVITY


def cell_rows(
    folder: Path, *, target: str, arms: Mapping[str, str | None], method: str
) -> list[Measurement]:
    """The cells of one model, metrics `MATRICES`.

    ``source_language`` was trained on, ``language`` asked; ``arm`` is the method. Of an arm that
    was trained on several languages there is no ``source_language``, and ``arm`` is its own name.

    Args:
        folder: of an alignment of ``target`` with all of the arms.
        arms: name of the arm there → the one language it was trained on; None for several.
    """
    with RunStore(folder) as store:
        stored = [
            row for row in store.measurements(CHANGES)
            if row.target == target and row.arm in arms and row.category == f"since {NONE}"
            and row.language is not None
        ]  # fmt: skip
    rows: list[Measurement] = []
    for arm, trained in arms.items():
        mine = [row for row in stored if row.arm == arm and row.metric in MATRICES]
        compared = CompareConfig(
            a=folder, b=folder, target_a=target, arm_a=NONE, target_b=target, arm_b=arm,
            judge=mine[0].judge,
        )  # fmt: skip
        pairs = pair_runs(compared).pairs
        like = {row.language: row for row in mine}
        changed = [_selectivity_row(pairs, at, like[tag]) for at, tag in enumerate(pairs.languages)]
        rows += [
            replace(
                row, area=AREA, source_language=trained,
                arm=arm if trained is None else method,
            )
            for row in (*changed, *mine)
        ]  # fmt: skip
    return rows


def _selectivity_row(pairs: Pairs, at: int, like: Measurement) -> Measurement:
    """The row of one language; ``like`` is another change of the same arm in it."""
    found = selectivity_change(pairs, at)
    row = measurement(
        SELECTIVITY, found, target=like.target, arm=like.arm, judge=like.judge,
        language=like.language, tier=like.tier, category=like.category, variant=like.variant,
        unit="rate difference", scope="this model",
    )  # fmt: skip
    return replace(row, method=f"after minus before, paired; {found.method}")


def selectivity_change(pairs: Pairs, at: int) -> Estimate:
    """Selectivity after minus before, in one language; clusters count jointly over all four rates.

    Args:
        pairs: before and after.
        at: the place of the language.

    Returns:
        In [-2, 2]; ``n`` pairs of replies. Not measured where one of the rates is not, or where too
        many replies have no outcome.
    """
    # (after, before) of refusals of harmful prompts, then of benign ones.
    cells = [side.cells(name) for name in DIFFERENCES["selectivity"] for side in (pairs.b, pairs.a)]
    method = METHODS["these languages"]
    for one in cells:
        if one.reasons[at] is not None:
            return not_measured(method, str(one.reasons[at]))
        if one.unverified[at]:
            reason = f"more than {MAX_MISSING:.0%} of the planned replies have no outcome"
            return not_measured(method, reason)
    found = language_contrast(
        np.column_stack([one.successes[:, at] for one in cells]),
        np.column_stack([one.trials[:, at] for one in cells]),
        [1.0, -1.0, -1.0, 1.0],
        scope="these languages",
    )
    return replace(found, n=found.n // 2)
