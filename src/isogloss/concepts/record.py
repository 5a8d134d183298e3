"""Reading value pairs with a model: one forward pass a text, all layers at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from isogloss.concepts.activation_store import (
    ActivationStore,
    GroupHeader,
    StoredDtype,
    stored_dtype,
)
from isogloss.concepts.activations import Activations, Position
from isogloss.concepts.pairs import PairSet, ValuePair
from isogloss.concepts.templates import PairReader, PromptTemplate, Unreadable
from isogloss.errors import DefectError, ModelError
from isogloss.progress import Progress, silent
from isogloss.seeds import content_hash
from isogloss.targets.layers import checked_layers, decoder_blocks, hidden_size
from isogloss.targets.model import LocalModel, default_threads, torch_threads
from isogloss.targets.recording import TokenSpan, default_reading_tokens, stream_states


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOptions:
    """How pairs are read.

    Attributes:
        template: how a pole is put to the model.
        position: which of its tokens is looked at.
        layers: 0-based block numbers; None is all.
        dtype: of what is stored; float16 halves the files, and is refused where a number does not
            fit into it.
        batch_tokens: most tokens of a batch, padding included; None chooses by device (see
            `isogloss.targets.recording.default_reading_tokens`). It shapes the last bits of the
            result.
        threads: as in `isogloss.targets.options.LocalOptions`.
    """

    template: PromptTemplate
    position: Position = "last_content"
    layers: tuple[int, ...] | None = None
    dtype: StoredDtype = "float32"
    batch_tokens: int | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoleMeans:
    """Mean block output of either pole, for models too large to keep single vectors of.

    Attributes:
        positive, negative: shape ``(L, H)``, float64, summed in float64; None where ``n_pairs`` is
            0.
        n_pairs: measured on both poles.
        layers, not_measured: as in `Activations`.
    """

    positive: np.ndarray | None
    negative: np.ndarray | None
    n_pairs: int
    layers: tuple[int, ...]
    not_measured: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Group:
    """The readable pairs of one group, and their texts: positive at 2i, negative at 2i + 1."""

    pairs: tuple[ValuePair, ...]
    texts: tuple[TokenSpan, ...]
    not_measured: dict[str, str]


class PairRecorder:
    """Reads pairs with one model in one way.

    Args:
        model: loaded.
        options: how; see `RecordOptions`.

    Raises:
        ModelError: the model's blocks cannot be found, it has no such layer, or its chat template
            cannot be used.

    Example:
        >>> recorder = PairRecorder(model, RecordOptions(template=template))  # doctest: +SKIP
        >>> english = recorder.record(pairs)  # doctest: +SKIP
        >>> english.positive.shape  # (pairs, layers, hidden)  # doctest: +SKIP
    """

    def __init__(self, model: LocalModel, options: RecordOptions) -> None:
        self.model = model
        self.options = options
        self.layers = checked_layers(options.layers, len(decoder_blocks(model.network)))
        self.hidden_size = hidden_size(model.network)
        self._reader = PairReader(model.tokenizer, options.template, options.position)
        self._batch_tokens = options.batch_tokens or default_reading_tokens(model.device.type)
        self.meta = {
            **model.describe(),
            "weights": model.weights,
            "template": options.template.identity(model.tokenizer),
            "position": options.position,
            "batch_tokens": self._batch_tokens,
            "torch": version("torch"),
            "transformers": version("transformers"),
        }

    def record(
        self, pairs: Sequence[ValuePair], store: ActivationStore | None = None
    ) -> Activations:
        """The activations of one concept in one language.

        A text that is longer than the model's context, that the template changes or that the
        tokenizer drops leaves its pair out, with the reason.

        Args:
            pairs: of one concept and language, at least one; their order does not matter.
            store: where they are kept: read from there if they were made of the same pairs by the
                same model in the same way, and written there if not. None keeps them in memory.

        Raises:
            ModelError: a NaN or an infinity among the activations, or out of memory.
            StoreError: the store cannot be read or written.
        """
        concept, language, pairs = _one_group(pairs)
        key = self._key(pairs)
        if store is not None and store.key_of(concept, language) == key:
            return store.read(concept, language)
        group = self._read(pairs)
        header = GroupHeader(
            concept=concept,
            language=language,
            key=key,
            pair_ids=tuple(pair.pair_id for pair in group.pairs),
            cluster_ids=tuple(pair.cluster_id for pair in group.pairs),
            splits=tuple(pair.split for pair in group.pairs),
            layers=self.layers,
            hidden_size=self.hidden_size,
            dtype=stored_dtype(self.options.dtype),
            not_measured=group.not_measured,
            meta=self.meta,
        )
        if store is None:
            return self._in_memory(group, header)
        with store.writing(header) as writer:
            for index, states in self._stream(group):
                writer.write(index // 2, positive=index % 2 == 0, states=states)
        return store.read(concept, language)

    def means(self, pairs: Sequence[ValuePair]) -> PoleMeans:
        """The mean of either pole over all pairs, keeping no single vector.

        Args:
            pairs: of one concept and language (and, for a vector, of one split); at least one.

        Raises:
            ModelError: as `record`.
        """
        _, _, pairs = _one_group(pairs)
        group = self._read(pairs)
        n_pairs = len(group.pairs)
        sums = np.zeros((2, len(self.layers), self.hidden_size))  # float64
        for index, states in self._stream(group):
            sums[index % 2] += states
        means = sums / n_pairs if n_pairs else None
        return PoleMeans(
            positive=None if means is None else means[0],
            negative=None if means is None else means[1],
            n_pairs=n_pairs,
            layers=self.layers,
            not_measured=group.not_measured,
        )

    def _in_memory(self, group: _Group, header: GroupHeader) -> Activations:
        shape = (len(group.pairs), 2, len(self.layers), self.hidden_size)
        kept = np.empty(shape, header.dtype)
        for index, states in self._stream(group):
            kept[index // 2, index % 2] = states
        return Activations(
            concept=header.concept,
            language=header.language,
            pair_ids=header.pair_ids,
            cluster_ids=header.cluster_ids,
            splits=tuple(pair.split for pair in group.pairs),
            positive=kept[:, 0],
            negative=kept[:, 1],
            layers=self.layers,
            not_measured=group.not_measured,
            meta=self.meta,
        )

    def _read(self, pairs: Sequence[ValuePair]) -> _Group:
        kept: list[ValuePair] = []
        texts: list[TokenSpan] = []
        reasons: dict[str, str] = {}
        poles = (self._reader.read(pairs, positive=pole) for pole in (True, False))
        for pair, positive, negative in zip(pairs, *poles, strict=True):
            checked = [self._checked(positive), self._checked(negative)]
            reason = next((text.reason for text in checked if isinstance(text, Unreadable)), None)
            if reason is None:
                kept.append(pair)
                texts.extend(text for text in checked if isinstance(text, TokenSpan))
            else:
                reasons[pair.pair_id] = reason
        return _Group(tuple(kept), tuple(texts), reasons)

    def _checked(self, text: TokenSpan | Unreadable) -> TokenSpan | Unreadable:
        if isinstance(text, Unreadable):
            return text
        room = self.model.context_length
        if room is not None and len(text.tokens) > room:
            return Unreadable(
                reason=f"{len(text.tokens)} tokens are more than the model's context of {room}"
            )
        if max(text.tokens) >= self.model.vocabulary_size:
            return Unreadable(
                reason=f"the tokenizer gave token {max(text.tokens)}, but the model's vocabulary "
                f"ends at {self.model.vocabulary_size - 1}"
            )
        return text

    def _stream(self, group: _Group) -> Iterator[tuple[int, np.ndarray]]:
        """(index into the texts, its finite states ``(L, H)`` in float32)."""
        threads = self.options.threads or default_threads(self.model.n_parameters)
        batches = stream_states(
            self.model.network,
            group.texts,
            layers=self.layers,
            batch_tokens=self._batch_tokens,
        )
        with torch_threads(threads):
            for indices, states in batches:
                self._check(group, indices, states)
                yield from zip(indices, states, strict=True)

    def _check(self, group: _Group, indices: list[int], states: np.ndarray) -> None:
        if states.shape[-1] != self.hidden_size:
            raise ModelError(
                f"the blocks of {self.model.source} give {states.shape[-1]} numbers, but its "
                f"config says hidden_size {self.hidden_size}; it cannot be recorded."
            )
        limit = np.finfo(stored_dtype(self.options.dtype)).max
        fits = np.abs(states) <= limit  # False for NaN
        if fits.all():
            return
        row, column, _ = np.argwhere(~fits)[0]
        pair = group.pairs[indices[row] // 2]
        bad = states[row, column][~fits[row, column]][0]
        cure = (
            "store them as float32 (dtype)"
            if np.isfinite(bad)
            else "load the model in bfloat16 or float32, or check its weights"
        )
        raise ModelError(
            f"{self.model.source} in {self.meta['dtype']}: the activation of pair "
            f"{pair.pair_id!r} ({pair.concept}, {pair.language}) at layer {self.layers[column]} "
            f"is {bad:g}, which {self.options.dtype} cannot keep; {cure}."
        )

    def _key(self, pairs: Sequence[ValuePair]) -> str:
        """Names all that shapes the rows: the pairs, the model, the way, the software."""
        parts = [
            self.model.weights,
            *(f"{name}={self.meta[name]}" for name in ("template", "position", "dtype")),
            *(f"{name}={self.meta[name]}" for name in ("batch_tokens", "torch", "transformers")),
            self.model.device.type,
            self.options.dtype,
            repr(self.layers),
        ]
        for pair in pairs:
            parts += [pair.pair_id, pair.cluster_id, pair.split, pair.positive, pair.negative]
            parts += [pair.context or "", pair.context_kind or ""]
        return content_hash(*parts)


def record_pair_set(
    recorder: PairRecorder,
    pair_set: PairSet,
    *,
    store: ActivationStore | None = None,
    progress: Progress = silent,
) -> Iterator[Activations]:
    """Yield the activations of every concept in every language, sorted; resumes from the store."""
    groups = list(pair_set.groups())
    for done, (_, _, pairs) in enumerate(groups):
        progress("activations", done, len(groups))
        yield recorder.record(pairs, store)
    progress("activations", len(groups), len(groups))


def _one_group(pairs: Sequence[ValuePair]) -> tuple[str, str, list[ValuePair]]:
    names = {(pair.concept, pair.language) for pair in pairs}
    if len(names) != 1:
        raise DefectError(f"pairs of {len(names)} concepts and languages where one was expected")
    ((concept, language),) = names
    return concept, language, sorted(pairs, key=lambda pair: pair.pair_id)
