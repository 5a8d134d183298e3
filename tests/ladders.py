"""Ladders whose truth is known: counts of simulated replies, and slices made of counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from isogloss.audit.rates import Slice
from isogloss.audit.tally import COLUMNS, Tally
from isogloss.trace.change_gap import Counts

Array = NDArray[np.float64]


def harmful_slice(
    complied: Array, refused: Array, irrelevant: Array, languages: Sequence[str]
) -> Slice:
    """[C, L] counts of harmful prompts; of benign ones the same number, all answered rightly."""
    n_clusters = complied.shape[0]
    clusters = tuple(f"object:{at}" for at in range(n_clusters))
    total = complied + refused + irrelevant
    counts = {"wrong": complied, "refused": refused, "irrelevant": irrelevant}
    tallies = {
        "harmful": _tally(counts, clusters, languages),
        "benign": _tally({"correct": total}, clusters, languages),
    }
    tallies["both"] = tallies["harmful"] + tallies["benign"]
    planned = total.sum(axis=0)
    return Slice(
        tallies=tallies, planned={"harmful": planned, "benign": planned, "both": 2 * planned}
    )


def _tally(counts: dict[str, Array], clusters: tuple[str, ...], languages: Sequence[str]) -> Tally:
    shape = (len(COLUMNS), len(clusters), len(languages))
    table = np.zeros(shape)
    for name, values in counts.items():
        table[COLUMNS.index(name)] = values
    return Tally(languages=tuple(languages), clusters=clusters, counts=table)


def simulate(
    rates: Array,
    *,
    n_clusters: int,
    size: int,
    rng: np.random.Generator,
    icc: float = 0.3,
    shared: float = 0.5,
    lasting: float = 0.5,
    following: float = 1.0,
) -> list[Counts]:
    """Binary outcomes on objects, at every rung, with margins exactly ``rates``.

    Args:
        rates: [R, S, L] of each rung, simulation and language.
        icc: of an object's replies, on the latent (probit) scale.
        shared: part of an object's effect that all languages share.
        lasting: part of it that stays from rung to rung.
        following: chance that a reply is relevant: below 1 trials vary, as a harmful rate's do.

    Returns:
        Per rung counts [S, C, L].
    """
    _, n_simulations, n_languages = rates.shape
    shape = (n_simulations, n_clusters, n_languages)

    def effect() -> Array:
        common = rng.standard_normal((n_simulations, n_clusters, 1))
        return np.sqrt(shared) * common + np.sqrt(1 - shared) * rng.standard_normal(shape)

    stays = effect()
    found: list[Counts] = []
    for rate in rates:
        latent = np.sqrt(lasting) * stays + np.sqrt(1 - lasting) * effect()
        mean = ndtri(rate)[:, None, :]
        chance = ndtr((mean + np.sqrt(icc) * latent) / np.sqrt(1 - icc))
        trials = rng.binomial(size, following, shape)
        successes = rng.binomial(trials, chance)
        found.append(Counts(successes=successes.astype(float), trials=trials.astype(float)))
    return found
