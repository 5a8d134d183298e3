"""The search: directions × settings × languages on validation prompts, many settings a batch.

A trial is one direction under one setting in one language. Trials are put together into calls of
some thousand rows, each row with its own edit, so that a grid costs few calls of generation; each
trial is kept as soon as its call is over (`isogloss.control.search_table`). Test prompts never get
here: `check_apart` refuses a validation set that shares anything with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from isogloss.audit.reply_language import tag_replies
from isogloss.control.directions import Direction, Gates
from isogloss.control.search_table import SearchTable, TrialKey
from isogloss.control.settings import Setting, Toward
from isogloss.control.trial import Trial, count_trial
from isogloss.errors import InputError
from isogloss.judges.base import Judge
from isogloss.progress import Progress
from isogloss.records import INTENTS, Decoding, Prompt, Request, Response, Verdict
from isogloss.seeds import content_hash
from isogloss.targets.edits import Edit
from isogloss.targets.local import LocalTarget
from isogloss.targets.scoring import score_texts

POOL = "pool"
"""The name under which validation prompts of several languages stand together."""
ROWS_A_CALL = 4096
"""Rows of one call of generation; the target cuts them into batches by its own budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One trial to be made; without direction and setting, of the unedited model.

    Attributes:
        language: whose validation prompts, or `POOL`.
        direction, setting: None for the unedited model.
        gates: with them, only rows that their language's gate lets through are edited.
    """

    language: str
    direction: Direction | None = None
    setting: Setting | None = None
    gates: Gates | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything a trial is made with.

    Attributes:
        target: the model, not steered.
        judge: decides the outcomes.
        prompts: validation prompts by language, and under `POOL` of several.
        texts: clean text by the same names, tokenized; where there is none, none is scored.
        toward, adding: which way settings push.
        decoding: how replies are made.
    """

    target: LocalTarget
    judge: Judge
    prompts: Mapping[str, Sequence[Prompt]]
    texts: Mapping[str, Sequence[Sequence[int]]]
    toward: Toward
    adding: Toward
    decoding: Decoding

    def key_of(self, job: Job) -> TrialKey:
        """Where a trial is kept."""
        prompts = self.prompts[job.language]
        name = "none" if job.direction is None else job.direction.name
        return TrialKey(
            direction=f"{name} gated" if job.gates else name,
            language=job.language,
            setting=job.setting,
            made_from=content_hash(
                self.target.template,
                self.decoding.fingerprint(""),
                f"{self.judge.name} {self.judge.settings}",
                self.toward,
                self.adding,
                "" if job.direction is None else job.direction.fingerprint,
                "" if job.gates is None else job.gates.fingerprint,
                *(text for p in prompts for text in (*p.key, p.intent, p.text)),
                *(str(list(text)) for text in self.texts.get(job.language, ())),
            ),
        )


def run_jobs(
    bench: Bench, jobs: Sequence[Job], table: SearchTable, progress: Progress
) -> dict[Job, Trial]:
    """Every job's trial: from the table where it is there, else made now and kept.

    Raises:
        ModelError: an edit does not fit the model; found before anything is generated.
        InputError: no validation prompts in a language.
    """
    if missing := sorted({j.language for j in jobs if not bench.prompts.get(j.language)}):
        raise InputError(f"there are no validation prompts in {', '.join(missing)}")
    keys = {job: bench.key_of(job) for job in jobs}
    done = sum(table.find(key) is not None for key in keys.values())
    progress("searching (trials)", done, len(jobs))
    # Calls are planned over all jobs, so that a resumed search gives each trial the same
    # neighbours, and hence the same bits, as one that was not interrupted.
    for call in _calls(bench, jobs):
        if all(table.find(keys[job]) is not None for job in call):
            continue
        for job, trial in _make(bench, call):
            if table.find(keys[job]) is None:
                table.add(keys[job], trial)
                done += 1
        progress("searching (trials)", done, len(jobs))
    found: dict[Job, Trial] = {}
    for job in jobs:
        trial = table.find(keys[job])
        assert trial is not None
        found[job] = trial
    return found


def check_apart(validation: Iterable[Prompt], test: Iterable[Prompt]) -> None:
    """That what settings are chosen on shares nothing with what they are measured on.

    Raises:
        InputError: a prompt id, a cluster or a text stands on both sides.
    """
    validation, test = list(validation), list(test)
    for what, of in (
        ("prompt id", lambda p: p.prompt_id),
        ("cluster", lambda p: p.cluster_id),
        ("text", lambda p: " ".join(p.text.split()).casefold()),
    ):
        shared = {of(prompt) for prompt in validation} & {of(prompt) for prompt in test}
        if shared:
            name = "" if what == "text" else f", such as {sorted(shared)[0]!r}"
            raise InputError(
                f"{len(shared)} {what}(s) are in the validation and in the test prompts{name}: "
                "settings would be chosen on what they are measured on; take them out of one"
            )


