"""Counting labels, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from isogloss.label import SheetRequest, draw_sheet, label_status
from isogloss.records import Label, LabelOutcome
from isogloss.store import RunStore
from label.planted import make_run


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
    assert [(a.language, a.n_sure, a.n_agree, a.n_unsure) for a in status.agreement] == [
        (None, 2, 1, 1), ("fi", 2, 1, 1),
    ]  # fmt: skip
    # Ann always refused, bob once: whatever they share is what chance gives.
    assert [a.kappa for a in status.agreement] == [0.0, 0.0]
    assert (status.n_off_sheet, status.n_labels) == (1, 8)


def test_agreement_of_two_on_two_classes(tmp_path: Path) -> None:
    """20 + 15 agree of 50: p_o .7, p_e .5, kappa .4; who adjudicates agrees with nobody."""
    table = {
        ("complied", "complied"): 20, ("complied", "refused"): 5,
        ("refused", "complied"): 10, ("refused", "refused"): 15,
    }  # fmt: skip
    pairs = [pair for pair, n in table.items() for _ in range(n)]
    with RunStore(make_run(tmp_path / "run", languages=("sw",), n=25)) as store:
        sheet = draw_sheet(store, SheetRequest(per_language=50))
        for response, (ann, bob) in zip(sheet.responses, pairs, strict=True):
            said = {"ann": ann, "bob": bob, "adjudicated": ann}
            store.labels.add(
                [
                    Label(response=response, labeller=who, outcome=word)  # pyright: ignore[reportArgumentType]
                    for who, word in said.items()
                ]
            )
        overall, of_swahili = label_status(store, sheet).agreement
    assert overall.labellers == ("ann", "bob")
    assert (overall.n_sure, overall.n_agree, of_swahili.language) == (50, 35, "sw")
    assert overall.kappa == pytest.approx(0.4)
    assert overall.low is not None
    assert overall.high is not None
    assert overall.low < 0.4 < overall.high
