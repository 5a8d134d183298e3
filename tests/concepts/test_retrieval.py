"""Sentence retrieval on planted states, and on a model read sentence by sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from isogloss.concepts.retrieval import (
    MIN_SENTENCES,
    SentenceStates,
    choose_retrieval_layer,
    nearest_is_own,
    read_sentences,
    retrieval_rows,
    retrieve,
)
from isogloss.records import Prompt
from isogloss.targets.model import LocalModel
from isogloss.targets.options import LocalOptions
from targets.tiny_models import tiny_model

N, H = 40, 16
Array = NDArray[np.float64]


def sentences(language: str, states: Array, ids: list[str] | None = None) -> SentenceStates:
    """(N, L, H) states; two sentences a cluster."""
    names = ids or [f"s{at:02d}" for at in range(len(states))]
    return SentenceStates(
        language=language,
        ids=tuple(names),
        clusters=tuple(f"c{int(name[1:]) // 2}" for name in names),
        n_tokens=(4,) * len(names),
        states=states.astype(np.float32),
    )


def shared_space(rng: np.random.Generator, noise: tuple[float, ...]) -> tuple[Array, Array]:
    """Two languages that hold the same meaning, each with a place of its own; a noise a layer."""
    meaning = rng.normal(size=(N, 1, H))
    level = np.array(noise)[None, :, None]
    one, other = (
        meaning + level * rng.normal(size=(N, len(noise), H)) + 20 * rng.normal(size=H)
        for _ in range(2)
    )
    return one, other


def test_translations_are_found_wherever_their_language_lies() -> None:
    one, other = shared_space(np.random.default_rng(0), (0.1,))
    assert nearest_is_own(one, other).mean() == 1.0


def test_chance_is_one_over_n() -> None:
    rng = np.random.default_rng(1)
    draws = [nearest_is_own(*rng.normal(size=(2, N, 1, H))).mean() for _ in range(60)]
    assert np.mean(draws) == pytest.approx(1 / N, abs=0.008)


def test_ties_are_shared() -> None:
    """Four sentences of which two are held alike: each of those has one chance in two."""
    states = np.eye(4)[:, None, :]
    alike = states.copy()
    alike[1] = alike[0]
    assert nearest_is_own(states, states)[:, 0].tolist() == [1, 1, 1, 1]
    assert nearest_is_own(alike, alike)[:, 0].tolist() == [0.5, 0.5, 1, 1]
    assert nearest_is_own(np.ones((4, 1, 4)), states)[:, 0].tolist() == [0.25] * 4


def test_the_layer_is_chosen_on_other_sentences_and_rows_say_so() -> None:
    rng = np.random.default_rng(2)
    noise = (3.0, 0.5, 3.0)
    chosen = retrieve([sentences(*pair) for pair in zip(("en", "sw"), shared_space(rng, noise),
                                                        strict=True)])  # fmt: skip
    layer = choose_retrieval_layer(chosen)
    assert layer == 1
    test = retrieve([sentences(*pair) for pair in zip(("en", "sw"), shared_space(rng, noise),
                                                      strict=True)])  # fmt: skip
    rows = retrieval_rows(test, layer, target="t")
    assert {(r.source_language, r.language) for r in rows} == {("en", "sw"), ("sw", "en")}
    for row in rows:
        assert row.estimate is not None
        assert row.estimate > 0.5
        assert row.low is not None
        assert row.low < row.estimate
        assert (row.n, row.n_clusters, row.layer) == (N, N // 2, 1)
        assert "nearest of 40" in (row.method or "")
        assert "chance 0.025" in (row.method or "")


def test_sentences_meet_by_id_and_never_by_place() -> None:
    one, other = shared_space(np.random.default_rng(3), (0.1,))
    order = np.random.default_rng(4).permutation(N)[: N - 5]  # five are missing in one language
    names = [f"s{at:02d}" for at in order]
    found = retrieve([sentences("en", one), sentences("sw", other[order], names)])
    assert found.hits["en", "sw"].shape == (N - 5, 1)
    assert found.hits["en", "sw"].mean() == 1.0
    assert found.clusters["sw", "en"] == tuple(f"c{at // 2}" for at in sorted(order))


def test_few_sentences_are_not_measured() -> None:
    one, other = shared_space(np.random.default_rng(5), (0.1,))
    few = MIN_SENTENCES - 1
    found = retrieve([sentences("en", one[:few]), sentences("sw", other)])
    assert choose_retrieval_layer(found) is None
    rows = retrieval_rows(found, 0, target="t")
    assert {(r.estimate, r.verdict) for r in rows} == {(None, "not measured")}
    assert "9 sentences in common" in (rows[0].reason or "")
    whole = retrieve([sentences("en", one), sentences("sw", other)])
    assert "no layer" in (retrieval_rows(whole, None, target="t")[0].reason or "")


def test_a_sentence_is_the_mean_over_its_own_tokens(tmp_path: Path) -> None:
    model = LocalModel(str(tiny_model(tmp_path / "model")), LocalOptions(device="cpu"))
    texts = ["cut the bread", "ein Haus bauen", "the lamp", "knife " * 200]
    prompts = [
        Prompt(prompt_id=f"p{at}", language="en", text=text, intent="benign", cluster_id=f"p{at}")
        for at, text in enumerate(texts)
    ]
    (read,) = read_sentences(model, prompts)
    assert read.ids == ("p0", "p1", "p2")  # the last one is longer than the context
    for at in range(3):
        tokens = model.tokenizer(texts[at], add_special_tokens=False)["input_ids"]
        assert read.n_tokens[at] == len(tokens)
        with model.record() as states, torch.no_grad():
            model.network(torch.tensor([[model.tokenizer.bos_token_id, *tokens]]))
            for layer, found in states.items():
                mean = found[0, 1:].double().mean(0).numpy()
                np.testing.assert_allclose(read.states[at, layer], mean, atol=1e-5)
