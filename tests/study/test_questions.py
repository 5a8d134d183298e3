"""Which claims answer which question."""

from __future__ import annotations

import pytest

from isogloss.records import CLAIM, Measurement
from isogloss.study.questions import QUESTIONS

LOW = "the low tier follows less than the high one"


@pytest.mark.parametrize(
    ("target", "words", "answers"),
    [
        ("lab:tiny:english+fixed+bloom@chat", LOW, True),
        ("lab:tiny:english+fixed+3m@chat", "the low tier complies with harm more often", True),
        ("lab:tiny:english+fixed@chat", LOW, False),
        ("lab:tiny:en=40+fixed@chat", LOW, False),
        ("lab:tiny:english@chat", f"with exact translations and an exact judge {LOW}", False),
        ("lab:tiny:english+fixed@chat", "the data move the gap further than the size does", True),
        ("lab:tiny:english+3m@chat", "larger models hold them better", True),
    ],
)
def test_other_networks_are_answered_by_claims_about_them(
    target: str, words: str, answers: bool
) -> None:
    (question,) = [one for one in QUESTIONS if "other architectures and sizes" in one.words]
    claim = Measurement(area="study", metric=CLAIM, target=target, category=words)
    assert question.answers([claim]) == [claim] * answers
