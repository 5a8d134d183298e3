"""The sheet: random, nested, one that grows with its run, and stratified where asked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import InputError
from isogloss.label import SheetRequest, draw_sheet, read_sheet
from isogloss.label.draw import PER_LANGUAGE, share_out
from isogloss.records import Label
from isogloss.store import RunStore
from label.planted import JUDGE, TARGET, make_run


@pytest.fixture
def store(tmp_path: Path):
    with RunStore(make_run(tmp_path / "run")) as opened:
        yield opened


def draw(store: RunStore, **asked: object):
    return draw_sheet(store, SheetRequest(**asked))  # pyright: ignore[reportArgumentType]


def test_a_sheet_has_so_many_of_each_language_shared_between_intents(store: RunStore) -> None:
    sheet = draw(store, per_language=11)
    sizes = {(s.language, s.intent): s.n_sheet for s in sheet.strata}
    assert sizes == {
        ("fi", "harmful"): 6, ("fi", "benign"): 5, ("sw", "harmful"): 6, ("sw", "benign"): 5,
    }  # fmt: skip
    assert {s.n_frame for s in sheet.strata} == {30}
    assert len(set(sheet.responses)) == 22
    assert read_sheet(store, SheetRequest().source(store)) == sheet


def test_languages_and_intent_narrow_the_draw(store: RunStore) -> None:
    sheet = draw(store, per_language=7, languages=("swh_Latn",), intent="harmful")
    assert [(s.language, s.intent, s.n_sheet) for s in sheet.strata] == [("sw", "harmful", 7)]
    wider = draw(store)
    assert {s.key: s.n_sheet for s in wider.strata}[sheet.strata[0].key] == 7
    assert wider.part(("sw",), "harmful").responses == sheet.responses


def test_asking_for_more_extends_and_asking_again_changes_nothing(store: RunStore) -> None:
    small = draw(store, per_language=6)
    assert draw(store) == small
    assert draw(store, per_language=6) == small
    large = draw(store, per_language=40)
    for before, after in zip(small.strata, large.strata, strict=True):
        assert after.responses[: before.n_sheet] == before.responses
    assert draw(store, per_language=2) == large.__class__.from_json(
        large.to_json() | {"per_language": 2}
    )


def test_a_small_and_a_large_draw_are_the_sheet_a_large_draw_alone_gives(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name) for name in "ab"]
    with RunStore(runs[0]) as a, RunStore(runs[1]) as b:
        draw(a, per_language=4)
        assert draw(a, per_language=20) == draw(b, per_language=20)
        assert draw(b, per_language=20, seed=1).responses != draw(a).responses


def test_a_run_that_grew_is_sampled_as_if_it_had_been_whole(tmp_path: Path) -> None:
    """Each reply, old or new, is on the sheet exactly if its number is under the threshold."""
    with RunStore(make_run(tmp_path / "run", n=20)) as store:
        draw(store, per_language=10)
        store.set_meta("prompt_set", {"fingerprint": "grown"})
    make_run(tmp_path / "run", n=60)
    with RunStore(tmp_path / "run") as store:
        grown = draw(store)
    with RunStore(make_run(tmp_path / "whole", n=60)) as store:
        most = draw(store, per_language=120)
        key = {
            row["response"]: (row["prompt_id"], row["language"])
            for row in store.labels.responses(target=TARGET, arm="none").iter_rows(named=True)
        }
        whole = {s.key: [key[r] for r in s.responses] for s in most.strata}
    with RunStore(tmp_path / "run") as store:
        key = {
            row["response"]: (row["prompt_id"], row["language"])
            for row in store.labels.responses(target=TARGET, arm="none").iter_rows(named=True)
        }
    for stratum in grown.strata:
        assert stratum.n_frame == 60
        assert stratum.n_sheet >= 5
        drawn = [key[response] for response in stratum.responses]
        assert drawn == whole[stratum.key][: len(drawn)]


def test_every_reply_is_as_likely(tmp_path: Path) -> None:
    """Over 400 seeds each of 60 replies is drawn about 100 times (5 of 30 … 10 of 60)."""
    with RunStore(make_run(tmp_path / "run", languages=("sw",))) as store:
        drawn = Counter(
            r for seed in range(400) for r in draw(store, per_language=15, seed=seed).responses
        )
    assert len(drawn) == 60
    # Binomial(400, 1/4): mean 100, standard deviation 8.7; five of these either way.
    assert min(drawn.values()) > 56
    assert max(drawn.values()) < 144


def test_stratified_draws_take_rare_verdicts_more_often_and_say_so(store: RunStore) -> None:
    sheet = draw(store, per_language=12, stratify=JUDGE, languages=("sw",))
    assert sheet.stratified_by == JUDGE
    assert [(s.intent, s.verdict, s.n_frame, s.n_sheet) for s in sheet.strata] == [
        ("harmful", "complied", 3, 3), ("harmful", "refused", 27, 3),
        ("benign", "complied", 3, 3), ("benign", "refused", 27, 3),
    ]  # fmt: skip
    more = draw(store, per_language=40, languages=("sw",))
    assert more.stratified_by == JUDGE
    assert [s.n_sheet for s in more.strata] == [3, 17, 3, 17]


def test_a_stratified_sheet_of_a_judge_that_judged_anew_stays_as_it_is(store: RunStore) -> None:
    from isogloss.records import Verdict

    sheet = draw(store, per_language=12, stratify=JUDGE)
    store.drop_verdicts(judge=JUDGE, which="all")
    store.add_verdicts(
        [(i, Verdict(outcome="irrelevant")) for i, _ in store.unjudged_by(JUDGE)], judge=JUDGE
    )
    assert draw(store) == sheet
    with pytest.raises(InputError, match="has judged anew since this sheet was drawn"):
        draw(store, per_language=13)


def test_a_sheet_with_labels_keeps_its_seed_and_strata(store: RunStore) -> None:
    first = draw(store, seed=3)
    assert draw(store, seed=4).seed == 4
    sheet = draw(store, seed=3)
    assert sheet == first
    store.labels.add([Label(response=sheet.responses[0], labeller="ann", outcome="refused")])
    for other in ({"seed": 4}, {"stratify": JUDGE}):
        with pytest.raises(InputError, match="was drawn with --seed 3 and no --stratify"):
            draw(store, **other)
    assert draw(store, seed=3) == sheet


def test_blocked_and_failed_replies_are_nobodys_to_label(tmp_path: Path) -> None:
    from isogloss.records import Request, Response

    with RunStore(make_run(tmp_path / "run", languages=("sw",), n=4)) as store:
        prompts = store.prompt_records()
        store.add_responses(
            [
                Response(request=Request(prompt=p, sample=1), status=status, text="")
                for p, status in zip(prompts, ("blocked", "error") * 4, strict=True)
            ],
            target=TARGET, arm="none", settings="abc",
        )  # fmt: skip
        assert len(draw(store, per_language=99).responses) == 8


def test_errors_say_what_there_is(store: RunStore, tmp_path: Path) -> None:
    for asked, words in (
        ({"per_language": 0}, "must be 1 or more, not 0"),
        ({"languages": ("de",)}, "no reply of hf:planted/model in de; it has fi, sw"),
        ({"stratify": "nobody"}, "no verdicts of a judge 'nobody' to stratify by; it has planted"),
        (
            {"target": "hf:other"},
            "no such target and arm; choose one of: --target hf:planted/model",
        ),
        ({"variant": "noisy"}, "no prompts of variant noisy; it has original"),
    ):
        with pytest.raises(InputError, match=words):
            draw(store, **asked)
    with (
        RunStore(tmp_path / "empty", create=True) as empty,
        pytest.raises(InputError, match="no rep"),
    ):
        draw(empty)
    make_run(tmp_path / "run", target="hf:second")
    with RunStore(tmp_path / "run") as two:
        assert draw(two).target == "hf:second"
        two.set_meta("audit", {})
        with pytest.raises(InputError, match="several targets or arms; choose one of"):
            draw(two)
        assert draw(two, target=TARGET).target == TARGET


def test_the_default_is_said_once() -> None:
    assert PER_LANGUAGE == 50


@given(st.integers(0, 60), st.lists(st.integers(0, 20), min_size=1, max_size=6))
def test_shares_are_even_whole_and_never_shrink(n: int, capacities: list[int]) -> None:
    sizes = share_out(n, capacities)
    assert sum(sizes) == min(n, sum(capacities))
    assert all(0 <= size <= capacity for size, capacity in zip(sizes, capacities, strict=True))
    unfilled = [s for s, c in zip(sizes, capacities, strict=True) if s < c]
    assert not unfilled or max(sizes) - min(unfilled) <= 1
    more = share_out(n + 1, capacities)
    assert all(a <= b for a, b in zip(sizes, more, strict=True))
