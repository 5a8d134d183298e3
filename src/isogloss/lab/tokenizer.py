"""One byte-pair tokenizer for all languages of a lab, with a chat template."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from isogloss.lab.setting import Lab
from isogloss.seeds import derive_seed

PAD, UNKNOWN, END, USER, ASSISTANT = "<|pad|>", "<|unk|>", "<|end|>", "<|user|>", "<|assistant|>"

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ '<|assistant|>' + message['content'] + '<|end|>' }}"
    "{% else %}{{ '<|user|>' + message['content'] }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


CONTEXT = 128
"""Tokens a lab model can attend to: twice a pre-training row, several times a question."""
TRAINING_DOCUMENTS = 20_000
FERTILITY_DOCUMENTS = 200


def lab_tokenizer(lab: Lab) -> PreTrainedTokenizerFast:
    """The recipe's tokenizer: trained on its mix, or on text balanced over its languages."""
    recipe = lab.recipe
    if recipe.tokenizer == "fixed":
        balanced = dict.fromkeys(recipe.languages, 1.0)
        documents = lab.documents(balanced, seed=derive_seed(0, "fixed"))
    else:
        documents = lab.documents(seed=derive_seed(recipe.seed, "tokenizer"))
    texts = (document.text for document in islice(documents, TRAINING_DOCUMENTS))
    return train_tokenizer(texts, vocab_size=recipe.vocab_size, max_length=CONTEXT)


def train_tokenizer(
    texts: Iterable[str], *, vocab_size: int, max_length: int
) -> PreTrainedTokenizerFast:
    """Train byte-pair encoding on ``texts``.

    Words of languages that are rare in ``texts`` break into more pieces: resource share and
    tokenizer are confounded unless the tokenizer is trained on balanced text.

    Args:
        vocab_size: entries, special tokens included.
        max_length: the context of the models that will use it, in tokens.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[PAD, UNKNOWN, END, USER, ASSISTANT],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        padding_side="left",
        model_max_length=max_length,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def fertility(tokenizer: PreTrainedTokenizerFast, words: Iterable[str]) -> float:
    """Mean number of pieces a word of running text breaks into (1 is the least)."""
    words = list(words)
    pieces = tokenizer(words, add_special_tokens=False)["input_ids"]
    return sum(map(len, pieces)) / len(words)


def fertilities(lab: Lab, tokenizer: PreTrainedTokenizerFast) -> dict[str, float]:
    """Fertility in each language of a lab, over one passage of text in each."""
    result: dict[str, float] = {}
    for tag in lab.recipe.languages:
        documents = lab.documents({tag: 1.0}, seed=derive_seed(0, "fertility"))
        texts = [document.text for document in islice(documents, FERTILITY_DOCUMENTS)]
        words = [word for text in texts for word in text.split() if word.isalpha()]
        result[tag] = round(fertility(tokenizer, words), 4)
    return result


def pad_id(tokenizer: PreTrainedTokenizerFast) -> int:
    """Id of the padding token."""
    return tokenizer.get_vocab()[PAD]


def end_id(tokenizer: PreTrainedTokenizerFast) -> int:
    """Id of the token that ends a document and an answer."""
    return tokenizer.get_vocab()[END]
