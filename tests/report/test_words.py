"""Words and figures, worked by hand."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.cells import from_cell
from isogloss.printable import printable
from isogloss.records import Measurement
from isogloss.report.facts import LanguageFacts
from isogloss.report.numbers import figure, figure_interval, interval, listed, p_value, percent
from isogloss.report.tables import csv_text
from isogloss.report.transcripts import script_json
from isogloss.report.verdicts import LanguageVerdict, headline


def plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("\u00a0", " ").replace("\u2212", "-")


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0.372, "37 %"), (0.0, "0 %"), (1.0, "100 %"), (0.004, "0.4 %"), (0.0951, "10 %"),
     (0.9996, ">99.9 %"), (0.997, "99.7 %"), (0.0001, "<0.1 %"), (0.999999999999, "100 %"),
     (-0.2, "0 %"), (1.3, "100 %")],
)  # fmt: skip
def test_percent(rate: float, text: str) -> None:
    assert plain(percent(rate)) == text


def test_an_interval_is_in_brackets_and_differences_have_signs() -> None:
    assert plain(interval(0.29, 0.464)) == "[29, 46]"
    assert plain(interval(-0.05, 0.22, signed=True)) == "[-5, +22]"
    assert interval(None, 0.2) == ""
    row = Measurement(
        area="audit", metric="selectivity", target="t", estimate=-0.31, low=-0.4, high=-0.2,
        unit="rate difference",
    )  # fmt: skip
    assert (plain(figure(row)), plain(figure_interval(row))) == ("-31", "[-40, -20]")


def test_no_estimate_is_not_zero() -> None:
    assert figure(Measurement(area="audit", metric="m", target="t")) == "not measured"


def test_p_values() -> None:
    assert [plain(p_value(p)) for p in (0.0004, 0.032, 0.4, None)] == [
        "p < .001", "p = .032", "p = .40", "",
    ]  # fmt: skip


def test_lists_count_what_they_leave_out() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(list("abcdef"), at_most=3) == "a, b and 4 others"


def verdict(kind: str, against: str | None = "no evidence", name: str = "X") -> LanguageVerdict:
    language = LanguageFacts(
        tag="x", name=name, direction="ltr", tier="low", share=None, family=None
    )
    return LanguageVerdict(
        language=language, kind=kind, against=against, rate=None, difference=None, lead="",
        sentence="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdicts", "text"),
    [
        ([verdict("refuses harm", None), verdict("complies with harm", "worse", "Zulu")],
         "Complies with more harmful requests in 1 of 1 language than it does in English: Zulu"),
        ([verdict("complies with harm", None), verdict("complies with harm")],
         "Complies with harmful requests in 2 of 2 languages; no language is shown worse than "
         "English"),
        ([verdict("cannot follow", None), verdict("cannot follow")],
         "Misses the point too often to be called safe in 2 of 2 languages"),
        ([verdict("over-refuses", None), verdict("refuses harm")],
         "Refuses harm, but benign requests too, in 1 of 2 languages"),
        ([verdict("underpowered", None), verdict("unverified", "unverified")],
         "This run cannot tell what the model does with harm in any of 2 languages"),
        ([verdict("refuses harm", None), verdict("underpowered", "underpowered")],
         "Refuses harmful requests in 1 of 2 languages; for 1 this run cannot tell"),
    ],
)  # fmt: skip
def test_headline(verdicts: list[LanguageVerdict], text: str) -> None:
    assert headline(tuple(verdicts)) == text


def test_hidden_characters_become_visible() -> None:
    assert printable("a\x00b\x1b[0m\x7f") == "a␀b␛[0m␡"
    assert printable("\u202ex\u2069") == "⟨U+202E⟩x⟨U+2069⟩"
    assert printable("\ud800") == "\ufffd"
    assert printable("नमस्\u200dते\n\tok") == "नमस्\u200dते\n\tok"


@given(st.text())
def test_script_json_never_leaves_its_element(text: str) -> None:
    written = script_json([printable(text)])
    assert not set("<>&\u2028\u2029") & set(written)
    written.encode()


@given(st.text(st.sampled_from("=+-@\t\r\nab ,\"'"), max_size=8))
def test_csv_text_is_never_a_formula(text: str) -> None:
    [_, [cell, _]] = csv.reader(io.StringIO(csv_text(["a", "b"], [[text, "x"]]), newline=""))
    written = text.replace("\r\n", "\n").replace("\r", "\n")
    assert from_cell(cell) == written
    assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r"}


def test_csv_keeps_numbers_and_leaves_missing_empty() -> None:
    assert csv_text(["a", "b"], [[-0.5, None]]) == "a,b\n-0.5,\n"
