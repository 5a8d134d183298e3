"""What an audit would ask and cost, before anything is asked; and what one has used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.audit.selection import select_prompts
from isogloss.audit.setup import default_folder, judge_names, load_prompt_set
from isogloss.endpoint.tokens import TOKENS_A_MESSAGE, guess_tokens
from isogloss.records import Decoding, Prompt, RequestKey
from isogloss.store import RunStore
from isogloss.targets.load import check_spec
from isogloss.targets.prices import ENDPOINT, Cost, Prices, cost_of

if TYPE_CHECKING:
    from isogloss.audit.run import AuditConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What an audit is about to do.

    Attributes:
        folder: where the run would be kept; what is answered there is not asked again.
        n_requests: answers planned: prompts times samples.
        n_stored: of these already answered.
        n_calls: the rest; each is asked once if nothing fails.
        n_prompt_tokens: about what is read for them (see `isogloss.endpoint.tokens`).
        most_tokens: the most that can be written: ``max_new_tokens`` for every call.
        cost: of ``n_prompt_tokens`` and ``most_tokens``; None where no price is known.
        judges: judges behind an endpoint; they add up to a call for every reply, of a length that
            is known only when the reply is.
    """

    target: str
    folder: Path
    n_requests: int
    n_stored: int
    n_calls: int
    n_prompt_tokens: int
    most_tokens: int
    cost: Cost | None
    judges: tuple[str, ...]


def plan_budget(config: AuditConfig, *, prices: Prices | None = None) -> Budget:
    """What ``config`` would ask and cost; asks nothing, loads no model and writes nothing.

    Raises:
        UserError: the target's scheme, the prompts or the run folder cannot be used.
    """
    check_spec(config.target)
    chosen = select_prompts(
        load_prompt_set(config).prompts, languages=config.languages, limit=config.limit
    )
    folder = config.out or default_folder(config)
    done = _answered(folder, config)
    open_requests = [
        prompt
        for prompt in chosen
        for sample in range(config.samples)
        if RequestKey(*prompt.key, sample) not in done
    ]
    n_requests, n_calls = len(chosen) * config.samples, len(open_requests)
    n_prompt_tokens = estimate_prompt_tokens(open_requests, config.decoding)
    most_tokens = n_calls * config.decoding.max_new_tokens
    judges = judge_names(config)
    return Budget(
        target=config.target,
        folder=folder,
        n_requests=n_requests,
        n_stored=n_requests - n_calls,
        n_calls=n_calls,
        n_prompt_tokens=n_prompt_tokens,
        most_tokens=most_tokens,
        cost=cost_of(config.target, prices, n_prompt_tokens, most_tokens),
        judges=tuple(judge for judge in judges if ENDPOINT in judge),
    )


def estimate_prompt_tokens(prompts: Iterable[Prompt], decoding: Decoding) -> int:
    """About how many tokens the model reads, messages and their texts.

    Example:
        >>> estimate_prompt_tokens([], Decoding())
        0
    """
    system = decoding.system_prompt
    said = TOKENS_A_MESSAGE + guess_tokens(system) if system else 0
    return sum(TOKENS_A_MESSAGE + guess_tokens(prompt.text) + said for prompt in prompts)


def _answered(folder: Path, config: AuditConfig) -> frozenset[RequestKey]:
    if not (folder / "run.db").is_file():
        return frozenset()
    with RunStore(folder) as store:
        keys = [
            store.answered(target=target, arm=arm, settings=settings)
            for target, arm, settings in store.sources()
            if (target, arm) == (config.target, config.arm)
        ]
    return frozenset[RequestKey]().union(*keys)


def _own_name(judge: str) -> str:
    """Without the engine that translates for it, which has a line of its own."""
    return judge.partition("+pivot(")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What one paid model of a run has read and written so far.

    Attributes:
        role: ``target``, ``judge`` or ``translator``.
        n: calls whose tokens the endpoint told; those of others are not in the sums.
        cost: None where the price or the tokens are not known.
    """

    role: str
    name: str
    n: int
    n_prompt_tokens: int | None
    n_tokens: int | None
    cost: Cost | None


def measure_spending(folder: str | Path, *, prices: Prices | None = None) -> list[Spending]:
    """Tokens and cost of everyone behind an endpoint, from what a run folder holds.

    A reply that was asked for again counts once, as the endpoint counted the one that was kept.
    """
    with RunStore(folder) as store:
        rows = store.usage().to_dicts()
    return [
        Spending(
            role=row["role"],
            name=row["name"],
            n=row["n"] or 0,
            n_prompt_tokens=row["n_prompt_tokens"],
            n_tokens=row["n_tokens"],
            cost=cost_of(_own_name(row["name"]), prices, row["n_prompt_tokens"], row["n_tokens"]),
        )
        for row in rows
        if ENDPOINT in _own_name(row["name"])
    ]
