"""Do languages that are alike have concept vectors that are alike? Association, never cause.

P2 (section 4.2, Table 1) correlates the cross-lingual consistency of concept vectors with four
kinds of linguistic similarity, by Pearson's r over pairs of languages:

- ``direct``: over all pairs;
- ``split``: over the pairs with a high-resource language in them and over the pairs of two
  low-resource languages apart, and the mean of the two; so a difference between the groups alone
  (both more consistent and more alike) makes no correlation.

Here each pair counts once, a missing similarity is left out, and p comes from permuting languages
(`isogloss.stats.correlation`). P2 prints no p, and its code reads ``direct`` one cell late: each
cosine is set against the *next* pair's similarity, so that a true r of 1 may come out near 0.
``partial`` is ``direct`` once more with each language's competence (held-out bits per character)
taken out of both sides: two languages a model knows badly have noisy vectors, related or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isogloss.concepts.similarity import Array, Similarities
from isogloss.errors import InputError
from isogloss.seeds import derive_seed
from isogloss.stats.correlation import N_PERMUTATIONS, mantel, partial_mantel, pearson
from isogloss.stats.intervals import Estimate, not_measured

Design = Literal["direct", "split", "partial"]
DESIGNS: tuple[Design, ...] = ("direct", "split", "partial")
_Mask = NDArray[np.bool_]
_Index = NDArray[np.intp]

MIN_PAIRS = 5
"""Pairs a correlation needs, in each group of ``split``."""
SPLIT = "Pearson within high-resource and low-resource pairs, their mean; languages permuted within"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinguisticCorrelation:
    """One association of one kind.

    Attributes:
        kind: of similarity, one of `isogloss.concepts.similarity.KINDS`.
        estimate: r in [-1, 1] without an interval (pairs share languages); ``n`` pairs,
            ``n_clusters`` languages, two-sided ``p_value``, uncorrected.
    """

    kind: str
    design: Design
    estimate: Estimate


def linguistic_correlations(
    values: Array,
    similarities: Similarities,
    *,
    high_resource: Sequence[str] = (),
    competence: Mapping[str, float] | None = None,
    seed: int = 0,
) -> list[LinguisticCorrelation]:
    """Correlate a matrix between languages with every kind of similarity, in every design.

    Args:
        values: (L, L), the languages of ``similarities``: the cosine of two languages' vectors, or
            a transfer matrix, which is made symmetric (the mean of both directions). NaN where not
            measured; the diagonal is never read.
        similarities: of the same languages.
        high_resource: those of ``split``: P2 takes English for LLaMA2, English and Chinese for
            Qwen, and for BLOOMZ all of ROOTS above 1 %.
        competence: bits per character by language; languages without are not in ``partial``.
        seed: of the permutations.

    Raises:
        InputError: ``values`` is not (L, L).
    """
    tags = similarities.languages
    if values.shape != (len(tags), len(tags)):
        raise InputError(
            f"the matrix has the shape {values.shape}, but there are {len(tags)} languages; both "
            "sides need the same languages in the same order"
        )
    both = (values + values.T) / 2
    high = np.array([tag in set(high_resource) for tag in tags], dtype=bool)
    known_of = competence or {}
    bits = np.array([known_of.get(tag, np.nan) for tag in tags])
    found: list[LinguisticCorrelation] = []
    for kind, similarity in similarities.matrices.items():
        draw = derive_seed(seed, "linguistic correlation", kind)
        estimates: dict[Design, Estimate] = {
            "direct": _direct(both, similarity, draw),
            "split": _split(both, similarity, high, draw),
            "partial": _partial(both, similarity, bits, draw),
        }
        found += [
            LinguisticCorrelation(kind=kind, design=design, estimate=estimate)
            for design, estimate in estimates.items()
        ]
    return found


def _used(values: Array, similarity: Array, of: _Mask | None = None) -> _Mask:
    """The languages that are in at least one known pair, as booleans; joined with ``of``."""
    known = np.isfinite(values) & np.isfinite(similarity)
    np.fill_diagonal(known, False)
    if of is not None:
        known &= of[:, None] & of[None]
    return np.asarray(known.any(axis=0))


def _pairs(values: Array, similarity: Array, used: _Mask) -> tuple[Array, Array, _Mask]:
    """Both matrices on the used languages with 0 for what is missing, and the mask of the known."""
    keep = np.flatnonzero(used)
    a, b = values[np.ix_(keep, keep)], similarity[np.ix_(keep, keep)]
    known = np.isfinite(a) & np.isfinite(b)
    return np.where(known, a, 0.0), np.where(known, b, 0.0), known


def _direct(values: Array, similarity: Array, seed: int) -> Estimate:
    a, b, known = _pairs(values, similarity, _used(values, similarity))
    return mantel(a, b, known=known, seed=seed, ranks=False)


def _partial(values: Array, similarity: Array, bits: Array, seed: int) -> Estimate:
    has = np.isfinite(bits)
    if not has.any():
        return not_measured("partial Mantel", "competence was not measured")
    used = _used(values, similarity, has)
    a, b, known = _pairs(values, similarity, used)
    return partial_mantel(a, b, bits[used], known=known, seed=seed, ranks=False)


def _split(values: Array, similarity: Array, high: _Mask, seed: int) -> Estimate:
    used = _used(values, similarity)
    a, b, known = _pairs(values, similarity, used)
    is_high = high[used]
    n = len(a)
    i, j = np.triu_indices(n, 1)
    i, j = i[known[i, j]], j[known[i, j]]
    any_high = is_high[i] | is_high[j]
    groups = (any_high, ~any_high)
    sizes = [int(group.sum()) for group in groups]
    if n < 4 or min(sizes) < MIN_PAIRS:
        reason = (
            f"{sizes[0]} pairs with a high-resource language and {sizes[1]} without: "
            f"needs {MIN_PAIRS} of each"
        )
        return not_measured(SPLIT, reason, n=len(i), n_clusters=n)
    value = _mean_r(a[i, j], b[i, j], groups)
    if value is None:
        return not_measured(SPLIT, "one side does not vary", n=len(i), n_clusters=n)
    return Estimate(
        estimate=value,
        low=None,
        high=None,
        n=len(i),
        k=None,
        n_clusters=n,
        method=SPLIT,
        reason="no interval: pairs of languages are not independent",
        p_value=_split_p(value, (a, b, known), (i, j), is_high, seed),
    )


def _mean_r(x: Array, y: Array, groups: Sequence[_Mask]) -> float | None:
    parts = [pearson(x[group], y[group]) if group.any() else None for group in groups]
    known = [r for r in parts if r is not None]
    return float(np.mean(known)) if len(known) == len(parts) else None


def _split_p(
    value: float,
    matrices: tuple[Array, Array, _Mask],
    pairs: tuple[_Index, _Index],
    is_high: _Mask,
    seed: int,
) -> float:
    """Two-sided; high-resource languages change places among themselves only, and so do the others.

    A permuted pair without a known similarity is left out of that permutation.
    """
    a, b, known = matrices
    i, j = pairs
    rng = np.random.default_rng(seed)
    order = np.tile(np.arange(len(a)), (N_PERMUTATIONS, 1))
    for group in (np.flatnonzero(is_high), np.flatnonzero(~is_high)):
        order[:, group] = rng.permuted(order[:, group], axis=1)
    moved, there = b[order[:, i], order[:, j]], known[order[:, i], order[:, j]]  # (B, P)
    any_high = is_high[i] | is_high[j]
    means = np.mean(
        [
            _r_by_row(a[i[group], j[group]], moved[:, group], there[:, group])
            for group in (any_high, ~any_high)
        ],
        axis=0,
    )
    return float((1 + (np.abs(means) >= abs(value) - 1e-12).sum()) / (1 + N_PERMUTATIONS))


def _r_by_row(x: Array, rows: Array, there: _Mask) -> Array:
    """Pearson's r of (P,) x with each of (B, P) rows over the pairs that are there; 0 if flat."""
    if there.all():
        x, total = x - x.mean(), x.size
        covariance = rows @ x
        spread = np.einsum("bp,bp->b", rows, rows) - total * np.square(rows.mean(axis=1))
        size = np.sqrt(np.maximum(x @ x * spread, 0.0))
        return np.divide(covariance, size, out=np.zeros_like(size), where=size > 1e-12)
    weight = there.astype(np.float64)
    total = np.maximum(weight.sum(axis=1), 1.0)
    mean_x, mean_y = weight @ x / total, (weight * rows).sum(axis=1) / total
    covariance = (weight * rows) @ x / total - mean_x * mean_y
    spread_x = weight @ np.square(x) / total - mean_x**2
    spread_y = (weight * np.square(rows)).sum(axis=1) / total - mean_y**2
    size = np.sqrt(np.maximum(spread_x * spread_y, 0.0))
    return np.divide(covariance, size, out=np.zeros_like(size), where=size > 1e-12)
