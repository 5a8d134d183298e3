"""What an alignment is asked to do, and what of it can be refused at once."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from isogloss.align.profile import Lora
from isogloss.errors import InputError, MissingExtraError, ModelError
from isogloss.records import Decoding
from isogloss.targets.load import check_spec
from isogloss.targets.options import LocalOptions

EXTRA = ("trl", "peft", "accelerate", "datasets")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignConfig:
    """One alignment of one model or of several seeds; the flags of ``isogloss align``.

    Attributes:
        targets: ``lab:…`` (stage ``helpful`` unless another is named) or ``hf:…``. Lab models that
            differ in their seed alone are runs of one experiment.
        methods: ``NAME[:MIXTURE]``; see `isogloss.align.recipes`.
        data: training examples; None is the lab's own.
        language: of the data, where they have no such column.
        held_out: preferences reward models are tested on; None is the lab's test objects, or a
            fifth of ``data``, by cluster.
        prompts: the audit before and after; None is the lab's own.
        judge: of the audit; None is the oracle for a lab.
        source: the language of methods that are not trained everywhere.
        languages: audited, and trained on by methods that are trained everywhere; None is all of
            the prompts'.
        translator: engine of ``xreward-pivot``; None is the lab's exact one.
        settings: changes ``KIND.FIELD=VALUE``; see `isogloss.align.recipes.settle`.
        warm_up: a few steps of SFT before rewards and preferences; None does so in a lab.
        lora: adapters; None trains all weights.
        guard: a guard file, audited beside the methods as a defence without training.
        max_skill_loss: gate: points that the helpful rate may lose on average over languages.
        shares: share table; None is the lab's mix, else ``cc-2026-04``.
        pad_token, chat_template: in place of what the tokenizer lacks; the latter is a file.
        n_processes: devices a stage uses; above 1 the stages are started by ``accelerate``.
        device_batch: examples a device holds at once.
        checkpoint_seconds: between two checkpoints of a stage.
        workers: stages at once; None is by the machine.
        out: run folder.
        decoding: of the audits.
        seed: of the draw of examples and of training; combined with that of a lab model.
        options: how models are run.
    """

    targets: tuple[str, ...]
    methods: tuple[str, ...]
    data: Path | None = None
    language: str | None = None
    held_out: Path | None = None
    prompts: Path | None = None
    judge: str | None = None
    source: str = "en"
    languages: tuple[str, ...] | None = None
    translator: str | None = None
    settings: tuple[str, ...] = ()
    warm_up: bool | None = None
    lora: Lora | None = None
    guard: Path | None = None
    max_skill_loss: float = 10.0
    shares: str | None = None
    pad_token: str | None = None
    chat_template: Path | None = None
    n_processes: int = 1
    device_batch: int | None = None
    checkpoint_seconds: float = 30.0
    workers: int | None = None
    out: Path | None = None
    decoding: Decoding = field(default_factory=Decoding)
    seed: int = 0
    options: LocalOptions = field(default_factory=LocalOptions)


Scheme = Literal["lab", "hf"]


def check_config(config: AlignConfig) -> Scheme:
    """Refuse what cannot work, before anything is loaded.

    Raises:
        MissingExtraError: the libraries that train are not installed.
        ModelError: a target that cannot be trained.
        InputError: no method, no target, or files that the target needs and nobody named.
    """
    for package in EXTRA:
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "align")
    if not config.targets or not config.methods:
        raise InputError("an alignment needs a model and a method at least")
    schemes: set[str] = {check_spec(target) for target in config.targets}
    if other := sorted(schemes - {"lab", "hf"}):
        raise ModelError(
            f"{other[0]}: targets have no weights to train; use lab:PRESET or hf:PATH_OR_ID"
        )
    if len(schemes) > 1 or (schemes == {"hf"} and len(config.targets) > 1):
        raise InputError("several targets at once are seeds of one lab model, such as lab:tiny#0")
    if not 0 < config.max_skill_loss <= 100:
        raise InputError(
            f"--max-skill-loss is points above 0 and up to 100, not {config.max_skill_loss}"
        )
    if config.n_processes < 1 or (config.workers is not None and config.workers < 1):
        raise InputError("--processes and --workers are 1 or more")
    if config.judge == "recorded":
        raise InputError(
            "judge 'recorded' knows replies that were recorded; alignment makes new ones"
        )
    if schemes == {"lab"}:
        return "lab"
    missing = [
        flag
        for flag, value in (
            ("--data (training examples)", config.data),
            ("--prompts (harmful and benign prompts of the audit)", config.prompts),
            ("--judge", config.judge),
        )
        if value is None
    ]
    if missing:
        target = next(iter(config.targets))
        raise InputError(f"{target} needs {', '.join(missing)}; see docs/align.md")
    if any(method.partition(":")[0] == "xrlhf-oracle" for method in config.methods):
        raise InputError("xrlhf-oracle needs the truth, which only a lab has; use xrlhf")
    return "hf"
