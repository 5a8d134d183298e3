"""What a ladder is asked to do, and what of it can be refused at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from isogloss.errors import InputError, ModelError
from isogloss.records import Decoding
from isogloss.targets.load import check_spec
from isogloss.targets.options import LocalOptions

LAB, HF = "lab", "hf"


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderConfig:
    """The checkpoints of one model family, in the order of training.

    The flags of ``isogloss trace ladder`` are these fields.

    Attributes:
        rungs: one lab model without a stage (``lab:tiny`` means base, helpful, chat), or two
            checkpoints or more: ``lab:…@STAGE`` or ``hf:…``; a stage folder of ``isogloss align``
            is an ``hf:`` folder too.
        names: of the rungs; None is the stage of a lab's, else the target.
        seeds: lab only: the whole ladder under seeds 0 to N-1, each from pre-training on.
        prompts: harmful and benign prompts; None is the lab's own.
        judge: None is the oracle where a rung is a lab's.
        languages: only these; None is all of the prompts'.
        limit: at most so many prompts of each intent.
        shares: share table; None is the lab's mix where a rung is a lab's, else ``cc-2026-04``.
        other_tokenizers: allow rungs whose tokenizers differ; every row then says so.
        out: run folder.
        decoding: how every rung is asked.
        options: how models are run.
    """

    rungs: tuple[str, ...]
    names: tuple[str, ...] | None = None
    seeds: int | None = None
    prompts: Path | None = None
    judge: str | None = None
    languages: tuple[str, ...] | None = None
    limit: int | None = None
    shares: str | None = None
    other_tokenizers: bool = False
    out: Path | None = None
    decoding: Decoding = field(default_factory=Decoding)
    options: LocalOptions = field(default_factory=LocalOptions)


def check_config(config: LadderConfig) -> None:
    """Refuse what cannot work, before anything is loaded.

    Raises:
        ModelError: a rung that is no checkpoint.
        InputError: too few rungs, stages or seeds that do not go together, files that the rungs
            need and nobody named.
    """
    schemes = [check_spec(rung) for rung in config.rungs]
    if other := [r for r, scheme in zip(config.rungs, schemes, strict=True)
                 if scheme not in (LAB, HF)]:  # fmt: skip
        raise ModelError(
            f"{other[0]} is no checkpoint that can be loaded here; rungs are "
            "lab:PRESET[:MIX]@STAGE[#SEED] or hf:PATH_OR_ID"
        )
    _check_count(config, schemes)
    if config.seeds is not None:
        _check_seeds(config, schemes)
    if config.judge == "recorded":
        raise InputError(
            "judge 'recorded' knows replies that were recorded; a ladder makes new ones"
        )
    if LAB in schemes:
        if HF in schemes and config.prompts is not None and config.judge is None:
            raise InputError(
                "the oracle judges the lab's own questions; with --prompts name a --judge too"
            )
        return
    missing = [
        flag
        for flag, value in (("--prompts FILE", config.prompts), ("--judge JUDGE", config.judge))
        if value is None
    ]
    if missing:
        raise InputError(
            f"{config.rungs[0]} and the other rungs bring no prompts and no judge of their own: "
            f"add {' and '.join(missing)}; see docs/trace.md"
        )


def _check_count(config: LadderConfig, schemes: list[str]) -> None:
    rungs = list(config.rungs)
    if not rungs:
        raise InputError("a ladder needs two rungs or more, or one lab model such as lab:tiny")
    if len(config.rungs) > 1:
        bare = [r for r in config.rungs if r.startswith("lab:") and "@" not in r]
        if bare:
            raise InputError(
                f"{bare[0]} names no stage; among several rungs each lab model names one: "
                f"{bare[0].partition('#')[0]}@base, @helpful or @chat. Alone it means all three"
            )
        return
    alone = rungs[0]
    if schemes == [LAB] and "@" not in alone:
        return
    hint = f"; leave out @… of {alone} for all of its stages" if schemes == [LAB] else ""
    raise InputError(
        f"a ladder needs two rungs or more, got {alone} alone: name the checkpoints in the order "
        f"of training{hint}"
    )


def _check_seeds(config: LadderConfig, schemes: list[str]) -> None:
    assert config.seeds is not None
    if config.seeds < 1:
        raise InputError(f"--seeds must be 1 or more, not {config.seeds}")
    if other := [r for r, s in zip(config.rungs, schemes, strict=True) if s != LAB or "#" in r]:
        raise InputError(
            f"--seeds trains a lab's ladder under the seeds 0 to {config.seeds - 1}; {other[0]} is "
            "not a lab model without a seed of its own"
        )
