"""What a dose-response is asked to do, and what of it can be refused at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from isogloss.errors import InputError
from isogloss.targets.options import LocalOptions

FACTORS = (0.25, 1.0, 4.0, 16.0)
N_SEEDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseConfig:
    """More and less text of some languages, everything else alike.

    The flags of ``isogloss trace dose`` are these fields.

    Attributes:
        mix: ``lab:PRESET[:MIX]``, the undosed mix; with ``table`` its preset and modifiers alone.
        languages: whose text is dosed, together; exactly one of this and ``tier``.
        tier: all languages of a resource tier (of the undosed mix) are dosed together.
        factors: of the dosed languages' share, at constant total tokens; 1 is always among them.
        table: doses as mixes instead: a CSV with the columns dose, language, percent. The dose
            named first is the undosed one.
        seeds: every arm is trained under the seeds 0 to ``seeds`` - 1, from pre-training on.
        extra: continued pre-training with so many tokens of the dosed languages, each amount
            against as many tokens of the mix.
        parallel: also a dose whose documents are all parallel with English, for each factor
            above 1.
        tokenizer: also the undosed mix with a tokenizer of its own, the rest alike.
        reward: also a reward model for every run.
        limit: at most so many prompts of each intent.
        out: run folder.
        options: how models are run.
    """

    mix: str
    languages: tuple[str, ...] | None = None
    tier: str | None = None
    factors: tuple[float, ...] = FACTORS
    table: Path | None = None
    seeds: int = N_SEEDS
    extra: tuple[int, ...] = ()
    parallel: bool = False
    tokenizer: bool = False
    reward: bool = False
    limit: int | None = None
    out: Path | None = None
    options: LocalOptions = field(default_factory=LocalOptions)


def check_config(config: DoseConfig) -> None:
    """Refuse what cannot work, before anything is loaded.

    Raises:
        InputError: no language or two ways of naming some, or factors that are none.
    """
    if (config.languages is None) == (config.tier is None):
        raise InputError(
            "name whose text is dosed: --language sw (or several, sw,ta) or --tier low, one of both"
        )
    if bad := [f for f in config.factors if not (math.isfinite(f) and f > 0)]:
        raise InputError(f"a dose is a factor above 0 such as 0.25 or 4, not {bad[0]:g}")
    if len(set(config.factors)) < len(config.factors):
        told = ", ".join(f"{factor:g}" for factor in config.factors)
        raise InputError(f"--factors name every dose once; got {told}")
    if config.table is None and not set(config.factors) - {1.0}:
        raise InputError("a dose-response needs a factor besides 1: --factors 0.25,1,4")
    if config.table is not None and config.parallel:
        raise InputError("--parallel belongs to factors; a table says all of a mix by itself")
