"""Draw the sheet: a random sample per language that only ever grows.

Every reply has a random number of its own, made from the seed and the reply's key. Of each stratum
(language × intent, and × verdict where a judge's rare verdicts are drawn more often) the replies
with the smallest numbers are on the sheet. So asking for more extends the same sheet, and a run
that grew is sampled as if it had been whole from the start: everything up to the stratum's largest
number drawn so far comes in (bottom-k sampling; Cohen and Kaplan 2007, "Summarizing data using
bottom-k sketches"). Within a stratum the sheet is a simple random sample, which is all that
calibration asks for; ``n_frame / n_sheet`` is the weight of a label.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from isogloss.errors import InputError
from isogloss.label.sheet import Sheet, Stratum, StratumKey, read_sheet, store_sheet
from isogloss.label.source import Source, choose_source
from isogloss.languages import resolve_language
from isogloss.records import Intent
from isogloss.seeds import derive_seed
from isogloss.store import RunStore

PER_LANGUAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRequest:
    """What is asked of the sheet; the flags of ``isogloss label`` are these fields.

    Attributes:
        per_language: replies of each language, its intents together; None keeps what was asked
            before, `PER_LANGUAGE` at first.
        languages: only these; None is all.
        intent: only replies to prompts of this intent; None shares evenly between the two.
        stratify: a judge whose verdicts become strata of equal size, so that rare ones are drawn
            more often; None draws simply.
        seed: of the draw; None keeps the sheet's own, 0 at first.
        target, arm, variant: whose replies, to which prompts; None is what the last audit asked.
    """

    per_language: int | None = None
    languages: tuple[str, ...] | None = None
    intent: Intent | None = None
    stratify: str | None = None
    seed: int | None = None
    target: str | None = None
    arm: str | None = None
    variant: str | None = None

    def source(self, store: RunStore) -> Source:
        """Whose replies are meant in this run."""
        return choose_source(store, target=self.target, arm=self.arm, variant=self.variant)


def draw_sheet(store: RunStore, request: SheetRequest) -> Sheet:
    """Draw a sheet or extend the one there is, and store it with the run.

    The same request on the same replies changes nothing. A sheet nobody has labelled yet gives way
    to one with another seed or stratification.

    Raises:
        InputError: fewer than 1 reply asked for, a language or judge the run does not have, another
            seed or stratification than that of a sheet with labels, or nothing to label.
    """
    if request.per_language is not None and request.per_language < 1:
        raise InputError(f"--per-language must be 1 or more, not {request.per_language}")
    source = request.source(store)
    old = _compatible(store, read_sheet(store, source), request)
    draw = _Draw(
        seed=(old.seed if old else 0) if request.seed is None else request.seed,
        stratified_by=old.stratified_by if old else request.stratify,
        per_language=request.per_language or (old.per_language if old else PER_LANGUAGE),
    )
    rows = _frame(store, source, draw)
    wanted = _wanted(rows, source, request)
    known = {stratum.key: stratum for stratum in old.strata} if old else {}
    drawn = {response: key for key, stratum in known.items() for response in stratum.responses}
    if old and any(drawn.get(row.response, row.key) != row.key for row in rows):
        return _as_it_is(old, request)
    sheet = Sheet(
        target=source.target,
        arm=source.arm,
        variant=source.variant,
        seed=draw.seed,
        stratified_by=draw.stratified_by,
        per_language=draw.per_language,
        strata=_strata(rows, draw.per_language, wanted, known),
    )
    if sheet != old:
        store_sheet(store, source, sheet)
    return sheet


def share_out(n: int, capacities: Sequence[int]) -> list[int]:
    """Divide ``n`` evenly, one to each in turn, passing over who has no more; never more than all.

    A larger ``n`` gives nobody less.

    Example:
        >>> share_out(10, [2, 100, 100])
        [2, 4, 4]
    """
    sizes = [0] * len(capacities)
    left = min(n, sum(capacities))
    while left:
        for i, capacity in enumerate(capacities):
            if left and sizes[i] < capacity:
                sizes[i] += 1
                left -= 1
    return sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draw:
    seed: int
    stratified_by: str | None
    per_language: int


class _Row(NamedTuple):
    response: int
    key: StratumKey
    number: int


def _frame(store: RunStore, source: Source, draw: _Draw) -> list[_Row]:
    """Every reply that can be labelled, with its stratum and its random number."""
    judge = draw.stratified_by
    if judge is not None and judge not in store.judges():
        raise InputError(
            f"{store.folder} has no verdicts of a judge {judge!r} to stratify by; "
            f"it has {', '.join(store.judges()) or 'none yet'}"
        )
    table = store.labels.responses(target=source.target, arm=source.arm, judge=judge)
    rows: list[_Row] = []
    for row in table.iter_rows(named=True):
        if row["status"] != "ok" or row["variant"] != source.variant:
            continue
        key = StratumKey(row["language"], row["intent"], row["result"] if judge else None)
        name = (row["language"], row["variant"], row["prompt_id"], row["sample"])
        rows.append(_Row(row["response"], key, derive_seed(draw.seed, "label sheet", *name)))
    if not rows:
        raise InputError(
            f"{store.folder} has no reply of {source.target} (arm {source.arm}, variant "
            f"{source.variant}) to label: nothing was answered there"
        )
    return rows


def _strata(
    rows: Iterable[_Row],
    n: int,
    wanted: frozenset[StratumKey],
    known: dict[StratumKey, Stratum],
) -> tuple[Stratum, ...]:
    """Every stratum drawn from before or now; of each language ``n`` over those wanted now."""
    frames: defaultdict[StratumKey, list[tuple[int, int]]] = defaultdict(list)
    for row in rows:
        frames[row.key].append((row.number, row.response))
    sizes: dict[StratumKey, int] = {}
    for language in {key.language for key in wanted}:
        keys = sorted((k for k in wanted if k.language == language), key=lambda key: key.place)
        sizes |= zip(keys, share_out(n, [len(frames[key]) for key in keys]), strict=True)
    drawn = [
        _draw(key, frames[key], sizes.get(key, 0), known.get(key))
        for key in sorted(wanted | known.keys(), key=lambda key: key.place)
    ]
    return tuple(drawn)


def _draw(key: StratumKey, frame: list[tuple[int, int]], n: int, old: Stratum | None) -> Stratum:
    frame = sorted(frame)
    reached = frame[n - 1][0] if n else -1
    threshold = max(reached, old.threshold if old else -1)
    return Stratum(
        language=key.language,
        intent=key.intent,
        verdict=key.verdict,
        n_frame=len(frame),
        threshold=threshold,
        responses=tuple(response for number, response in frame if number <= threshold),
    )


def _compatible(store: RunStore, old: Sheet | None, request: SheetRequest) -> Sheet | None:
    """The stored sheet if it can be extended as asked; None if it may be forgotten."""
    if old is None:
        return None
    seed_differs = request.seed is not None and request.seed != old.seed
    judge_differs = request.stratify is not None and request.stratify != old.stratified_by
    if not (seed_differs or judge_differs):
        return old
    if not set(store.labels.frame()["response"]) & set(old.responses):
        return None
    drawn = f"--stratify {old.stratified_by}" if old.stratified_by else "no --stratify"
    raise InputError(
        f"the sheet of {store.folder} was drawn with --seed {old.seed} and {drawn}, and has "
        "labels, which another draw would leave out; leave --seed and --stratify out to extend it"
    )


def _as_it_is(sheet: Sheet, request: SheetRequest) -> Sheet:
    """A sheet whose judge judged anew: its strata as drawn still weigh its labels, and no more."""
    if request.per_language is None:
        return sheet
    raise InputError(
        f"judge {sheet.stratified_by} has judged anew since this sheet was drawn, so it cannot be "
        "extended; leave --per-language out to go on with the sheet as it is"
    )


def _wanted(rows: Iterable[_Row], source: Source, request: SheetRequest) -> frozenset[StratumKey]:
    """The strata that this request draws from."""
    keys = {row.key for row in rows}
    present = sorted({key.language for key in keys})
    asked = present if request.languages is None else list(map(resolve_language, request.languages))
    if absent := [tag for tag in asked if tag not in present]:
        raise InputError(
            f"the run has no reply of {source.target} in {', '.join(absent)}; "
            f"it has {', '.join(present)}"
        )
    wanted = frozenset(
        key for key in keys if key.language in asked and request.intent in (None, key.intent)
    )
    if not wanted:
        raise InputError(
            f"the run has no reply to a {request.intent} prompt in {', '.join(asked)}; "
            "leave --intent out"
        )
    return wanted
