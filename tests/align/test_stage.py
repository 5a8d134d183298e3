"""A stage: killed anywhere it ends in the same weights, and what it leaves is an ordinary model."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from align.small import FEW, small_examples, small_model, stage_folder
from isogloss.align.callbacks import Checkpoints, last_whole_checkpoint
from isogloss.align.dpo import Dpo
from isogloss.align.examples import write_examples
from isogloss.align.mpo import Mpo
from isogloss.align.profile import Lora, Profile
from isogloss.align.reward import Reward
from isogloss.align.reward_model import RewardModel
from isogloss.align.rl import Rl
from isogloss.align.sft import Sft
from isogloss.align.stage import (
    ADAPTER,
    CURVE,
    MANIFEST,
    MODEL,
    PARALLEL,
    TRAIN,
    run_stage,
    status_of,
)
from isogloss.errors import InputError
from isogloss.records import Decoding, Prompt, Request
from isogloss.targets.local import LocalTarget

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries that train

METHODS: dict[str, Any] = {
    "sft": Sft(optimisation=FEW),
    "reward": Reward(optimisation=FEW, contrast=0.5),
    "dpo": Dpo(optimisation=FEW),
    "mpo": Mpo(optimisation=FEW, dominant="en"),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("align") / "model")


def prepare(folder: Path, kind: str, model: Path, **more: Any) -> Path:
    made = stage_folder(folder, METHODS[kind], model, **more)
    if kind == "mpo":
        write_examples(made / PARALLEL, [e for e in small_examples() if e.language == "en"])
    return made


def weights(folder: Path) -> bytes:
    return (folder / MODEL / "model.safetensors").read_bytes()


@pytest.mark.parametrize("kind", METHODS)
def test_a_stage_that_was_cut_short_ends_in_the_same_weights(
    kind: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepare(tmp_path / "whole", kind, model)
    run_stage(whole)
    cut = prepare(tmp_path / "cut", kind, model)
    on_step_end = Checkpoints.on_step_end

    def fall(self: Any, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if state.global_step == 7:
            raise KeyboardInterrupt
        on_step_end(self, args, state, control, **rest)

    monkeypatch.setattr(Checkpoints, "on_step_end", fall)
    with pytest.raises(KeyboardInterrupt):
        run_stage(cut)
    monkeypatch.undo()
    assert status_of(cut) == "begun"
    checkpoint = last_whole_checkpoint(cut / "checkpoints")
    assert checkpoint is not None
    assert checkpoint.name == "checkpoint-6"
    run_stage(cut)
    assert weights(cut) == weights(whole)
    steps = [json.loads(line)["step"] for line in (cut / CURVE).read_text().splitlines()]
    assert steps == sorted(steps)
    assert steps == [json.loads(line)["step"] for line in (whole / CURVE).read_text().splitlines()]


def test_a_killed_process_continues_in_another(model: Path, tmp_path: Path) -> None:
    method = Sft(optimisation=replace(FEW, steps=60))
    whole = stage_folder(tmp_path / "whole", method, model)
    run_stage(whole)
    killed = stage_folder(tmp_path / "killed", method, model)
    command = [sys.executable, "-m", "isogloss.align.stage", str(killed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while last_whole_checkpoint(killed / "checkpoints") is None and time.monotonic() < end:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    assert status_of(killed) == "begun"
    run_stage(killed)
    assert weights(killed) == weights(whole)
    assert not (killed / "checkpoints").exists()


def test_a_checkpoint_that_a_kill_cut_short_is_not_used(tmp_path: Path) -> None:
    for step, state in ((2, "{}"), (10, '{"global_'), (9, "{}")):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "trainer_state.json").write_text(state)
    (tmp_path / "checkpoint-11").mkdir()
    found = last_whole_checkpoint(tmp_path)
    assert found is not None
    assert found.name == "checkpoint-9"


def test_another_seed_is_another_model_and_the_same_seed_the_same(
    model: Path, tmp_path: Path
) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        run_stage(prepare(tmp_path / name, "reward", model, seed=seed))
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")


def test_a_stage_leaves_a_manifest_and_is_not_run_twice(model: Path, tmp_path: Path) -> None:
    folder = prepare(tmp_path / "stage", "sft", model)
    run_stage(folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["seed"] == 3
    assert manifest["steps"] == FEW.steps
    assert manifest["method"]["optimisation"]["learning_rate"] == 3e-3
    assert {"torch", "trl", "transformers"} <= set(manifest["versions"])
    (folder / "stage.json").write_text("not read again")
    before = weights(folder)
    run_stage(folder)
    assert weights(folder) == before


def test_fewer_processes_than_planned_are_refused(model: Path, tmp_path: Path) -> None:
    folder = prepare(tmp_path / "stage", "sft", model, profile=Profile(n_processes=2))
    with pytest.raises(InputError, match="planned for 2 processes and 1 run"):
        run_stage(folder)


def test_two_processes_share_a_batch_and_agree_on_checkpoints(model: Path, tmp_path: Path) -> None:
    profile = Profile(n_processes=2, checkpoint_seconds=0.0)
    folder = prepare(tmp_path / "stage", "sft", model, profile=profile)
    launched = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone",
         "-m", "isogloss.align.stage", str(folder)],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert launched.returncode == 0, launched.stderr[-2000:]
    assert json.loads((folder / MANIFEST).read_text())["steps"] == FEW.steps
    steps = [json.loads(line)["step"] for line in (folder / CURVE).read_text().splitlines()]
    assert steps == [*range(1, FEW.steps + 1), FEW.steps]  # one process writes, the sum last
    last = json.loads((folder / CURVE).read_text().splitlines()[-1])
    # All of the examples in one pass: two in each of two processes a step, not four in one.
    assert last["epoch"] == 1.0


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_adapters_are_merged_into_a_model_that_answers(family: str, tmp_path: Path) -> None:
    """The path a large model takes: LoRA, bfloat16, gradient checkpointing, its own template."""
    start = small_model(tmp_path / "model", family)
    profile = Profile(
        lora=Lora(rank=2, alpha=4), bf16=True, gradient_checkpointing=True, device_batch=2
    )
    folder = stage_folder(tmp_path / "stage", METHODS["dpo"], start, profile=profile)
    run_stage(folder)
    assert (folder / ADAPTER / "adapter_config.json").is_file()
    tensors = load_file(folder / MODEL / "model.safetensors")
    assert not any("lora" in name for name in tensors)
    assert {str(tensor.dtype) for tensor in tensors.values()} == {"torch.bfloat16"}
    prompt = Prompt(prompt_id="p", language="en", text="how", intent="benign", cluster_id="p")
    target = LocalTarget(folder / MODEL)
    (reply,) = target.complete([Request(prompt=prompt)], Decoding(max_new_tokens=4))
    assert reply.status == "ok"


@pytest.mark.parametrize("lora", [None, Lora(rank=2, alpha=4)])
def test_a_reward_model_learns_what_is_chosen(
    lora: Lora | None, model: Path, tmp_path: Path
) -> None:
    method = Reward(optimisation=replace(FEW, steps=60, learning_rate=1e-2))
    # That a refusal is better than help is learned by a random model too; for whom, is not.
    examples = [e for e in small_examples() if e.intent == "harmful"]
    folder = stage_folder(tmp_path / "stage", method, model, profile=Profile(lora=lora))
    write_examples(folder / TRAIN, examples * 12)
    run_stage(folder)
    asked = RewardModel(folder / MODEL, device="cpu")
    chosen = asked.scores([(e.prompt, e.chosen) for e in examples])
    rejected = asked.scores([(e.prompt, e.rejected or "") for e in examples])
    assert (chosen > rejected).mean() > 0.9


def test_a_score_does_not_depend_on_its_batch(model: Path, tmp_path: Path) -> None:
    folder = prepare(tmp_path / "stage", "reward", model)
    run_stage(folder)
    asked = RewardModel(folder / MODEL, device="cpu")
    exchanges = [(e.prompt * (1 + i % 3), e.chosen) for i, e in enumerate(small_examples())]
    alone = [asked.scores([exchange])[0] for exchange in exchanges]
    assert asked.scores(exchanges) == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize("algorithm", ["rloo", "grpo"])
def test_reinforcement_learning_watches_what_it_rewards(
    algorithm: Any, model: Path, tmp_path: Path
) -> None:
    reward = prepare(tmp_path / "reward", "reward", model)
    run_stage(reward)
    method = Rl(
        optimisation=replace(FEW, steps=3, batch_size=8), algorithm=algorithm, max_new_tokens=6
    )
    folder = stage_folder(
        tmp_path / "rl", method, model, reward=str(reward / MODEL), judge="rules",
        tiers={"en": "english", "sw": "low"},
    )  # fmt: skip
    run_stage(folder)
    points = [json.loads(line) for line in (folder / CURVE).read_text().splitlines()]
    names = {name for point in points for name in point}
    assert "kl" in names
    assert names & {"reward/english", "reward/low"}
    assert weights(folder) != (model / "model.safetensors").read_bytes()
    # Started over: what a cut run left does not count.
    (folder / MANIFEST).unlink()
    before = weights(folder)
    run_stage(folder)
    assert weights(folder) == before
