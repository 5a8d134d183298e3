"""What steering costs: a grid of settings as one batch of rows against one call a setting.

    OMP_NUM_THREADS=1 python bench/steering.py

A random Llama of hidden size 512 and 8 layers answers N prompts of 64 tokens with 16 new tokens
under each of 16 settings: all N * 16 rows at once, by `isogloss.targets.generation.generate`; the
N prompts under one setting after the other, by the same; and so by ``model.generate`` with a hook.
Then the same prompts under one setting against none, steered at one layer and at every layer.
Processor time of one thread, the ways in turn; a ratio compares two ways of one round.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from isogloss.quiet import quiet_transformers
from isogloss.targets.batching import Row, default_batch_tokens, plan_batches
from isogloss.targets.edits import Edit, parse_positions
from isogloss.targets.generation import generate
from isogloss.targets.model import LocalModel, torch_threads
from isogloss.targets.options import LocalOptions

N_WORDS, HIDDEN, N_LAYERS, N_TOKENS, N_NEW = 1500, 512, 8, 64, 16
STRENGTHS = np.linspace(-2, 2, 16).tolist()
VECTOR = np.random.default_rng(0).normal(size=HIDDEN).astype(np.float32)
VECTOR /= np.linalg.norm(VECTOR)


def adding(layer: int, strength: float, positions: str = "all") -> Edit:
    return Edit(
        vectors={layer: VECTOR},
        strength=strength,
        operator="add",
        positions=parse_positions(positions),
    )


GRIDS = {
    "layer 3, 16 strengths": [adding(3, s) for s in STRENGTHS],
    "8 layers, 2 strengths": [adding(n, s) for n in range(N_LAYERS) for s in (-1.0, 1.0)],
    "layer 0, 16 strengths": [adding(0, s) for s in STRENGTHS],
    "layer 0, last:1+generated": [adding(0, s, "last:1+generated") for s in STRENGTHS],
}


def write_model(folder: Path) -> None:
    words = {f"w{n}": n for n in range(N_WORDS)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=N_WORDS,
        hidden_size=HIDDEN,
        intermediate_size=1376,
        num_hidden_layers=N_LAYERS,
        num_attention_heads=8,
        max_position_embeddings=256,
        bos_token_id=None,
        eos_token_id=None,  # no reply ends early
    )
    torch.manual_seed(0)
    with quiet_transformers():
        LlamaForCausalLM(config).save_pretrained(folder)


def make_prompts(n: int) -> list[tuple[int, ...]]:
    draws = np.random.default_rng(1).integers(1, N_WORDS, (n, N_TOKENS))
    return [tuple(row) for row in draws.tolist()]


def ours(model: LocalModel, prompts: list[tuple[int, ...]], edits: list[Edit | None]) -> None:
    """Every prompt under every edit, in the batches a target would plan."""
    rows = [
        Row(index=n, tokens=tokens, limit=N_NEW, seed=0, edit=edit)
        for n, (tokens, edit) in enumerate((t, e) for t in prompts for e in edits)
    ]
    budget = default_batch_tokens(model.n_parameters, "cpu")
    for batch in plan_batches(rows, batch_tokens=budget):
        generate(model, batch, 0.0)


def theirs(model: LocalModel, prompts: list[tuple[int, ...]], edit: Edit) -> None:
    """The hook anyone would write, around ``model.generate``."""
    ((layer, vector),) = edit.vectors.items()
    change = edit.strength * torch.from_numpy(vector)

    def add(_module: object, _inputs: object, states: torch.Tensor) -> torch.Tensor:
        if edit.positions.prompt_tokens is None:
            return states + change
        return torch.cat([states[:, :-1], states[:, -1:] + change], dim=1)

    handle = model.network.model.layers[layer].register_forward_hook(add)
    ids = torch.tensor(prompts)
    model.network.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=N_NEW,
        do_sample=False,
        pad_token_id=0,
    )
    handle.remove()


def seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def compare_grids(
    model: LocalModel, n_prompts: int, n_rounds: int, grids: dict[str, list[Edit]]
) -> None:
    prompts = make_prompts(n_prompts)
    print(f"N = {n_prompts:2d}: 16 settings    one batch  one a time  model.generate    ratios")
    for name, edits in grids.items():
        times: list[tuple[float, float, float]] = [
            (
                seconds(lambda e=edits: ours(model, prompts, [*e])),
                seconds(lambda e=edits: [ours(model, prompts, [one]) for one in e]),
                seconds(lambda e=edits: [theirs(model, prompts, one) for one in e]),
            )
            for _ in range(n_rounds)
        ]
        batch, sequential, plain = (
            statistics.median(column) for column in zip(*times, strict=True)
        )
        ratios = [statistics.median(t[way] / t[0] for t in times) for way in (1, 2)]
        print(
            f"{name:26s} {batch:7.2f} s   {sequential:7.2f} s   {plain:9.2f} s     "
            f"{ratios[0]:.2f}  {ratios[1]:.2f}"
        )


def compare_one(model: LocalModel, n_prompts: int, n_rounds: int) -> None:
    """One setting against none; the two alternate, and so does which comes first."""
    prompts = make_prompts(n_prompts)
    vectors = {
        "one layer": adding(3, 1.0),
        "every layer": Edit(
            vectors=dict.fromkeys(range(N_LAYERS), VECTOR), strength=1.0, operator="add"
        ),
    }
    for name, edit in vectors.items():
        ratios = []
        for n in range(n_rounds):
            ways: list[Edit | None] = [None, edit] if n % 2 else [edit, None]
            times = {way: seconds(lambda w=way: ours(model, prompts, [w])) for way in ways}
            ratios.append(times[edit] / times[None])
        print(
            f"N = {n_prompts:2d}: one setting at {name} against none: "
            f"{statistics.median(ratios):.3f} (asked: 1.03 or less)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--single-rounds", type=int, default=40)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, torch_threads(1):
        write_model(Path(folder))
        model = LocalModel(folder, LocalOptions(device="cpu"))
        ours(model, make_prompts(8), [None])
        for n_prompts in (1, 8):
            compare_one(model, n_prompts, arguments.single_rounds)
        compare_grids(model, 8, arguments.rounds, GRIDS)
        first = next(iter(GRIDS))
        compare_grids(model, 64, 1, {first: GRIDS[first]})  # two minutes a round


if __name__ == "__main__":
    main()
