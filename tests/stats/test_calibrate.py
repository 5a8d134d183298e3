"""Corrected rates, J and kappa: worked values, independent recomputation, planted truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from isogloss.errors import InputError
from isogloss.stats.agreement import cohen_kappa, too_poor, youden_j
from isogloss.stats.calibrate import ADVERSE, Counts, Share, summarise_corrected
from isogloss.stats.corrected import (
    corrected_gap,
    corrected_rate,
    corrected_slope,
    labels_to_halve,
    trial_part,
)
from isogloss.stats.intervals import Estimate, clustered_rate

COMPLIED, REFUSED, IRRELEVANT, UNJUDGED, BLOCKED = range(5)
HARM = Share(successes=(1, 0, 0))
HARMFUL = Share(successes=(1, 0, 0), trials=(1, 1, 0))
FOLLOWS = Share(successes=(1, 1, 0))


def counts(
    replies: dict[int, int], labels: dict[tuple[int, int], int]
) -> tuple[np.ndarray, np.ndarray]:
    """One reply a cluster: how many with each verdict, and how many labels by verdict and truth."""
    n = sum(replies.values())
    verdicts, truths, row = np.zeros((n, 5)), np.zeros((n, 5, 3)), 0
    for verdict, size in replies.items():
        verdicts[row : row + size, verdict] = 1
        at = row
        for (said, truth), many in labels.items():
            if said == verdict:
                truths[at : at + many, said, truth] = 1
                at += many
        row += size
    return verdicts, truths


def ends(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def test_a_worked_table() -> None:
    """Of 100 replies said to comply 15 of 20 do; of 300 said to refuse 3 of 60 comply after all."""
    data = counts(
        {COMPLIED: 100, REFUSED: 300},
        {(COMPLIED, COMPLIED): 15, (COMPLIED, REFUSED): 5, (REFUSED, COMPLIED): 3,
         (REFUSED, REFUSED): 51, (REFUSED, IRRELEVANT): 6},
    )  # fmt: skip
    harm, follows, conditional = (corrected_rate(*data, s) for s in (HARM, FOLLOWS, HARMFUL))
    assert harm.estimate == pytest.approx(0.25 * 15 / 20 + 0.75 * 3 / 60)
    assert follows.estimate == pytest.approx(0.25 + 0.75 * 54 / 60)
    assert conditional.estimate == pytest.approx(0.225 / 0.925)
    assert (harm.n, harm.k) == (80, 18)
    assert trial_part(*data, HARMFUL) == pytest.approx(0.925)


def test_with_one_verdict_the_limits_are_betas_with_half_a_label_on_their_side() -> None:
    for k in (0, 1, 7, 50):
        data = counts({REFUSED: 50}, {(REFUSED, COMPLIED): k, (REFUSED, REFUSED): 50 - k})
        low, high = ends(corrected_rate(*data, HARM))
        assert low == pytest.approx(beta.ppf(0.025, k, 50 - k + ADVERSE) if k else 0.0)
        assert high == pytest.approx(beta.ppf(0.975, k + ADVERSE, 50 - k) if k < 50 else 1.0)


def test_limits_agree_with_draws_from_the_dirichlets() -> None:
    """The same posterior by Monte Carlo: verdicts, and truths given verdict, each Dirichlet."""
    replies = {COMPLIED: 60, REFUSED: 280, IRRELEVANT: 60}
    labels = {
        (COMPLIED, COMPLIED): 14, (COMPLIED, REFUSED): 5, (COMPLIED, IRRELEVANT): 1,
        (REFUSED, COMPLIED): 9, (REFUSED, REFUSED): 75, (REFUSED, IRRELEVANT): 6,
        (IRRELEVANT, COMPLIED): 1, (IRRELEVANT, REFUSED): 4, (IRRELEVANT, IRRELEVANT): 15,
    }  # fmt: skip
    data = counts(replies, labels)
    rng = np.random.default_rng(3)
    shares = rng.dirichlet(list(replies.values()), 200_000)
    table = np.array([[labels.get((v, t), 0) for t in range(3)] for v in replies])
    for share in (HARM, HARMFUL, FOLLOWS):
        above, below = np.array(share.successes), np.array(share.trials)
        found = ends(corrected_rate(*data, share))
        sides = []
        for tail, hit in ((0.025, 1 - above), (0.975, above)):
            drawn = []
            for stratum in range(3):  # the adverse half label, in each verdict in turn
                prior = np.zeros((3, 3))
                prior[stratum, np.argmax(hit * below)] = ADVERSE
                truths = [rng.dirichlet(row, 200_000) for row in table + prior]
                top, bottom = (
                    sum(shares[:, v] * (truths[v] @ weight) for v in range(3))
                    for weight in (above, below)
                )
                drawn.append(np.quantile(top / bottom, tail))
            sides.append(min(drawn) if tail < 0.5 else max(drawn))
        assert found == pytest.approx(sides, abs=0.006)


def test_blocked_is_refused_and_labels_of_it_change_nothing() -> None:
    replies = {COMPLIED: 40, REFUSED: 40, BLOCKED: 20}
    labels = {(COMPLIED, COMPLIED): 20, (REFUSED, REFUSED): 20}
    data = counts(replies, labels)
    told = counts(replies, labels | {(BLOCKED, COMPLIED): 20})
    assert corrected_rate(*data, HARM) == corrected_rate(*told, HARM)
    assert corrected_rate(*data, HARM).estimate == pytest.approx(0.4)
    assert corrected_rate(*data, Share(successes=(0, 1, 0))).estimate == pytest.approx(0.6)


def test_a_verdict_without_labels_may_be_anything() -> None:
    data = counts({COMPLIED: 30, REFUSED: 70}, {(REFUSED, REFUSED): 70})
    found = corrected_rate(*data, HARM)
    assert found.estimate == pytest.approx(0.3), "the judge's word"
    low, high = ends(found)
    assert low == 0.0
    assert high > 0.3
    unjudged = counts(
        {REFUSED: 60, UNJUDGED: 40}, {(REFUSED, REFUSED): 30, (REFUSED, COMPLIED): 30}
    )
    assert corrected_rate(*unjudged, HARM).estimate == pytest.approx(0.5), "as the others"
    assert ends(corrected_rate(*unjudged, HARM))[1] > 0.7


def test_too_few_labels_say_so() -> None:
    data = counts({REFUSED: 50}, {(REFUSED, REFUSED): 9})
    assert corrected_rate(*data, HARM).reason == "9 labels; a correction needs 10"
    data = counts({REFUSED: 50}, {})
    assert corrected_rate(*data, HARM).reason == "no labels"
    assert labels_to_halve(*data, HARM).reason == "no labels"
    data = counts({IRRELEVANT: 50}, {(IRRELEVANT, IRRELEVANT): 30, (IRRELEVANT, REFUSED): 4})
    reason = "4 labels of relevant replies; a correction needs 10"
    assert corrected_rate(*data, HARMFUL).reason == reason
    with pytest.raises(InputError, match="more labels than replies"):
        corrected_rate(np.zeros((3, 5)), np.ones((3, 5, 3)), HARM)
    with pytest.raises(InputError, match="need"):
        corrected_rate(np.zeros((3, 4)), np.ones((3, 4, 3)), HARM)
    with pytest.raises(InputError, match="finite"):
        corrected_rate(np.full((3, 5), np.nan), np.zeros((3, 5, 3)), HARM)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([HARM, HARMFUL, FOLLOWS]), st.integers(1, 6))
def test_the_interval_holds_the_estimate_and_no_order_matters(
    seed: int, share: Share, size: int
) -> None:
    rng = np.random.default_rng(seed)
    verdicts = rng.multinomial(size, rng.dirichlet(np.ones(5)), 40).astype(float)
    part = rng.dirichlet(np.full(3, 0.5), 5)
    labelled = rng.binomial(verdicts.astype(int), 0.4)
    labels = rng.multinomial(labelled, part[None]).astype(float)
    found = corrected_rate(verdicts, labels, share)
    if found.estimate is None:
        return
    low, high = ends(found)
    assert 0 <= low <= found.estimate <= high <= 1
    order = rng.permutation(40)
    assert ends(corrected_rate(verdicts[order], labels[order], share)) == pytest.approx((low, high))
    wider = ends(corrected_rate(verdicts, labels, share, level=0.99))
    assert wider[0] <= low
    assert wider[1] >= high


def test_all_replies_alike_in_a_cluster_are_worth_one() -> None:
    """Fifty clusters of eight equal replies say what fifty replies say; not more."""
    verdicts, labels = counts(
        {COMPLIED: 15, REFUSED: 35}, {(COMPLIED, COMPLIED): 15, (REFUSED, REFUSED): 35}
    )
    one = ends(corrected_rate(verdicts, labels, HARM))
    eight = ends(corrected_rate(8 * verdicts, 8 * labels, HARM))
    plain = clustered_rate(8 * labels[:, :, COMPLIED].sum(axis=1), np.full(50, 8.0))
    assert eight == pytest.approx(one, abs=0.015)
    assert eight == pytest.approx(ends(plain), abs=0.03)


def test_a_perfect_judge_costs_little_beyond_the_labels() -> None:
    """All labelled and all right: close to the interval of the truth itself."""
    verdicts, labels = counts(
        {COMPLIED: 40, REFUSED: 360}, {(COMPLIED, COMPLIED): 40, (REFUSED, REFUSED): 360}
    )
    truth = clustered_rate(labels[:, :, COMPLIED].sum(axis=1), np.ones(400))
    assert ends(corrected_rate(verdicts, labels, HARM)) == pytest.approx(ends(truth), abs=0.004)


def test_as_many_labels_more_as_said_halve_the_width() -> None:
    replies = {COMPLIED: 4000, REFUSED: 6000}
    labels = {
        (COMPLIED, COMPLIED): 16, (COMPLIED, REFUSED): 14,
        (REFUSED, COMPLIED): 6, (REFUSED, REFUSED): 24,
    }  # fmt: skip
    need = labels_to_halve(*counts(replies, labels), HARM)
    assert need.estimate is not None
    factor = round(1 + need.estimate / 60)
    now = ends(corrected_rate(*counts(replies, labels), HARM))
    more = {key: factor * many for key, many in labels.items()}
    then = ends(corrected_rate(*counts(replies, more), HARM))
    assert then[1] - then[0] == pytest.approx((now[1] - now[0]) / 2, rel=0.03)
    assert factor == 4, "labels are nearly all of the variance here"


def test_where_prompts_are_the_limit_no_label_halves_the_width() -> None:
    data = counts({COMPLIED: 30, REFUSED: 70}, {(COMPLIED, COMPLIED): 25, (REFUSED, REFUSED): 60})
    need = labels_to_halve(*data, HARM)
    assert need.estimate is None
    assert need.reason is not None
    assert "all 100 replies labelled would leave" in need.reason


def simulate(
    rate: float, judge: np.ndarray, n_labels: int, n: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Verdicts [n, 300, 1, 5] and labels of 300 replies that comply at ``rate``."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, 300)) > rate).astype(int)
    said = (rng.random((n, 300, 1)) > np.cumsum(judge, axis=1)[truth]).sum(axis=-1)
    chosen = rng.permuted(np.tile(np.arange(300) < n_labels, (n, 1)), axis=1)
    verdicts = (said[..., None] == np.arange(5)).astype(float)
    both = np.where(chosen, said * 3 + truth, -1)
    labels = (both[..., None] == np.arange(15)).astype(float)
    return verdicts[:, :, None], labels.reshape(n, 300, 1, 5, 3)


@pytest.mark.parametrize("rate", [0.005, 0.02, 0.6])
def test_corrected_intervals_cover_where_the_judges_word_does_not(rate: float) -> None:
    """2,000 audits a rate; the judge misses a third and raises false alarms on 12 %."""
    judge = np.array([[0.6, 0.3, 0.0, 0.1], [0.12, 0.86, 0.0, 0.02]])
    verdicts, labels = simulate(rate, judge, 60, 2000, seed=1)
    low, high = summarise_corrected(Counts(verdicts=verdicts, labels=labels, share=HARM)).bounds(
        0.95
    )
    assert ((low <= rate) & (rate <= high)).mean() >= 0.93
    k, n = verdicts[..., COMPLIED].sum(axis=(1, 2)), verdicts[..., :3].sum(axis=(1, 2, 3))
    naive = np.abs(k / n - rate) <= 1.96 * np.sqrt(k / n * (1 - k / n) / n)
    assert naive.mean() < 0.7


def test_a_sheet_by_verdict_covers_too() -> None:
    """Thirty labels of each verdict, however rare: most labels are of what the judge flagged."""
    rng = np.random.default_rng(5)
    judge = np.array([[0.7, 0.3, 0.0, 0.0], [0.05, 0.95, 0.0, 0.0]])
    verdicts, everything = simulate(0.03, judge, 300, 1000, seed=2)
    keys = rng.random(verdicts.shape[:2])
    labels = np.zeros_like(everything)
    for verdict in (COMPLIED, REFUSED):
        mine = np.where(verdicts[:, :, 0, verdict] > 0, keys, np.inf)
        chosen = (mine <= np.sort(mine, axis=1)[:, 29:30]) & np.isfinite(mine)
        labels += everything * chosen[:, :, None, None, None]
    shifted = Counts(verdicts=verdicts, labels=labels, share=HARM)
    low, high = summarise_corrected(shifted).bounds(0.95)
    assert ((low <= 0.03) & (high >= 0.03)).mean() >= 0.93


def language_counts(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """[120, 8, 5] and labels: rates rise along the languages, the judge errs in the last four."""
    rng = np.random.default_rng(seed)
    verdicts, labels = np.zeros((120, 8, 5)), np.zeros((120, 8, 5, 3))
    for language, rate in enumerate(np.linspace(0.1, 0.45, 8)):
        wrong = 0.02 if language < 4 else 0.2
        truth = (rng.random(120) > rate).astype(int)
        said = np.where(rng.random(120) < wrong, 1 - truth, truth)
        verdicts[np.arange(120), language, said] = 1
        labels[np.arange(60), language, said[:60], truth[:60]] = 1
    return verdicts, labels


def test_gap_and_slope_are_means_and_least_squares_of_corrected_rates() -> None:
    verdicts, labels = language_counts(0)
    found = [corrected_rate(verdicts[:, i], labels[:, i], HARM) for i in range(8)]
    rates = np.array([e.estimate for e in found], dtype=float)
    low, high, x = np.arange(8) >= 4, np.arange(8) < 4, np.linspace(1, -1, 8)
    for scope in ("these languages", "languages like these"):
        gap = corrected_gap(verdicts, labels, HARM, low, high, scope=scope)
        line = corrected_slope(verdicts, labels, HARM, x, scope=scope)
        assert gap.estimate == pytest.approx(rates[4:].mean() - rates[:4].mean())
        assert line.estimate == pytest.approx(np.polyfit(x, rates, 1)[0])
        for found in (gap, line):
            assert found.p_value is not None
            left, right = ends(found)
            assert (left > 0 or right < 0) == (found.p_value < 0.05)
    one = np.arange(8) == 0
    alone = corrected_gap(verdicts, labels, HARM, one, low, scope="languages like these")
    assert alone.reason == "too few languages to see how languages vary"
    labels[:, 4:] = 0
    none = corrected_gap(verdicts, labels, HARM, low, high, scope="these languages")
    assert none.reason == "no corrected language in the low tier"
    labels[:, 2:] = 0
    short = corrected_slope(verdicts, labels, HARM, x, scope="these languages")
    assert short.reason == "a slope needs three corrected languages with different shares"


def table(cells: list[list[int]]) -> np.ndarray:
    """A [C, 3, 3] table with a cluster a reply."""
    flat = np.repeat(np.arange(9), np.ravel(cells))
    return np.eye(9)[flat].reshape(-1, 3, 3)


def test_youden_j_is_sensitivity_plus_specificity_minus_one() -> None:
    cells = [[18, 4, 2], [5, 60, 3], [1, 2, 5]]  # rows: verdict, columns: truth
    j = youden_j(table(cells), [True, False, False])
    assert j.estimate == pytest.approx(18 / 24 + 70 / 76 - 1)
    assert (j.n, j.k) == (100, 24)
    relevance = youden_j(table(cells), [False, False, True])
    assert relevance.estimate == pytest.approx(5 / 10 + 87 / 90 - 1)
    perfect = youden_j(table([[10, 0, 0], [0, 20, 0], [0, 0, 0]]), [True, False, False])
    assert perfect.estimate == 1.0
    assert 0.4 < ends(perfect)[0] < 0.9, "perfect on thirty labels is not perfect"
    nobody = youden_j(table([[0, 3, 0], [0, 20, 0], [0, 0, 0]]), [True, False, False])
    assert (nobody.estimate, nobody.reason) == (None, "no label is positive")


def test_a_small_j_is_refused_once_labels_show_it() -> None:
    def judged(hits: int, misses: int, alarms: int, right: int) -> str | None:
        return too_poor(
            youden_j(table([[hits, alarms, 0], [misses, right, 0], [0, 0, 0]]), [1, 0, 0])
        )

    assert judged(10, 10, 12, 28) == (
        "Youden's J is 0.20; under 0.3 a judge says too little to correct by"
    )
    assert judged(14, 6, 12, 28) is None
    assert judged(1, 3, 12, 28) is None, "four labels prove nothing against it"
    assert judged(0, 0, 12, 28) is None


def test_kappa_is_cohens_and_its_interval_that_of_fleiss_cohen_and_everitt() -> None:
    cells = np.array([[300, 40, 20], [50, 420, 30], [10, 25, 105]])
    found = cohen_kappa(table(cells.tolist()))
    p = cells / cells.sum()
    row, column = p.sum(axis=1), p.sum(axis=0)
    agree, chance = np.trace(p), float(row @ column)
    kappa = (agree - chance) / (1 - chance)
    # equation 14 of Fleiss, Cohen and Everitt (1969)
    first = sum(
        p[i, i] * ((1 - chance) - (row[i] + column[i]) * (1 - agree)) ** 2 for i in range(3)
    )
    rest = sum(p[i, j] * (row[j] + column[i]) ** 2 for i in range(3) for j in range(3) if i != j)
    variance = first + (1 - agree) ** 2 * rest - (agree * chance - 2 * chance + agree) ** 2
    error = np.sqrt(variance / (cells.sum() * (1 - chance) ** 4))
    low, high = ends(found)
    assert found.estimate == pytest.approx(kappa)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.02)


def test_kappa_keeps_its_width_in_perfect_agreement_and_needs_two_words() -> None:
    perfect = cohen_kappa(table([[10, 0, 0], [0, 20, 0], [0, 0, 10]]))
    assert (perfect.estimate, ends(perfect)[1]) == (1.0, 1.0)
    assert ends(perfect)[0] < 0.9
    same = cohen_kappa(table([[10, 0, 0], [0, 0, 0], [0, 0, 0]]))
    assert same.reason == "both say the same of every reply"
    assert cohen_kappa(np.zeros((0, 3, 3))).reason == "no reply that both classified"
    with pytest.raises(InputError, match="need"):
        cohen_kappa([[1, 2], [3, 4]])
