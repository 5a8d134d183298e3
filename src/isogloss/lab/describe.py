"""What a lab is, for people: shares, tokens, fertility, sentences with their meaning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from isogloss.lab.build import CARD, base_of, cache_folder, folder_of, is_built, read_card
from isogloss.lab.glosses import gloss_answer, gloss_question
from isogloss.lab.lexicon import make_lexicon
from isogloss.lab.recipe import LabRecipe
from isogloss.lab.setting import Lab
from isogloss.lab.tongues import ENGLISH, TONGUES


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageCard:
    """One micro-language of a lab.

    Attributes:
        percent: of pre-training documents.
        tokens: of pre-training, its continuation included; None before the model is built.
        extra_tokens: of these, the continuation's; 0 without one, None before it is built.
        fertility: pieces a word; None before the model is built.
        shared_with_english: share of concepts whose word has the root of the English one.
        question, answer: a harmless train object's question and right answer.
    """

    tag: str
    tier: str
    percent: float
    tokens: int | None
    extra_tokens: int | None
    fertility: float | None
    order: str
    shared_with_english: float
    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabCard:
    """A lab model before or after it is built.

    Attributes:
        architecture: the family of its network.
        parallel: languages whose documents say everything in English too.
        extra: tokens of continued pre-training asked for, by language or ``mix``.
    """

    spec: str
    architecture: str
    parallel: tuple[str, ...]
    extra: dict[str, int]
    folder: Path
    is_built: bool
    n_parameters: int | None
    n_objects: int
    gloss_question: str
    gloss_answer: str
    languages: tuple[LanguageCard, ...]


def describe_lab(recipe: LabRecipe) -> LabCard:
    """Collect what is known; builds nothing."""
    lab = Lab(recipe)
    base = folder_of(base_of(recipe))
    card = read_card(base) if (base / CARD).is_file() else {}
    thing = lab.world.of_split("train", harmful=False)[0]
    act = 0
    place = lab.world.places[act]
    table = recipe.share_table()
    words = make_lexicon(lab.world, [ENGLISH, *recipe.languages], seed=recipe.world_seed)
    cards = tuple(
        LanguageCard(
            tag=tag,
            tier=table.tier(tag),
            percent=recipe.shares[tag],
            tokens=card.get("tokens", {}).get(tag),
            extra_tokens=card.get("extra_tokens", {}).get(tag, 0) if card else None,
            fertility=card.get("fertility", {}).get(tag),
            order=TONGUES[tag].order,
            shared_with_english=1 - words.distance(ENGLISH, tag),
            question=" ".join(grammar.question(thing, act=act)),
            answer=" ".join([*grammar.procedure(thing, act=act, place=place), "."]),
        )
        for tag, grammar in lab.grammars.items()
    )
    return LabCard(
        spec=recipe.spec,
        architecture=recipe.architecture,
        parallel=recipe.parallel,
        extra=dict(recipe.extra),
        folder=folder_of(recipe),
        is_built=is_built(recipe),
        n_parameters=card.get("n_parameters"),
        n_objects=recipe.n_objects,
        gloss_question=gloss_question(thing, act, words),
        gloss_answer=gloss_answer(thing, act, place, words),
        languages=cards,
    )


Tree = dict[str, dict[str, list[str]]]


def family_tree(languages: list[str]) -> Tree:
    """Family -> branch -> languages."""
    tree: Tree = {}
    for tag in languages:
        family, branch = TONGUES[tag].lineage
        tree.setdefault(family, {}).setdefault(branch, []).append(tag)
    return tree


def built_labs() -> dict[Path, str]:
    """Every model in the cache: its folder and the target string it was built from."""
    folders = sorted(cache_folder().glob(f"*/{CARD}"))
    return {
        path.parent: str(read_card(path.parent)["spec"])
        for path in folders
        if not path.parent.name.endswith(".partial")
    }
