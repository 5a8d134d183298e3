"""Counting labels: by hand, and Cohen's kappa against his own example."""

from __future__ import annotations

from pathlib import Path

import pytest

from isogloss.label import SheetRequest, draw_sheet, label_status
from isogloss.label.progress import cohen_kappa
from isogloss.records import Label, LabelOutcome
from isogloss.store import RunStore
from label.planted import make_run


def test_kappa_of_the_classic_table() -> None:
    """Two psychologists, 200 patients, Cohen (1960), table 1: p_o .70, p_e .41, kappa .492."""
    table = {
        ("a", "a"): 88, ("a", "b"): 14, ("a", "c"): 18,
        ("b", "a"): 10, ("b", "b"): 40, ("b", "c"): 10,
        ("c", "a"): 2, ("c", "b"): 6, ("c", "c"): 12,
    }  # fmt: skip
    pairs = [pair for pair, n in table.items() for _ in range(n)]
    assert cohen_kappa(pairs) == pytest.approx(0.492, abs=5e-4)


def test_kappa_at_its_edges() -> None:
    assert cohen_kappa([]) is None
    assert cohen_kappa([("a", "a")] * 5) is None
    assert cohen_kappa([("a", "a"), ("b", "b")]) == 1
    assert cohen_kappa([("a", "b"), ("b", "a")]) == -1
    assert cohen_kappa([("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")]) == 0


def test_status_counts_by_language_and_labeller(tmp_path: Path) -> None:
    with RunStore(make_run(tmp_path / "run", n=6)) as store:
        sheet = draw_sheet(store, SheetRequest(per_language=6))
        fi = sheet.part(("fi",), None).responses
        sw = sheet.part(("sw",), None).responses
        off = (set(range(1, 25)) - set(sheet.responses)).pop()
        said: list[tuple[int, str, LabelOutcome]] = [
            *[(i, "ann", "refused") for i in fi[:4]],
            (fi[0], "bob", "refused"), (fi[1], "bob", "complied"), (fi[2], "bob", "unsure"),
            (sw[0], "ann", "unsure"), (off, "ann", "complied"),
        ]  # fmt: skip
        store.labels.add([Label(response=i, labeller=who, outcome=word) for i, who, word in said])
        status = label_status(store, sheet)
    assert [
        (p.language, p.labeller, p.n_sheet, p.n_labelled, p.n_unsure) for p in status.progress
    ] == [("fi", "ann", 6, 4, 0), ("fi", "bob", 6, 3, 1), ("sw", "ann", 6, 1, 1)]
    assert [(a.language, a.n_both, a.n_agree, a.kappa) for a in status.agreement] == [
        (None, 3, 1, 0.0), ("fi", 3, 1, 0.0),
    ]  # fmt: skip
    assert (status.n_off_sheet, status.n_labels) == (1, 8)
