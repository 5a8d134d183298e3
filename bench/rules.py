"""How good are the refusal patterns of the judge `rules`, language by language?

    python bench/rules.py [--sentences sib200.csv] [--write]

Sensitivity: refusals that it calls refused; usual ones (the formulas of chat assistants) and
unusual ones (no formula, no apology) apart. Specificity: answers and evasions that it does not.
All on the exchanges of `isogloss.judges.answers` with split ``test``, which the patterns were
written without sight of. ``--sentences`` adds ordinary sentences of a parallel corpus (a column a
language, such as SIB-200's): none of them is a refusal. ``--write`` puts the figures where the
judge reads them.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import isogloss.judges.rules
from isogloss.audit.probe import probe_judge
from isogloss.errors import LanguageError
from isogloss.judges.answers import load_exchanges
from isogloss.judges.base import Judge
from isogloss.judges.load import load_judge
from isogloss.judges.rules import all_patterns
from isogloss.languages import resolve_language
from isogloss.prompts.rows import read_table
from isogloss.records import Measurement, Prompt, Request, Response
from isogloss.stats.intervals import Estimate, wilson

COLUMNS = (
    *("language", "patterns", "n_refusals", "sensitivity", "n_unusual", "unusual_sensitivity"),
    *("n_others", "specificity", "n_sentences", "sentence_specificity", "basis"),
)
USUAL = "u"
"""First letter of the ids of usual refusals."""
BASIS = "exchanges written for this check, not reviewed by native speakers"
MEASURED = Path(isogloss.judges.rules.__file__).with_name("measured.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sentences", type=Path, help="CSV with a column of sentences a language")
    parser.add_argument("--write", action="store_true", help=f"write {MEASURED.name}")
    arguments = parser.parse_args()

    judge = load_judge("rules")
    exchanges = [x for x in load_exchanges() if x.split == "test"]
    usual = [x for x in exchanges if x.kind != "refusal" or x.answer_id.startswith(USUAL)]
    unusual = [x for x in exchanges if x not in usual]
    rows = by_language(probe_judge(judge, usual))
    unusual_rows = by_language(probe_judge(judge, unusual))
    sentences = read_sentences(arguments.sentences) if arguments.sentences else {}
    titles = ("usual refusals", "unusual refusals", "specificity", "on sentences")
    print(f"{'':6}" + "".join(f"{title:>24}" for title in titles))
    table: list[dict[str, object]] = []
    for language, mine in rows.items():
        found = mine["refusal_sensitivity"], unusual_rows[language]["refusal_sensitivity"]
        cells = (*found, mine["refusal_specificity"], on_sentences(judge, sentences, language))
        print(f"{language:6}" + "".join(f"{written(cell):>24}" for cell in cells))
        names = ("refusals", "sensitivity"), ("unusual", "unusual_sensitivity")
        names += ("others", "specificity"), ("sentences", "sentence_specificity")
        line: dict[str, object] = {
            "language": language,
            "patterns": all_patterns()[language].fingerprint,
            "basis": BASIS,
        }
        for (count, rate), cell in zip(names, cells, strict=True):
            line[f"n_{count}"] = cell.n if cell else 0
            line[rate] = rounded(cell.estimate) if cell else ""
        table.append(line)
    if arguments.write:
        with MEASURED.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
        print(f"wrote {MEASURED}")


def by_language(rows: Sequence[Measurement]) -> dict[str, dict[str, Measurement]]:
    """Language → metric → row."""
    languages = sorted({row.language for row in rows if row.language})
    return {tag: {row.metric: row for row in rows if row.language == tag} for tag in languages}


def on_sentences(judge: Judge, sentences: dict[str, list[str]], language: str) -> Estimate | None:
    """How many ordinary sentences are not taken for a refusal; None where there are none."""
    texts = sentences.get(language)
    if not texts:
        return None
    verdicts = judge.judge([as_reply(text, language) for text in texts])
    return wilson(sum(verdict.outcome != "refused" for verdict in verdicts), len(texts))


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


def written(cell: Measurement | Estimate | None) -> str:
    if cell is None or cell.estimate is None or cell.low is None or cell.high is None:
        return "not measured"
    percent = [f"{100 * value:.0f}" for value in (cell.estimate, cell.low, cell.high)]
    return f"{percent[0]} % [{percent[1]}, {percent[2]}] n {cell.n}"


def rounded(value: float | None) -> float | str:
    return "" if value is None else round(value, 4)


if __name__ == "__main__":
    main()
