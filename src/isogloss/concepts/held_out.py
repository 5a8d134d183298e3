"""Text a model was not trained on, by language: from the lab's generator or a user's table."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from isogloss.errors import LanguageError
from isogloss.lab.corpus import write_documents
from isogloss.lab.setting import Lab
from isogloss.languages import resolve_language
from isogloss.prompts.rows import read_table
from isogloss.seeds import derive_seed

LAB_DOCUMENTS = 200


def lab_texts(lab: Lab, *, n: int = LAB_DOCUMENTS, seed: int = 0) -> dict[str, list[str]]:
    """Held-out documents of every language of a lab, the same content in each.

    From the generator of the pre-training text with a seed of its own. The world is small: single
    sentences may also occur in training, as common sentences do anywhere.

    Args:
        n: documents a language.
        seed: of the text.
    """
    draw = derive_seed(seed, "competence")  # one for all languages: that makes them parallel
    return {
        tag: [
            document.text
            for document in islice(
                write_documents(lab.world, lab.lexicon, {tag: 1.0}, bilingual=0.0, seed=draw), n
            )
        ]
        for tag in lab.recipe.languages
    }


def load_texts(path: str | Path) -> dict[str, list[str]]:
    """A user's table of texts, one a row, with the columns ``language`` and ``text``.

    Raises:
        InputError: no such columns, an unknown language, or an empty text.
    """
    table = read_table(path)
    if missing := [name for name in ("language", "text") if name not in table.columns]:
        table.refuse(
            "columns",
            f"{', '.join(missing)} missing; needed: language, text; found: "
            f"{', '.join(table.columns)}",
        )
    texts: dict[str, list[str]] = {}
    for row in table.rows:
        text = row.cells.get("text")
        if not isinstance(text, str) or not text.strip():
            table.refuse(row.place, "the text is empty", "text")
        try:
            tag = resolve_language(str(row.cells.get("language") or ""))
        except LanguageError as error:
            table.refuse(row.place, str(error), "language")
        texts.setdefault(tag, []).append(text)
    return texts
