"""Sentence retrieval: of N sentences, is a sentence's translation the one the model holds nearest?

A cheap measure of how far two languages share one space. A sentence is the mean of a block's
outputs over its tokens; sentences of a language are centred on their mean, which takes out what all
of them have in common (Libovický et al. 2020, arXiv 2004.05160); a query in A is answered by the
sentence in B of the largest cosine, among the N that both languages have, as in the Tatoeba task of
XTREME (Hu et al. 2020, arXiv 2003.11080). Accuracy is the share of right answers, chance is 1 / N,
and k sentences that are equally near count 1 / k each.

The layer is the one with the best mean accuracy on *other* sentences (validation).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isogloss.concepts.vectors import Array
from isogloss.progress import Progress, silent
from isogloss.records import Measurement, Prompt
from isogloss.stats.intervals import clustered_rate
from isogloss.targets.model import LocalModel, default_threads, torch_threads
from isogloss.targets.recording import TokenSpan, default_reading_tokens, stream_states

METRIC = "retrieval_accuracy"
MIN_SENTENCES = 10
"""Fewer candidates say little: chance alone is 10 %."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SentenceStates:
    """Sentences of one language as a model holds them.

    Attributes:
        ids: N, sorted; the same in every language.
        clusters: of the same sentences.
        n_tokens: of the same sentences, without what the tokenizer puts around them.
        states: (N, L, H) float32, the mean block output over a sentence's tokens.
    """

    language: str
    ids: tuple[str, ...]
    clusters: tuple[str, ...]
    n_tokens: tuple[int, ...]
    states: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Retrieval:
    """Of every ordered pair of languages, which queries were answered rightly.

    Attributes:
        languages: S tags.
        clusters: (query language, candidate language) → those of the N sentences both have.
        hits: the same → (N, L) in [0, 1]; not computed below `MIN_SENTENCES`.
    """

    languages: tuple[str, ...]
    clusters: Mapping[tuple[str, str], tuple[str, ...]]
    hits: Mapping[tuple[str, str], Array]

    def accuracy(self, pair: tuple[str, str]) -> Array | None:
        """(L,) share of right answers; None below `MIN_SENTENCES`."""
        hits = self.hits[pair]
        return hits.mean(axis=0) if len(hits) >= MIN_SENTENCES else None


def read_sentences(
    model: LocalModel,
    prompts: Sequence[Prompt],
    *,
    batch_tokens: int | None = None,
    progress: Progress = silent,
) -> list[SentenceStates]:
    """Read sentences as plain text behind the model's opening token, where it has one.

    Args:
        prompts: parallel by ``prompt_id``, one a language and id. Those that are longer than the
            model's context, or that no token is left of, are left out.

    Returns:
        One a language, in the order in which they come.
    """
    by_language: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        by_language.setdefault(prompt.language, []).append(prompt)
    found: list[SentenceStates] = []
    with torch_threads(default_threads(model.n_parameters)):
        for done, (language, mine) in enumerate(by_language.items()):
            progress("sentences (languages)", done, len(by_language))
            ordered = sorted(mine, key=lambda prompt: prompt.prompt_id)
            found.append(_read(model, language, ordered, batch_tokens))
    progress("sentences (languages)", len(by_language), len(by_language))
    return found


def _read(
    model: LocalModel, language: str, prompts: Sequence[Prompt], batch_tokens: int | None
) -> SentenceStates:
    opening = [
        token
        for token in (model.tokenizer.bos_token_id, model.tokenizer.eos_token_id)
        if token is not None
    ][:1]
    texts = [prompt.text for prompt in prompts]
    tokens: list[list[int]] = model.tokenizer(texts, add_special_tokens=False)["input_ids"]
    most = model.context_length or 10**9
    kept = [at for at, row in enumerate(tokens) if row and len(row) + len(opening) <= most]
    spans = [
        TokenSpan(
            tokens=(*opening, *tokens[at]),
            start=len(opening),
            stop=len(opening) + len(tokens[at]),
        )
        for at in kept
    ]
    budget = batch_tokens or default_reading_tokens(model.device.type)
    rows: dict[int, NDArray[np.float32]] = {}
    for indices, states in stream_states(model.network, spans, layers=None, batch_tokens=budget):
        rows.update(zip(indices, states, strict=True))
    return SentenceStates(
        language=language,
        ids=tuple(prompts[at].prompt_id for at in kept),
        clusters=tuple(prompts[at].cluster_id for at in kept),
        n_tokens=tuple(len(tokens[at]) for at in kept),
        states=np.array([rows[at] for at in range(len(kept))], dtype=np.float32),
    )


