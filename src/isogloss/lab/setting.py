"""A recipe's world, words and grammars: all that is true before any model is trained."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from isogloss.lab.corpus import Document, write_documents
from isogloss.lab.grammar import Grammar
from isogloss.lab.lexicon import Lexicon, make_lexicon
from isogloss.lab.recipe import LabRecipe
from isogloss.lab.tongues import ENGLISH
from isogloss.lab.world import World, make_world


@lru_cache(maxsize=16)
def _world(n_objects: int, seed: int) -> World:
    """One for all recipes in it; nobody changes it."""
    return make_world(n_objects=n_objects, seed=seed)


@lru_cache(maxsize=16)
def _lexicon(n_objects: int, seed: int, languages: tuple[str, ...]) -> Lexicon:
    """One for all recipes that have these languages; nobody changes it."""
    return make_lexicon(_world(n_objects, seed), languages, seed=seed)


@dataclass(frozen=True)
class Lab:
    """A recipe's world, words and grammars: all that is true before any model is trained."""

    recipe: LabRecipe

    @property
    def world(self) -> World:
        return _world(self.recipe.n_objects, self.recipe.world_seed)

    @property
    def lexicon(self) -> Lexicon:
        recipe = self.recipe
        return _lexicon(recipe.n_objects, recipe.world_seed, tuple(recipe.languages))

    @property
    def english(self) -> Lexicon:
        """The lab's English, for glosses; also where the mix has no English."""
        return _lexicon(self.recipe.n_objects, self.recipe.world_seed, (ENGLISH,))

    @cached_property
    def grammars(self) -> dict[str, Grammar]:
        return {tag: Grammar(tag, self.lexicon) for tag in self.recipe.languages}

    def documents(
        self,
        shares: Mapping[str, float] | None = None,
        *,
        parallel: Collection[str] = (),
        seed: int,
    ) -> Iterator[Document]:
        """Documents, by the recipe's shares unless others are given; see `write_documents`."""
        return write_documents(
            self.world,
            self.lexicon,
            shares or self.recipe.shares,
            bilingual=self.recipe.bilingual,
            parallel=parallel,
            seed=seed,
        )

    def pretraining_documents(self, *, seed: int) -> Iterator[Document]:
        """What a base model reads: the recipe's shares, with its parallel documents.

        Tokenizers are trained on `documents`, so that parallel text alone changes none.
        """
        return self.documents(parallel=self.recipe.parallel, seed=seed)
