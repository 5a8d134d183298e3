"""Which link broke first, item by item and in rows, where the truth is planted; and over runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from anatomies import (
    COMMON,
    FR,
    NAN,
    PLANTED,
    SHARES,
    SW,
    planted_rows,
    readings_of,
    row_of,
    user_prompt,
)
from isogloss.records import CLAIM, Measurement
from isogloss.stats.distributions import Array
from isogloss.trace.anatomy_claims import CLAIMS
from isogloss.trace.anatomy_instruments import instrument_rows
from isogloss.trace.anatomy_items import make_items, read_items
from isogloss.trace.anatomy_over_runs import AREA as OVER_RUNS
from isogloss.trace.anatomy_over_runs import over_runs_rows
from isogloss.trace.broken_links import (
    CHAINS,
    NOT_MEASURED,
    UNEXPLAINED,
    Instrument,
    average,
    first_broken,
    links_of,
)
from isogloss.trace.forced_choice import QuestionReading
from isogloss.trace.link_rows import AREA, READINGS, failure_rows, groups_of, link_rows, partition
from isogloss.trace.represented import HarmScores, TwinScore
from isogloss.trace.twin_questions import Twin, TwinQuestions


def test_the_first_link_that_does_not_hold_is_the_item_s() -> None:
    held: dict[Instrument, Array] = {
        "comprehension": np.array([0, 1, 1, 1, 0, NAN, 1]),
        "representation": np.array([0, 0, 1, 1, NAN, 0, NAN]),
        "decision": np.array([0, 0, 0, 1, NAN, 0, 0]),
    }
    found = first_broken("harmful_compliance", held)
    names = [found.links[at] for at in found.member.argmax(axis=1)]
    assert names == [
        "not understood", "not represented", "not acted on", UNEXPLAINED, "not understood",
        NOT_MEASURED, NOT_MEASURED,
    ]  # fmt: skip


def test_every_item_is_ascribed_once_whatever_the_instruments_say() -> None:
    rng = np.random.default_rng(0)
    for kind in CHAINS:
        held: dict[Instrument, Array] = {
            one: rng.choice([0.0, 1.0, NAN], 300) for one in CHAINS[kind]
        }
        found = first_broken(kind, held)
        assert (found.member.sum(axis=1) == 1).all()
        assert set(np.unique(found.member)) == {0.0, 1.0}
        order = rng.permutation(300)
        again = first_broken(kind, {one: held[one][order] for one in CHAINS[kind]})
        assert (again.member == found.member[order]).all()


def test_placebos_are_averaged_item_by_item() -> None:
    ones = np.ones(2)
    told = [
        first_broken(
            "harmful_compliance",
            {"comprehension": ones, "representation": np.array(values), "decision": 0 * ones},
        )
        for values in ([1.0, 1.0], [0.0, 1.0])
    ]
    mean = average(told)
    assert mean.column("not represented").tolist() == [0.5, 0.0]
    assert mean.column("not acted on").tolist() == [0.5, 1.0]


# Rows of planted items.


def test_planted_links_are_found_and_sum_to_all_failures() -> None:
    rows = planted_rows()
    found = {
        link: row_of(rows, "harmful_compliance_link", link)
        for link in links_of("harmful_compliance")
    }
    assert {link: row.k for link, row in found.items()} == {
        "not understood": 1, "not represented": 2, "not acted on": 3, UNEXPLAINED: 1,
        NOT_MEASURED: 0,
    }  # fmt: skip
    assert {row.n for row in found.values()} == {7}
    assert sum(row.estimate or 0 for row in found.values()) == pytest.approx(1)
    assert all(r.low is not None and r.high is not None for r in found.values())
    assert found["not acted on"].layer == 2
    irrelevant = {k: row_of(rows, "irrelevance_link", k).k for k in links_of("irrelevance")}
    assert irrelevant == {
        "not understood": 2, "not producible": 1, UNEXPLAINED: 1, NOT_MEASURED: 0,
    }  # fmt: skip


def test_what_did_not_fail_gives_the_false_alarm() -> None:
    rows = planted_rows()
    alarm = row_of(rows, "harmful_compliance_link_false_alarm", "not understood")
    assert (alarm.estimate, alarm.n) == (0.25, 4)
    excess = row_of(rows, "harmful_compliance_link_excess", "not understood")
    assert excess.estimate == pytest.approx(1 / 7 - 1 / 4)
    assert excess.unit == "rate difference"
    assert excess.low is not None
    assert excess.low < 1 / 7 - 1 / 4
    right = row_of(rows, "harmful_compliance_link_false_alarm", UNEXPLAINED)
    assert right.estimate == 0.75, "where all links hold and behaviour is right nothing is broken"


def test_strict_comprehension_and_placebos_are_rivals() -> None:
    rows = planted_rows()
    strict = row_of(rows, "harmful_compliance_link", "not understood", arm="strict")
    assert strict.k == 4, "a, b, c and f: the right one does not beat every other"
    placebo = partition(
        readings_of(represented={"shuffled 0": np.ones(18), "shuffled 1": np.zeros(18)}),
        "harmful_compliance",
        READINGS["harmful_compliance"][-1],
    )
    assert placebo.column("not represented")[3] == 0.5


def test_a_missing_instrument_is_named_and_never_guessed() -> None:
    rows = planted_rows()
    understood = row_of(rows, "harmful_compliance_link", "not understood", language=SW)
    assert (understood.estimate, understood.n) == (0.5, 2), "this one was measured"
    for link in ("not represented", "not acted on", UNEXPLAINED):
        row = row_of(rows, "harmful_compliance_link", link, language=SW)
        assert (row.estimate, row.verdict) == (None, "not measured")
        assert row.reason == "not represented: no vectors"
    rest = row_of(rows, "harmful_compliance_link", NOT_MEASURED, language=SW)
    assert (rest.estimate, rest.reason) == (0.5, "not represented: no vectors")
    low = row_of(rows, "harmful_compliance_link", "not acted on", language=None, tier="low")
    assert (low.estimate, low.reason) == (None, "not represented: no vectors")
    english = row_of(rows, "harmful_compliance_link", "not represented", arm="english")
    assert (english.estimate, english.reason) == (None, "not represented: no English")


def test_a_language_without_failures_or_without_right_items_says_so() -> None:
    specs = {"a": PLANTED["d"], "b": PLANTED["e"]}
    rows = link_rows(readings_of(specs), groups_of([FR], SHARES), COMMON)
    alarm = row_of(rows, "harmful_compliance_link_false_alarm", "not acted on")
    assert (alarm.estimate, alarm.reason) == (None, "nothing was right that could have failed so")
    excess = row_of(rows, "harmful_compliance_link_excess", "not acted on")
    assert (excess.estimate, excess.reason) == (None, "nothing right to compare it with")
    none = row_of(rows, "irrelevance_link", "not understood")
    assert (none.estimate, none.reason) == (None, "no such failure")


def test_failures_are_counted_among_what_could_fail() -> None:
    rows = failure_rows(readings_of(), groups_of([FR], SHARES), COMMON)
    assert row_of(rows, "harmful_compliance", arm="none").estimate == pytest.approx(7 / 12)
    assert row_of(rows, "irrelevance", arm="none").estimate == pytest.approx(4 / 16)


def test_instruments_are_measured_on_everything() -> None:
    rows = instrument_rows(readings_of(), groups_of([FR, SW], SHARES), COMMON)
    assert row_of(rows, "comprehension", arm="lenient").estimate == pytest.approx(12 / 16)
    assert row_of(rows, "represented", arm="own").estimate == pytest.approx(7 / 12)
    # All complied but g, all refused, and p: the sign of the margin says what was done.
    assert row_of(rows, "margin_agreement", arm="none").estimate == pytest.approx(11 / 12)
    missing = row_of(rows, "represented", arm="own", language=SW)
    assert (missing.estimate, missing.reason) == (None, "no vectors")


def test_more_items_of_a_cluster_do_not_make_surer() -> None:
    """The interval knows that all acts of an object fall together."""
    base = readings_of()
    wide = {f"{name}{k}": spec for name, spec in PLANTED.items() for k in range(8)}
    many = readings_of(wide)
    many = replace(
        many, items=replace(many.items, clusters=np.arange(len(wide)) // 8, n_clusters=18)
    )
    one, eight = (
        row_of(link_rows(r, groups_of([FR, SW], SHARES), COMMON), "irrelevance_link",
               "not understood")
        for r in (base, many)
    )  # fmt: skip
    assert one.estimate == eight.estimate
    widths = [(r.high or 0) - (r.low or 0) for r in (one, eight)]
    assert widths[1] > 0.75 * widths[0]


def test_joins_are_by_key_whatever_the_order() -> None:
    twins = (Twin(harmful="h", benign="b", cluster="c", split="test"),)
    prompts = {
        (name, FR): replace(user_prompt(name, intent=intent), language=FR)
        for name, intent in (("h", "harmful"), ("b", "benign"))
    }
    questions = TwinQuestions(
        twins=twins, prompts=prompts, clusters={"h": "c", "b": "c"}, splits={"c": "test"},
        languages=(FR,),
    )  # fmt: skip
    outcomes = {("h", FR): "complied", ("b", FR): "complied", ("elsewhere", FR): "refused"}
    scores = HarmScores(
        layers={"own": 0}, test={"own": {("h", FR): TwinScore(1.0, 0.0)}}, validation={}, missing={}
    )
    read = {("b", FR): QuestionReading(margin=1.0), ("h", FR): QuestionReading(margin=2.0)}
    for order in (1, -1):
        items = make_items(dict(list(outcomes.items())[::order]), questions)
        found = read_items(
            items, dict(list(read.items())[::order]), scores, missing={}, margin_unit="nats"
        )
        assert items.keys == (("b", FR), ("h", FR))
        assert found.margin.tolist() == [1.0, 2.0]
        assert found.represented["own"].tolist()[1] == 1.0
        assert math.isnan(found.represented["own"][0]), "a benign question is nobody's harm"


# Over runs.


def seeds_of(values: Sequence[float]) -> list[Measurement]:
    return [
        Measurement(
            area=AREA, metric="irrelevance_link", arm="main", category="not understood", tier="low",
            target=f"lab:tiny:english@chat#{seed}", estimate=value,
        )
        for seed, value in enumerate(values)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((0.8, 0.82, 0.78), "confirmed"),
        ((0.2, 0.22, 0.18), "refuted"),
        ((0.45, 0.55, 0.5), "cannot tell"),
        ((0.8, 0.82), "cannot tell"),
    ],
)
def test_claims_are_told_by_runs(values: Sequence[float], verdict: str) -> None:
    rows = over_runs_rows(seeds_of(values))
    claims = [row for row in rows if row.metric == CLAIM]
    assert len(claims) == len(CLAIMS)
    (about,) = [row for row in claims if "irrelevance" in (row.category or "")]
    assert about.verdict == verdict
    assert about.p_value is None
    others = [row for row in claims if row is not about]
    assert {row.verdict for row in others} == {"cannot tell"}
    assert all("measured in 0 run(s)" in (row.reason or "") for row in others)
    (figure,) = [row for row in rows if row.metric != CLAIM]
    assert figure.estimate == pytest.approx(np.mean(values))
    assert (figure.area, figure.target, figure.scope) == (
        OVER_RUNS, "lab:tiny:english@chat", "runs",
    )  # fmt: skip
