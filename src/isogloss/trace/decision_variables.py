"""What a refusal may be decided on: the margin of a forced choice, or a score of hidden states."""

from __future__ import annotations

from isogloss.trace.acted_on import Variable
from isogloss.trace.anatomy_read import QuestionReadings
from isogloss.trace.represented import ENGLISH, OWN, HarmScores, TwinScore
from isogloss.trace.threshold_rows import MARGIN
from isogloss.trace.twin_questions import TwinQuestions


def decision_variables(
    questions: TwinQuestions, choices: QuestionReadings, scores: HarmScores
) -> list[Variable]:
    """The margin, and the score of the own and of English's direction."""
    margins = {key: reading.margin for key, reading in choices.read.items()}
    validation = {
        (twin.harmful, language): TwinScore(
            margins[twin.harmful, language], margins[twin.benign, language]
        )
        for twin in questions.of_split("validation")
        for language in questions.languages
        if {(twin.harmful, language), (twin.benign, language)} <= margins.keys()
    }
    found = [
        Variable(
            name=MARGIN,
            unit=choices.unit,
            validation=validation,
            test=margins,
            missing={t: why for (one, t), why in choices.missing.items() if one == "decision"},
            can_shift=True,
        )
    ]
    benign = {twin.harmful: twin.benign for twin in questions.twins}
    for name in (OWN, ENGLISH):
        test = scores.test.get(name, {})
        found.append(
            Variable(
                name=name,
                unit="standard deviations",
                validation=scores.validation.get(name, {}),
                test={(h, t): pair.harmful for (h, t), pair in test.items()}
                | {(benign[h], t): pair.benign for (h, t), pair in test.items()},
                missing={t: why for (d, t), why in scores.missing.items() if d == name},
                can_shift=False,
            )
        )
    return found
