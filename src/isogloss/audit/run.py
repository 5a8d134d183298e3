"""Ask, judge and measure: one run folder, resumable at any moment.

What a folder holds: one prompt set; any number of targets and arms, each with one decoding; any
number of judges. Running the same command again asks only what has no reply yet. Replies with
status ``error`` are asked again; blocked ones are not. Asking for more (languages, ``limit``,
``samples``) extends a run; another prompt set, another decoding for the same target and arm, or a
selection that leaves out stored prompts is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from isogloss.audit.environment import describe_environment
from isogloss.audit.judging import check_judge, judge_stored
from isogloss.audit.remeasure import planned_audits, remeasure
from isogloss.audit.reply_language import tag_replies
from isogloss.audit.setup import Setup, prepare
from isogloss.endpoint.options import EndpointOptions
from isogloss.errors import StoreError
from isogloss.judges.base import Judge
from isogloss.languages import ShareTable
from isogloss.progress import Progress, silent
from isogloss.prompts import PromptSet
from isogloss.records import Decoding, Intent, Measurement, Prompt, Request, RunResult
from isogloss.store import RunStore
from isogloss.targets.base import Target
from isogloss.targets.options import LocalOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConfig:
    """One audit; the flags of ``isogloss audit`` are these fields.

    Attributes:
        target: ``lab:…``, ``hf:…``, ``openai:…`` or ``replay:…``.
        prompts: a prompt set; None is the lab's own for a lab target, and for a replay the file
            itself where it has the columns ``text`` and ``intent``.
        intent: of prompts whose row does not say; a set without the column needs it.
        licence: of the prompt set; by default what a licence file beside it says.
        out: the run folder; None derives one under ``runs/`` from the target and the prompt set.
        judges: names; None is ``oracle`` for the lab, ``recorded`` for a replay, else nobody.
        shares: a named share table or a CSV file; None is the lab's mix, else ``cc-2026-04``.
        languages: only these; None is all of the set.
        limit: at most so many prompts of each intent (see `select_prompts`).
        samples: answers a prompt; more than one needs a temperature.
        decoding: how the target is asked.
        arm: names what was done to the model; rows of different arms never mix.
        options: how a local model is run.
        endpoint: how an ``openai:`` target is reached.
        judge_endpoint: how judges behind an endpoint are; None is as the target.
    """

    target: str
    prompts: Path | None = None
    intent: Intent | None = None
    licence: str | None = None
    out: Path | None = None
    judges: tuple[str, ...] | None = None
    shares: str | None = None
    languages: tuple[str, ...] | None = None
    limit: int | None = None
    samples: int = 1
    decoding: Decoding = field(default_factory=Decoding)
    arm: str = "none"
    options: LocalOptions = field(default_factory=LocalOptions)
    endpoint: EndpointOptions = field(default_factory=EndpointOptions)
    judge_endpoint: EndpointOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult(RunResult):
    """What an audit wrote.

    Attributes:
        folder: the run folder.
        target, arm: whose replies.
        judges: whose verdicts, the primary one first; empty where nobody judged.
        measurements: the rows of this target, arm and these judges.
        n_asked, n_judged: what this call added to the folder.
    """

    target: str
    arm: str
    judges: tuple[str, ...]
    n_asked: int
    n_judged: int


def run_audit(
    config: AuditConfig,
    *,
    target: Target | None = None,
    judges: Sequence[Judge] | None = None,
    prompts: PromptSet | None = None,
    shares: ShareTable | None = None,
    progress: Progress | None = None,
) -> AuditResult:
    """Ask a target every prompt, judge its replies, measure; or finish what was begun.

    Args:
        config: what to do.
        target, judges, prompts, shares: in place of what the strings in ``config`` name.
        progress: see `Progress`.

    Raises:
        UserError: something in the configuration, the machine or the folder must change. Nothing
            is written before all of the configuration has been understood.

    Example:
        >>> result = run_audit(AuditConfig(target="lab:tiny"))  # doctest: +SKIP
        >>> result.frame().filter(metric="harmful_rate")  # doctest: +SKIP
    """
    report = progress or silent
    setup = prepare(
        config, target=target, judges=judges, prompts=prompts, shares=shares, progress=report
    )
    chosen = setup.chosen
    with RunStore(setup.folder, create=True) as store:
        settings = config.decoding.fingerprint(setup.target.template)
        _open(store, config, setup, chosen, settings)
        n_asked = _ask(store, config, setup, chosen, settings, report)
        n_judged = sum(judge_stored(store, judge, report) for judge in setup.judges)
        who = f"{setup.target.name} {config.arm}"
        rows: list[Measurement] = []
        # Judges of earlier calls too: for them, what was asked now is unjudged.
        known_judges: list[str] = planned_audits(store)[who]["judges"]
        for judge in known_judges or [None]:
            rows += remeasure(store, target=setup.target.name, arm=config.arm, judge=judge)
    return AuditResult(
        folder=setup.folder,
        target=setup.target.name,
        arm=config.arm,
        judges=tuple(known_judges),
        measurements=tuple(rows),
        n_asked=n_asked,
        n_judged=n_judged,
    )


def _open(
    store: RunStore, config: AuditConfig, setup: Setup, chosen: Sequence[Prompt], settings: str
) -> None:
    """Check that this audit belongs into this folder, then store its plan."""
    _refuse_another(store, config, setup, chosen, settings)
    store.add_prompts(chosen)
    store.set_meta(
        "prompt_set",
        {
            "source": setup.prompt_set.source,
            "fingerprint": setup.prompt_set.fingerprint,
            "licence": setup.prompt_set.licence,
            "notes": list(setup.prompt_set.notes),
        },
    )
    store.set_meta("share_table", setup.shares.to_json())
    store.set_meta("environment", describe_environment(seed=config.decoding.seed))
    for key, value in setup.notes.items():
        store.set_meta(key, value)
    variants = sorted({prompt.variant for prompt in chosen})
    who = f"{setup.target.name} {config.arm}"
    known_judges = planned_audits(store).get(who, {}).get("judges", [])
    judges = list(dict.fromkeys([*(judge.name for judge in setup.judges), *known_judges]))
    audit: dict[str, Any] = {
        "target": setup.target.name,
        "arm": config.arm,
        "judge": judges[0] if judges else None,
        "judges": judges,
        "settings": settings,
        "seed": config.decoding.seed,
        "samples": config.samples,
        "limit": config.limit,
        "languages": sorted({prompt.language for prompt in chosen}),
        "decoding": asdict(config.decoding),
        "primary_variant": "original" if "original" in variants else variants[0],
    }
    store.set_meta("audits", planned_audits(store) | {who: audit})
    store.set_meta("audit", audit)


def _refuse_another(
    store: RunStore, config: AuditConfig, setup: Setup, chosen: Sequence[Prompt], settings: str
) -> None:
    other = "; choose another --out folder"
    for judge in setup.judges:
        check_judge(store, judge)
    known = store.meta("prompt_set")
    if known and known["fingerprint"] != setup.prompt_set.fingerprint:
        raise StoreError(
            f"{store.folder} holds another prompt set ({known['source']}) than "
            f"{setup.prompt_set.source}, or the file has changed since{other}"
        )
    for target, arm, stored in store.sources():
        if (target, arm) == (setup.target.name, config.arm) and stored != settings:
            raise StoreError(
                f"{store.folder} holds replies of {target} (arm {arm}) to another decoding, system "
                "prompt, chat template, base URL or recording, or from other weights; they do not "
                "mix"
                f"{other}, or another --arm"
            )
    stored_keys = set(store.prompts().select("prompt_id", "language", "variant").iter_rows())
    if left_out := stored_keys - {tuple(prompt.key) for prompt in chosen}:
        raise StoreError(
            f"{store.folder} holds {len(left_out)} prompts that this selection leaves out; a run "
            f"only grows: ask with at least the same --languages and --limit{other}"
        )
    before = planned_audits(store).get(f"{setup.target.name} {config.arm}")
    if before and before["samples"] > config.samples:
        raise StoreError(
            f"{store.folder} was planned with --samples {before['samples']}; "
            f"{config.samples} would drop some{other}"
        )


def _ask(
    store: RunStore,
    config: AuditConfig,
    setup: Setup,
    chosen: Sequence[Prompt],
    settings: str,
    report: Progress,
) -> int:
    """Have every planned request answered; how many were asked now."""
    name, arm = setup.target.name, config.arm
    done = store.answered(target=name, arm=arm, settings=settings)
    requests = [
        Request(prompt=prompt, sample=sample)
        for prompt in chosen
        for sample in range(config.samples)
    ]
    n_done = sum(request.key in done for request in requests)
    report("asking", n_done, len(requests))
    if n_done == len(requests):
        return 0
    n_asked = 0
    replies = setup.target.complete(requests, config.decoding, done)
    # One reply a commit: a target that takes a minute for a batch loses nothing it has yielded.
    for response in tag_replies(replies):
        store.add_responses([response], target=name, arm=arm, settings=settings)
        n_asked += 1
        report("asking", n_done + n_asked, len(requests))
    return n_asked
