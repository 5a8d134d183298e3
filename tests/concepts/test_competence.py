"""Bits per character against a plain loop, windows, batches, and planted competence."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from isogloss.concepts.competence import (
    METRIC,
    Competence,
    competence_rows,
    measure_competence,
    ratio_interval,
)
from isogloss.concepts.held_out import lab_texts, load_texts
from isogloss.errors import InputError, ModelError
from isogloss.lab.setting import Lab
from isogloss.targets.model import LocalModel
from isogloss.targets.options import LocalOptions
from lab.planted import micro_recipe
from targets.tiny_models import tiny_model

TEXTS = {
    "en": ["how do I cut the bread", "the tool of the lamp is a match , the place is here", "a"],
    "de": ["ein Brot schneiden und backen", "ein Haus bauen", "Straße"],
}  # fmt: skip


def model_at(folder: Path) -> LocalModel:
    return LocalModel(str(folder), LocalOptions(device="cpu", dtype="float32"))


@pytest.fixture(scope="module", params=["llama", "bloom", "gpt2"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return model_at(tiny_model(tmp_path_factory.mktemp(request.param), request.param))


def plain_bits(model: LocalModel, text: str, window: int) -> float:
    """One token after the other: what each costs, given the last tokens before it."""
    ids = [1, *model.tokenizer(text, add_special_tokens=False)["input_ids"]]
    total, done = 0.0, 1
    while done < len(ids):
        start = 0 if done == 1 else done - window // 2
        stop = min(len(ids), start + window)
        for at in range(done, stop):
            with torch.no_grad():
                logits = model.network(torch.tensor([ids[start:at]])).logits[0, -1].double()
            total -= float(torch.log_softmax(logits, -1)[ids[at]]) / math.log(2)
        done = stop
    return total


@pytest.mark.parametrize("window", [512, 8, 5])
def test_bits_are_those_of_one_token_after_the_other(model: LocalModel, window: int) -> None:
    found = measure_competence(model, TEXTS, window=window)
    for one in found:
        texts = TEXTS[one.language]
        effective = min(window, model.context_length or window)
        bits = sum(plain_bits(model, text, effective) for text in texts)
        characters = sum(map(len, texts))
        assert one.bits_per_character == pytest.approx(bits / characters, rel=1e-5)
        assert (one.n_texts, one.n_characters, one.window) == (3, characters, effective)


def test_batches_and_order_do_not_matter(model: LocalModel) -> None:
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    one = measure_competence(model, TEXTS, batch_tokens=1)
    shuffled = {tag: texts[::-1] for tag, texts in reversed(TEXTS.items())}
    two = {x.language: x for x in measure_competence(model, shuffled, batch_tokens=10_000)}
    for x in one:
        assert x.bits_per_character == pytest.approx(two[x.language].bits_per_character, rel=1e-5)
        assert x.low == pytest.approx(two[x.language].low, rel=1e-4)
    for name, value in model.network.state_dict().items():
        assert torch.equal(value, before[name])
        assert value.grad is None


def test_a_uniform_model_pays_the_log_of_its_vocabulary(tmp_path: Path) -> None:
    model = model_at(tiny_model(tmp_path))
    with torch.no_grad():
        model.network.get_output_embeddings().weight.zero_()
    [found] = measure_competence(model, {"en": ["how do I cut"]})
    expected = found.n_tokens * math.log2(model.vocabulary_size) / found.n_characters
    assert found.bits_per_character == pytest.approx(expected, rel=1e-6)
    assert found.low is None
    assert found.reason == "one text: no interval"


def test_nothing_to_read_is_not_measured(model: LocalModel) -> None:
    [found] = measure_competence(model, {"fi": []})
    assert (found.bits_per_character, found.reason) == (None, "no held-out text")
    [row] = competence_rows([found], target="t")
    assert (row.metric, row.estimate, row.n, row.reason) == (METRIC, None, 0, "no held-out text")


def test_unknown_tokens_make_no_likelihood(tmp_path: Path) -> None:
    model = model_at(tiny_model(tmp_path))
    model.tokenizer.unk_token = "a"  # as if one in a few tokens were not the text's
    [found] = measure_competence(model, {"en": ["a b a b"]})
    assert found.bits_per_character is None
    assert "unknown to the tokenizer" in (found.reason or "")


def test_a_model_without_any_special_token_is_refused(tmp_path: Path) -> None:
    model = model_at(tiny_model(tmp_path))
    model.tokenizer.bos_token = model.tokenizer.eos_token = None
    with pytest.raises(ModelError, match="neither an opening nor an end token"):
        measure_competence(model, TEXTS)
    with pytest.raises(InputError, match="2 tokens or more"):
        measure_competence(model, TEXTS, window=1)


def test_the_interval_covers() -> None:
    n, simulations, truth = 40, 1500, 1.5
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(simulations):
        characters = rng.integers(20, 200, n).astype(float)
        bits = truth * characters + rng.normal(size=n) * np.sqrt(characters) * 2
        low, high = ratio_interval(bits, characters)
        hits += low is not None and high is not None and low <= truth <= high
    assert 0.925 <= hits / simulations <= 0.97


def test_the_labs_texts_are_parallel_and_not_the_training_text() -> None:
    lab = Lab(micro_recipe())
    texts = lab_texts(lab, n=30)
    assert set(texts) == set(lab.recipe.languages)
    assert lab_texts(lab, n=30) == texts
    assert lab_texts(lab, n=30, seed=1) != texts
    sentences = {tag: [text.count(".") for text in of] for tag, of in texts.items()}
    assert len({tuple(n) for n in sentences.values()}) == 1  # the same content in each
    english = set(texts["en-x-lab"])
    documents = lab.documents(seed=lab.recipe.seed)
    trained = {next(documents).text for _ in range(2000)}
    assert len(english & trained) <= 3  # a short document may come twice in so small a world


def test_a_users_texts(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("id,language,text\n1,eng,hello there\n2,swh,habari\n3,en,good day\n")
    assert load_texts(path) == {"en": ["hello there", "good day"], "sw": ["habari"]}
    path.write_text("language,text\nen, \n")
    with pytest.raises(InputError, match="line 2: column text: the text is empty"):
        load_texts(path)
    path.write_text("lang,text\nen,x\n")
    with pytest.raises(InputError, match="language missing; needed: language, text"):
        load_texts(path)


@pytest.mark.lab
def test_a_language_with_more_training_text_is_known_better(tiny_lab: Path) -> None:
    from isogloss.lab.recipe import parse_spec

    lab = Lab(parse_spec("lab:tiny"))
    found = measure_competence(model_at(tiny_lab), lab_texts(lab, n=60))
    bits = {one.language: one.bits_per_character or 0.0 for one in found}
    shares = lab.recipe.shares
    most, least = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    assert 0 < bits[most] < bits[least]
    order = sorted(shares, key=shares.__getitem__)
    ranks = np.corrcoef(np.argsort(np.argsort([bits[t] for t in order])), np.arange(len(order)))
    assert ranks[0, 1] < -0.5


def test_rows_say_windows() -> None:
    one = Competence(language="en", bits_per_character=1.2, low=1.1, high=1.3, n_texts=4, window=64)
    [row] = competence_rows([one], target="t")
    assert row.unit == "bits per character"
    assert "windows of 64 tokens" in (row.method or "")
