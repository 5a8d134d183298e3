"""Reading pairs: what lies in a row, what is kept on disk, and that a killed run resumes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from isogloss.concepts.activation_store import ActivationStore
from isogloss.concepts.activations import Activations
from isogloss.concepts.pairs import PairSet, ValuePair, make_pair_set
from isogloss.concepts.record import PairRecorder, RecordOptions, record_pair_set
from isogloss.concepts.templates import PromptTemplate
from isogloss.errors import DefectError, InputError, ModelError, StoreError
from isogloss.targets.model import LocalModel
from isogloss.targets.options import LocalOptions
from targets.tiny_models import tiny_model

WORDS = ["bread", "knife", "house", "lamp", "match", "hall", "kitchen", "tool", "place"]
PLAIN = PromptTemplate(kind="plain")
OPTIONS = RecordOptions(template=PLAIN, threads=1)


def make_pairs(concept: str = "morality", language: str = "en", n: int = 8) -> list[ValuePair]:
    """Poles of 1 to 9 words; splits in turn."""
    return [
        ValuePair(
            pair_id=f"p{k}",
            concept=concept,
            language=language,
            positive=f"{language} cut the " + " ".join(WORDS[: k % 9]),
            negative=f"{concept} bake the " + " ".join(WORDS[k % 5 :]),
            source="here",
            cluster_id=f"c{k // 2}",
            split=("train", "validation", "test")[k // 2 % 3],
        )
        for k in range(n)
    ]


def several() -> PairSet:
    return make_pair_set(
        [p for c in ("fairness", "morality") for t in ("en", "sw", "te") for p in make_pairs(c, t)]
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return LocalModel(str(tiny_model(tmp_path_factory.mktemp("m"))), LocalOptions(device="cpu"))


def by_hand(model: LocalModel, text: str, token: int = -1) -> np.ndarray:
    """Block outputs at one token, one text at a time; shape ``(L, H)``."""
    ids = torch.tensor([model.tokenizer(text)["input_ids"]])
    with torch.no_grad(), model.record() as states:
        model.network(ids)
    return torch.stack([states[layer][0, token] for layer in (0, 1)]).numpy()


def test_row_i_of_both_poles_is_pair_i(model: LocalModel) -> None:
    pairs = make_pairs()
    found = PairRecorder(model, OPTIONS).record(pairs[::-1])
    assert found.pair_ids == tuple(f"p{k}" for k in range(8))
    assert found.cluster_ids == tuple(f"c{k // 2}" for k in range(8))
    assert found.positive.shape == found.negative.shape == (8, 2, 32)
    for row, pair in enumerate(pairs):
        assert found.splits[row] == pair.split
        for states, text in ((found.positive, pair.positive), (found.negative, pair.negative)):
            np.testing.assert_allclose(states[row], by_hand(model, text.strip()), atol=1e-4)


def test_pairs_of_one_split(model: LocalModel) -> None:
    whole = PairRecorder(model, OPTIONS).record(make_pairs())
    part = whole.of_split("validation")
    assert part.pair_ids == ("p2", "p3")
    assert set(part.splits) == {"validation"}
    np.testing.assert_array_equal(part.positive, whole.positive[2:4])
    assert whole.of_split("test").n_pairs == 2
    assert whole.column_of(1) == 1
    with pytest.raises(InputError, match="layer 5 was not recorded; there are 0 to 1"):
        whole.column_of(5)


def test_arrays_that_do_not_fit_are_a_defect(model: LocalModel) -> None:
    whole = PairRecorder(model, OPTIONS).record(make_pairs())
    with pytest.raises(DefectError, match="do not fit together"):
        Activations(
            concept="c",
            language="en",
            pair_ids=whole.pair_ids[1:],
            cluster_ids=whole.cluster_ids[1:],
            splits=whole.splits[1:],
            positive=whole.positive,
            negative=whole.negative,
            layers=(0, 1),
        )


def test_the_file_holds_what_memory_does_and_any_reader_can_read_it(
    model: LocalModel, tmp_path: Path
) -> None:
    store = ActivationStore(folder=tmp_path / "activations")
    recorder = PairRecorder(model, OPTIONS)
    kept, stored = recorder.record(make_pairs()), recorder.record(make_pairs(), store)
    tensors = load_file(store.path("morality", "en"))
    for pole in ("positive", "negative"):
        np.testing.assert_array_equal(getattr(stored, pole), getattr(kept, pole))
        np.testing.assert_array_equal(tensors[pole], getattr(kept, pole))
        assert isinstance(getattr(stored, pole), np.memmap)
        assert not getattr(stored, pole).flags.writeable
    assert (stored.pair_ids, stored.cluster_ids, stored.splits, stored.layers) == (
        kept.pair_ids, kept.cluster_ids, kept.splits, kept.layers,
    )  # fmt: skip
    assert stored.meta == kept.meta
    assert stored.meta["template"] == "plain"
    assert stored.meta["position"] == "last_content"
    assert stored.meta["weights"] == model.weights
    assert store.groups() == [("morality", "en")]


def test_half_precision_on_disk_is_the_nearest_half(model: LocalModel, tmp_path: Path) -> None:
    store = ActivationStore(folder=tmp_path)
    half = RecordOptions(template=PLAIN, dtype="float16", threads=1)
    full = PairRecorder(model, OPTIONS).record(make_pairs())
    found = PairRecorder(model, half).record(make_pairs(), store)
    np.testing.assert_array_equal(found.positive, full.positive.astype(np.float16))


def test_chosen_layers_only(model: LocalModel) -> None:
    one = PairRecorder(model, RecordOptions(template=PLAIN, layers=(1,), threads=1))
    found, full = one.record(make_pairs()), PairRecorder(model, OPTIONS).record(make_pairs())
    assert found.layers == (1,)
    np.testing.assert_array_equal(found.positive, full.positive[:, 1:])
    with pytest.raises(ModelError, match="layer 9 asked for, but the model has 2: use 0 to 1"):
        PairRecorder(model, RecordOptions(template=PLAIN, layers=(9,)))


def test_streamed_means_are_the_means_of_what_is_kept(model: LocalModel) -> None:
    recorder = PairRecorder(model, OPTIONS)
    whole, means = recorder.record(make_pairs()), recorder.means(make_pairs())
    assert means.n_pairs == 8
    for found, rows in ((means.positive, whole.positive), (means.negative, whole.negative)):
        assert found is not None
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, rows.astype(np.float64).mean(axis=0), rtol=1e-12)


def test_a_group_is_read_again_only_when_something_changed(
    model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ActivationStore(folder=tmp_path)
    pairs = make_pairs()
    PairRecorder(model, OPTIONS).record(pairs, store)
    reads = _count_reads(monkeypatch)
    PairRecorder(model, OPTIONS).record(pairs[::-1], store)
    assert reads == []
    changed = [
        (OPTIONS, pairs[1:]),
        (RecordOptions(template=PLAIN, position="mean", threads=1), pairs),
        (RecordOptions(template=PLAIN, dtype="float16", threads=1), pairs),
        (RecordOptions(template=PromptTemplate(kind="chat"), threads=1), pairs),
    ]
    for n, (options, some) in enumerate(changed, 1):
        PairRecorder(model, options).record(some, store)
        assert len(reads) == n
    assert store.groups() == [("morality", "en")]


def _count_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    from isogloss.concepts import record

    reads: list[int] = []
    stream = record.stream_states

    def counted(*args: Any, **kwargs: Any) -> Iterator[Any]:
        reads.append(1)
        return stream(*args, **kwargs)

    monkeypatch.setattr(record, "stream_states", counted)
    return reads


def test_every_concept_and_language_is_read_and_progress_told(
    model: LocalModel, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    found = list(
        record_pair_set(
            PairRecorder(model, OPTIONS),
            several(),
            store=ActivationStore(folder=tmp_path),
            progress=lambda _stage, done, total: told.append((done, total)),
        )
    )
    groups = [(c, t) for c in ("fairness", "morality") for t in ("en", "sw", "te")]
    assert [(one.concept, one.language) for one in found] == groups
    assert told == [(n, 6) for n in range(7)]


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
sys.path.insert(0, {tests!r})
from concepts import test_activations as here
from isogloss.concepts import record
torch.set_num_threads(1)
after = int(sys.argv[3])
stream, seen = record.stream_states, []
def deadly(*args, **kwargs):
    for batch in stream(*args, **kwargs):
        yield batch
        seen.append(1)
        if len(seen) == after:
            os.kill(os.getpid(), signal.SIGKILL)
record.stream_states = deadly
model = here.LocalModel(sys.argv[1], here.LocalOptions(device="cpu"))
store = here.ActivationStore(folder=Path(sys.argv[2]))
options = record.RecordOptions(template=here.PLAIN, threads=1, batch_tokens=60)
list(record.record_pair_set(record.PairRecorder(model, options), here.several(), store=store))
"""


