"""Vectors: what is planted comes back; files keep it bit for bit; GGUF is what llama.cpp reads."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from concepts.planted_activations import planted, unit
from isogloss.concepts.export import export_gguf
from isogloss.concepts.parallel import parallel_pairs
from isogloss.concepts.vector_file import (
    ConceptVectors,
    VectorOrigin,
    concept_vectors,
    load_vectors,
    save_vectors,
)
from isogloss.concepts.vectors import METHODS, Method, extract_vectors, learn_vectors
from isogloss.errors import InputError

ORIGIN = VectorOrigin(
    model="lab:tiny",
    revision="abc",
    model_type="llama",
    template="Question: {positive}",
    position="last_content",
)


def sides(
    rng: np.random.Generator, direction: np.ndarray, *, n: int = 400, spread: float = 4.0
) -> tuple[np.ndarray, np.ndarray]:
    """(n, 1, H) sides apart by ``direction``, with a common part a pair and noise of 0.5."""
    pair = rng.standard_normal((n, 1, direction.size)) * spread
    noise = rng.standard_normal((2, n, 1, direction.size)) * 0.5
    return pair + direction / 2 + noise[0], pair - direction / 2 + noise[1]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def made(layers: int = 3) -> ConceptVectors:
    """Vectors of one planted language."""
    activations = planted(
        np.random.default_rng(0),
        {"fi": 3 * unit(8, 1)},
        strength_by_layer=np.linspace(0.5, 1, layers).tolist(),
    )
    learned = learn_vectors(parallel_pairs(activations, "train"))
    return concept_vectors(learned, ORIGIN)[0]


@pytest.mark.parametrize("method", METHODS)
def test_a_planted_direction_is_recovered(method: Method) -> None:
    rng = np.random.default_rng(3)
    direction = 6 * unit(32, 1, -2, 3)
    # The probe sees every text by itself, so the pairs' common part is noise to it.
    positive, negative = sides(rng, direction, spread=0.0 if method == "logistic" else 4.0)
    found = extract_vectors(positive, negative, method=method)
    assert found.shape == (1, 32)
    assert cosine(found[0], direction) > 0.99
    assert cosine(extract_vectors(negative, positive, method=method)[0], direction) < -0.99


def test_mean_difference_is_the_papers_formula() -> None:
    positive = np.array([[[3.0, 1.0]], [[5.0, 1.0]]])
    negative = np.array([[[1.0, 0.0]], [[1.0, 4.0]]])
    assert extract_vectors(positive, negative).tolist() == [[3.0, -1.0]]  # (4, 1) - (1, 2)


def test_means_are_accumulated_in_float64() -> None:
    rng = np.random.default_rng(0)
    offset = np.float16(1000)  # float16 steps by 0.5 here: a sum in float16 would lose everything
    negative = np.full((3000, 1, 4), offset, dtype=np.float16)
    positive = (negative + rng.integers(0, 2, negative.shape) * np.float16(0.5)).astype(np.float16)
    exact = (positive.astype(object) - negative.astype(object)).sum(axis=0) / 3000
    found = extract_vectors(positive, negative)
    np.testing.assert_allclose(found, exact.astype(np.float64), rtol=1e-14)


def test_pca_is_not_centred_and_the_others_unit_length() -> None:
    rng = np.random.default_rng(1)
    direction = 4 * unit(16, 1)
    positive, negative = sides(rng, direction, n=10)  # fewer pairs than dimensions
    for method in ("pca", "logistic"):
        vector = extract_vectors(positive, negative, method=method)[0]
        assert np.linalg.norm(vector) == pytest.approx(1)
    # All differences equal: nothing is left once centred, and the mean direction when not.
    same = extract_vectors(np.ones((9, 1, 4)), np.ones((9, 1, 4)) * [0, 1, 1, 1], method="pca")
    np.testing.assert_allclose(same, [[1, 0, 0, 0]], atol=1e-12)


def test_logistic_probe_minimises_its_loss() -> None:
    """No direction near the found one has a lower value of the stated loss, written out anew."""
    rng = np.random.default_rng(2)
    positive, negative = sides(rng, 2 * unit(3, 1), n=60, spread=0.0)
    direction = extract_vectors(positive, negative, method="logistic")[0]
    texts = np.vstack([positive[:, 0], negative[:, 0]])
    texts = (texts - texts.mean(axis=0)) / np.sqrt(np.square(texts - texts.mean(axis=0)).mean())
    label = np.repeat([1.0, 0.0], 60)

    def loss(w: np.ndarray, b: float) -> float:
        z = texts @ w + b  # -log p = log(1 + exp(-z)), -log(1 - p) = log(1 + exp(z))
        fit = label * np.logaddexp(0, -z) + (1 - label) * np.logaddexp(0, z)
        return float(fit.sum() + 0.5 * w @ w)

    grid = [(s, b) for s in np.linspace(0.1, 12, 240) for b in np.linspace(-0.5, 0.5, 11)]
    best = min(loss(s * direction, b) for s, b in grid)
    for _ in range(30):
        turned = direction + 0.2 * rng.standard_normal(3)
        turned /= np.linalg.norm(turned)
        assert min(loss(s * turned, b) for s, b in grid[::7]) > best - 1e-2


@pytest.mark.parametrize("method", METHODS)
def test_sides_that_do_not_differ_give_a_zero_vector(method: Method) -> None:
    side = np.random.default_rng(0).standard_normal((8, 1, 4))
    assert not extract_vectors(side, side, method=method).any()


def test_vectors_refuse_what_they_cannot_use() -> None:
    side = np.ones((2, 1, 3))
    with pytest.raises(InputError, match="needs pairs"):
        extract_vectors(side[:0], side[:0])
    with pytest.raises(InputError, match="one shape"):
        extract_vectors(side, side[:1])
    with pytest.raises(InputError, match="unknown vector method 'mean'"):
        extract_vectors(side, side, method="mean")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="layer 0 are not finite"):
        extract_vectors(side * np.nan, side)


def test_learning_uses_training_pairs_only_and_says_where_it_cannot() -> None:
    rng = np.random.default_rng(0)
    fi, sw = planted(rng, {"fi": unit(8, 1), "sw": unit(8, 1)}, concept="fairness")
    spoiled = fi.positive.copy()
    spoiled[[split != "train" for split in fi.splits]] = 1e6
    few = sw.of_split("test")
    learned = learn_vectors(
        parallel_pairs([replace(fi, positive=spoiled), few], "train"), "mean_difference"
    )
    clean = learn_vectors(parallel_pairs([fi], "train"), "mean_difference")
    np.testing.assert_array_equal(learned.vectors[0], clean.vectors[0])
    assert learned.reasons == (None, "no train pairs of fairness in sw")
    assert [v.language for v in concept_vectors(learned, ORIGIN)] == ["fi"]
    assert learned.n_pairs == (60, 0)


def test_two_pairs_are_too_few_and_infinite_activations_an_error() -> None:
    rng = np.random.default_rng(0)
    sizes = {"train": 2, "validation": 6, "test": 6}
    (two,) = planted(rng, {"te": unit(4, 1)}, sizes=sizes)
    learned = learn_vectors(parallel_pairs([two], "train"))
    assert learned.reasons[0] is not None
    assert learned.reasons[0].startswith("only 2 train pairs of harmfulness in te")
    (broken,) = planted(rng, {"te": unit(4, 1)})
    broken.negative[3, 0, 1] = np.inf
    with pytest.raises(InputError, match="harmfulness in te at layer 0 are not finite"):
        learn_vectors(parallel_pairs([broken], "train"))


def test_a_file_keeps_vectors_bit_for_bit_and_says_how_to_read_them(tmp_path: Path) -> None:
    vectors = made()
    path = tmp_path / "vectors" / "harmfulness.fi.safetensors"
    save_vectors(vectors, path)
    back = load_vectors(path)
    np.testing.assert_array_equal(back.vectors, vectors.vectors)
    assert back.origin == ORIGIN
    assert (back.layers, back.n_pairs, back.versions) == ((0, 1, 2), 60, vectors.versions)
    length = struct.unpack("<Q", path.read_bytes()[:8])[0]
    header = json.loads(path.read_bytes()[8 : 8 + length])
    told = json.loads(header["__metadata__"]["isogloss"])
    assert told["layer_convention"] == "0-based block output"
    assert told["polarity"] == "towards the positive (value-aligned) pole"
    assert header["norms"]["shape"] == [3]
    assert list(path.parent.iterdir()) == [path]


def test_a_strange_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(InputError, match="cannot be read"):
        load_vectors(path)
    path.write_bytes(b"not safetensors")
    with pytest.raises(InputError, match="cannot be read"):
        load_vectors(path)
    tensors = {"vectors": np.zeros((2, 3), np.float32), "layers": np.arange(2)}
    save_file(tensors, path)
    with pytest.raises(InputError, match="no concept vectors of Isogloss"):
        load_vectors(path)
    save_file(tensors, path, metadata={"isogloss": '{"concept": "x", "surprise": 1}'})
    with pytest.raises(InputError, match="cannot be read"):
        load_vectors(path)
    save_vectors(replace(made(), layers=(0, 1)), path)
    with pytest.raises(InputError, match="do not fit layers"):
        load_vectors(path)


def test_gguf_has_our_layer_k_under_direction_k(tmp_path: Path) -> None:
    reader = pytest.importorskip("gguf").GGUFReader
    vectors = made(layers=4)
    path = tmp_path / "v.gguf"
    done = export_gguf(vectors, path)
    assert done.layers == (1, 2, 3)
    assert list(done.left_out) == [0]
    assert "no slot for the first block" in done.left_out[0]
    read = reader(path)
    fields = {name: field.contents() for name, field in read.fields.items()}
    assert fields["general.architecture"] == "controlvector"
    assert fields["controlvector.model_hint"] == "llama"
    assert fields["controlvector.layer_count"] == 3
    assert fields["isogloss.polarity"] == "towards the positive (value-aligned) pole"
    found = {tensor.name: tensor for tensor in read.tensors}
    assert set(found) == {"direction.1", "direction.2", "direction.3"}
    for layer in (1, 2, 3):
        tensor = found[f"direction.{layer}"]
        assert tensor.tensor_type.name == "F32"
        assert tensor.shape.tolist() == [8]
        np.testing.assert_array_equal(tensor.data, vectors.vectors[layer])


def test_gguf_says_what_cannot_be_exported(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    with pytest.raises(InputError, match=r"nothing to export \(layer 0: llama.cpp"):
        export_gguf(made(layers=1), tmp_path / "v.gguf")
    with pytest.raises(InputError, match="no vector at layer 7; these are: 0, 1, 2"):
        export_gguf(made(), tmp_path / "v.gguf", layers=[7])
    flat = replace(made(), vectors=made().vectors * np.array([[1], [0], [1]], np.float32))
    assert export_gguf(flat, tmp_path / "v.gguf").layers == (2,)
