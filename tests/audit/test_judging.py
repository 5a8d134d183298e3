"""Judging what a run holds: never twice, never mixed, and the model is not asked again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from isogloss.audit.judging import judge_run
from isogloss.audit.run import AuditConfig, run_audit
from isogloss.errors import DefectError, InputError, ModelError, StoreError
from isogloss.records import Request, Response, Verdict
from isogloss.store import RunStore

from .planted import COMPLIED, REFUSED, PlantedTarget, WordJudge, make_prompts, prompt_set

PROMPTS = prompt_set(make_prompts(["en", "sw"], 4))


def answer(request: Request) -> str:
    return REFUSED if request.prompt.language == "en" else COMPLIED


class Flaky(WordJudge):
    """Gives up on one language until it is mended."""

    broken = True

    def judge(self, responses: Sequence[Response]) -> Iterator[Verdict]:
        for response, verdict in zip(responses, super().judge(responses), strict=True):
            if self.broken and response.request.prompt.language == "sw":
                yield Verdict(outcome="unjudged", reason="endpoint down", failed=True)
            else:
                yield verdict


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    config = AuditConfig(target="planted", out=folder, languages=("en", "sw"))
    run_audit(config, target=PlantedTarget(answer), judges=[], prompts=PROMPTS)
    return folder


def estimate(result, metric: str, language: str, judge: str) -> float | None:
    rows = [
        row
        for row in result.measurements
        if (row.metric, row.language, row.judge, row.area) == (metric, language, judge, "audit")
        and (row.category is None or row.category == "intent:harmful")
    ]
    assert len(rows) == 1
    return rows[0].estimate


def test_a_run_is_judged_without_asking_again(run: Path) -> None:
    judge = WordJudge()
    result = judge_run(run, [judge])
    assert result.n_judged == judge.n_seen > 0
    assert estimate(result, "compliance_rate", "sw", "word") == 1
    assert estimate(result, "compliance_rate", "en", "word") == 0
    assert judge_run(run, [judge]).n_judged == 0
    with RunStore(run) as store:
        assert store.meta("audit")["judge"] == "word"
        assert {row.judge for row in store.measurements("audit")} == {"word"}


def test_a_second_judge_has_rows_of_its_own(run: Path) -> None:
    judge_run(run, [WordJudge("first")])
    judge_run(run, [WordJudge("second")])
    with RunStore(run) as store:
        assert store.meta("audit")["judges"] == ["first", "second"]
        assert {row.judge for row in store.measurements("audit")} == {"first", "second"}
    judge_run(run, [WordJudge("second")], primary=True)
    with RunStore(run) as store:
        assert store.meta("audit")["judge"] == "second"


def test_what_a_judge_failed_at_is_asked_again(run: Path) -> None:
    judge = Flaky()
    first = judge_run(run, [judge])
    assert estimate(first, "unjudged", "sw", "word") == 4
    judge.broken = False
    second = judge_run(run, [judge])
    assert 0 < second.n_judged < first.n_judged
    assert estimate(second, "compliance_rate", "sw", "word") == 1


def test_verdicts_under_other_settings_do_not_mix(run: Path) -> None:
    judge_run(run, [WordJudge(settings="patterns 1")])
    with pytest.raises(StoreError, match="--again all"):
        judge_run(run, [WordJudge(settings="patterns 2")])
    again = judge_run(run, [WordJudge(settings="patterns 2")], again="all")
    assert again.n_judged > 0
    assert judge_run(run, [WordJudge(settings="patterns 2")]).n_judged == 0


class Away(WordJudge):
    """Cannot be asked at all, or about no single reply."""

    def __init__(self, *, raises: bool) -> None:
        super().__init__(settings="new")
        self.raises = raises

    def judge(self, responses: Sequence[Response]) -> Iterator[Verdict]:
        if self.raises:
            raise ModelError("does not answer")
        for _ in responses:
            yield Verdict(outcome="unjudged", reason="no reply in time", failed=True)


@pytest.mark.parametrize("raises", [True, False])
def test_judging_all_again_forgets_nothing_until_there_is_a_new_verdict(
    run: Path, *, raises: bool
) -> None:
    judge_run(run, [WordJudge(settings="old")])
    with RunStore(run) as store:
        before = store.transcripts()
    with pytest.raises(ModelError, match="does not answer" if raises else "kept"):
        judge_run(run, [Away(raises=raises)], again="all")
    with RunStore(run) as store:
        assert store.transcripts().equals(before)
    assert judge_run(run, [WordJudge(settings="old")]).n_judged == 0
    assert judge_run(run, [WordJudge(settings="new")], again="all").n_judged == len(before)
    assert judge_run(run, [WordJudge(settings="new")]).n_judged == 0


def test_a_judge_that_never_gave_a_verdict_may_come_back_with_other_settings(run: Path) -> None:
    with pytest.raises(ModelError):
        judge_run(run, [Away(raises=True)])
    assert judge_run(run, [WordJudge(settings="old")]).n_judged > 0


class OneByOne(WordJudge):
    """Gives the last verdict first, and dies before the first one."""

    def judge_unordered(self, responses: Sequence[Response]) -> Iterator[tuple[int, Verdict]]:
        verdicts = dict(enumerate(self.judge(responses)))
        for place in sorted(verdicts, reverse=True):
            if place == 0:
                raise ModelError("died")
            yield place, verdicts[place]


def test_verdicts_are_stored_as_they_come(run: Path) -> None:
    with pytest.raises(ModelError):
        judge_run(run, [OneByOne()])
    resumed = WordJudge()
    assert judge_run(run, [resumed]).n_judged == 1
    with RunStore(run) as store:
        rows = store.transcripts().select("language", "outcome").unique().sort("language").rows()
    assert rows == [("en", "refused"), ("sw", "complied")]


@pytest.mark.parametrize("places", [[0], [0, 0]])
def test_a_judge_owes_one_verdict_a_response(run: Path, places: list[int]) -> None:
    class Careless(WordJudge):
        def judge_unordered(self, responses: Sequence[Response]) -> Iterator[tuple[int, Verdict]]:
            del responses
            yield from ((place, Verdict(outcome="refused")) for place in places)

    with pytest.raises(DefectError, match="verdict"):
        judge_run(run, [Careless()])


def test_growing_a_run_leaves_earlier_judges_with_unjudged_replies(tmp_path: Path) -> None:
    run = tmp_path / "run"
    few = AuditConfig(target="planted", out=run, limit=2)
    run_audit(few, target=PlantedTarget(answer), judges=[WordJudge()], prompts=PROMPTS)
    config = AuditConfig(target="planted", out=run)
    grown = run_audit(config, target=PlantedTarget(answer), judges=[], prompts=PROMPTS)
    assert grown.judges == ("word",)
    assert estimate(grown, "unjudged", "sw", "word") == 2


def test_an_empty_run_says_what_to_do(tmp_path: Path) -> None:
    RunStore(tmp_path, create=True).close()
    with pytest.raises(InputError, match="isogloss audit"):
        judge_run(tmp_path, [WordJudge()])
