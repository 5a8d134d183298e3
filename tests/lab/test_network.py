"""Four architectures of one size: each is built, read, asked and edited like any other model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from isogloss.lab.build import base_of, build_lab, folder_of, read_card
from isogloss.lab.modifiers import ARCHITECTURES, Architecture
from isogloss.lab.network import new_model
from isogloss.lab.recipe import parse_spec
from isogloss.lab.training import Batch, Schedule, _head, summed_loss, train
from isogloss.targets.editing import edit_blocks
from isogloss.targets.edits import Edit
from isogloss.targets.layers import decoder_blocks
from isogloss.targets.recording import record_blocks
from lab.planted import micro_recipe, quick_tokenizers

FAMILIES: dict[Architecture, str] = {
    "llama": "llama", "neox": "gpt_neox", "bloom": "bloom", "gemma": "gemma",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quick_tokenizers(patch)
        yield


@pytest.fixture(scope="module", params=ARCHITECTURES)
def built(request: pytest.FixtureRequest, isogloss_cache: Path, quick: None) -> Path:
    """A chat model of twelve steps of pre-training and two of chat."""
    return build_lab(micro_recipe(architecture=request.param, n_tokens=24_576, chat_steps=2))


class _OfSize:
    """As much of a tokenizer as a network asks for."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size

    def get_vocab(self) -> dict[str, int]:
        return {"<|pad|>": 0, "<|end|>": 2}


def _of_size(size: int) -> Any:
    return _OfSize(size)


@pytest.mark.parametrize(
    "spec",
    ["tiny:english", "small:english", *(f"small:english+{size}" for size in ("300k", "1m", "3m"))],
)
def test_sizes_are_the_llamas(spec: str) -> None:
    counts: dict[str, int] = {}
    for modifier in ("", *(f"+{name}" for name in ARCHITECTURES)):
        recipe = parse_spec(f"lab:{spec}{modifier}")
        model = new_model(recipe, _of_size(recipe.vocab_size))
        counts[modifier] = model.num_parameters()
        config = model.config
        assert config.hidden_size == recipe.hidden_size
        assert len(decoder_blocks(model)) == config.num_hidden_layers == recipe.n_layers
        assert config.num_attention_heads == recipe.n_heads
    for count in counts.values():
        assert count == pytest.approx(counts[""], rel=0.01)


