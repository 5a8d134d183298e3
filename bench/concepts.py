"""What recording hidden states costs over a bare forward pass over the same batches.

    OMP_NUM_THREADS=1 python bench/concepts.py

A random Llama of hidden size 512 and 8 layers reads 512 value pairs of 10 to 120 tokens a pole:
once by ``model.model(...)`` over the length-sorted batches, nothing kept, and once by
`isogloss.concepts.record`, from the pairs' text to the finished file of all layers. Processor time,
the two in turn; peak memory of a process that does only the one or only the other.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from isogloss.concepts.activation_store import ActivationStore
from isogloss.concepts.pairs import ValuePair
from isogloss.concepts.record import PairRecorder, RecordOptions
from isogloss.concepts.templates import PairReader, PromptTemplate
from isogloss.quiet import quiet_transformers
from isogloss.targets.model import LocalModel, torch_threads
from isogloss.targets.options import LocalOptions
from isogloss.targets.recording import TokenSpan, default_reading_tokens, plan_reading

N_WORDS, N_PAIRS, SHORTEST, LONGEST = 1500, 512, 10, 120
OPTIONS = RecordOptions(template=PromptTemplate(kind="plain"), threads=1)


def write_model(folder: Path) -> None:
    """A random model, and a tokenizer of one token a word."""
    words = {"<pad>": 0, "<unk>": 1} | {f"w{n}": n for n in range(2, N_WORDS)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>")
    fast.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=N_WORDS,
        hidden_size=512,
        intermediate_size=1376,
        num_hidden_layers=8,
        num_attention_heads=8,
        max_position_embeddings=256,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    with quiet_transformers():
        LlamaForCausalLM(config).save_pretrained(folder)


def make_pairs() -> list[ValuePair]:
    rng = random.Random(0)

    def text() -> str:
        return " ".join(
            f"w{rng.randrange(2, N_WORDS)}" for _ in range(rng.randint(SHORTEST, LONGEST))
        )

    return [
        ValuePair(
            pair_id=f"{n:04d}",
            concept="truthfulness",
            language="en",
            positive=text(),
            negative=text(),
            source="bench",
            cluster_id=f"{n:04d}",
            split="train",
        )
        for n in range(N_PAIRS)
    ]


def bare_forward(model: LocalModel, pairs: list[ValuePair]) -> Callable[[], None]:
    """The plain forward pass over the batches that recording makes."""
    reader = PairReader(model.tokenizer, OPTIONS.template, OPTIONS.position)
    poles = [reader.read(pairs, positive=pole) for pole in (True, False)]
    texts = [t for both in zip(*poles, strict=True) for t in both if isinstance(t, TokenSpan)]
    budget = default_reading_tokens("cpu")
    batches: list[tuple[torch.Tensor, torch.Tensor]] = []
    for indices in plan_reading([len(text.tokens) for text in texts], batch_tokens=budget):
        rows = [torch.tensor(texts[index].tokens) for index in indices]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        widths = torch.tensor([len(row) for row in rows])
        batches.append((ids, (torch.arange(ids.shape[1]) < widths[:, None]).long()))

    def run() -> None:
        with torch_threads(1), torch.no_grad():
            for ids, mask in batches:
                model.network.model(input_ids=ids, attention_mask=mask, use_cache=False)

    return run


def recording(model: LocalModel, pairs: list[ValuePair], folder: Path) -> Callable[[], None]:
    """From the text of the pairs to the finished file."""

    def run() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            found = PairRecorder(model, OPTIONS).record(pairs, ActivationStore(folder=Path(fresh)))
            assert found.positive.shape == (N_PAIRS, 8, 512)

    return run


def seconds(work: Callable[[], None]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def peak_memory(folder: Path, mode: str) -> float:
    """Peak resident memory in MB of a process that does one of the two, once."""
    result = subprocess.run(
        [sys.executable, __file__, "--mode", mode, "--folder", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(result.stdout))


def prepare(folder: Path) -> dict[str, Callable[[], None]]:
    model, pairs = LocalModel(str(folder), LocalOptions(device="cpu")), make_pairs()
    return {
        "bare": bare_forward(model, pairs),
        "recording": recording(model, pairs, folder),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--mode", choices=["bare", "recording"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.mode:
        prepare(arguments.folder)[arguments.mode]()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_model(folder)
        memory = {mode: peak_memory(folder, mode) for mode in ("bare", "recording")}
        work = prepare(folder)
        pairs = [
            (seconds(work["bare"]), seconds(work["recording"])) for _ in range(arguments.repeats)
        ]
    for bare, ours in pairs:
        print(f"bare {bare:6.2f} s   recording {ours:6.2f} s   ratio {ours / bare:.3f}")
    ratio = statistics.median(ours / bare for bare, ours in pairs)
    print(f"median ratio {ratio:.3f} (asked: 1.10 or less)")
    extra = memory["recording"] - memory["bare"]
    print(
        f"peak memory: bare {memory['bare']:.0f} MB, recording {memory['recording']:.0f} MB, "
        f"extra {extra:.0f} MB (asked: under 200)"
    )


if __name__ == "__main__":
    main()
