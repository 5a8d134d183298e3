"""The Python API in one walk: train two models, audit both, compare them, write the report.

    python examples/lab_tour.py [FOLDER]

Everything here is also a command: `isogloss lab build`, `audit`, `compare`, `show`, `report`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import isogloss

CHAT = "lab:tiny@chat"
HELPFUL = "lab:tiny@helpful"


def main(folder: Path) -> None:
    # A recipe says everything that determines a model; building it twice takes it from the cache.
    recipe = isogloss.parse_spec(CHAT)
    print(f"{recipe.spec}: {recipe.n_tokens:,} tokens in {len(recipe.languages)} languages")
    print(f"an ordinary Hugging Face folder: {isogloss.build_lab(recipe)}")

    # Audit the model before and after it learned to refuse. Interrupted, the same call resumes.
    chat = isogloss.run_audit(isogloss.AuditConfig(target=CHAT, out=folder / "chat"))
    helpful = isogloss.run_audit(isogloss.AuditConfig(target=HELPFUL, out=folder / "helpful"))

    # Every result is a row with its counts, interval and reason; missing is None and never zero.
    print("\nharmful rate by language, share of pre-training beside it")
    table = recipe.share_table()
    for row in chat.measurements:
        if row.metric == "harmful_rate" and row.language and row.category is None:
            print(f"  {row.language:10} {table.share(row.language):5.1f} %   {in_words(row)}")

    # The curses are claims about one model, stated for two scopes; they may well not be found.
    print("\nslope of the harmful rate on log10(share)")
    for row in chat.measurements:
        if row.metric == "harmful_rate_slope":
            print(f"  {row.scope}: {in_words(row)} ({row.verdict})")

    # Paired by prompt: what did the harmless examples change, in which language?
    print("\ncompliance with harmful requests, after against before")
    pair = isogloss.CompareConfig(a=helpful.folder, b=chat.folder)
    for row in (difference.row for difference in isogloss.compare_runs(pair).differences):
        if row.metric == "compliance_rate" and row.language:
            print(f"  {row.language:10} {in_words(row)} ({row.verdict})")

    print(f"\nreport: {isogloss.build_report(chat.folder)}")


def in_words(row: isogloss.Measurement) -> str:
    """An estimate with its 95 % interval, or why there is none."""
    if row.estimate is None or row.low is None or row.high is None:
        return f"not measured: {row.reason}"
    return f"{row.estimate:+.2f} [{row.low:+.2f}, {row.high:+.2f}]"


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/tour"))