def test_a_killed_run_resumes_to_the_same_bytes(model: LocalModel, tmp_path: Path) -> None:
    def run(folder: Path, after: int) -> int:
        script = KILLED.format(tests=str(Path(__file__).parents[1]))
        return subprocess.run(
            [sys.executable, "-c", script, model.source, str(folder), str(after)],
            timeout=120,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        ).returncode

    def files(folder: Path, pattern: str) -> dict[str, bytes]:
        return {
            str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob(pattern) if p.is_file()
        }

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(whole, 0) == 0
    assert run(killed, 14) == -signal.SIGKILL
    expected, before = files(whole, "*"), files(killed, "*.safetensors")
    assert 0 < len(before) < len(expected) == 6
    assert list(killed.rglob("*.part"))
    times = {p: p.stat().st_mtime_ns for p in killed.rglob("*.safetensors")}
    assert run(killed, 0) == 0
    assert files(killed, "*") == expected
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())  # not read again


def test_texts_that_cannot_be_read_leave_their_pair_out_with_a_reason(
    model: LocalModel, tmp_path: Path
) -> None:
    long = "bread " * 200
    bad = ValuePair(
        pair_id="p3x", concept="morality", language="en", positive="cut", negative=long,
        source="here", cluster_id="c", split="test",
    )  # fmt: skip
    store = ActivationStore(folder=tmp_path)
    for kept in (None, store):
        found = PairRecorder(model, OPTIONS).record([*make_pairs(), bad], kept)
        assert found.pair_ids == tuple(f"p{k}" for k in range(8))
        n_tokens = len(model.tokenizer(long.strip())["input_ids"])
        assert n_tokens > 200
        assert dict(found.not_measured) == {
            "p3x": f"{n_tokens} tokens are more than the model's context of 128"
        }
        nothing = PairRecorder(model, OPTIONS).record([bad], kept)
        assert nothing.positive.shape == (0, 2, 32)
        assert list(nothing.not_measured) == ["p3x"]
    means = PairRecorder(model, OPTIONS).means([bad])
    assert (means.n_pairs, means.positive, means.negative) == (0, None, None)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_activations_that_are_no_numbers_are_an_error(tmp_path: Path, value: float) -> None:
    broken = LocalModel(str(tiny_model(tmp_path / "m")), LocalOptions(device="cpu"))
    broken.network.model.layers[1].register_forward_hook(lambda _m, _i, out: out * value)
    store = ActivationStore(folder=tmp_path / "s")
    with pytest.raises(ModelError, match=r"pair 'p\d' \(morality, en\) at layer 1 is (nan|-?inf)"):
        PairRecorder(broken, OPTIONS).record(make_pairs(), store)
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


