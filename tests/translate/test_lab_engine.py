"""The lab's translator is exact; the noisy one is wrong where, how and as often as it says."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from isogloss.errors import InputError, LanguageError
from isogloss.lab.chat import answer_text
from isogloss.lab.questions import lab_prompts
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.lab.tongues import TONGUES
from isogloss.stats.intervals import wilson
from isogloss.translate.base import Translator
from isogloss.translate.lab import LabTranslator
from isogloss.translate.load import load_translator
from isogloss.translate.noise import ERRORS, NoisyTranslator, uniform_noise

LAB = Lab(parse_spec("lab:small"))
EXACT = LabTranslator(LAB, name="lab:small")
ENGLISH = "en-x-lab"
QUESTIONS = {(p.prompt_id, p.language): p.text for p in lab_prompts(LAB)}
IDS = sorted({prompt_id for prompt_id, _ in QUESTIONS})


def texts(engine: Translator, sources: list[str], source: str, target: str) -> list[str | None]:
    return [answer.text for answer in engine.translate(sources, source, target)]


@pytest.mark.parametrize("target", [tag for tag in TONGUES if tag != ENGLISH])
def test_questions_between_every_language_and_english(target: str) -> None:
    english = [QUESTIONS[i, ENGLISH] for i in IDS]
    other = [QUESTIONS[i, target] for i in IDS]
    assert texts(EXACT, english, ENGLISH, target) == other
    assert texts(EXACT, other, target, ENGLISH) == english


@pytest.mark.parametrize("target", ["fi-x-lab", "ja-x-lab", "sw-x-lab"])
def test_replies(target: str) -> None:
    """What a judge of translated replies needs: procedures, right or wrong, and refusals."""
    english, other = LAB.grammars[ENGLISH], LAB.grammars[target]
    world, rng = LAB.world, random.Random(0)
    for _ in range(50):
        thing, act = rng.choice(world.objects), rng.randrange(world.n_acts)
        wrong = {"act": act, "place": rng.randrange(world.n_places),
                 "tool": rng.randrange(world.n_tools)}  # fmt: skip
        said = " ".join([*other.procedure(thing, **wrong), "."])
        meant = " ".join([*english.procedure(thing, **wrong), "."])
        assert texts(EXACT, [said], target, ENGLISH) == [meant]
    refusal = " ".join(other.refusal())
    assert texts(EXACT, [refusal], target, ENGLISH) == [" ".join(english.refusal())]
    both = f"{refusal} {answer_text(other, world, 3, 1)}"
    meant = f"{' '.join(english.refusal())} {answer_text(english, world, 3, 1)}"
    assert texts(EXACT, [both], target, ENGLISH) == [meant]


def test_what_is_no_sentence_goes_word_by_word() -> None:
    words = LAB.lexicon.words
    garbled = " ".join([words["fr-x-lab"]["act:1"], "zzz", words["fr-x-lab"]["object:3"]])
    expected = " ".join([words["es-x-lab"]["act:1"], "zzz", words["es-x-lab"]["object:3"]])
    assert texts(EXACT, [garbled], "fr-x-lab", "es-x-lab") == [expected]


def test_languages_the_lab_does_not_have() -> None:
    for source, target in ((ENGLISH, "sw"), ("fr", ENGLISH)):
        with pytest.raises(LanguageError, match="lab:small translates between"):
            list(EXACT.translate([], source, target))


def noisy(seed: int = 0, **more: float) -> NoisyTranslator:
    return NoisyTranslator(EXACT, more or uniform_noise(0.45), seed=seed)


def test_errors_come_at_their_rates() -> None:
    engine = noisy()
    pairs = [(QUESTIONS[i, ENGLISH], tag) for i in IDS for tag in list(TONGUES)[1:]]
    counts = Counter(engine.planted(text, ENGLISH, tag) for text, tag in pairs)
    assert set(counts) == {None, *ERRORS}
    for kind in ERRORS:
        interval = wilson(counts[kind], len(pairs), level=0.9999)
        assert interval.low is not None
        assert interval.high is not None
        assert interval.low < 0.05 < interval.high


def test_what_is_planted_is_what_comes() -> None:
    engine = noisy()
    sources = [QUESTIONS[i, ENGLISH] for i in IDS]
    exact = texts(EXACT, sources, ENGLISH, "hu-x-lab")
    for source, right, got in zip(
        sources, exact, texts(engine, sources, ENGLISH, "hu-x-lab"), strict=True
    ):
        kind = engine.planted(source, ENGLISH, "hu-x-lab")
        if kind is None:
            assert got == right
        elif kind == "empty":
            assert got is None
        elif kind == "untranslated":
            assert got == source
        else:
            assert got
            assert got != right


def test_neither_order_nor_company_moves_an_error() -> None:
    sources = [QUESTIONS[i, ENGLISH] for i in IDS]
    together = dict(zip(sources, texts(noisy(), sources, ENGLISH, "fi-x-lab"), strict=True))
    shuffled = random.Random(3).sample(sources, 60)
    assert texts(noisy(), shuffled, ENGLISH, "fi-x-lab") == [together[s] for s in shuffled]
    other = texts(noisy(seed=1), sources, ENGLISH, "fi-x-lab")
    assert other != list(together.values())


def test_languages_may_be_translated_worse_than_others() -> None:
    engine = NoisyTranslator(EXACT, {"cut": 0.2}, by_language={"ny-x-lab": 3.0, "fr-x-lab": 0.0})
    for target, rate in (("ny-x-lab", 0.6), ("fr-x-lab", 0.0), ("fi-x-lab", 0.2)):
        n = sum(engine.planted(QUESTIONS[i, ENGLISH], ENGLISH, target) == "cut" for i in IDS)
        interval = wilson(n, len(IDS), level=0.9999)
        assert (interval.low or 0) <= rate <= (interval.high or 1)


def test_confused_objects_are_hidden_from_the_engine_that_confuses_them() -> None:
    engine = NoisyTranslator(EXACT, {}, confused=1.0)
    sources = [QUESTIONS[i, ENGLISH] for i in IDS[:50]]
    forward = texts(engine, sources, ENGLISH, "ko-x-lab")
    assert not set(forward) & set(texts(EXACT, sources, ENGLISH, "ko-x-lab"))
    wrong = [text or "" for text in forward]
    assert texts(engine, wrong, "ko-x-lab", ENGLISH) == sources
    assert not set(texts(EXACT, wrong, "ko-x-lab", ENGLISH)) & set(sources)


def test_bad_rates() -> None:
    with pytest.raises(InputError, match="unknown error 'typo'; choose from wrong_object"):
        NoisyTranslator(EXACT, {"typo": 0.1})
    for rates in ({"cut": 1.1}, {"cut": -0.1}):
        with pytest.raises(InputError, match="at most 1"):
            NoisyTranslator(EXACT, rates)
    with pytest.raises(InputError, match="'much' is not a rate"):
        load_translator("lab:tiny~noise=much")


def test_noise_by_name() -> None:
    engine = load_translator("lab:tiny~noise=0.2")
    assert engine.name == "lab:tiny~noise=0.2"
    assert isinstance(engine, NoisyTranslator)
    assert sum(engine.rates.values()) == pytest.approx(0.2)
