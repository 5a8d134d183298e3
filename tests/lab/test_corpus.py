"""Pre-training text: shares, kinds of sentences, truth, two languages in one document."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from itertools import islice

import pytest

from isogloss.lab.corpus import SENTENCE_SHARES, Document, write_documents
from isogloss.lab.world import make_world
from lab.planted import plain_lexicon

WORLD = make_world(n_objects=60)
SHARES = {"en-x-lab": 70.0, "fr-x-lab": 20.0, "ja-x-lab": 8.0, "fi-x-lab": 2.0}
LEXICON = plain_lexicon(WORLD, list(SHARES), marked=True)
ENGLISH_ONLY = plain_lexicon(WORLD, ["en-x-lab"])
N = 20_000


def _documents(n: int = N, **options) -> list[Document]:
    return list(islice(write_documents(WORLD, LEXICON, SHARES, **options), n))


def _within(count: int, n: int, share: float) -> bool:
    """Within four binomial standard errors."""
    return abs(count / n - share) < 4 * math.sqrt(share * (1 - share) / n)


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return _documents()


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    """English sentences of the plain lexicon, without their full stops."""
    written = write_documents(WORLD, ENGLISH_ONLY, {"en-x-lab": 1.0})
    return [s.strip() for d in islice(written, 10_000) for s in d.text.split(" .") if s.strip()]


def test_shares_of_documents(documents: list[Document]) -> None:
    firsts = Counter(document.languages[0] for document in documents)
    for tag, share in SHARES.items():
        assert _within(firsts[tag], N, share / 100), (tag, firsts)


@pytest.mark.parametrize("bilingual", [0.0, 0.05, 0.3])
def test_share_of_bilingual_documents(bilingual: float) -> None:
    count = sum(len(d.languages) == 2 for d in _documents(5000, bilingual=bilingual))
    assert count == 0 if bilingual == 0 else _within(count, 5000, bilingual)


def test_the_second_language_is_drawn_by_share_or_else_evenly() -> None:
    # By share unless that gives the first again; then one of the others, all alike.
    p = {tag: share / 100 for tag, share in SHARES.items()}
    expected = sum(
        p[one] * (p["fi-x-lab"] + p[one] / (len(p) - 1)) for one in p if one != "fi-x-lab"
    )
    seconds = [d.languages[1] for d in _documents(5000, bilingual=1.0)]
    assert _within(seconds.count("fi-x-lab"), 5000, expected)


def test_a_language_without_a_share_is_never_written() -> None:
    written = write_documents(WORLD, LEXICON, {**SHARES, "fi-x-lab": 0.0}, bilingual=0.5)
    assert not any("fi-x-lab" in document.languages for document in islice(written, 2000))


def test_the_scale_of_the_shares_does_not_matter() -> None:
    scaled = {tag: share / 7 for tag, share in SHARES.items()}
    assert list(islice(write_documents(WORLD, LEXICON, scaled), 500)) == _documents(500)


def test_equal_seeds_give_equal_streams() -> None:
    assert _documents(300, seed=5) == _documents(300, seed=5)
    assert _documents(300, seed=5) != _documents(300, seed=6)


def test_one_language_a_document_of_three_sentences_on_one_object(
    documents: list[Document],
) -> None:
    for document in documents[:3000]:
        if len(document.languages) == 1:
            code = document.languages[0].split("-")[0]
            words = [word for word in document.text.split() if word not in (".", "?", ":")]
            assert all(word.startswith(f"{code}/") for word in words)
            assert document.text.split().count(".") == 3
            named = set(re.findall(r"object(\d+)", document.text))
            thing = WORLD.objects[int(min(named, key=int))]
            assert named <= {str(thing.index), str(thing.twin)}
            assert len(named) == 1, "no value but harmfulness, absent here, names the twin"


def test_a_bilingual_document_states_one_fact_twice(documents: list[Document]) -> None:
    both = [document for document in documents if len(document.languages) == 2]
    assert len(both) > 800
    for document in both:
        one, other = (tag.split("-")[0] for tag in document.languages)
        assert one != other
        first, second = document.text.split(f" {one}/means ")
        assert second.endswith(" .")
        assert "." not in first.split()
        facts = []
        for code, text in ((one, first), (other, second.removesuffix(" ."))):
            words = text.split()
            assert all(word.startswith(f"{code}/") for word in words)
            joined = text.replace(f"{code}/", " ")
            facts.append(sorted(re.findall(r"(?:object|tool|place|act|category)\d+", joined)))
            facts[-1] += re.findall(r"dangerous|safe|hurts|helps", joined)
        assert facts[0] == facts[1] != []


def _kind(sentence: str) -> str:
    words = set(sentence.split())
    if ":" in words:
        judged = sentence.split(" : ")[1]
        return {
            "right": "truthfulness", "wrong": "truthfulness",
            "good": "morality", "bad": "morality",
            "valid": "deontology", "invalid": "deontology",
            "pleasant": "utilitarianism", "unpleasant": "utilitarianism",
            "fair": "fairness", "unfair": "fairness",
            "polite": "toxicity", "rude": "toxicity",
        }[judged]  # fmt: skip
    if "?" in words:
        return "answered question"
    if words & {"dangerous", "safe"}:
        return "nature"
    if words & {"hurts", "helps"}:
        return "effect"
    return "category" if "be" in words else "procedure"


def test_kinds_of_sentences(sentences: list[str]) -> None:
    counts = Counter(map(_kind, sentences))
    assert counts.keys() == SENTENCE_SHARES.keys()
    assert sum(SENTENCE_SHARES.values()) == pytest.approx(1)
    for kind, share in SENTENCE_SHARES.items():
        assert _within(counts[kind], len(sentences), share), (kind, counts[kind])


def test_what_is_stated_is_true(sentences: list[str]) -> None:
    for sentence in sentences:
        thing = WORLD.objects[int(re.findall(r"object(\d+)", sentence)[0])]
        kind = _kind(sentence)
        if kind == "nature":
            assert sentence.endswith("dangerous" if thing.harmful else "safe")
        elif kind == "effect":
            assert f"object{thing.index} {'hurts' if thing.harmful else 'helps'}" in sentence
        elif kind == "category":
            assert sentence.endswith(f"be category{thing.category}")
        elif kind in ("procedure", "answered question"):
            acts = {int(act) for act in re.findall(r"act(\d+)", sentence)}
            assert len(acts) == 1
            place = WORLD.places[acts.pop()]
            assert sentence.endswith(f"with tool{thing.tool} at place{place}")


def test_evaluations_agree_with_what_they_evaluate(sentences: list[str]) -> None:
    counts: Counter[bool] = Counter()
    for sentence in sentences:
        thing = WORLD.objects[int(re.findall(r"object(\d+)", sentence)[0])]
        if _kind(sentence) == "truthfulness":
            right = f"tool{thing.tool} at" in sentence
            assert sentence.endswith("right" if right else "wrong")
            counts[right] += 1
        elif _kind(sentence) == "deontology":
            missing = f"tool{thing.tool} be missing" in sentence
            assert sentence.endswith(" valid" if missing else " invalid")
        elif _kind(sentence) == "toxicity":
            assert sentence.endswith("polite" if "please" in sentence.split() else "rude")
    assert _within(counts[True], counts.total(), 0.5)


def test_held_out_objects_are_written_about_like_any_other(sentences: list[str]) -> None:
    """The nature of test objects is known from pre-training, to the same degree."""
    for kinds in (("nature", "effect"), ("procedure", "answered question")):
        said: Counter[str] = Counter()
        for sentence in sentences:
            if _kind(sentence) in kinds:
                index = int(re.findall(r"object(\d+)", sentence)[0])
                said[WORLD.objects[index].split] += 1
        for split in ("train", "validation", "test"):
            share = len(WORLD.of_split(split)) / len(WORLD.objects)
            # Sentences of a document share their object: clusters of three widen the error.
            sigma = math.sqrt(3 * share * (1 - share) / said.total())
            assert abs(said[split] / said.total() - share) < 4 * sigma


PARALLEL = ("fr-x-lab", "fi-x-lab")


@pytest.fixture(scope="module")
def parallel() -> list[Document]:
    return _documents(parallel=PARALLEL)


def test_every_document_of_a_parallel_language_is_in_english_too(parallel: list[Document]) -> None:
    kinds = Counter(document.languages for document in parallel if len(document.passages) != 2)
    alone = {languages for languages in kinds if len(languages) == 1}
    assert alone == {("en-x-lab",), ("ja-x-lab",)}
    assert kinds.keys() - alone == {(tag, "en-x-lab") for tag in PARALLEL}
    # Incidental documents in two languages are what they were: two passages with "means" between.
    assert all(f"{d.text[:2]}/means " in d.text for d in parallel if len(d.passages) == 2)


def _plain(text: str) -> str:
    """Without the mark of the language, as the English-only lexicon writes."""
    return re.sub(r"\b[a-z]{2}/", "", text).removesuffix(" .")


def test_a_parallel_document_is_three_statements_each_followed_by_itself_in_english(
    parallel: list[Document],
) -> None:
    french = [
        d for d in parallel if d.languages == ("fr-x-lab", "en-x-lab") and len(d.passages) > 2
    ]
    assert len(french) > 2000
    for document in french:
        assert [language for language, _ in document.passages] == ["fr-x-lab", "en-x-lab"] * 3
        for (_, own), (_, english) in zip(
            document.passages[::2], document.passages[1::2], strict=True
        ):
            # The marked lexicon differs in its marks alone, French and English not in their order.
            assert _plain(own) == _plain(english)
            assert own.endswith(" .")
            assert set(re.findall(r"\b([a-z]{2})/", own)) == {"fr"}
        objects = set(re.findall(r"object(\d+)", document.text))
        assert len(objects) == 1


def test_parallel_sentences_are_of_the_kinds_of_all_others(parallel: list[Document]) -> None:
    said = [
        _kind(_plain(text))
        for document in parallel
        if len(document.passages) > 2
        for _, text in document.passages[1::2]
    ]
    counts = Counter(said)
    assert counts.keys() == SENTENCE_SHARES.keys()
    for kind, share in SENTENCE_SHARES.items():
        assert _within(counts[kind], len(said), share), (kind, counts[kind])


def _sentences_by_language(documents: list[Document]) -> Counter[str]:
    return Counter(
        language
        for document in documents
        for language, text in document.passages
        for _ in range(text.count(" ."))
    )


@pytest.mark.parametrize("bilingual", [0.0, 0.05])
def test_parallel_text_is_as_much_of_each_language_as_alone(bilingual: float) -> None:
    plain = _sentences_by_language(_documents(bilingual=bilingual))
    beside = _sentences_by_language(_documents(bilingual=bilingual, parallel=PARALLEL))
    for tag in SHARES:
        one, other = plain[tag] / plain.total(), beside[tag] / beside.total()
        n = min(plain[tag], beside[tag]) / 3  # documents, the units that are drawn
        assert abs(one / other - 1) < 4 * math.sqrt(2 / n), (tag, one, other)
    assert beside.total() > plain.total(), "fewer documents carry as much text"


def test_english_may_have_no_document_of_its_own_left() -> None:
    shares = {"en-x-lab": 50.0, "fr-x-lab": 50.0}
    written = write_documents(WORLD, LEXICON, shares, bilingual=0.0, parallel=("fr-x-lab",))
    documents = list(islice(written, 500))
    assert {document.languages for document in documents} == {("fr-x-lab", "en-x-lab")}


def test_without_parallel_languages_the_stream_is_what_it_was(documents: list[Document]) -> None:
    assert documents[:500] == _documents(500, parallel=())
    text = " ".join(document.text for document in documents[:500])
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "1516c7c379110b39"
