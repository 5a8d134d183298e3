"""Continued pre-training: what it reads, from which model it starts, and that it can be resumed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from isogloss.lab import build
from isogloss.lab.batches import PretrainingBatches, extra_batches, pretraining_batches
from isogloss.lab.build import base_of, build_lab, folder_of, parent_of, read_card
from isogloss.lab.corpus import Document
from isogloss.lab.setting import Lab
from isogloss.lab.tokenizer import end_id, lab_tokenizer
from isogloss.lab.training import Batch, summed_loss
from lab.planted import micro_recipe, quick_tokenizers

SWAHILI = {"sw-x-lab": 16_384}
"""Eight steps."""


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quick_tokenizers(patch)
        yield


@pytest.fixture(scope="module")
def continued(isogloss_cache: Path, quick: None) -> Path:
    return build_lab(micro_recipe(stage="base", extra=SWAHILI))


@pytest.fixture(scope="module")
def tokenizer(quick: None) -> PreTrainedTokenizerFast:
    return lab_tokenizer(Lab(micro_recipe()))


def _texts(batches: PretrainingBatches, tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """The documents of the rows, the last one, which may be cut, left out."""
    return _between_ends(batches.rows.flatten().tolist(), tokenizer)[:-1]


def _between_ends(ids: list[int], tokenizer: PreTrainedTokenizerFast) -> list[str]:
    return [text.strip() for text in str(tokenizer.decode(ids)).split("<|end|>")]


def _batches(tokenizer: PreTrainedTokenizerFast, **extra: int) -> PretrainingBatches:
    named = {"mix" if name == "mix" else f"{name}-x-lab": n for name, n in extra.items()}
    return extra_batches(Lab(micro_recipe(extra=named)), tokenizer)


def test_a_languages_further_text_is_in_that_language_alone(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    batches = _batches(tokenizer, sw=40_960)
    assert batches.rows.shape == (20 * 32, 65)
    assert batches.n_tokens == 40_960
    assert {tag for tag, n in batches.tokens.items() if n} == {"sw-x-lab"}
    assert batches.tokens["sw-x-lab"] == 20 * 32 * 65
    lab = Lab(micro_recipe())
    words = set(lab.lexicon.words["sw-x-lab"].values())
    fused = {
        w + e for w in words for e in (lab.grammars["sw-x-lab"].word(m) for m in ("with", "at"))
    }
    for text in _texts(batches, tokenizer):
        assert set(text.split()) <= words | fused | {".", "?", ":"}


def test_the_mixs_further_text_is_the_mixs(tokenizer: PreTrainedTokenizerFast) -> None:
    further = _batches(tokenizer, mix=102_400).tokens
    before = pretraining_batches(Lab(micro_recipe(n_tokens=102_400)), tokenizer).tokens
    assert further["en-x-lab"] == pytest.approx(before["en-x-lab"], rel=0.04)
    for tag in ("fr-x-lab", "zh-x-lab", "es-x-lab"):  # some 150 documents each
        assert further[tag] == pytest.approx(before[tag], rel=0.3), tag


def test_both_are_interleaved_in_their_proportion(tokenizer: PreTrainedTokenizerFast) -> None:
    batches = _batches(tokenizer, sw=30_720, mix=92_160)
    assert batches.n_tokens == 122_880
    width = batches.rows.size // 10
    lexicon = Lab(micro_recipe()).lexicon
    for tenth in range(10):
        part = batches.rows.flatten()[tenth * width : (tenth + 1) * width].tolist()
        texts = _between_ends(part, tokenizer)[1:-1]
        swahili = [len(t.split()) for t in texts if lexicon.identify(t) == "sw-x-lab"]
        # In tokens it is a quarter and 0.6 % of the rest.
        share = sum(swahili) / sum(len(text.split()) for text in texts)
        assert 0.1 < share < 0.3, "all along, not one after the other"
    own = batches.tokens["sw-x-lab"] / batches.rows.size
    assert own == pytest.approx(0.25 + 0.75 * 0.01, abs=0.02)
    plain = _batches(tokenizer, mix=92_160).tokens
    for tag in ("en-x-lab", "fr-x-lab"):
        assert batches.tokens[tag] == pytest.approx(plain[tag], rel=0.02)


def test_it_has_not_been_read_before(tokenizer: PreTrainedTokenizerFast) -> None:
    lab = Lab(micro_recipe())
    read = {d.text for d in islice(lab.documents(seed=lab.recipe.seed), 3000)}
    further = _texts(_batches(tokenizer, mix=40_960), tokenizer)
    again = [text for text in further if text in read]
    # Three sentences on one of twenty objects: a few coincide, as they do within one stream.
    assert len(again) / len(further) < 0.05
    assert further[:20] != _texts(pretraining_batches(lab, tokenizer), tokenizer)[:20]


def test_a_larger_dose_begins_with_the_smaller(tokenizer: PreTrainedTokenizerFast) -> None:
    small = _texts(_batches(tokenizer, sw=8_192), tokenizer)
    assert _texts(_batches(tokenizer, sw=16_384), tokenizer)[: len(small)] == small
    assert len(small) > 30


def test_each_seed_reads_its_own(tokenizer: PreTrainedTokenizerFast) -> None:
    one, other = (
        extra_batches(Lab(micro_recipe(extra=SWAHILI, seed=seed)), tokenizer).rows
        for seed in (0, 1)
    )
    assert not (one == other).all()


def test_it_starts_from_the_base_and_learns_the_language(continued: Path) -> None:
    recipe = micro_recipe(stage="base", extra=SWAHILI)
    base = folder_of(micro_recipe(stage="base"))
    assert base == folder_of(parent_of(recipe) or recipe)
    assert (continued / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(base)
    loss: dict[str, list[float]] = {}
    for tag in ("sw-x-lab", "fi-x-lab"):
        documents = islice(Lab(recipe).documents({tag: 1.0}, seed=99), 60)
        rows = [[*tokenizer(d.text)["input_ids"], end_id(tokenizer)][:40] for d in documents]
        ids = torch.tensor([row for row in rows if len(row) == 40])
        batch = Batch(ids[:, :-1], ids[:, 1:])
        loss[tag] = [
            summed_loss(AutoModelForCausalLM.from_pretrained(folder), batch).item()
            / batch.labels.numel()
            for folder in (base, continued)
        ]
    gain = {tag: before - after for tag, (before, after) in loss.items()}
    assert gain["sw-x-lab"] > 0.05
    assert gain["sw-x-lab"] > gain["fi-x-lab"] + 0.05, loss


def test_its_rate_is_a_share_of_pretrainings(continued: Path) -> None:
    """At a rate of zero it is the base, so it starts nowhere else."""
    still = build_lab(micro_recipe(stage="base", extra=SWAHILI, extra_rate=0.0))
    base = folder_of(micro_recipe(stage="base"))
    weights = [load_file(folder / "model.safetensors") for folder in (base, still, continued)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not any(torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_the_card_counts_both(continued: Path) -> None:
    card, base = read_card(continued), read_card(folder_of(micro_recipe(stage="base")))
    assert "extra_tokens" not in base
    assert card["extra_tokens"] == dict.fromkeys(base["tokens"], 0) | {"sw-x-lab": 8 * 32 * 65}
    assert card["tokens"] == base["tokens"] | {"sw-x-lab": base["tokens"]["sw-x-lab"] + 8 * 32 * 65}
    assert card["fertility"] == base["fertility"]


def test_chat_starts_from_it(continued: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[str] = []
    real = build.train

    def watching(*args: Any, name: str, **options: Any) -> list[float]:
        trained.append(name)
        return real(*args, name=name, **options)

    monkeypatch.setattr(build, "train", watching)
    recipe = micro_recipe(extra=SWAHILI, chat_steps=2)
    chat = build_lab(recipe)
    assert trained == ["training chat (tokens)"]
    assert folder_of(base_of(recipe)) == continued
    assert read_card(chat)["extra_tokens"] == read_card(continued)["extra_tokens"]
    # Instruction tuning freezes the embeddings: they say which base it was.
    name = "model.embed_tokens.weight"
    of_chat, of_base = (load_file(f / "model.safetensors")[name] for f in (chat, continued))
    assert torch.equal(of_chat, of_base)


def test_stopped_on_the_way_it_ends_in_the_same_weights(
    continued: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = build.train
    steps: list[int] = []

    def stopping(model: Any, batch_at: Any, schedule: Any, **options: Any) -> list[float]:
        def until(step: int) -> Any:
            steps.append(step)
            if steps == [0, 1, 2, 3]:
                raise KeyboardInterrupt
            return batch_at(step)

        return real(model, until, schedule, **options, seconds_between_checkpoints=0.0)

    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    monkeypatch.setattr(build, "train", stopping)
    recipe = micro_recipe(stage="base", extra=SWAHILI)
    base = folder_of(parent_of(recipe) or recipe)
    shutil.copytree(continued.parent / base.name, base)
    with pytest.raises(KeyboardInterrupt):
        build_lab(recipe)
    again = build_lab(recipe)
    assert steps == [0, 1, 2, 3, *range(3, 8)]
    weights = [(folder / "model.safetensors").read_bytes() for folder in (again, continued)]
    assert weights[0] == weights[1]
    assert (again / "lab.json").read_text() == (continued / "lab.json").read_text()


def test_parallel_text_has_as_many_tokens_of_each_language() -> None:
    shares = {"en-x-lab": 60.0, "fr-x-lab": 15.0, "sw-x-lab": 25.0}
    alone, beside = (
        Lab(micro_recipe(shares=shares, n_tokens=300_000, parallel=parallel))
        for parallel in ((), ("sw-x-lab",))
    )
    tokenizers = [lab_tokenizer(lab) for lab in (alone, beside)]
    assert tokenizers[0].get_vocab() == tokenizers[1].get_vocab()
    one, other = (pretraining_batches(lab, tokenizers[0]).tokens for lab in (alone, beside))
    assert sum(one.values()) == pytest.approx(sum(other.values()), abs=2)
    for tag, n in one.items():
        assert other[tag] == pytest.approx(n, rel=0.05), tag


def test_passages_in_tokens_are_the_document_in_tokens(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    """A token never reaches over a space, so counting by passage changes nothing."""
    lab = Lab(micro_recipe(bilingual=0.5, parallel=("sw-x-lab", "fr-x-lab")))
    documents: list[Document] = list(islice(lab.pretraining_documents(seed=3), 300))
    for document in documents:
        ids = [i for _, text in document.passages for i in tokenizer(text)["input_ids"]]
        assert ids == tokenizer(document.text)["input_ids"]
    assert {len(document.passages) for document in documents} == {1, 2, 6}
