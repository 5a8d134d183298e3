"""A stage against TRL's own trainer on the same examples, batches and steps: tokens a second.

    python bench/align.py [--parameters 500m] [--steps 20]

Alternating rounds in one run; the ratio is ours over the bare trainer's (1 is as fast). Without
``--parameters`` the lab's `tiny` model on this machine's CPU; with it a random Llama of about that
size, in bfloat16 with adapters, on the GPU where there is one.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from isogloss.align.examples import Example, write_examples
from isogloss.align.lab_data import lab_examples
from isogloss.align.optimisation import Optimisation
from isogloss.align.profile import Lora, Profile
from isogloss.align.sft import Sft
from isogloss.align.stage import SPEC, SPECS, TRAIN, StageSpec, run_stage
from isogloss.lab.build import build_lab
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab

SIZES: dict[str, dict[str, int]] = {
    "500m": {"hidden_size": 1280, "intermediate_size": 3456, "num_hidden_layers": 24},
}
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parameters", choices=SIZES)
    parser.add_argument("--steps", type=int, default=60)
    arguments = parser.parse_args()
    recipe = parse_spec("lab:tiny@helpful")
    folder = build_lab(recipe)
    examples = list(lab_examples(Lab(recipe), split="train").examples)
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        profile = Profile(checkpoint_seconds=1e9)
        if arguments.parameters:
            folder = _random_llama(room / "model", folder, SIZES[arguments.parameters])
            cuda = torch.cuda.is_available()
            profile = Profile(
                device="cuda" if cuda else "cpu", bf16=True, gradient_checkpointing=True,
                device_batch=16, lora=Lora(), checkpoint_seconds=1e9,
            )  # fmt: skip
        size = Optimisation(
            learning_rate=1e-4, steps=arguments.steps, batch_size=64, max_length=128
        )
        examples = (examples * (size.n_examples // len(examples) + 1))[: size.n_examples]
        ours: list[float] = []
        bare: list[float] = []
        for round_ in range(ROUNDS):
            ours.append(_stage(room / f"ours-{round_}", folder, examples, size, profile))
            bare.append(_bare(room / f"bare-{round_}", folder, examples, size, profile))
            print(f"round {round_}: ours {ours[-1]:,.0f} tokens/s, bare {bare[-1]:,.0f}")
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    print(f"ratio, median of {ROUNDS}: {statistics.median(ratios):.3f} ({min(ratios):.3f} to "
          f"{max(ratios):.3f})")  # fmt: skip


def _random_llama(folder: Path, tokenizer: Path, size: dict[str, int]) -> Path:
    config = AutoConfig.for_model(
        "llama", **size, vocab_size=32_000, num_attention_heads=16, num_key_value_heads=4
    )
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    PreTrainedTokenizerFast.from_pretrained(tokenizer).save_pretrained(folder)
    return folder


def _stage(
    folder: Path, start: Path, examples: list[Example], size: Optimisation, profile: Profile
) -> float:
    folder.mkdir()
    write_examples(folder / TRAIN, examples)
    spec = StageSpec(
        arm="bench", method=Sft(optimisation=size), start=str(start), profile=profile, seed=0,
        data_hash="",
    )  # fmt: skip
    (folder / SPEC).write_bytes(SPECS.dump_json(spec))
    began = time.perf_counter()
    run_stage(folder)
    return _n_tokens(start, examples) / (time.perf_counter() - began)


def _bare(
    folder: Path, start: Path, examples: list[Example], size: Optimisation, profile: Profile
) -> float:
    """The same by TRL alone, as its documentation writes it; the model is loaded and saved too."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    began = time.perf_counter()
    torch.set_num_threads(profile.threads)
    rows = [
        {
            "prompt": [{"role": "user", "content": example.prompt}],
            "completion": [{"role": "assistant", "content": example.chosen}],
        }
        for example in examples
    ]
    adapters = (
        LoraConfig(r=16, lora_alpha=32, target_modules="all-linear") if profile.lora else None
    )
    dtype: Any = "bfloat16" if profile.bf16 else "float32"
    trainer = SFTTrainer(
        model=str(start),
        args=SFTConfig(
            output_dir=str(folder), max_steps=size.steps, learning_rate=size.learning_rate,
            per_device_train_batch_size=profile.at_once(size.batch_size),
            gradient_accumulation_steps=profile.accumulation(size.batch_size),
            max_length=size.max_length, bf16=profile.bf16, use_cpu=profile.device == "cpu",
            gradient_checkpointing=profile.gradient_checkpointing, save_strategy="no",
            report_to="none", disable_tqdm=True, optim="adamw_torch",
            dataloader_pin_memory=profile.device != "cpu", model_init_kwargs={"dtype": dtype},
        ),
        train_dataset=Dataset.from_list(rows),
        peft_config=adapters,
    )  # fmt: skip
    trainer.train()
    trainer.save_model(str(folder))
    return _n_tokens(start, examples) / (time.perf_counter() - began)


def _n_tokens(start: Path, examples: list[Example]) -> int:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(start)
    texts = [f"{example.prompt} {example.chosen}" for example in examples]
    return sum(map(len, tokenizer(texts)["input_ids"]))


if __name__ == "__main__":
    main()
