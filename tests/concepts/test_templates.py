"""How a pole is put to the model, and which tokens are the pole's own."""

from __future__ import annotations

from typing import Any

import pytest

from isogloss.concepts.pairs import ValuePair
from isogloss.concepts.templates import (
    LOCAL_LABELS,
    PairReader,
    PromptTemplate,
    Unreadable,
)
from isogloss.errors import ModelError
from isogloss.languages import resolve_language
from isogloss.targets.recording import TokenSpan
from targets.tiny_models import CHAT_TEMPLATE, tiny_tokenizer

PLAIN, CHAT = PromptTemplate(kind="plain"), PromptTemplate(kind="chat")


def pair(positive: str = "cut the bread", **changes: Any) -> ValuePair:
    values: dict[str, Any] = {
        "pair_id": "1", "concept": "truthfulness", "language": "en", "positive": positive,
        "negative": "bake the lamp", "source": "here", "cluster_id": "1", "split": "train",
        **changes,
    }  # fmt: skip
    return ValuePair(**values)


def looked_at(reader: PairReader, one: ValuePair, *, positive: bool = True) -> tuple[str, str]:
    """What the model reads, and the part whose states are taken; as text."""
    (span,) = reader.read([one], positive=positive)
    assert isinstance(span, TokenSpan)
    tokenizer = tiny_tokenizer()
    parts = (span.tokens, span.tokens[span.start : span.stop])
    whole, part = (str(tokenizer.decode(list(tokens))) for tokens in parts)
    return whole, part


@pytest.mark.parametrize("template", [PLAIN, CHAT])
def test_the_question_stands_before_the_answer_as_in_the_paper(template: PromptTemplate) -> None:
    reader = PairReader(tiny_tokenizer(), template, "mean")
    asked = pair("a knife", context="how do I cut?", context_kind="question")
    whole, part = looked_at(reader, asked)
    said = "Question: how do I cut? Answer: a knife"
    assert whole == ("<s><|user|>" + said + "<|assistant|>" if template is CHAT else "<s>" + said)
    assert part.strip() == "a knife"  # the pole alone, never its question


def test_a_scenario_stands_before_with_a_space() -> None:
    reader = PairReader(tiny_tokenizer(), PLAIN, "mean")
    duty = pair("I left", context=" Feed it. ", context_kind="scenario")
    whole, part = looked_at(reader, duty)
    assert (whole, part.strip()) == ("<s>Feed it. I left", "I left")


def test_each_position_looks_where_it_says() -> None:
    one = pair("cut the bread")
    tokenizer = tiny_tokenizer()
    own = tokenizer("cut the bread", add_special_tokens=False)["input_ids"]
    assert len(own) > 2
    for template, before, after in ((PLAIN, 1, 0), (CHAT, 2, 1)):
        spans: dict[str, TokenSpan] = {}
        for position in ("last_content", "last_prompt", "mean"):
            (found,) = PairReader(tokenizer, template, position).read([one], positive=True)
            assert isinstance(found, TokenSpan)
            assert len(found.tokens) == before + len(own) + after
            spans[position] = found
        last = before + len(own) - 1
        assert (spans["last_content"].start, spans["last_content"].stop) == (last, last + 1)
        assert (spans["mean"].start, spans["mean"].stop) == (before, last + 1)
        assert spans["last_prompt"].start == last + after
        assert spans["last_prompt"].stop == len(spans["last_prompt"].tokens)


def test_either_pole_is_read() -> None:
    reader = PairReader(tiny_tokenizer(), PLAIN, "mean")
    assert looked_at(reader, pair())[1].strip() == "cut the bread"
    assert looked_at(reader, pair(), positive=False)[1].strip() == "bake the lamp"


def test_a_pole_of_one_word_that_the_template_has_too() -> None:
    """``a`` is also in ``assistant``: the place is known, it is not searched for."""
    reader = PairReader(tiny_tokenizer(), CHAT, "mean")
    (span,) = reader.read([pair("a")], positive=True)
    assert isinstance(span, TokenSpan)
    assert (span.start, span.stop) == (2, 3)


@pytest.mark.parametrize("text", ["日本語のパン", "Brötchen für dich", "🍞🔪", "ยาพิษ"])
def test_letters_of_several_bytes(text: str) -> None:
    for template in (PLAIN, CHAT):
        whole, part = looked_at(PairReader(tiny_tokenizer(), template, "mean"), pair(text))
        assert part == text
        assert text in whole


def test_labels_in_the_language_of_the_pair() -> None:
    template = PromptTemplate(kind="plain", labels=LOCAL_LABELS)
    for tag, said in (("fr", "Question : ça ? Réponse : oui"), ("sw", "Swali: ça ? Jibu: oui")):
        text, start = template.compose("oui", "ça ?", "question", tag)
        assert text == said
        assert text[start:] == "oui"
    assert template.compose("oui", "ça ?", "question", "mi")[0] == "Question: ça ? Answer: oui"
    assert all(resolve_language(tag) == tag for tag in LOCAL_LABELS)
    assert len(LOCAL_LABELS) == 16


def test_the_identity_names_the_template_and_its_labels() -> None:
    one, other = tiny_tokenizer(), tiny_tokenizer(CHAT_TEMPLATE + " ")
    names = {
        PLAIN.identity(one),
        CHAT.identity(one),
        CHAT.identity(other),
        PromptTemplate(kind="plain", labels=LOCAL_LABELS).identity(one),
        PromptTemplate(kind="plain", labels={"fr": ("Q", "R")}).identity(one),
    }
    assert len(names) == 5
    assert PLAIN.identity(one) == PLAIN.identity(other) == "plain"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (None, "no chat template; record with the template 'plain'"),
        ("{{ bos_token }}<|assistant|>", "swallows the user's text"),
        ("{{ messages[0]['content'] * 2 }}", "repeats the user's text"),
        ("{{ raise_exception('no') }}", "cannot be used: no"),
    ],
)
def test_a_template_that_cannot_be_used_is_found_at_once(template: str | None, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        PairReader(tiny_tokenizer(template), CHAT, "last_content")


def test_a_text_that_the_template_changes_is_not_read() -> None:
    cutting = CHAT_TEMPLATE.replace("m['content']", "m['content'].split('</think>')[-1]")
    reader = PairReader(tiny_tokenizer(cutting), CHAT, "last_content")
    changed, kept = reader.read([pair("a</think>b"), pair()], positive=True)
    assert changed == Unreadable(reason="the chat template swallows or changes the text")
    assert isinstance(kept, TokenSpan)


def test_a_text_without_tokens_is_not_read() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.normalizer = _dropper()
    (found,) = PairReader(tokenizer, PLAIN, "mean").read([pair("x")], positive=True)
    assert found == Unreadable(reason="the tokenizer keeps nothing of the text")


def _dropper() -> Any:
    from tokenizers import Regex, normalizers

    return normalizers.Replace(Regex("x"), "")


def test_a_closing_token_of_the_tokenizer_is_left_out() -> None:
    """T5-like tokenizers close every text; a model asked behind its end says nothing of it."""
    from tokenizers import processors

    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 2)]
    )
    (span,) = PairReader(tokenizer, PLAIN, "last_prompt").read([pair()], positive=True)
    assert isinstance(span, TokenSpan)
    assert tokenizer.eos_token_id not in span.tokens


def test_no_pairs_no_texts() -> None:
    assert PairReader(tiny_tokenizer(), CHAT, "mean").read([], positive=True) == []
