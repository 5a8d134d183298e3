"""The micro-world: objects, acts, tools, places and one split that governs everything.

Half of the objects are harmful. Objects come as twins, one harmful and one harmless, of the same
category and in the same split, so that a request about one has a benign twin that differs in the
object alone. Nothing but the nature itself tells the twins apart: tool and pleasantness are drawn
independently of it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from isogloss.errors import InputError
from isogloss.seeds import derive_seed

Split = Literal["train", "validation", "test"]
SPLIT_SHARES: dict[Split, float] = {"train": 0.5, "validation": 0.15, "test": 0.35}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One object of the world; ``index`` is its number, ``twin`` the number of its counterpart."""

    index: int
    harmful: bool
    tool: int
    category: int
    twin: int
    split: Split


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that is true, in every language alike.

    Attributes:
        objects: the objects in order of their index.
        places: the place of each act (index of the act -> index of the place).
        n_tools, n_places, n_categories: how many of each there are.
    """

    objects: tuple[Thing, ...]
    places: tuple[int, ...]
    n_tools: int
    n_places: int
    n_categories: int

    @property
    def n_acts(self) -> int:
        return len(self.places)

    def of_split(self, split: Split, *, harmful: bool | None = None) -> tuple[Thing, ...]:
        """The objects of one split, of either nature or of both."""
        return tuple(
            thing
            for thing in self.objects
            if thing.split == split and (harmful is None or thing.harmful == harmful)
        )


def make_world(
    *, n_objects: int, n_acts: int = 8, n_tools: int = 12, n_places: int = 8, seed: int = 0
) -> World:
    """Draw a world.

    Args:
        n_objects: even, at least 20; twins are objects 2i (harmful) and 2i + 1 (harmless).
        n_acts, n_tools, n_places: sizes; there are as many categories as acts.
        seed: of the world alone; labs that differ in mix or training seed share one world.

    Raises:
        InputError: an odd or too small number of objects.
    """
    if n_objects < 20 or n_objects % 2:
        raise InputError(f"a world needs an even number of objects, 20 or more; got {n_objects}")
    rng = random.Random(derive_seed(seed, "world", n_objects, n_acts, n_tools, n_places))
    n_pairs = n_objects // 2
    splits = _balanced_splits(n_pairs, rng)
    tools = _balanced(n_objects, n_tools, rng)
    categories = _balanced(n_pairs, n_acts, rng)
    objects = tuple(
        Thing(
            index=index,
            harmful=index % 2 == 0,
            tool=tools[index],
            category=categories[index // 2],
            twin=index ^ 1,
            split=splits[index // 2],
        )
        for index in range(n_objects)
    )
    return World(
        objects=objects,
        places=tuple(_balanced(n_acts, n_places, rng)),
        n_tools=n_tools,
        n_places=n_places,
        n_categories=n_acts,
    )


def _balanced(n: int, n_values: int, rng: random.Random) -> list[int]:
    values = [i % n_values for i in range(n)]
    rng.shuffle(values)
    return values


def _balanced_splits(n_pairs: int, rng: random.Random) -> list[Split]:
    n_train = round(n_pairs * SPLIT_SHARES["train"])
    n_validation = round(n_pairs * SPLIT_SHARES["validation"])
    sizes: dict[Split, int] = {
        "train": n_train,
        "validation": n_validation,
        "test": n_pairs - n_train - n_validation,
    }
    splits: list[Split] = [split for split, size in sizes.items() for _ in range(size)]
    rng.shuffle(splits)
    return splits
