"""Steps' run folders with planted claims, in place of what the tools would have measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from isogloss.lab.build import CARD, folder_of
from isogloss.lab.recipe import parse_spec
from isogloss.processes import Job
from isogloss.records import Measurement
from isogloss.store import RunStore
from isogloss.study.step import DONE, SPEC
from isogloss.trace.dose_rows import AREA as DOSE
from isogloss.trace.over_runs import AREA as LADDER

CONFIRMED = "xSFT lowers the harmful rate more in high-resource languages than in low"
OPEN = "MPO lowers compliance with harm in low-resource languages"


def claim(words: str, **fields: Any) -> Measurement:
    given: dict[str, Any] = {
        "area": "align over runs", "metric": "claim", "target": "lab:tiny:english@helpful",
        "category": words, "variant": "P1, section 3", "unit": "rate difference",
        "method": "harmful rate; t over runs, seeds 0, 1, 2", "scope": "runs", "n": 3,
        "n_clusters": 3, "estimate": 0.2, "low": 0.1, "high": 0.3, "verdict": "confirmed",
    }  # fmt: skip
    return Measurement(**(given | fields))


def gap(metric: str, *, low: float, high: float) -> Measurement:
    """A gap at the last rung, over five runs."""
    return Measurement(
        area=LADDER, metric=metric, target="lab:tiny:english", arm="chat", category="at rung",
        tier="low minus high", n=5, n_clusters=5, estimate=(low + high) / 2, low=low, high=high,
        unit="rate difference", method="t over runs, seeds 0, 1, 2, 3, 4", scope="runs",
    )  # fmt: skip


ROWS: dict[str, Sequence[Measurement]] = {
    "align": (
        claim(CONFIRMED),
        claim(OPEN, estimate=-0.1, low=-0.3, high=0.1, verdict="cannot tell", variant="Zhao 2025",
              sign=-1, null=0.0),
    ),
    "ladder": (
        gap("harmful_rate_gap", low=0.1, high=0.3),
        gap("following_rate_gap", low=-0.2, high=0.1),
    ),
    "dose": (
        claim("more text of a language lifts its following rate", area=DOSE),
        Measurement(
            area=DOSE, metric="following_rate_tokens_to_parity", target="lab:tiny:english@chat",
            unit="tokens", estimate=12_345.0, low=9_000.0, high=None, n=3, scope="runs",
            verdict="reached", reason="of the interval the high end beyond the largest dose",
        ),
    ),
}  # fmt: skip


def finish(job: Job) -> None:
    """What the job's process would leave."""
    job.folder.mkdir(parents=True, exist_ok=True)
    job.prepare()
    told: Mapping[str, Any] = json.loads((job.folder / SPEC).read_text())
    if told["kind"] == "model":
        built = folder_of(parse_spec(told["settings"]["spec"]))
        built.mkdir(parents=True, exist_ok=True)
        (built / CARD).touch()
    else:
        rows = ROWS.get(told["kind"], (claim(f"what {told['kind']} is about"),))
        if told["kind"] == "ladder":  # one a mix
            rows = [replace(row, target=told["settings"]["rungs"][0]) for row in rows]
        with RunStore(job.folder, create=True) as store:
            for area in {row.area for row in rows}:
                store.replace_measurements(area, [row for row in rows if row.area == area])
    write_done(job.folder)


def write_done(folder: Path) -> None:
    (folder / DONE).write_text(json.dumps({"seconds": 60.0}))
