"""How long a run of a million verdicts takes to measure, and in how much memory.

    python bench/million.py [--rows 1000000] [--clusters 2000] [--keep FOLDER]

Builds a run folder (16 languages, harmful prompts and benign twins, 8 categories, clusters shared
by all languages) through the public store, then measures every rate, gap, slope and comparison with
English in a fresh process. The limits are 20 s and 1.5 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from isogloss.records import Prompt, Request, Response, Verdict
from isogloss.store import RunStore

LANGUAGES = {
    "en": 46.0, "fr": 4.3, "zh": 4.9, "es": 4.6, "pt": 2.1, "vi": 1.0, "ca": 0.2, "id": 0.9,
    "ja": 4.8, "ko": 0.7, "fi": 0.4, "hu": 0.6, "ta": 0.05, "te": 0.02, "sw": 0.01, "ny": 0.001,
}  # fmt: skip
SECONDS, GIGABYTES = 20.0, 1.5


def build(folder: Path, n_rows: int, n_clusters: int, seed: int = 0) -> None:
    """Write ``n_rows`` prompts, replies and verdicts whose rates fall with the share."""
    rng = np.random.default_rng(seed)
    n_prompts = n_rows // len(LANGUAGES)
    cluster_effect = rng.normal(0, 0.7, n_clusters)
    with RunStore(folder, create=True) as store:
        response_id = 0
        for language, share in LANGUAGES.items():
            lean = 0.4 * np.log10(share)
            prompts = [
                Prompt(
                    prompt_id=f"p{i:06d}",
                    language=language,
                    text=f"{language} request {i}",
                    intent="benign" if i % 2 else "harmful",
                    category=f"category {i % n_clusters % 8}",
                    cluster_id=f"c{i % n_clusters:05d}",
                )
                for i in range(n_prompts)
            ]
            clusters = np.arange(n_prompts) % n_clusters
            complies = rng.random(n_prompts) < 1 / (1 + np.exp(1 + lean + cluster_effect[clusters]))
            follows = rng.random(n_prompts) < 1 / (1 + np.exp(-3 - lean))
            correct = rng.random(n_prompts) < 0.8
            responses = [
                Response(
                    request=Request(prompt=p), status="ok", text="reply", reply_language=language
                )
                for p in prompts
            ]
            verdicts: list[tuple[int, Verdict]] = []
            for index in range(n_prompts):
                outcome = "irrelevant"
                if follows[index]:
                    outcome = "complied" if complies[index] else "refused"
                response_id += 1
                right = bool(correct[index]) if outcome == "complied" else None
                verdicts.append((response_id, Verdict(outcome=outcome, correct=right)))
            store.add_prompts(prompts)
            store.add_responses(responses, target="bench", arm="none", settings="0" * 16)
            store.add_verdicts(verdicts, judge="bench")


def measure(folder: Path) -> dict[str, float]:
    """Seconds and gigabytes of measuring the whole run (this process's peak)."""
    from isogloss.audit.measure import measure_run
    from isogloss.languages import load_share_table

    start = time.perf_counter()
    with RunStore(folder) as store:
        rows = measure_run(
            store, target="bench", arm="none", judge="bench", shares=load_share_table("cc-2026-04")
        )
        store.replace_measurements("audit", rows)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"seconds": round(seconds, 2), "gigabytes": round(peak, 3), "measurements": len(rows)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure a run of a million verdicts.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--clusters", type=int, default=2_000)
    parser.add_argument("--keep", type=Path, help="build here and keep it")
    parser.add_argument("--measure", type=Path, help="measure this folder only")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch) / "run"
        if not (folder / "run.db").exists():
            start = time.perf_counter()
            build(folder, options.rows, options.clusters)
            print(f"built {options.rows:,} rows in {time.perf_counter() - start:.1f} s")
        command = [sys.executable, __file__, "--measure", str(folder)]
        figures = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    print(
        f"measured in {figures['seconds']} s (limit {SECONDS}), peak {figures['gigabytes']} GB "
        f"(limit {GIGABYTES}), {figures['measurements']} measurement rows"
    )
    return int(figures["seconds"] > SECONDS or figures["gigabytes"] > GIGABYTES)


if __name__ == "__main__":
    raise SystemExit(main())
