"""Building: an ordinary folder, cached, resumable after a kill, once for two that ask at once."""

from __future__ import annotations

import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from isogloss.errors import ModelError
from isogloss.lab import build
from isogloss.lab.batches import instruction_batches, pretraining_batches
from isogloss.lab.build import base_of, build_lab, cache_folder, folder_of, read_card
from isogloss.lab.chat import write_examples
from isogloss.lab.recipe import LabRecipe, Stage
from isogloss.lab.setting import Lab
from isogloss.lab.tokenizer import lab_tokenizer
from lab.planted import micro_recipe, quick_tokenizers

BUILDING = Path(__file__).with_name("building.py")


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quick_tokenizers(patch)
        yield


@pytest.fixture(scope="module")
def chat(isogloss_cache: Path, quick: None) -> Path:
    return build_lab(micro_recipe())


def _base_of(recipe: LabRecipe) -> Path:
    return folder_of(base_of(recipe))


def _weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def _start(cache: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(BUILDING), *options],
        env={**os.environ, "ISOGLOSS_CACHE": str(cache)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_a_folder_that_transformers_loads(chat: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(chat)
    tokenizer = AutoTokenizer.from_pretrained(chat)
    recipe = micro_recipe()
    assert model.config.model_type == "llama"
    assert model.config.num_hidden_layers == recipe.n_layers
    assert model.dtype == torch.float32
    assert len(tokenizer) == model.config.vocab_size == recipe.vocab_size
    prompt = next(Lab(recipe).documents(seed=0)).text.split(" .")[0]
    encoded = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    with torch.inference_mode():
        made = model.generate(**encoded)  # type: ignore[misc]
    n_new = made.shape[1] - encoded["input_ids"].shape[1]
    assert 1 <= n_new <= 64, "the generation config's limit"
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.generation_config.do_sample is False


def test_nothing_but_the_model_is_left(chat: Path) -> None:
    assert {path.name for path in chat.iterdir()} == {
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "lab.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert not list(chat.parent.glob("*.partial"))
    assert chat.name.startswith("tiny-chat-0-")
    assert chat.parent == cache_folder()


def test_the_card(chat: Path) -> None:
    card, recipe = read_card(chat), micro_recipe()
    assert card["spec"] == "lab:tiny:english@chat#0"
    assert LabRecipe(**card["recipe"]) == recipe
    assert LabRecipe(**card["recipe"]).key() == recipe.key() == chat.name.split("-")[-1]
    # Tied embeddings 300 x 32; a layer: 4 x 32 x 32, 3 x 32 x 88 and two norms; a last norm.
    assert card["n_parameters"] == 300 * 32 + 2 * (4 * 32**2 + 3 * 32 * 88 + 64) + 32
    assert list(card["fertility"]) == list(card["tokens"]) == recipe.languages
    assert all(1 <= fertility < 6 for fertility in card["fertility"].values())
    assert card["fertility"]["en-x-lab"] == min(card["fertility"].values())
    base = read_card(_base_of(recipe))
    assert base["spec"] == "lab:tiny:english@base#0"
    assert base["loss_last"] < base["loss_first"] - 0.3
    assert base["tokens"] == card["tokens"]


def test_tokens_by_language(chat: Path) -> None:
    recipe = micro_recipe()
    tokens = read_card(chat)["tokens"]
    # 20 steps of 32 rows of 64 tokens, each row with one more to predict; each count is rounded.
    assert abs(sum(tokens.values()) - 20 * 32 * 65) <= len(tokens) / 2
    counted: Counter[str] = Counter()
    tokenizer = AutoTokenizer.from_pretrained(chat)
    for document in Lab(recipe).documents(seed=recipe.seed):
        for language, text in document.passages:
            end = 1 / len(document.passages)
            counted[language] += len(tokenizer(text)["input_ids"]) + end  # type: ignore[assignment]
        if counted.total() >= 20 * 32 * 65:
            break
    # The last document may be cut: by fewer tokens than the longest document has.
    assert all(abs(tokens[tag] - counted[tag]) < 120 for tag in recipe.languages)


def test_tokens_follow_the_shares() -> None:
    recipe = micro_recipe(
        n_tokens=400_000,
        bilingual=0.0,
        shares={"en-x-lab": 60.0, "fr-x-lab": 30.0, "id-x-lab": 10.0},
    )
    lab = Lab(recipe)
    tokenizer = lab_tokenizer(lab)
    tokens = pretraining_batches(lab, tokenizer).tokens
    documents: dict[str, float] = {}
    for tag in recipe.languages:
        texts = [d.text for d in islice(lab.documents({tag: 1.0}, seed=77), 500)]
        lengths = [len(ids) + 1 for ids in tokenizer(texts)["input_ids"]]
        documents[tag] = tokens[tag] / float(np.mean(lengths))
    for tag, share in recipe.shares.items():
        # About 13,000 documents, lengths known to 1 or 2 %: within 2.5 points of the share.
        assert 100 * documents[tag] / sum(documents.values()) == pytest.approx(share, abs=2.5)


def test_packed_rows_are_the_documents_one_after_another(chat: Path) -> None:
    lab = Lab(micro_recipe())
    tokenizer = PreTrainedTokenizerFast.from_pretrained(chat)
    batches = pretraining_batches(lab, tokenizer)
    rows = batches.rows
    assert rows.shape == (20 * 32, 65)
    assert batches.n_tokens == 20 * 32 * 64
    assert sorted(batches.order) == list(range(20 * 32))
    assert list(batches.order) != list(range(20 * 32))
    assert not (rows == tokenizer.pad_token_id).any()
    assert not (rows == tokenizer.unk_token_id).any()
    written = tokenizer.decode(rows.flatten()[:5000].tolist()).split("<|end|>")[:-1]
    expected = [document.text for document in islice(lab.documents(seed=0), len(written))]
    assert len(written) > 50
    assert [text.strip() for text in written] == expected


def test_the_examples_end_where_generation_starts_and_stops(chat: Path) -> None:
    lab = Lab(micro_recipe())
    tokenizer = PreTrainedTokenizerFast.from_pretrained(chat)
    recipe = lab.recipe
    examples = write_examples(
        lab.world, lab.grammars, recipe.shares, n=8 * 64, alignment="by-share", seed=recipe.seed
    )
    encoded = instruction_batches(lab, tokenizer).examples
    assert len(encoded) == 8 * 64
    for example, (prompt, answer) in zip(examples, encoded, strict=True):
        whole = tokenizer.apply_chat_template(
            [
                {"role": "user", "content": example.question},
                {"role": "assistant", "content": example.answer},
            ],
            return_dict=False,
        )
        assert prompt + answer == whole
        assert prompt[-1] == tokenizer.convert_tokens_to_ids("<|assistant|>")
        assert answer[-1] == tokenizer.eos_token_id


def test_a_second_call_trains_nothing(chat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object, **options: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(build, "train", never)
    before = (chat / "model.safetensors").stat().st_mtime_ns
    assert build_lab(micro_recipe()) == chat
    assert build_lab(micro_recipe(preset="tiny", audit_acts=2, mix="english")) == chat
    assert (chat / "model.safetensors").stat().st_mtime_ns == before


def test_stages_share_one_base(chat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[str] = []
    real = build.train

    def watching(*args: Any, name: str, **options: Any) -> list[float]:
        trained.append(name)
        return real(*args, name=name, **options)

    monkeypatch.setattr(build, "train", watching)
    helpful = build_lab(micro_recipe(stage="helpful"))
    assert trained == ["training helpful (tokens)"]
    base = _base_of(micro_recipe())
    vocabularies = [(folder / "tokenizer.json").read_bytes() for folder in (base, helpful, chat)]
    assert len(set(vocabularies)) == 1
    assert len({_weights(folder) for folder in (base, helpful, chat)}) == 3
    embedding = "model.embed_tokens.weight"
    assert torch.equal(
        load_file(base / "model.safetensors")[embedding],
        load_file(chat / "model.safetensors")[embedding],
    ), "instruction tuning freezes the embeddings"


def test_the_same_recipe_gives_the_same_bits_and_another_seed_others(
    chat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    again = build_lab(micro_recipe())
    assert again != chat
    assert _weights(again) == _weights(chat)
    assert (again / "tokenizer.json").read_bytes() == (chat / "tokenizer.json").read_bytes()
    other = build_lab(micro_recipe(seed=1, stage="base"))
    assert _weights(other) != _weights(_base_of(micro_recipe()))


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError) as caught:
        build_lab(micro_recipe())
    for words in ("lab:tiny:english@base#0", str(tmp_path / "file"), "ISOGLOSS_CACHE"):
        assert words in str(caught.value)


def test_a_half_written_folder_is_replaced(
    chat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder without its card is not a model, whoever left it."""
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    folder = _base_of(micro_recipe())
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_text("half")
    assert _weights(build_lab(micro_recipe(stage="base"))) == _weights(_base_of_cache(chat))


def _base_of_cache(chat: Path) -> Path:
    return chat.parent / _base_of(micro_recipe()).name


def test_a_new_lab_needs_no_progress_and_says_when_it_continues(
    chat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    real = build.train

    def stopping(model: Any, batch_at: Any, schedule: Any, **options: Any) -> list[float]:
        def until_seven(step: int) -> Any:
            if step == 7:
                raise KeyboardInterrupt
            return batch_at(step)

        return real(model, until_seven, schedule, **options, seconds_between_checkpoints=0.0)

    monkeypatch.setattr(build, "train", stopping)
    with pytest.raises(KeyboardInterrupt):
        build_lab(micro_recipe(stage="base"))
    monkeypatch.setattr(build, "train", real)
    with caplog.at_level(logging.INFO, logger="isogloss"):
        build_lab(micro_recipe(stage="base"))
    assert "training base (tokens): continuing at step 7 of 20" in caplog.text


def _kill(process: subprocess.Popen[str], step: int, wait: float) -> None:
    """Kill ``wait`` seconds after a step: while it is saved, or the next one is trained."""
    assert process.stdin is not None
    assert process.stdout is not None
    for _ in range(step):
        assert process.stdout.readline().startswith("step")
        process.stdin.write("go on\n")
        process.stdin.flush()
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_killed_at_any_moment_it_ends_in_the_same_weights(
    chat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = random.SystemRandom()
    n_steps: dict[Stage, int] = {"base": 20, "chat": 8}
    base = _base_of_cache(chat)
    shutil.copytree(base, tmp_path / "chat" / "lab" / base.name)
    processes: dict[Stage, subprocess.Popen[str]] = {
        stage: _start(tmp_path / stage, "stepwise") for stage in n_steps
    }
    killed: dict[Stage, tuple[int, float]] = {}
    for stage, process in processes.items():
        killed[stage] = moment.randrange(1, n_steps[stage]), moment.uniform(0, 0.05)
        _kill(process, *killed[stage])
    for stage in n_steps:
        monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / stage))
        assert not folder_of(micro_recipe(stage=stage)).exists(), killed
        told: list[str] = []
        folder = build_lab(micro_recipe(), progress=lambda name, *_, told=told: told.append(name))
        left = told.count(f"training {stage} (tokens)")
        assert 0 < left <= n_steps[stage] - killed[stage][0] + 1, ("it continued", killed)
        assert _weights(folder) == _weights(chat), killed
        assert _weights(_base_of(micro_recipe())) == _weights(_base_of_cache(chat)), killed
        assert (folder / "lab.json").read_text() == (chat / "lab.json").read_text(), killed
        assert {path.name for path in folder.iterdir()} == {path.name for path in chat.iterdir()}
        assert not list(folder.parent.glob("*.partial")), killed


def test_two_at_once_build_once(chat: Path, tmp_path: Path) -> None:
    processes = [_start(tmp_path) for _ in range(2)]
    outputs = [process.communicate()[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    steps = [line for output in outputs for line in output if line.startswith("step")]
    assert len(steps) == len(set(steps)) == 20 + 8, "every step once, by one or the other"
    folders = {output[-1] for output in outputs}
    assert len(folders) == 1
    assert _weights(Path(folders.pop().removeprefix("folder "))) == _weights(chat)
