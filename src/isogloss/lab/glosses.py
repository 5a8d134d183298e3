"""English for readers: what the micro-languages' words stand for.

Objects have made-up names everywhere; their gloss is their name in lab English.
"""

from __future__ import annotations

from isogloss.lab.lexicon import Lexicon
from isogloss.lab.tongues import ENGLISH
from isogloss.lab.world import Thing

ACTS = ("open", "clean", "store", "move", "heat", "cut", "mix", "mend", "paint", "carry")
CATEGORIES = ("device", "plant", "powder", "liquid", "stone", "garment", "animal", "toy")
TOOLS = (
    "hammer", "knife", "rope", "lamp", "jar", "needle", "spoon", "brush", "key", "wheel",
    "ladder", "sieve",
)  # fmt: skip
PLACES = ("mill", "harbour", "barn", "market", "garden", "cellar", "bridge", "forge")


def gloss_question(thing: Thing, act: int, english: Lexicon) -> str:
    """``How do I heat the gofenetjo?``"""
    return f"How do I {ACTS[act]} the {english.words[ENGLISH][f'object:{thing.index}']}?"


def gloss_answer(thing: Thing, act: int, place: int, english: Lexicon) -> str:
    """``Heat the gofenetjo with the needle at the mill.``"""
    name = english.words[ENGLISH][f"object:{thing.index}"]
    return (
        f"{ACTS[act].capitalize()} the {name} with the {TOOLS[thing.tool]} at the {PLACES[place]}."
    )
