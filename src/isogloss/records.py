"""The nouns every part passes to the next: prompts, responses, verdicts, measurements."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from isogloss.seeds import content_hash

if TYPE_CHECKING:
    import polars as pl

Intent = Literal["harmful", "benign"]
ResponseStatus = Literal["ok", "blocked", "error"]
Outcome = Literal["complied", "refused", "irrelevant", "unjudged"]
LabelOutcome = Literal["complied", "refused", "irrelevant", "unsure"]
Scope = Literal["these languages", "languages like these", "this model", "runs"]

INTENTS: tuple[Intent, ...] = ("harmful", "benign")
OUTCOMES: tuple[Outcome, ...] = ("complied", "refused", "irrelevant", "unjudged")
ORIGINAL = "original"
"""The variant of a prompt that nothing was done to."""
CLAIM = "claim"
"""The metric of a row that is the verdict on a claim: its words are the row's category."""
RESULTS = ("complied", "refused", "irrelevant", "blocked", "error", "unjudged")
"""The six things a planned prompt can end as; their counts always sum to what was planned."""


class PromptKey(NamedTuple):
    """What identifies a prompt inside a run."""

    prompt_id: str
    language: str
    variant: str


class RequestKey(NamedTuple):
    """What identifies one answer to be had from one target, arm and decoding."""

    prompt_id: str
    language: str
    variant: str
    sample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """How a prompt's text came to be in its language.

    Attributes:
        engine: who translated: ``openai:MODEL``, ``hf:ID``, ``file:NAME``, ``human``.
        source_language: canonical tag of the text it was made from.
        back_translation: the text put back into the source language.
        chrf: chrF++ of the back-translation against the source, 0 to 100; higher is better.
        flags: names of the quality checks that found something (`isogloss.translate`), sorted.
    """

    engine: str
    source_language: str = "en"
    back_translation: str | None = None
    chrf: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt in one language.

    Attributes:
        prompt_id: the same in every language; rows are joined by it and never by position.
        language: canonical BCP-47 tag (see `isogloss.languages`).
        intent: ``harmful`` asks for what should be refused, ``benign`` for what should be answered.
        category: topic, for breakdowns.
        reference: the same request in English, for a reader who does not know the language.
        variant: a named rewriting of the set (``original`` unless said otherwise).
        cluster_id: the unit of resampling; the source prompt unless a coarser one is given.
        translation: where the text was translated by an engine; None where it is as given.
    """

    prompt_id: str
    language: str
    text: str
    intent: Intent
    category: str | None = None
    reference: str | None = None
    variant: str = "original"
    cluster_id: str
    translation: Translation | None = None

    @property
    def key(self) -> PromptKey:
        return PromptKey(self.prompt_id, self.language, self.variant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answer asked for: a prompt and the number of the sample (0 unless sampling repeats)."""

    prompt: Prompt
    sample: int = 0

    @property
    def key(self) -> RequestKey:
        return RequestKey(*self.prompt.key, self.sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How a target is asked. Temperature 0 is greedy; the seed matters only above 0."""

    max_new_tokens: int = 64
    temperature: float = 0.0
    seed: int = 0
    system_prompt: str | None = None

    def fingerprint(self, template: str) -> str:
        """Sixteen hex digits: part of a response's key, so that other settings never mix in."""
        settings = asdict(self)
        if self.temperature == 0:
            del settings["seed"]
        return content_hash(json.dumps(settings, sort_keys=True), template)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back for one request.

    Attributes:
        status: ``ok`` (a reply, perhaps empty), ``blocked`` (the provider's filter), ``error``.
        truncated: the reply was cut at ``max_new_tokens``.
        reply_language: canonical tag, or None where identification abstained.
        reason: what the filter or the error said.
        recorded_outcome: an outcome that came with a recorded response (judge ``recorded``).
        recorded_correct: the same for correctness.
    """

    request: Request
    status: ResponseStatus
    text: str
    truncated: bool = False
    reply_language: str | None = None
    reason: str | None = None
    n_prompt_tokens: int | None = None
    n_tokens: int | None = None
    recorded_outcome: Outcome | None = None
    recorded_correct: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A judge's word on one response; ``unjudged`` is not an outcome and never counts as safe.

    Attributes:
        correct: for ``complied``, whether the content was right; None where nobody knows.
        reason: why it is unjudged, or what the judge based itself on.
        failed: the judge could not be asked (its endpoint gave up); asked again on resuming.
        n_prompt_tokens, n_tokens: what a paid judge read and wrote.
    """

    outcome: Outcome
    correct: bool | None = None
    reason: str | None = None
    failed: bool = False
    n_prompt_tokens: int | None = None
    n_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTranslation:
    """A reply put into English, or why there is none (``text`` is then None)."""

    text: str | None
    reason: str | None = None
    n_prompt_tokens: int | None = None
    n_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A person's word on one stored response.

    Attributes:
        response: its id in the store.
        labeller: who said so; one label a labeller and response, the last one counts.
        outcome: ``unsure`` is a value of its own: nobody's outcome, and not missing either.
    """

    response: int
    labeller: str
    outcome: LabelOutcome
    correct: bool | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One row of results; what ``isogloss show RUN --json`` prints and every report reads.

    Attributes:
        area: ``audit``, ``concepts``, ``control``, ...
        metric: a name of `isogloss.audit.rates` or of another area's.
        estimate: None where not measured (then ``reason`` says why); a rate is in [0, 1].
        low, high: ends of the 95 % interval.
        unit: ``rate``, ``rate difference``, ``rate per decade of share``, ``count``, ...
        scope: what the interval generalises to.
        detectable: the smallest difference this design could have seen with 80 % power.
        p_value: two-sided, before any correction unless ``method`` names one.
        verdict: a word for people: ``worse``, ``no evidence``, ``underpowered``, ``unverified`` ...
        sign, null: of a claim: on which side of ``null`` (1 above, -1 below) its figure lies if the
            claim is right.
    """

    area: str
    metric: str
    target: str
    arm: str = "none"
    judge: str | None = None
    concept: str | None = None
    language: str | None = None
    source_language: str | None = None
    tier: str | None = None
    category: str | None = None
    variant: str | None = None
    layer: int | None = None
    strength: float | None = None
    n: int = 0
    k: float | None = None
    n_clusters: int | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = "rate"
    method: str | None = None
    scope: Scope | None = None
    detectable: float | None = None
    p_value: float | None = None
    verdict: str | None = None
    seed: int | None = None
    reason: str | None = None
    sign: Literal[1, -1] | None = None
    null: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a verb that leaves a run folder gives back.

    Attributes:
        folder: the run folder.
        measurements: its rows.
    """

    folder: Path
    measurements: tuple[Measurement, ...]

    def frame(self) -> pl.DataFrame:
        """The measurement rows as a table, columns as in `Measurement`."""
        import polars as pl

        names = [field.name for field in fields(Measurement)]
        rows = [asdict(row) for row in self.measurements]
        return pl.DataFrame(rows, schema=names, infer_schema_length=None)
