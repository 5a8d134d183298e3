"""One tokenizer for all languages: round trips, template, fertility."""

from __future__ import annotations

from itertools import islice

import pytest
from transformers import PreTrainedTokenizerFast

from isogloss.lab.corpus import write_documents
from isogloss.lab.lexicon import make_lexicon
from isogloss.lab.recipe import parse_spec
from isogloss.lab.tokenizer import PAD, fertility, train_tokenizer
from isogloss.lab.world import make_world

SHARES = parse_spec("lab:tiny").shares
WORLD = make_world(n_objects=40)
LEXICON = make_lexicon(WORLD, list(SHARES))


def _texts(shares: dict[str, float], n: int, seed: int = 0) -> list[str]:
    return [d.text for d in islice(write_documents(WORLD, LEXICON, shares, seed=seed), n)]


def _train(shares: dict[str, float]) -> PreTrainedTokenizerFast:
    return train_tokenizer(_texts(shares, 2000), vocab_size=500, max_length=128)


@pytest.fixture(scope="module")
def by_share() -> PreTrainedTokenizerFast:
    return _train(dict(SHARES))


@pytest.fixture(scope="module")
def fixed() -> PreTrainedTokenizerFast:
    return _train(dict.fromkeys(SHARES, 1.0))


def test_text_comes_back(by_share: PreTrainedTokenizerFast) -> None:
    for text in _texts(dict.fromkeys(SHARES, 1.0), 200, seed=9):
        assert by_share.decode(by_share(text)["input_ids"]) == text


def test_size_and_special_tokens(by_share: PreTrainedTokenizerFast) -> None:
    assert len(by_share) == 500
    assert by_share.pad_token == PAD
    assert by_share.pad_token_id == 0
    assert by_share.padding_side == "left"
    assert by_share.model_max_length == 128
    special = [by_share.pad_token_id, by_share.unk_token_id, by_share.eos_token_id]
    assert len(set(special)) == 3
    assert by_share.eos_token_id not in by_share("a b c .")["input_ids"], "nothing is appended"


def test_chat_template(by_share: PreTrainedTokenizerFast) -> None:
    asked = [{"role": "user", "content": "how ?"}]
    answered = [*asked, {"role": "assistant", "content": "so ."}]
    template = by_share.apply_chat_template
    assert template(asked, tokenize=False) == "<|user|>how ?"
    assert template(asked, tokenize=False, add_generation_prompt=True) == (
        "<|user|>how ?<|assistant|>"
    )
    assert template(answered, tokenize=False) == "<|user|>how ?<|assistant|>so .<|end|>"


def test_roles_are_single_tokens_that_decoding_leaves_out(
    by_share: PreTrainedTokenizerFast,
) -> None:
    text = _texts({"en-x-lab": 1.0}, 1)[0]
    ids = by_share(f"<|user|>{text}<|assistant|>{text}<|end|>")["input_ids"]
    plain = by_share(text)["input_ids"]
    user, assistant = (by_share.get_vocab()[role] for role in ("<|user|>", "<|assistant|>"))
    assert ids == [user, *plain, assistant, *plain, by_share.eos_token_id]
    reply = ids[ids.index(assistant) + 1 :]
    assert by_share.decode(reply, skip_special_tokens=True) == text


def test_fertility_by_hand() -> None:
    # Five special tokens, the signs "▁abcd" and two merges, which make "▁ab" one piece.
    tokenizer = train_tokenizer(["ab ab ab c d"], vocab_size=12, max_length=8)
    # ▁ab | ▁ab | ▁ d d | ▁ b a
    assert fertility(tokenizer, ["ab", "ab", "dd", "ba"]) == (1 + 1 + 3 + 3) / 4


def _fertility(tokenizer: PreTrainedTokenizerFast, tag: str) -> float:
    text = " ".join(_texts({tag: 1.0}, 100, seed=1))
    return fertility(tokenizer, [word for word in text.split() if word.isalpha()])


def test_rare_languages_break_into_more_pieces(
    by_share: PreTrainedTokenizerFast, fixed: PreTrainedTokenizerFast
) -> None:
    assert _fertility(by_share, "en-x-lab") < _fertility(fixed, "en-x-lab")
    for code in ("fi", "ta", "sw"):
        tag = f"{code}-x-lab"
        assert _fertility(by_share, tag) > _fertility(fixed, tag) + 0.2
        assert _fertility(by_share, tag) > _fertility(by_share, "en-x-lab") + 0.5


def test_training_twice_gives_the_same(by_share: PreTrainedTokenizerFast) -> None:
    assert _train(dict(SHARES)).get_vocab() == by_share.get_vocab()


def test_unknown_signs_are_unknown_and_do_not_fail(by_share: PreTrainedTokenizerFast) -> None:
    assert by_share.unk_token_id in by_share("漢字 \x1b[31m")["input_ids"]
    assert by_share("")["input_ids"] == []
