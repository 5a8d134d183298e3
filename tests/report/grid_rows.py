"""A grid made by hand, as `isogloss trace grid` writes it: gains follow one predictor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from grids import LANGUAGES, L, stored_rows, symmetric
from isogloss.languages import lab_share_table
from isogloss.records import Measurement
from isogloss.store import RunStore
from isogloss.trace.grid_findings import find_predictors
from isogloss.trace.grid_matrices import AREA, MATRICES, SELECTIVITY, read_grids
from isogloss.trace.grid_over_runs import OVER_RUNS, over_runs_rows
from isogloss.trace.grid_rows import finding_rows

SHARES = (62.0, 6.1, 4.9, 4.9, 2.3, 1.5, 1.0, 0.5)
SINGLE = {
    "tokens_per_sentence": np.linspace(8, 20, L),
    "share": np.array(SHARES) / 100,
    "competence_bits_per_character": np.linspace(1.2, 2.4, L),
}


def grid_run_rows(seed: int) -> list[Measurement]:
    """One model: what a language gains follows its likeness to the one trained on."""
    fixed = np.random.default_rng(0)
    likeness, cosine, retrieval = symmetric(fixed), symmetric(fixed), fixed.random((L, L))
    gained = 0.4 * likeness - 0.1 + 0.04 * np.random.default_rng(seed + 1).standard_normal((L, L))
    np.fill_diagonal(gained, 0.58 + 0.01 * seed)
    gained[0, L - 1] = np.nan
    rows: list[Measurement] = []
    for row in stored_rows(
        gained, target=f"lab:tiny:english@helpful#{seed}", similarity={"lexicon": likeness},
        cosine=cosine, retrieval=retrieval, single=SINGLE,
    ):  # fmt: skip
        rows.append(row)
        if row.metric == SELECTIVITY:
            rows[-1] = row = replace(row, unit="rate difference", category="since none", n=84)
            rows += [replace(row, metric=name) for name in MATRICES if name != SELECTIVITY]
    rows += [
        Measurement(
            area=AREA, metric=metric, target=rows[0].target, arm="xsft", language=tag, n=84,
            category="since none", estimate=0.5 - 0.05 * j, unit="rate difference",
        )
        for metric in MATRICES
        for j, tag in enumerate(LANGUAGES)
    ]  # fmt: skip
    return rows


def make_grid_run(folder: Path, *, n_seeds: int = 5) -> Path:
    """Eight languages, trained on each; one pair is not measured in any run."""
    rows = [row for seed in range(n_seeds) for row in grid_run_rows(seed)]
    grids = read_grids(rows)
    findings = {grid.target: find_predictors(grid, n_permutations=299) for grid in grids}
    whole = [*rows, *(row for grid in grids for row in finding_rows(grid, findings[grid.target]))]
    with RunStore(folder, create=True) as store:
        store.replace_measurements(AREA, whole)
        store.replace_measurements(OVER_RUNS, over_runs_rows(whole, findings))
        store.set_meta(
            AREA,
            {"targets": [grid.target for grid in grids], "method": "sft",
             "languages": list(LANGUAGES), "train": list(LANGUAGES), "everywhere": "xsft"},
        )  # fmt: skip
        shares = lab_share_table(dict(zip(LANGUAGES, SHARES, strict=True)), "lab:tiny:english")
        store.set_meta("share_table", shares.to_json())
    return folder
