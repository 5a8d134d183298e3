"""How fast a lab-sized model answers: our decoding loop against ``model.generate``, and workers.

    OMP_NUM_THREADS=1 python bench/generate.py

A Llama of 128 dimensions and 4 layers with random weights and 1,500 tokens answers 2,000 prompts
of about 20 tokens with 20 new tokens each; random weights end no reply early. Rows per second.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from isogloss.records import Decoding, Prompt, Request
from isogloss.targets.batching import Row, plan_batches
from isogloss.targets.generation import generate
from isogloss.targets.local import LocalTarget
from isogloss.targets.model import LocalModel, torch_threads
from isogloss.targets.options import LocalOptions

N_NEW = 20


def write_model(folder: Path) -> None:
    words = {f"w{i}": i for i in range(1500)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    config = LlamaConfig(
        vocab_size=1500,
        hidden_size=128,
        intermediate_size=344,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=64,
        bos_token_id=None,
        eos_token_id=None,
    )
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)


def make_requests(n: int) -> list[Request]:
    lengths = torch.randint(16, 25, (n,), generator=torch.Generator().manual_seed(0)).tolist()
    texts = [" ".join(f"w{(7 * i + j) % 1500}" for j in range(m)) for i, m in enumerate(lengths)]
    return [
        Request(prompt=Prompt(prompt_id=str(i), language="en", text=t, intent="benign",
                              cluster_id=str(i)))
        for i, t in enumerate(texts)
    ]  # fmt: skip


def use_transformers(model: LocalModel, batch: tuple[Row, ...]) -> None:
    width = max(len(row.tokens) for row in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(batch):
        ids[i, width - len(row.tokens) :] = torch.tensor(row.tokens)
        mask[i, width - len(row.tokens) :] = 1
    model.network.generate(
        input_ids=ids, attention_mask=mask, max_new_tokens=N_NEW, do_sample=False, pad_token_id=0
    )


def rate(work: Callable[[], object], n_rows: int) -> str:
    start = time.perf_counter()
    work()
    return f"{n_rows / (time.perf_counter() - start):7.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder))
        model = LocalModel(folder, LocalOptions(device="cpu"))
        requests = make_requests(arguments.rows)
        tokens = [model.tokenizer(r.prompt.text)["input_ids"] for r in requests]
        rows = [Row(index=i, tokens=tuple(t), limit=N_NEW, seed=i) for i, t in enumerate(tokens)]
        print("rows a batch       ours  sampled  model.generate")
        with torch_threads(1):
            for n_rows in (1, 16, 64, 128, 256, 512):
                part = rows[: min(len(rows), 8 * n_rows)]
                batches = plan_batches(part, batch_tokens=n_rows * 44)
                generate(model, batches[0], 0.0)
                ours = rate(lambda b=batches: [generate(model, x, 0.0) for x in b], len(part))
                drawn = rate(lambda b=batches: [generate(model, x, 1.0) for x in b], len(part))
                theirs = rate(lambda b=batches: [use_transformers(model, x) for x in b], len(part))
                print(f"{n_rows:12d}  {ours}  {drawn}         {theirs}")
        for workers in (1, arguments.workers):
            target = LocalTarget(folder, options=LocalOptions(device="cpu", workers=workers))
            decoding = Decoding(max_new_tokens=N_NEW)
            whole = rate(lambda t=target, d=decoding: list(t.complete(requests, d)), len(rows))
            print(f"LocalTarget, {workers} worker(s), start included: {whole}")


if __name__ == "__main__":
    main()
