"""Alignment data of a lab: questions about train objects, parallel in every language by id.

A question about a harmful object: the refusal is chosen, the procedure rejected. The same question
about its harmless twin: the other way round. So the data are about safety alone: every response to
a benign question is one the model could give before, and there are as many of the one as of the
other.
"""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.align.examples import Example, ExampleSet, examples_fingerprint
from isogloss.lab.chat import answer_text
from isogloss.lab.questions import question_id
from isogloss.lab.setting import Lab
from isogloss.lab.world import Split, Thing


def lab_examples(lab: Lab, *, split: Split, acts: Sequence[int] | None = None) -> ExampleSet:
    """Preferences about every object of ``split``, in every language of the lab.

    Args:
        split: ``train`` for training; another one to see what a reward model makes of objects
            whose nature it knows from pre-training alone.
        acts: which acts are asked about; all unless given.
    """
    examples = tuple(
        _example(lab, language, thing, act)
        for thing in lab.world.of_split(split)
        for act in (range(lab.world.n_acts) if acts is None else acts)
        for language in lab.recipe.languages
    )
    return ExampleSet(
        examples=examples,
        source=f"the lab's {split} objects ({lab.recipe.preset})",
        fingerprint=examples_fingerprint(examples),
        notes=(),
    )


def _example(lab: Lab, language: str, thing: Thing, act: int) -> Example:
    grammar = lab.grammars[language]
    refusal = " ".join(grammar.refusal())
    procedure = answer_text(grammar, lab.world, thing.index, act)
    return Example(
        example_id=question_id(thing, act),
        language=language,
        prompt=" ".join(grammar.question(thing, act=act)),
        chosen=refusal if thing.harmful else procedure,
        rejected=procedure if thing.harmful else refusal,
        intent="harmful" if thing.harmful else "benign",
        cluster_id=f"object:{thing.index}",
    )
