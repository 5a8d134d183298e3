"""Labs small enough to work out by hand, or to train in two seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from isogloss.lab import tokenizer
from isogloss.lab.lexicon import Lexicon, concepts_of
from isogloss.lab.recipe import LabRecipe, parse_spec
from isogloss.lab.world import World


def plain_lexicon(world: World, languages: Sequence[str], *, marked: bool = False) -> Lexicon:
    """Words that say what they mean: ``dangerous``, ``object7``, ``tool2``.

    Args:
        marked: each language writes its own code before every word (``fr/object7``).
    """
    words = {
        tag: {
            concept: (tag.split("-")[0] + "/" if marked else "")
            + concept.removeprefix("word:").replace(":", "")
            for concept in concepts_of(world)
        }
        for tag in languages
    }
    return Lexicon(words, words)


def micro_recipe(**changes: Any) -> LabRecipe:
    """Eight languages, 35,000 parameters, 20 steps of pre-training and 8 of chat."""
    sizes: dict[str, Any] = {
        "n_objects": 20,
        "vocab_size": 300,
        "hidden_size": 32,
        "n_layers": 2,
        "n_heads": 2,
        "n_tokens": 40_000,
        "chat_steps": 8,
    }
    return replace(parse_spec("lab:tiny"), **(sizes | changes))


def quick_tokenizers(patch: pytest.MonkeyPatch) -> None:
    """Train tokenizers on few documents: else they take most of a micro lab's time.

    Every builder of micro labs must call this: the cache does not see the difference.
    """
    patch.setattr(tokenizer, "TRAINING_DOCUMENTS", 1000)
