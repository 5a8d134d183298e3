"""Lab training against a bare PyTorch loop on the same model, rows and optimisers.

    python bench/training.py [tiny|small]

The bare loop is what one would write first: forward, loss, backward, both optimisers, with torch's
own threads. Rounds alternate within one run, so that a busy machine slows both. Wanted: a ratio of
0.95 or more.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from isogloss.lab.batches import PretrainingBatches, pretraining_batches
from isogloss.lab.build import new_model
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.lab.tokenizer import lab_tokenizer
from isogloss.lab.training import Schedule, train

STEPS = 60
ROUNDS = 4
WANTED = 0.95


def bare_loop(model: torch.nn.Module, batches: PretrainingBatches, schedule: Schedule) -> None:
    """Forward, loss, backward, step; nothing else."""
    hidden = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if p.ndim < 2 or "embed" in n]
    muon = torch.optim.Muon(hidden, lr=schedule.matrix_rate, weight_decay=0.0)
    adam = torch.optim.AdamW(rest, lr=schedule.rest_rate, weight_decay=0.0, fused=True)
    for step in range(schedule.steps):
        batch = batches.at(step)
        logits = model(input_ids=batch.ids, use_cache=False).logits
        loss = cross_entropy(logits.flatten(0, 1), batch.labels.flatten())
        loss.backward()
        for optimizer in (muon, adam):
            optimizer.step()
            optimizer.zero_grad()


def main() -> None:
    recipe = parse_spec(sys.argv[1] if len(sys.argv) > 1 else "tiny")
    lab = Lab(recipe)
    tokenizer = lab_tokenizer(lab)
    batches = pretraining_batches(lab, tokenizer)
    schedule = Schedule(steps=STEPS, matrix_rate=recipe.matrix_rate, rest_rate=recipe.rest_rate)
    tokens = STEPS * recipe.batch_size * recipe.sequence_length
    speeds: dict[str, list[float]] = {"train": [], "bare": []}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            model = new_model(recipe, tokenizer)
            began = time.perf_counter()
            train(
                model,
                batches.at,
                schedule,
                checkpoint=Path(folder),
                name="bench",
                n_tokens=tokens,
            )
            speeds["train"].append(tokens / (time.perf_counter() - began))
        model = new_model(recipe, tokenizer)
        began = time.perf_counter()
        bare_loop(model, batches, schedule)
        speeds["bare"].append(tokens / (time.perf_counter() - began))
    best = {name: max(values) for name, values in speeds.items()}
    ratio = best["train"] / best["bare"]
    for name, values in speeds.items():
        print(f"{name}: " + ", ".join(f"{value:,.0f}" for value in values) + " tokens/s")
    print(
        f"{recipe.preset}: {ratio:.2f} of the bare loop (best of {ROUNDS} rounds), "
        f"{torch.get_num_threads()} torch threads; {'PASS' if ratio >= WANTED else 'FAIL'}"
    )


if __name__ == "__main__":
    main()