def retrieve(sentences: Sequence[SentenceStates]) -> Retrieval:
    """Ask every language's sentences of every other language, at every layer."""
    hits: dict[tuple[str, str], Array] = {}
    clusters: dict[tuple[str, str], tuple[str, ...]] = {}
    for query in sentences:
        for other in sentences:
            if query is other:
                continue
            shared = sorted(set(query.ids) & set(other.ids))
            pair = (query.language, other.language)
            place = dict(zip(query.ids, query.clusters, strict=True))
            clusters[pair] = tuple(place[name] for name in shared)
            hits[pair] = np.zeros((len(shared), 1))
            if len(shared) >= MIN_SENTENCES:
                hits[pair] = nearest_is_own(_of(query, shared), _of(other, shared))
    return Retrieval(
        languages=tuple(one.language for one in sentences), clusters=clusters, hits=hits
    )


def nearest_is_own(queries: Array, candidates: Array) -> Array:
    """(N, L) 1 where candidate i is the nearest to query i, shared at ties.

    Args:
        queries: (N, L, H); row i of both sides is the same sentence.
        candidates: (N, L, H).
    """
    result = np.zeros(queries.shape[:2])
    for layer in range(queries.shape[1]):
        cosine = _units(queries[:, layer]) @ _units(candidates[:, layer]).T  # (N, N)
        own = np.diag(cosine)
        best = cosine.max(axis=1)
        ties = (cosine >= best[:, None] - 1e-9).sum(axis=1)
        result[:, layer] = np.where(own >= best - 1e-9, 1 / ties, 0.0)
    return result


def _units(states: Array) -> Array:
    """(N, H) centred, of length 1; 0 where nothing is left."""
    centred = states - states.mean(axis=0)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return centred / np.where(length > 1e-12, length, np.inf)


def _of(sentences: SentenceStates, ids: Sequence[str]) -> Array:
    place = {name: at for at, name in enumerate(sentences.ids)}
    return sentences.states[[place[name] for name in ids]].astype(np.float64)


def choose_retrieval_layer(validation: Retrieval) -> int | None:
    """The layer of the best mean accuracy over ordered pairs; the earliest of several equal ones.

    None where no pair of languages has `MIN_SENTENCES` in common.
    """
    known = [found for pair in validation.hits if (found := validation.accuracy(pair)) is not None]
    return int(np.argmax(np.round(np.mean(known, axis=0), 12))) if known else None


def retrieval_rows(test: Retrieval, layer: int | None, *, target: str) -> list[Measurement]:
    """A row an ordered pair: ``source_language`` asks, the answer is sought in ``language``.

    Metric ``retrieval_accuracy``; ``n`` sentences, as many candidates; chance in the method.
    """
    rows: list[Measurement] = []
    for (query, language), hits in test.hits.items():
        row = Measurement(
            area="concepts", metric=METRIC, target=target, source_language=query,
            language=language, layer=layer, n=len(hits), scope="this model",
        )  # fmt: skip
        if layer is None or len(hits) < MIN_SENTENCES:
            reason = f"{len(hits)} sentences in common; needs {MIN_SENTENCES}"
            if len(hits) >= MIN_SENTENCES:
                reason = "no layer could be chosen: too few validation sentences in common"
            rows.append(replace(row, reason=reason, verdict="not measured"))
        else:
            rows.append(_measured(row, hits[:, layer], test.clusters[query, language]))
    return rows


def _measured(row: Measurement, hits: Array, clusters: Sequence[str]) -> Measurement:
    names, member = np.unique(np.array(clusters), return_inverse=True)
    found = clustered_rate(
        np.bincount(member, weights=hits, minlength=len(names)),
        np.bincount(member, minlength=len(names)),
    )
    return replace(
        row, estimate=found.estimate, low=found.low, high=found.high, k=found.k,
        n_clusters=found.n_clusters,
        method=(
            f"nearest of {hits.size} by cosine of centred means over tokens (chance "
            f"{1 / hits.size:.3f}), layer by mean validation accuracy; {found.method}"
        ),
    )  # fmt: skip
