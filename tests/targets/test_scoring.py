"""The likelihood of given texts, plain and steered, against one read one token at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from isogloss.errors import ModelError
from isogloss.targets import scoring
from isogloss.targets.edits import Edit, parse_positions
from isogloss.targets.model import LocalModel
from isogloss.targets.options import LocalOptions
from isogloss.targets.scoring import TextScore, score_texts
from targets.naive_steering import FAMILIES, direction, edit, naive_logits, write_models

LENGTHS = (5, 12, 1, 9, 12, 2)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_models(tmp_path_factory)


@pytest.fixture
def llama(folders: dict[str, Path]) -> LocalModel:
    return LocalModel(str(folders["llama"]), LocalOptions(device="cpu"))


def texts() -> list[list[int]]:
    draw = torch.Generator().manual_seed(3)
    return [torch.randint(6, 300, (n,), generator=draw).tolist() for n in LENGTHS]


def edits() -> list[Edit | None]:
    steered = edit(vectors={0: direction(1, 8.0), 2: direction(2, 8.0)}, operator="piecewise")
    return [None, steered, edit(), edit(strength=0.0), None, steered]


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_are_scored_as_read_one_token_at_a_time(
    folders: dict[str, Path], family: str
) -> None:
    """Whatever edits all of a text edits all of each of its beginnings."""
    model = LocalModel(str(folders[family]), LocalOptions(device="cpu"))
    found = score_texts(model, texts(), edits=edits(), batch_tokens=30)
    for text, made, score in zip(texts(), edits(), found, strict=True):
        expected = 0.0
        for n in range(1, len(text)):
            logits = naive_logits(model.network, text[:n], [], made).double()
            expected -= float(logits.log_softmax(-1)[text[n]])
        assert score.n_tokens == len(text) - 1
        assert score.nats == pytest.approx(expected, rel=1e-5, abs=1e-4)


def test_batches_and_chunks_do_not_show(llama: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = score_texts(llama, texts(), edits=edits())
    monkeypatch.setattr(scoring, "_CHUNK_LOGITS", 1)
    for budget in (1, 25):
        parts = score_texts(llama, texts(), edits=edits(), batch_tokens=budget)
        assert [s.nats for s in parts] == pytest.approx([s.nats for s in whole], rel=1e-5)


def test_a_wide_vocabulary_makes_small_batches(
    llama: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, ...]] = []
    llama.network.model.embed_tokens.register_forward_hook(lambda _m, _i, o: sizes.append(o.shape))
    monkeypatch.setattr(scoring, "_BATCH_LOGITS", 13 * llama.vocabulary_size)
    score_texts(llama, texts())
    assert [size[:2] for size in sizes] == [(1, 12), (1, 12), (1, 9), (2, 5), (1, 1)]


def test_one_token_has_no_likelihood_and_is_not_perfect(llama: LocalModel) -> None:
    assert score_texts(llama, [[7]]) == [TextScore(nats=0.0, n_tokens=0)]
    assert TextScore(nats=0.0, n_tokens=0).nats_per_token is None
    assert TextScore(nats=6.0, n_tokens=4).nats_per_token == 1.5
    assert score_texts(llama, []) == []


def test_generated_tokens_are_not_what_is_scored(llama: LocalModel) -> None:
    generated = edit(positions=parse_positions("generated"))
    assert score_texts(llama, texts(), edits=generated) == score_texts(llama, texts())


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"texts": [[7], []]}, "text 1 has no tokens"),
        ({"texts": [[7] * 129]}, "text 0 has 129 tokens, but the context of .* ends at 128"),
        ({"texts": [[7]], "edits": edit(vectors={9: direction(0)})}, "layer 9 asked for"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_anything_runs(
    llama: LocalModel, inputs: dict[str, Any], message: str
) -> None:
    passes: list[int] = []
    llama.network.register_forward_pre_hook(lambda *_: passes.append(1))
    with pytest.raises(ModelError, match=message):
        score_texts(llama, **inputs)
    assert passes == []


def test_out_of_memory_names_the_way_out(llama: LocalModel) -> None:
    def refuse(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    llama.network.register_forward_pre_hook(refuse)
    with pytest.raises(ModelError, match=r"6 texts of up to 12 tokens .* batch_tokens below 100"):
        score_texts(llama, texts(), batch_tokens=100)
