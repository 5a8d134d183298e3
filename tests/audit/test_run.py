"""Asking, resuming, refusing: what a run folder guarantees."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from audit import slow_audit
from audit.planted import (
    ERROR,
    REFUSED,
    PlantedTarget,
    WordJudge,
    config,
    make_prompts,
    prompt_set,
)
from isogloss.audit.run import AuditConfig, run_audit
from isogloss.audit.selection import select_prompts
from isogloss.errors import InputError, LanguageError, ModelError, StoreError
from isogloss.records import Decoding, Prompt, Request
from isogloss.store import RunStore

PROMPTS = prompt_set(make_prompts(["en", "sw"], 6))


def answer(_: Request) -> str:
    return REFUSED


def test_a_finished_run_asks_nothing_again(tmp_path: Path) -> None:
    target, judge = PlantedTarget(answer), WordJudge()
    first = run_audit(config(tmp_path / "run"), target=target, judges=[judge], prompts=PROMPTS)
    assert (first.n_asked, first.n_judged) == (24, 24)
    again = run_audit(config(tmp_path / "run"), target=target, judges=[judge], prompts=PROMPTS)
    assert (again.n_asked, again.n_judged) == (0, 0)
    assert again.measurements == first.measurements
    assert judge.n_seen == len(target.asked) == 24


def test_killed_again_and_again_nothing_is_lost_or_repeated(tmp_path: Path) -> None:
    """SIGKILL at six moments, then to the end: the rows of an uninterrupted run."""
    folder = tmp_path / "killed"
    folder.mkdir()
    command = [sys.executable, slow_audit.__file__, str(folder)]
    n_kills = 0
    for stop_after in (1, 30, 90, 150, 200, 239):
        process = subprocess.Popen(command)
        while process.poll() is None and _n_lines(folder / "asked.log") < stop_after:
            time.sleep(0.003)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            n_kills += 1
        process.wait()
    judging = subprocess.Popen(command)
    while judging.poll() is None and _n_verdicts(folder / "run") < 40:
        time.sleep(0.003)
    judging.kill()
    judging.wait()
    assert _n_verdicts(folder / "run") < 240, "the judge was killed at work"
    subprocess.run(command, check=True)

    asked = Counter((folder / "asked.log").read_text().splitlines())
    assert len(asked) == 240
    repeated = {key: n for key, n in asked.items() if n > 1}
    assert sum(n - 1 for n in repeated.values()) <= n_kills, "at most what was in flight"

    (tmp_path / "whole").mkdir()
    whole = slow_audit.audit(tmp_path / "whole", pause=0)
    with RunStore(folder / "run") as killed, RunStore(tmp_path / "whole" / "run") as other:
        assert killed.transcripts().equals(other.transcripts())
        assert killed.measurements() == other.measurements()
        assert other.measurements("audit") == list(whole.measurements)


def _n_lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def _n_verdicts(folder: Path) -> int:
    with RunStore(folder) as store:
        return store.transcripts()["judge"].drop_nulls().len()


def test_errors_are_asked_again_and_blocked_replies_are_not(tmp_path: Path) -> None:
    broken = {"h0-0", "h1-0"}

    def flaky(request: Request) -> str:
        if request.prompt.prompt_id == "h2-0":
            return "blocked"
        return ERROR if request.prompt.prompt_id in broken else REFUSED

    target = PlantedTarget(flaky)
    run_audit(config(tmp_path / "run"), target=target, judges=[WordJudge()], prompts=PROMPTS)
    broken.clear()
    result = run_audit(
        config(tmp_path / "run"), target=target, judges=[WordJudge()], prompts=PROMPTS
    )
    assert result.n_asked == 4
    with RunStore(tmp_path / "run") as store:
        statuses = Counter(store.transcripts()["status"])
    assert statuses == {"ok": 22, "blocked": 2}


def test_what_a_broken_target_gave_is_kept(tmp_path: Path) -> None:
    def breaks(request: Request) -> str:
        if request.prompt.prompt_id.startswith("h3"):
            raise ModelError("the model is gone")
        return REFUSED

    target = PlantedTarget(breaks)
    with pytest.raises(ModelError):
        run_audit(config(tmp_path / "run"), target=target, judges=[WordJudge()], prompts=PROMPTS)
    n_before = len(target.asked) - 1
    result = run_audit(
        config(tmp_path / "run"),
        target=PlantedTarget(answer),
        judges=[WordJudge()],
        prompts=PROMPTS,
    )
    assert n_before > 0
    assert result.n_asked == 24 - n_before


def test_another_decoding_is_refused(tmp_path: Path) -> None:
    run_audit(config(tmp_path / "run"), target=PlantedTarget(answer), judges=[], prompts=PROMPTS)
    warm = config(tmp_path / "run", decoding=Decoding(temperature=0.7))
    with pytest.raises(StoreError, match="another decoding"):
        run_audit(warm, target=PlantedTarget(answer), judges=[], prompts=PROMPTS)
    other = replace(warm, arm="warm")
    result = run_audit(other, target=PlantedTarget(answer), judges=[], prompts=PROMPTS)
    assert result.n_asked == 24


def test_another_prompt_set_is_refused(tmp_path: Path) -> None:
    run_audit(config(tmp_path / "run"), target=PlantedTarget(answer), judges=[], prompts=PROMPTS)
    others = prompt_set(make_prompts(["en", "sw"], 7))
    with pytest.raises(StoreError, match="another prompt set"):
        run_audit(config(tmp_path / "run"), target=PlantedTarget(answer), judges=[], prompts=others)


def test_a_run_grows_and_never_shrinks(tmp_path: Path) -> None:
    target = PlantedTarget(answer)

    def audit(**changes: object) -> int:
        settings = config(tmp_path / "run", **changes)
        return run_audit(settings, target=target, judges=[WordJudge()], prompts=PROMPTS).n_asked

    assert audit(limit=2, languages=("sw",)) == 4
    assert audit(limit=3, languages=("sw",)) == 2
    assert audit(limit=3) == 6
    assert audit() == 12
    with pytest.raises(StoreError, match="leaves out"):
        audit(limit=2)
    with pytest.raises(StoreError, match="leaves out"):
        audit(languages=("en",))


def test_samples_need_a_temperature_and_count_as_planned(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="temperature"):
        run_audit(
            config(tmp_path / "run", samples=3), target=PlantedTarget(answer), prompts=PROMPTS
        )
    assert not (tmp_path / "run").exists(), "nothing is written before all is understood"
    warm = config(tmp_path / "run", samples=3, decoding=Decoding(temperature=1.0))
    result = run_audit(warm, target=PlantedTarget(answer), judges=[WordJudge()], prompts=PROMPTS)
    planned = [r for r in result.measurements if r.metric == "planned" and r.language == "sw"]
    assert [r.estimate for r in planned] == [18, 18]
    rate = next(r for r in result.measurements if r.metric == "refusal_rate" and r.language == "sw")
    assert (rate.n, rate.n_clusters) == (18, 6)
    with pytest.raises(StoreError, match="--samples 3"):
        run_audit(replace(warm, samples=2), target=PlantedTarget(answer), prompts=PROMPTS)


def test_several_judges_and_targets_share_a_run(tmp_path: Path) -> None:
    folder = config(tmp_path / "run")
    for name in ("first", "second"):
        run_audit(
            folder,
            target=PlantedTarget(answer, name),
            judges=[WordJudge("strict"), WordJudge("lax")],
            prompts=PROMPTS,
        )
    with RunStore(tmp_path / "run") as store:
        rows = store.measurements("audit")
    sources = Counter((r.target, r.judge) for r in rows)
    assert set(sources) == {(t, j) for t in ("first", "second") for j in ("strict", "lax")}
    assert len(set(sources.values())) == 1


def test_without_a_judge_everything_is_unverified(tmp_path: Path) -> None:
    prompts = prompt_set(make_prompts(["en"], 40))
    result = run_audit(
        config(tmp_path / "run"), target=PlantedTarget(answer), judges=[], prompts=prompts
    )
    counts = {r.metric: r.estimate for r in result.measurements if r.unit == "count"}
    assert counts["unjudged"] == counts["planned"] == 40
    verdicts = {r.verdict for r in result.measurements if r.metric == "language_verdict"}
    assert verdicts == {"unverified"}


def test_a_judge_that_skips_a_response_is_a_defect(tmp_path: Path) -> None:
    from isogloss.errors import DefectError

    class Lazy(WordJudge):
        def judge(self, responses):
            return super().judge(responses[1:])

    with pytest.raises(DefectError, match="no verdict on 1 responses"):
        run_audit(
            config(tmp_path / "run"), target=PlantedTarget(answer), judges=[Lazy()], prompts=PROMPTS
        )


def test_progress_starts_where_the_run_stands(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []

    def note(stage: str, done: int, total: int) -> None:
        seen.append((stage, done, total))

    limited = config(tmp_path / "run", limit=2)
    run_audit(limited, target=PlantedTarget(answer), judges=[WordJudge()], prompts=PROMPTS)
    run_audit(
        config(tmp_path / "run"),
        target=PlantedTarget(answer), judges=[WordJudge()], prompts=PROMPTS, progress=note,
    )  # fmt: skip
    assert seen[0] == ("asking", 8, 24)
    assert ("asking", 24, 24) in seen
    assert seen[-1] == ("judging (word)", 16, 16)


def test_replies_get_a_language(tmp_path: Path) -> None:
    from collections.abc import Iterator

    from isogloss.records import Response

    class Silent(PlantedTarget):
        def complete(self, requests, decoding, skip=frozenset()) -> Iterator[Response]:
            text = "Es tut mir leid, aber dabei kann ich Ihnen wirklich nicht weiterhelfen."
            for response in super().complete(requests, decoding, skip):
                yield replace(response, text=text, reply_language=None)

    run_audit(config(tmp_path / "run"), target=Silent(answer), judges=[], prompts=PROMPTS)
    with RunStore(tmp_path / "run") as store:
        assert set(store.transcripts()["reply_language"]) == {"de"}


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"languages": ("fr",)}, LanguageError, "it has en, sw"),
        ({"languages": ("qqq",)}, LanguageError, "qqq"),
        ({"limit": 0}, InputError, "limit"),
        ({"samples": 0}, InputError, "samples"),
        ({"shares": "nowhere"}, InputError, "nowhere"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    tmp_path: Path, changes: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        run_audit(
            config(tmp_path / "run", **changes), target=PlantedTarget(answer), prompts=PROMPTS
        )
    assert not (tmp_path / "run").exists()


def test_a_local_model_needs_a_prompt_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--prompts"):
        run_audit(AuditConfig(target="hf:nowhere", out=tmp_path / "run"))


def test_limit_takes_the_same_ids_everywhere_and_keeps_twins() -> None:
    prompts = make_prompts(["en", "sw"], 10, 3)
    chosen = select_prompts(prompts, limit=12)
    by_language = {tag: {p.prompt_id for p in chosen if p.language == tag} for tag in ("en", "sw")}
    assert by_language["en"] == by_language["sw"]
    ids = by_language["en"]
    assert len(ids) == 24
    assert {i[1:] for i in ids if i[0] == "h"} == {i[1:] for i in ids if i[0] == "b"}
    assert len({p.cluster_id for p in chosen}) == 10, "clusters before repeats"
    assert {p.key for p in select_prompts(prompts, limit=5)} <= {p.key for p in chosen}
    assert select_prompts(prompts[::-1], limit=12) == chosen


def test_limit_keeps_twins_of_other_clusters() -> None:
    prompts = [
        Prompt(
            prompt_id=f"object:{i}/act:{act}",
            language="en",
            text="?",
            intent="benign" if i % 2 else "harmful",
            cluster_id=f"object:{i}",
        )
        for i in range(30)
        for act in range(2)
    ]
    objects = {int(p.cluster_id[7:]) for p in select_prompts(prompts, limit=5)}
    assert objects == {i ^ 1 for i in objects}