def test_numbers_too_large_for_half_precision_are_an_error(tmp_path: Path) -> None:
    large = LocalModel(str(tiny_model(tmp_path / "m")), LocalOptions(device="cpu"))
    large.network.model.layers[0].register_forward_hook(lambda _m, _i, out: out * 1e6)
    half = RecordOptions(template=PLAIN, dtype="float16", threads=1)
    with pytest.raises(ModelError, match="float16 cannot keep; store them as float32"):
        PairRecorder(large, half).record(make_pairs(), ActivationStore(folder=tmp_path / "s"))
    assert PairRecorder(large, OPTIONS).record(make_pairs()).n_pairs == 8


def test_a_store_says_what_is_wrong_with_a_file(model: LocalModel, tmp_path: Path) -> None:
    store = ActivationStore(folder=tmp_path)
    assert store.groups() == []
    with pytest.raises(StoreError, match="no activations of morality in en are stored"):
        store.read("morality", "en")
    PairRecorder(model, OPTIONS).record(make_pairs(), store)
    path = store.path("morality", "en")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(StoreError, match="not the size its header says; remove it"):
        store.read("morality", "en")
    for damaged in (b"", b"\0" * 80, whole[:40], b"\x02" + b"\0" * 7 + b"{}"):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="not a file of activations"):
            store.groups()


def test_names_that_are_no_file_names_are_kept_apart(model: LocalModel, tmp_path: Path) -> None:
    store = ActivationStore(folder=tmp_path)
    recorder = PairRecorder(model, OPTIONS)
    for concept in ("../a b", "a/b"):
        recorder.record(make_pairs(concept, n=2), store)
    assert store.groups() == [("../a b", "en"), ("a/b", "en")]
    assert {p.parent.parent for p in tmp_path.rglob("*.safetensors")} == {tmp_path}


def test_a_folder_that_cannot_be_written_is_an_error(model: LocalModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        PairRecorder(model, OPTIONS).record(
            make_pairs(), ActivationStore(folder=tmp_path / "file" / "activations")
        )


def test_pairs_of_two_languages_at_once_are_a_defect(model: LocalModel) -> None:
    with pytest.raises(DefectError, match="2 concepts and languages"):
        PairRecorder(model, OPTIONS).record([*make_pairs(), *make_pairs(language="sw")])
