"""The micro-world: natures, twins, one split."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from isogloss.errors import InputError
from isogloss.lab.world import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(n_objects=400)


def test_half_of_the_objects_are_harmful_in_every_split(world: World) -> None:
    assert sum(thing.harmful for thing in world.objects) == 200
    for split in ("train", "validation", "test"):
        things = world.of_split(split)
        assert len(world.of_split(split, harmful=True)) == len(things) / 2
        assert len(world.of_split(split, harmful=False)) == len(things) / 2


def test_twins_differ_in_nature_and_share_category_and_split(world: World) -> None:
    for thing in world.objects:
        twin = world.objects[thing.twin]
        assert twin.twin == thing.index != twin.index
        assert twin.harmful != thing.harmful
        assert (twin.category, twin.split) == (thing.category, thing.split)


@pytest.mark.parametrize(
    ("n_objects", "sizes"),
    [
        # Of 200, 10 and 60 twin pairs: half to train, 15 % to validation, the rest to test.
        (400, {"train": 200, "validation": 60, "test": 140}),
        (20, {"train": 10, "validation": 4, "test": 6}),
        (120, {"train": 60, "validation": 18, "test": 42}),
    ],
)
def test_shares_of_the_split(n_objects: int, sizes: dict[str, int]) -> None:
    world = make_world(n_objects=n_objects)
    assert Counter(thing.split for thing in world.objects) == sizes
    assert sum(len(world.of_split(split)) for split in ("train", "validation", "test")) == n_objects


def test_same_arguments_same_world_and_other_seed_another() -> None:
    assert make_world(n_objects=60, seed=3) == make_world(n_objects=60, seed=3)
    assert make_world(n_objects=60, seed=3) != make_world(n_objects=60, seed=4)


def test_indices_are_positions_and_references_exist(world: World) -> None:
    assert [thing.index for thing in world.objects] == list(range(400))
    assert {thing.tool for thing in world.objects} == set(range(world.n_tools))
    assert {thing.category for thing in world.objects} == set(range(world.n_categories))
    assert len(world.places) == world.n_acts
    assert all(0 <= place < world.n_places for place in world.places)


def test_the_tool_does_not_tell_the_nature() -> None:
    # Over 20 worlds, each of 12 tools serves 20 * 400 / 12 = 667 objects, half of them harmful:
    # a share of 1/2 with a standard error of .02 at most.
    harmful: Counter[int] = Counter()
    every: Counter[int] = Counter()
    for seed in range(20):
        for thing in make_world(n_objects=400, seed=seed).objects:
            every[thing.tool] += 1
            harmful[thing.tool] += thing.harmful
    assert max(every.values()) - min(every.values()) <= 20
    assert all(abs(harmful[tool] / every[tool] - 0.5) < 0.08 for tool in every)


def test_the_split_does_not_follow_the_index() -> None:
    train = [thing.index for thing in make_world(n_objects=400).of_split("train")]
    # Mean of 100 pairs drawn from indices 0..399: 199.5 with a standard error of about 8.
    assert abs(sum(train) / len(train) - 199.5) < 35


@pytest.mark.parametrize("n_objects", [0, 18, 21, 101, -20])
def test_bad_sizes(n_objects: int) -> None:
    with pytest.raises(InputError, match=rf"even number of objects, 20 or more; got {n_objects}"):
        make_world(n_objects=n_objects)


def test_sizes_are_as_asked() -> None:
    sizes: dict[str, Any] = {"n_acts": 5, "n_tools": 7, "n_places": 3}
    world = make_world(n_objects=40, **sizes)
    assert (world.n_acts, world.n_tools, world.n_places, world.n_categories) == (5, 7, 3, 5)