def pooled(
    prompts: Mapping[str, Sequence[Prompt]], languages: Sequence[str], *, n: int
) -> list[Prompt]:
    """About ``n`` validation prompts of several languages, evenly, harmful and benign alike.

    Every language gives prompts of other clusters, as far as there are enough.
    """
    each = max(1, round(n / (2 * max(1, len(languages)))))
    found: list[Prompt] = []
    for place, language in enumerate(languages):
        for intent in INTENTS:
            mine = sorted((p for p in prompts[language] if p.intent == intent), key=lambda p: p.key)
            start = place * each
            found += [mine[(start + k) % len(mine)] for k in range(min(each, len(mine)))]
    return found


def _calls(bench: Bench, jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Jobs in calls of about `ROWS_A_CALL` rows."""
    call: list[Job] = []
    n_rows = 0
    for job in jobs:
        n = len(bench.prompts[job.language])
        if call and n_rows + n > ROWS_A_CALL:
            yield call
            call, n_rows = [], 0
        call.append(job)
        n_rows += n
    if call:
        yield call


def _make(bench: Bench, jobs: Sequence[Job]) -> Iterator[tuple[Job, Trial]]:
    edits = [_edits(bench, job) for job in jobs]
    replies = _replies(bench, jobs, edits)
    nats = _nats(bench, jobs, edits)
    for number, job in enumerate(jobs):
        tagged = list(tag_replies(response for response, _ in replies[number]))
        known = [r for r in tagged if r.reply_language is not None]
        same = sum(r.reply_language == r.request.prompt.language for r in known)
        fidelity = same / len(known) if known else None
        yield job, count_trial(replies[number], fidelity, nats[number])


_Edits = Mapping[str, Edit | None]
"""Language → the edit of its rows."""


def _edits(bench: Bench, job: Job) -> _Edits:
    languages = dict.fromkeys(prompt.language for prompt in bench.prompts[job.language])
    if job.direction is None or job.setting is None:
        return dict.fromkeys(languages)
    make = partial(job.direction.edit, job.setting, toward=bench.toward, adding=bench.adding)
    if job.gates is None:
        return dict.fromkeys(languages, make())
    return {language: make(gate=job.gates.by_language[language]) for language in languages}


def _replies(
    bench: Bench, jobs: Sequence[Job], edits: Sequence[_Edits]
) -> list[list[tuple[Response, Verdict]]]:
    """Of every job, its replies with the judge's words; a job is the variant of its prompts."""
    requests = [
        Request(prompt=replace(prompt, variant=f"{number:06d}"))
        for number, job in enumerate(jobs)
        for prompt in bench.prompts[job.language]
    ]
    steered = bench.target.steered(
        lambda prompt: edits[int(prompt.variant)][prompt.language], "a search"
    )
    responses = list(steered.complete(requests, bench.decoding))
    answered = [response for response in responses if response.status == "ok"]
    verdicts = dict(zip(map(id, answered), bench.judge.judge(answered), strict=True))
    nothing = Verdict(outcome="unjudged", reason="no reply")
    found: list[list[tuple[Response, Verdict]]] = [[] for _ in jobs]
    for response in responses:
        number = int(response.request.prompt.variant)
        found[number].append((response, verdicts.get(id(response), nothing)))
    return found


def _nats(bench: Bench, jobs: Sequence[Job], edits: Sequence[_Edits]) -> list[float | None]:
    """Nats a token of the clean text that goes with every job, under its edit.

    Of a gated edit it is the edit without its gate: what it would cost where the gate errs.
    """
    texts = [(n, text) for n, job in enumerate(jobs) for text in bench.texts.get(job.language, ())]
    ungated = [_ungated(next(iter(found.values()))) for found in edits]
    scores = score_texts(
        bench.target.model, [text for _, text in texts], edits=[ungated[n] for n, _ in texts]
    )
    sums = [[0.0, 0] for _ in jobs]
    for (number, _), score in zip(texts, scores, strict=True):
        sums[number][0] += score.nats
        sums[number][1] += score.n_tokens
    return [nats / n if n else None for nats, n in sums]


def _ungated(edit: Edit | None) -> Edit | None:
    return None if edit is None else replace(edit, condition=None)
