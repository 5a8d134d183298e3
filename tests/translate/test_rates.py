"""Flag rates by language, from prompts alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isogloss.records import Prompt, PromptKey, Translation
from isogloss.stats.intervals import wilson
from isogloss.translate.rates import translation_rows, untranslated_rows
from isogloss.translate.run import Untranslated
from translate.planted import english


def translated(flags: list[tuple[str, ...]], chrf: list[float | None]) -> list[Prompt]:
    return [
        replace(p, language="sw", translation=Translation(engine="e", chrf=score, flags=raised))
        for p, raised, score in zip(english(len(flags)), flags, chrf, strict=True)
    ]


def test_rates_by_hand() -> None:
    prompts = translated(
        [("copy", "wrong_language"), ("copy",), (), (), ()], [10.0, 20.0, None, 60.0, 70.0]
    )
    rows = translation_rows([*english(5), *prompts])
    by_name = {(row.metric, row.category): row for row in rows}
    assert {row.language for row in rows} == {"sw"}  # English is as given
    assert {row.area for row in rows} == {"translation"}
    assert set(by_name) == {
        ("flag_rate", None), ("flag_rate", "copy"), ("flag_rate", "wrong_language"),
        ("back_translation_chrf", None),
    }  # fmt: skip
    flagged = by_name["flag_rate", None]
    expected = wilson(2, 5)
    assert (flagged.k, flagged.n, flagged.estimate) == (2, 5, 0.4)
    assert (flagged.low, flagged.high) == (expected.low, expected.high)
    assert by_name["flag_rate", "wrong_language"].k == 1
    assert (flagged.target, flagged.variant, flagged.source_language) == ("e", "original", "en")
    score = by_name["back_translation_chrf", None]
    # Mean of 10, 20, 60, 70; their standard deviation is sqrt(2600 / 3), t(3) is 3.182.
    half = 3.1824463 * (2600 / 3) ** 0.5 / 2
    assert (score.n, score.estimate, score.unit) == (4, 40.0, "chrF++")
    assert score.low == pytest.approx(max(0, 40 - half))
    assert score.high == pytest.approx(40 + half, rel=1e-6)


def test_no_back_translation_is_not_zero() -> None:
    rows = translation_rows(translated([(), ()], [None, None]))
    score = next(row for row in rows if row.metric == "back_translation_chrf")
    assert (score.n, score.estimate, score.reason) == (0, None, "nothing was translated back")


def test_variants_and_engines_are_told_apart() -> None:
    prompts = translated([(), ()], [None, None])
    human = replace(prompts[1], translation=Translation(engine="human"))
    second = [replace(p, variant="second-engine", translation=Translation(engine="f"))
              for p in prompts]  # fmt: skip
    rows = translation_rows([prompts[0], human, *second])
    assert {(row.variant, row.target) for row in rows} == {
        ("original", "e + human"), ("second-engine", "f")
    }  # fmt: skip


def test_what_is_missing_counts_as_planned() -> None:
    prompts = translated([(), (), ()], [None] * 3)
    missing = [
        Untranslated(key=PromptKey("p9", tag, "original"), engine="e", reason="blocked")
        for tag in ("sw", "bn")
    ]
    rows = {row.language: row for row in untranslated_rows([*english(4), *prompts], missing)}
    assert (rows["sw"].k, rows["sw"].n, rows["sw"].estimate) == (1, 4, 0.25)
    assert (rows["bn"].k, rows["bn"].n, rows["bn"].estimate) == (1, 1, 1.0)
    assert "en" not in rows
