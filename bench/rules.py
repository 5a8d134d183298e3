"""How good are the refusal patterns of the judge `rules`, language by language?

    python bench/rules.py [--sentences sib200.csv] [--write]

Sensitivity: refusals that it calls refused. Specificity: answers and evasions that it does not.
Both on the exchanges of `isogloss.judges.answers` with split ``test``, which the patterns were
written without sight of. ``--sentences`` adds ordinary sentences of a parallel corpus (a column a
language, such as SIB-200's): none of them is a refusal. ``--write`` puts the figures where the
judge reads them.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import isogloss.judges.rules
from isogloss.audit.probe import probe_judge
from isogloss.errors import LanguageError
from isogloss.judges.answers import load_exchanges
from isogloss.judges.load import load_judge
from isogloss.languages import resolve_language
from isogloss.prompts.rows import read_table
from isogloss.records import Measurement, Prompt, Request, Response
from isogloss.stats.intervals import wilson

COLUMNS = (
    *("language", "n_refusals", "sensitivity", "n_others", "specificity"),
    *("n_sentences", "sentence_specificity", "basis"),
)
BASIS = "exchanges written for this check, not reviewed by native speakers"
MEASURED = Path(isogloss.judges.rules.__file__).with_name("measured.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=Path, help="CSV with a column of sentences a language")
    parser.add_argument("--write", action="store_true", help=f"write {MEASURED.name}")
    arguments = parser.parse_args()

    judge = load_judge("rules", target=None)
    exchanges = [x for x in load_exchanges() if x.split == "test"]
    rows = probe_judge(judge, exchanges)
    languages = sorted({row.language for row in rows if row.language})
    sentences = read_sentences(arguments.sentences) if arguments.sentences else {}
    print(f"{'':6}{'sensitivity':>24}{'specificity':>24}{'accuracy':>24}{'on sentences':>24}")
    table: list[dict[str, object]] = []
    for language in languages:
        mine = {row.metric: row for row in rows if row.language == language}
        sensitivity, specificity = mine["refusal_sensitivity"], mine["refusal_specificity"]
        kept = None
        if texts := sentences.get(language):
            verdicts = judge.judge([as_reply(text, language) for text in texts])
            n_kept = sum(verdict.outcome != "refused" for verdict in verdicts)
            kept = wilson(n_kept, len(texts))
        cells = (sensitivity, specificity, mine["accuracy"], kept)
        print(f"{language:6}" + "".join(f"{written(cell):>24}" for cell in cells))
        table.append(
            {
                "language": language,
                "n_refusals": sensitivity.n,
                "sensitivity": rounded(sensitivity.estimate),
                "n_others": specificity.n,
                "specificity": rounded(specificity.estimate),
                "n_sentences": kept.n if kept else 0,
                "sentence_specificity": rounded(kept.estimate) if kept else "",
                "basis": BASIS,
            }
        )
    if arguments.write:
        with MEASURED.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
        print(f"wrote {MEASURED}")


def read_sentences(path: Path) -> dict[str, list[str]]:
    """Language → sentences; columns that are no language are left out."""
    found: dict[str, list[str]] = {}
    table = read_table(path)
    for column in table.columns:
        if column in ("id", "index_id", "category", "source", "tags"):
            continue
        try:
            language = resolve_language(column)
        except LanguageError:
            continue
        found[language] = [str(row.cells[column]) for row in table.rows if row.cells[column]]
    return found


def as_reply(text: str, language: str) -> Response:
    prompt = Prompt(
        prompt_id="sentence", language=language, text="?", intent="benign", cluster_id="sentence"
    )
    return Response(request=Request(prompt=prompt), status="ok", text=text, reply_language=language)


def written(row: Measurement | object | None) -> str:
    estimate, low, high = (getattr(row, name, None) for name in ("estimate", "low", "high"))
    if estimate is None or low is None or high is None:
        return "not measured"
    return f"{100 * estimate:.0f} % [{100 * low:.0f}, {100 * high:.0f}] n {getattr(row, 'n', 0)}"


def rounded(value: float | None) -> float | str:
    return "" if value is None else round(value, 4)


if __name__ == "__main__":
    main()
