"""A guard: one file with what is done to requests in each language; for its own model only."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from isogloss.errors import InputError, ModelError, StoreError
from isogloss.records import Decoding, Prompt, Request
from isogloss.targets.edits import Condition, Edit, parse_positions
from isogloss.targets.guard import Guard, GuardOrigin, load_guard, save_guard
from isogloss.targets.load import load_target
from isogloss.targets.local import LocalTarget
from isogloss.targets.options import LocalOptions
from targets.tiny_models import tiny_model

WIDTH = 32


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("llama"))


def origin(weights: str) -> GuardOrigin:
    return GuardOrigin(
        model="hf:mine", weights=weights, model_type="llama", concept="harmfulness",
        source_language="en", toward="refuse", examples=4, template="chat", versions={},
    )  # fmt: skip


def guard(weights: str, width: int, *, layer: int = 1) -> Guard:
    rng = np.random.default_rng(0)

    def vector() -> np.ndarray:
        return rng.normal(size=width).astype(np.float32)

    gate = Condition(layer=layer, direction=vector(), threshold=0.25, side="below")
    edits = {
        "sw": Edit(vectors={layer: vector() * 9}, strength=-3.0, operator="add", condition=gate),
        "fi": Edit(
            vectors={0: vector(), 1: vector()}, strength=0.7, operator="piecewise",
            positions=parse_positions("last:2+generated"),
        ),
    }  # fmt: skip
    return Guard(origin=origin(weights), edits=edits)


def test_a_guard_comes_back_bit_for_bit(tmp_path: Path) -> None:
    made = guard("w", WIDTH)
    save_guard(made, tmp_path / "deep" / "g.safetensors")
    back = load_guard(tmp_path / "deep" / "g.safetensors")
    assert back.origin == made.origin
    assert back.fingerprint == made.fingerprint
    for tag, edit in made.edits.items():
        found = back.edits[tag]
        assert (found.strength, found.operator, str(found.positions)) == (
            edit.strength, edit.operator, str(edit.positions),
        )  # fmt: skip
        assert all(np.array_equal(found.vectors[k], v) for k, v in edit.vectors.items())
        assert (found.condition is None) == (edit.condition is None)
        if found.condition is not None and edit.condition is not None:
            assert np.array_equal(found.condition.direction, edit.condition.direction)
            assert found.condition.threshold == edit.condition.threshold
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["g.safetensors"]
    stronger = replace(made, edits={"sw": replace(made.edits["sw"], strength=-4.0)})
    assert stronger.fingerprint != made.fingerprint


def requests() -> list[Request]:
    return [
        Request(
            prompt=Prompt(
                prompt_id=f"p{i}", language=tag, text=f"tell me {i}", intent="harmful",
                cluster_id=str(i),
            )
        )
        for i in range(4)
        for tag in ("sw", "fi", "de")
    ]  # fmt: skip


def test_a_guarded_target_answers_under_the_edit_of_the_prompts_language(
    model: Path, tmp_path: Path
) -> None:
    plain = LocalTarget(model)
    width = plain.model.network.config.hidden_size
    made = guard(plain.model.weights, width)
    save_guard(made, tmp_path / "g.safetensors")
    options = LocalOptions(guard=tmp_path / "g.safetensors")
    guarded = load_target(f"hf:{model}", options=options)
    assert isinstance(guarded, LocalTarget)
    by_hand = plain.steered(lambda prompt: made.edits.get(prompt.language), "by hand")
    decoding = Decoding(max_new_tokens=8)
    texts = [
        {(*r.request.key,): r.text for r in target.complete(requests(), decoding)}
        for target in (plain, guarded, by_hand)
    ]
    assert texts[1] == texts[2]
    changed = {key[1] for key in texts[0] if texts[0][key] != texts[1][key]}
    assert changed
    assert "de" not in changed, "a language that the guard does not name is left alone"
    assert guarded.template != plain.template, "guarded and plain replies never mix"
    assert made.fingerprint in guarded.template


def test_a_guard_of_another_model_is_refused(model: Path, tmp_path: Path) -> None:
    weights = LocalTarget(model).model.weights
    path = tmp_path / "g.safetensors"
    width = LocalTarget(model).model.network.config.hidden_size
    for made, told in (
        (guard("other", width), "has other weights"),
        (guard(weights, width + 1), str(width + 1)),
        (guard(weights, width, layer=40), "40"),
    ):
        save_guard(made, path)
        with pytest.raises((ModelError, InputError), match=told):
            LocalTarget(model, options=LocalOptions(guard=path))


def test_what_is_no_guard_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--guard-out"):
        load_guard(tmp_path / "none.safetensors")
    path = tmp_path / "g.safetensors"
    path.write_bytes(b"not safetensors")
    with pytest.raises(InputError, match="cannot be read as a guard"):
        load_guard(path)
    save_file({"vectors": np.ones((1, 2), np.float32)}, path)
    with pytest.raises(InputError, match="it has no header"):
        load_guard(path)
    save_file({"x": np.ones(2, np.float32)}, path, metadata={"isogloss": json.dumps({"a": 1})})
    with pytest.raises(InputError, match="cannot be read as a guard"):
        load_guard(path)
    save_guard(guard("w", 4), path)
    save_file({"x": np.ones(2, np.float32)}, path, metadata={"isogloss": _header_of(path)})
    with pytest.raises(InputError, match="cannot be read as a guard"):
        load_guard(path)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        save_guard(guard("w", 4), blocked / "g.safetensors")


def _header_of(path: Path) -> str:
    size = int.from_bytes(path.read_bytes()[:8], "little")
    return json.loads(path.read_bytes()[8 : 8 + size])["__metadata__"]["isogloss"]


def test_targets_without_hidden_states_take_no_guard(tmp_path: Path) -> None:
    options = LocalOptions(guard=tmp_path / "g.safetensors")
    for spec in ("openai:m", f"replay:{tmp_path}/r.jsonl"):
        with pytest.raises(ModelError, match="out of reach"):
            load_target(spec, options=options)
