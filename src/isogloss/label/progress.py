"""How far the labels of a sheet have come, and how well two labellers agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from isogloss.label.sheet import Sheet
from isogloss.store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One labeller and language.

    Attributes:
        n_sheet: replies of the language on the sheet.
        n_labelled: of these, with a label; ``n_unsure`` of them ``unsure``.
    """

    language: str
    labeller: str
    n_sheet: int
    n_labelled: int
    n_unsure: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Two labellers on the replies both labelled.

    Attributes:
        language: None is all languages together.
        n_both: replies with a label by both.
        n_agree: of these, with the same one; ``unsure`` agrees with ``unsure`` only.
        kappa: Cohen's kappa over the four words, at most 1; 0 is what chance alone would give.
            None where nothing is labelled twice, or where both only ever said one same word.
    """

    language: str | None
    labellers: tuple[str, str]
    n_both: int
    n_agree: int
    kappa: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is labelled of a sheet.

    Attributes:
        progress: by language, then labeller; languages without any label have none.
        agreement: for every two labellers, languages together first.
        n_off_sheet: labels on replies that are not on this sheet; calibration leaves them out.
    """

    sheet: Sheet
    progress: tuple[Progress, ...]
    agreement: tuple[Agreement, ...]
    n_off_sheet: int

    @property
    def n_labels(self) -> int:
        return sum(progress.n_labelled for progress in self.progress)


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Agreement beyond chance, (p_o − p_e) / (1 − p_e) (Cohen 1960).

    None without pairs, and where p_e is 1: both said one same word all along.

    Example:
        >>> cohen_kappa([("a", "a"), ("a", "b"), ("b", "b"), ("b", "b")])
        0.5
    """
    if not pairs:
        return None
    n = len(pairs)
    ours, theirs = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    by_chance = sum(ours[word] * theirs[word] for word in ours)
    if by_chance == n * n:
        return None
    observed = sum(a == b for a, b in pairs)
    return (observed * n - by_chance) / (n * n - by_chance)


def label_status(store: RunStore, sheet: Sheet) -> Status:
    """Count the labels of a sheet."""
    language_of = {r: s.language for s in sheet.strata for r in s.responses}
    words: dict[str, dict[int, str]] = {}
    frame = store.labels.frame()
    here = (frame["target"] == sheet.target) & (frame["arm"] == sheet.arm)
    n_off_sheet = 0
    for row in frame.filter(here & (frame["variant"] == sheet.variant)).iter_rows(named=True):
        if row["response"] in language_of:
            words.setdefault(row["labeller"], {})[row["response"]] = row["outcome"]
        else:
            n_off_sheet += 1
    n_sheet = Counter(language_of.values())
    progress: list[Progress] = []
    for language in sheet.languages:
        for labeller, said in sorted(words.items()):
            mine = [word for response, word in said.items() if language_of[response] == language]
            if mine:
                progress.append(
                    Progress(
                        language=language,
                        labeller=labeller,
                        n_sheet=n_sheet[language],
                        n_labelled=len(mine),
                        n_unsure=mine.count("unsure"),
                    )
                )
    agreement = [
        _agreement(language, (a, b), words, language_of)
        for a, b in combinations(sorted(words), 2)
        for language in (None, *sheet.languages)
    ]
    return Status(
        sheet=sheet,
        progress=tuple(progress),
        agreement=tuple(row for row in agreement if row.n_both or row.language is None),
        n_off_sheet=n_off_sheet,
    )


def _agreement(
    language: str | None,
    labellers: tuple[str, str],
    words: dict[str, dict[int, str]],
    language_of: dict[int, str],
) -> Agreement:
    a, b = (words[name] for name in labellers)
    pairs = [
        (a[response], b[response])
        for response in sorted(a.keys() & b.keys())
        if language in (None, language_of[response])
    ]
    return Agreement(
        language=language,
        labellers=labellers,
        n_both=len(pairs),
        n_agree=sum(x == y for x, y in pairs),
        kappa=cohen_kappa(pairs),
    )
