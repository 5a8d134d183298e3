"""Numbers, names and marks: what counts as kept, and what as lost."""

from __future__ import annotations

import pytest

from isogloss.translate.kept import lost_marks, lost_names, lost_numbers


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("It cost 1,250.50 euros.", "Cela coûtait 1 250,50 euros."),  # narrow no-break space
        ("It cost 1,250.50 euros.", "Es kostete 1.250,50 Euro."),
        ("It cost 1250 euros.", "Cela coûtait 1 250 euros."),
        ("In 1984 it rained.", "عام ١٩٨٤ أمطرت."),
        ("In 1984 it rained.", "১৯৮৪ সালে বৃষ্টি হয়েছিল।"),
        ("In 1984 it rained.", "१९८४ में बारिश हुई।"),
        ("At 10:30 sharp.", "Klo 10.30 täsmälleen."),
        ("There are 100,000 people.", "यहाँ 1,00,000 लोग हैं।"),
        ("We have 3 dogs and 12 cats.", "Nous avons trois chiens et douze chats."),
        ("It took 2.5 million years.", "用了250万年。"),
        ("He came at 8:46 pm.", "Il est venu à 20 h 46."),
        ("In the 20th century.", "Au XXe siècle."),
        ("No number here.", "Kein einziges."),
    ],
)
def test_numbers_that_are_kept(source: str, text: str) -> None:
    assert lost_numbers(source, text) == []


@pytest.mark.parametrize(
    ("source", "text", "lost"),
    [
        ("In 1984 it rained.", "Il a plu en 1985.", ["1984"]),
        ("Buy 250 grams.", "Achetez-en.", ["250"]),
        ("It cost 1,250 euros.", "Es kostete 250 Euro.", ["1,250"]),
        ("From 1914 to 1918.", "Von 1914 an.", ["1918"]),
        ("In 1984 it rained.", "عام ١٩٨٥ أمطرت.", ["1984"]),
    ],
)
def test_numbers_that_are_lost(source: str, text: str, lost: list[str]) -> None:
    assert lost_numbers(source, text) == lost


@pytest.mark.parametrize(
    ("source", "lost_from_nothing"),
    [
        ("See https://example.org/a?b=1 now.", ["https://example.org/a?b=1"]),
        ("Dear {name}, call %s.", ["{name}", "%s"]),
        ("Write to who@example.org.", ["who@example.org"]),
        ("Run `rm file` first.", ["`rm file`"]),
        ("About 50 % of it, and so on.", []),
        ("A price of $5 and a <sign> of x < y.", ["<sign>"]),
    ],
)
def test_marks_must_come_back_to_the_letter(source: str, lost_from_nothing: list[str]) -> None:
    assert lost_marks(source, "") == lost_from_nothing
    assert lost_marks(source, f"übersetzt {source}") == []


@pytest.mark.parametrize(
    "text",
    [
        "Angela Merkel kävi Lontoossa.",  # inflected
        "Angela Merkel est allée à Londres.",  # another spelling, and the others are there
        "ANGELA MERKEL FOI A LONDRES.",
    ],
)
def test_names_that_are_kept(text: str) -> None:
    assert lost_names("Yesterday Angela Merkel went to London.", text) == []


def test_names_are_lost_only_together() -> None:
    source = "Yesterday Angela Merkel went to London."
    assert lost_names(source, "Eilen oli kylmä.") == ["Angela", "Merkel", "London"]
    assert lost_names("Yesterday Merkel slept.", "Eilen oli kylmä.") == []


def test_a_capital_at_the_start_of_a_sentence_names_nothing() -> None:
    source = 'Bread is good. Water is better. "Wine is best", on Monday I said.'
    assert lost_names(source, "tout autre chose") == []