@pytest.mark.parametrize("architecture", FAMILIES)
def test_a_new_model_is_of_its_family_and_seed(architecture: Architecture) -> None:
    model, same, other = (
        new_model(micro_recipe(architecture=architecture, seed=seed), _of_size(20))
        for seed in (0, 0, 1)
    )
    assert model.config.model_type == FAMILIES[architecture]
    assert _head(model).weight is model.get_input_embeddings().weight
    weights = [dict(m.named_parameters()) for m in (model, same, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert any(not torch.equal(weights[0][name], weights[2][name]) for name in weights[0])
    assert model.config.pad_token_id == 0
    assert model.config.eos_token_id == 2


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_chat_stage_moves_matrices_and_nothing_else(
    architecture: Architecture, tmp_path: Path
) -> None:
    model = new_model(micro_recipe(architecture=architecture), _of_size(20))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    ids = torch.arange(32).reshape(4, 8) % 20
    batch = Batch(ids, ids.roll(-1, 1))
    schedule = Schedule(steps=2, rest_rate=0.0, warmup=1)
    train(model, lambda _: batch, schedule, checkpoint=tmp_path, name="toy", n_tokens=64)
    embedding = model.get_input_embeddings().weight
    for name, parameter in model.named_parameters():
        is_hidden = parameter.ndim == 2 and parameter is not embedding
        assert torch.equal(parameter, before[name]) != is_hidden, name


@pytest.mark.parametrize("architecture", ["neox", "bloom"])
def test_a_fused_matrix_moves_as_far_as_three_of_its_own(
    architecture: Architecture, tmp_path: Path
) -> None:
    recipe = micro_recipe(architecture=architecture)
    model = new_model(recipe, _of_size(300))
    matrices = [(name, p) for name, p in model.named_parameters() if p.ndim == 2 and ".0." in name]
    named = {name.split(".")[-2]: p for name, p in matrices}
    square, fused = named["dense"], named["query_key_value"]
    assert fused.shape == (3 * len(square), len(square)) == (96, 32)
    before = [p.detach().clone() for p in (square, fused)]
    ids = torch.randint(0, 300, (64, 16), generator=torch.Generator().manual_seed(0))
    batch = Batch(ids, ids.roll(-1, 1))
    schedule = Schedule(steps=1, rest_rate=0.0, warmup=1)
    train(model, lambda _: batch, schedule, checkpoint=tmp_path, name="toy", n_tokens=1024)
    steps = [(p.detach() - b).norm() for p, b in zip((square, fused), before, strict=True)]
    assert (steps[1] / steps[0]).item() == pytest.approx(3**0.5, rel=0.1)


def test_it_learns_and_is_an_ordinary_folder(built: Path) -> None:
    card = read_card(built)
    base = read_card(folder_of(base_of(micro_recipe(n_tokens=24_576, **_of(card)))))
    assert base["loss_last"] < base["loss_first"] - 0.1
    model = AutoModelForCausalLM.from_pretrained(built)
    assert model.config.model_type == FAMILIES[card["recipe"]["architecture"]]
    assert model.num_parameters() == card["n_parameters"]
    assert model.dtype == torch.float32


def _of(card: dict[str, Any]) -> dict[str, Any]:
    return {"architecture": card["recipe"]["architecture"]}


def _padded_left(ids: Tensor, n: int) -> dict[str, Tensor]:
    nothing = torch.zeros(len(ids), n, dtype=torch.long)
    return {
        "input_ids": torch.cat([nothing, ids], 1),
        "attention_mask": torch.cat([nothing, torch.ones_like(ids)], 1),
    }


def test_padding_on_the_left_changes_no_reply(built: Path) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(built).eval()
    ids = torch.randint(5, 300, (4, 9), generator=torch.Generator().manual_seed(0))
    padded = _padded_left(ids, 6)
    with torch.inference_mode():
        alone = model(input_ids=ids).logits
        beside = model(**padded).logits[:, 6:]
        torch.testing.assert_close(beside, alone, atol=1e-5, rtol=0)
        options = {"max_new_tokens": 8, "min_new_tokens": 8, "do_sample": False}
        plain = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options)
        made = model.generate(**padded, **options)
    assert torch.equal(made[:, 15:], plain[:, 9:])


def test_padding_on_the_right_changes_no_loss(built: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(built)
    ids = torch.randint(5, 300, (2, 9), generator=torch.Generator().manual_seed(1))
    labels = ids.roll(-1, 1)
    mask = torch.ones_like(ids)
    mask[1, 4:], labels[1, 4:] = 0, -100
    both = summed_loss(model, Batch(ids, labels, mask))
    first = summed_loss(model, Batch(ids[:1], labels[:1], mask[:1]))
    second = summed_loss(model, Batch(ids[1:, :4], labels[1:, :4], mask[1:, :4]))
    assert both.item() == pytest.approx((first + second).item(), abs=1e-4)


def test_block_outputs_are_recorded_and_edited(built: Path) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(built).eval()
    ids = torch.randint(5, 300, (2, 9), generator=torch.Generator().manual_seed(2))
    inputs = _padded_left(ids, 3)
    with torch.inference_mode():
        plain = model(**inputs, output_hidden_states=True)
        with record_blocks(model) as states:
            model(**inputs)
        assert sorted(states) == [0, 1]
        # Transformers' own: what block 1 reads is what block 0 gave (the last is behind a norm).
        torch.testing.assert_close(states[0], plain.hidden_states[1], atol=1e-6, rtol=0)
        vector = 3 * torch.randn(32, generator=torch.Generator().manual_seed(3))
        edit = Edit(vectors={1: vector.numpy()}, operator="add", strength=1.0)
        with edit_blocks(model, edit, inputs["attention_mask"]), record_blocks(model) as edited:
            steered = model(**inputs).logits
    torch.testing.assert_close(edited[0], states[0], atol=0, rtol=0)
    torch.testing.assert_close(edited[1][:, 3:], states[1][:, 3:] + vector, atol=1e-5, rtol=0)
    assert (steered[:, 3:] - plain.logits[:, 3:]).abs().max() > 0.01
