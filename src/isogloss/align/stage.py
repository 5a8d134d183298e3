"""One stage of training, in a process of its own: ``python -m isogloss.align.stage FOLDER``.

The folder holds ``stage.json`` (what to do), ``train.jsonl`` and, where a method needs it,
``parallel.jsonl``. It is left with ``model/`` (an ordinary Hugging Face folder, put there whole by
one rename), ``curve.jsonl`` and ``manifest.json``. A stage that was killed continues from its last
whole checkpoint and ends in the same weights; reinforcement learning starts over.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from isogloss.align.dpo import Dpo, dpo_trainer
from isogloss.align.examples import read_examples
from isogloss.align.mpo import Mpo, mpo_trainer
from isogloss.align.profile import Profile
from isogloss.align.reward import Reward, reward_trainer
from isogloss.align.rl import Rl, rl_trainer
from isogloss.align.sft import Sft, sft_trainer
from isogloss.errors import InputError
from isogloss.processes import tell

SPEC, TRAIN, PARALLEL = "stage.json", "train.jsonl", "parallel.jsonl"
MODEL, MANIFEST, CURVE, ADAPTER = "model", "manifest.json", "curve.jsonl", "adapter"

Method = Annotated[Sft | Reward | Dpo | Mpo | Rl, Field(discriminator="kind")]
TRAINERS = {
    "sft": sft_trainer,
    "reward": reward_trainer,
    "dpo": dpo_trainer,
    "mpo": mpo_trainer,
    "rl": rl_trainer,
}
"""From a method's kind to the function that builds its trainer."""
RESUMABLE = ("sft", "reward", "dpo", "mpo")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """All that determines a stage's weights, and how it is run.

    Attributes:
        arm: names the stage for people.
        start: the model's folder it begins with.
        reward: reinforcement learning only: the reward model's folder, or ``oracle``.
        judge: reinforcement learning only: who watches; a judge string.
        tiers: of the languages.
        data_hash: of the training data, for the manifest.
    """

    arm: str
    method: Method
    start: str
    profile: Profile
    seed: int
    data_hash: str
    reward: str | None = None
    judge: str | None = None
    tiers: dict[str, str] = field(default_factory=dict[str, str])


SPECS = TypeAdapter(StageSpec)
Status = Literal["done", "begun", "new"]


def status_of(folder: Path) -> Status:
    """Whether a stage is done, was begun, or is new."""
    if (folder / MANIFEST).is_file():
        return "done"
    return "begun" if (folder / CURVE).is_file() else "new"


def run_stage(folder: Path) -> None:
    """Train what ``folder`` describes, unless it is done."""
    if status_of(folder) == "done":
        return
    spec = SPECS.validate_json((folder / SPEC).read_bytes())

    import torch
    from transformers import set_seed

    from isogloss.align.callbacks import Checkpoints, Curve, last_whole_checkpoint
    from isogloss.align.training import Setup, load_start, train_in_float32

    torch.set_num_threads(spec.profile.threads)
    seed = spec.seed % 2**32
    set_seed(seed)
    network, tokenizer = load_start(
        Path(spec.start), spec.profile, reward=spec.method.kind == "reward"
    )
    parallel = folder / PARALLEL
    setup = Setup(
        network=network,
        tokenizer=tokenizer,
        examples=read_examples(folder / TRAIN),
        parallel=read_examples(parallel) if parallel.is_file() else (),
        profile=spec.profile,
        reward=_reward(spec) if spec.method.kind == "rl" else None,
        folder=folder / "checkpoints",
        seed=seed,
    )
    trainer: Any = TRAINERS[spec.method.kind](spec.method, setup)  # type: ignore[operator]
    _check_processes(spec, trainer.accelerator.num_processes)
    train_in_float32(trainer.model)
    trainer.add_callback(Curve(folder / CURVE, _tell))
    resumed = None
    if spec.method.kind in RESUMABLE:
        trainer.add_callback(Checkpoints(spec.profile.checkpoint_seconds))
        resumed = last_whole_checkpoint(setup.folder)
    began = time.monotonic()
    trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed))
    if trainer.is_world_process_zero():
        _save(folder, spec, trainer, tokenizer, seconds=time.monotonic() - began)


def _check_processes(spec: StageSpec, running: int) -> None:
    """With fewer processes than planned every batch would be smaller, and nobody would know."""
    planned = spec.profile.n_processes
    if running != planned:
        raise InputError(
            f"the stage was planned for {planned} processes and {running} run; start it with the "
            "command that isogloss align --plan prints, on a machine with as many devices"
        )


def _reward(spec: StageSpec) -> Any:
    from isogloss.align.reward_model import RewardModel
    from isogloss.align.rewards import WatchedReward, model_scores, oracle_scores
    from isogloss.judges.load import load_judge

    assert spec.reward is not None
    assert spec.judge is not None
    score = (
        oracle_scores
        if spec.reward == "oracle"
        else model_scores(
            RewardModel(
                Path(spec.reward),
                device="cpu" if spec.profile.device == "cpu" else "cuda",
                trust_remote_code=spec.profile.trust_remote_code,
            )
        )
    )
    return WatchedReward(score, load_judge(spec.judge), spec.tiers)


def _tell(step: int, steps: int) -> None:
    """A line for whoever waits."""
    tell("steps", step, steps)


def _save(folder: Path, spec: StageSpec, trainer: Any, tokenizer: Any, *, seconds: float) -> None:
    """Put the model there whole, then the manifest, which says that the stage is done."""
    partial = folder / "model.partial"
    shutil.rmtree(partial, ignore_errors=True)
    network = trainer.accelerator.unwrap_model(trainer.model)
    if spec.profile.lora is not None:
        network.save_pretrained(folder / ADAPTER)
        network = network.merge_and_unload()
    if spec.profile.bf16:
        network = network.bfloat16()
    network.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    shutil.rmtree(folder / MODEL, ignore_errors=True)
    partial.rename(folder / MODEL)
    manifest = {
        "arm": spec.arm,
        "method": asdict(spec.method),
        "start": spec.start,
        "seed": spec.seed,
        "data_hash": spec.data_hash,
        "profile": asdict(spec.profile),
        "steps": trainer.state.global_step,
        "seconds": round(seconds, 2),  # since it was last started
        "versions": versions(),
    }
    written = folder / f"{MANIFEST}.partial"
    written.write_text(json.dumps(manifest, indent=1))
    os.replace(written, folder / MANIFEST)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def versions() -> dict[str, str]:
    """Of what shapes the weights."""
    names = ("isogloss", "torch", "transformers", "trl", "peft", "accelerate", "datasets")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def main() -> None:
    """Run the stage of the folder named on the command line."""
    import warnings

    from isogloss.quiet import quiet_transformers

    warnings.simplefilter("ignore")
    with quiet_transformers():
        import datasets

        datasets.disable_progress_bars()
        run_stage(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
