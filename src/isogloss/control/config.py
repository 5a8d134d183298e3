"""What an experiment in control is asked to do, and what of it can be refused at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from isogloss.concepts.templates import TemplateKind
from isogloss.concepts.vectors import Method
from isogloss.control.settings import SearchGrid, Toward
from isogloss.control.trial import Bounds
from isogloss.errors import InputError, ModelError
from isogloss.records import Decoding
from isogloss.targets.load import check_spec
from isogloss.targets.options import LocalOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlConfig:
    """One experiment; the flags of ``isogloss control`` are these fields.

    Attributes:
        target: ``lab:…`` or ``hf:…``.
        concept: whose direction steers.
        source: the language whose direction and setting go everywhere.
        toward: ``refuse`` (defence) or ``comply`` (how far the model can be controlled).
        adding: what adding the vector does; None where it is known for the concept.
        pairs: value pairs the directions are learned from; None is the lab's own.
        flip: concepts whose poles stand the other way round in the file.
        prompts: test prompts; None is the lab's own.
        validation: prompts settings are chosen on; None parts ``prompts`` by cluster.
        judge: whose verdicts; None is the oracle for a lab.
        texts: clean text (columns language, text) for fluency; the lab writes its own.
        languages: only these.
        out: run folder.
        shares: share table.
        template: how value pairs are put to the model; None is its chat template.
        method: of the directions.
        per_object: of the lab's pairs, how many an object.
        grid: what is searched; a grid of one setting is taken as given.
        bounds: how far a setting may go.
        n_placebos: random directions, and as many shuffled ones.
        gate_examples: labelled examples a class and language behind a gate's threshold.
        guard_out: where the guard is written (towards refusal); None is ``guard.safetensors`` in
            the folder.
        decoding: of all replies.
        seed: of placebos and of the parting of prompts.
        options: how the model is run.
    """

    target: str
    concept: str = "harmfulness"
    source: str = "en"
    toward: Toward = "refuse"
    adding: Toward | None = None
    pairs: Path | None = None
    flip: tuple[str, ...] = ()
    prompts: Path | None = None
    validation: Path | None = None
    judge: str | None = None
    texts: Path | None = None
    languages: tuple[str, ...] | None = None
    out: Path | None = None
    shares: str | None = None
    template: TemplateKind = "chat"
    method: Method = "mean_difference"
    per_object: int = 4
    grid: SearchGrid = field(default_factory=SearchGrid)
    bounds: Bounds = field(default_factory=Bounds)
    n_placebos: int = 10
    gate_examples: int = 4
    guard_out: Path | None = None
    decoding: Decoding = field(default_factory=Decoding)
    seed: int = 0
    options: LocalOptions = field(default_factory=LocalOptions)


def check_config(config: ControlConfig) -> None:
    """Refuse what cannot work, before anything is loaded.

    Raises:
        ModelError: a target without hidden states.
        InputError: numbers that are none, or files that the target needs and nobody named.
    """
    scheme = check_spec(config.target)
    if scheme not in ("lab", "hf"):
        raise ModelError(
            f"{config.target} has no hidden states to steer; use lab:PRESET or hf:PATH_OR_ID"
        )
    if config.n_placebos < 0 or config.gate_examples < 1:
        raise InputError(
            f"placebos are 0 or more (not {config.n_placebos}), examples of a gate 1 or more "
            f"(not {config.gate_examples})"
        )
    if config.judge == "recorded":
        raise InputError(
            "judge 'recorded' knows replies that were recorded, and a search makes new ones; use "
            "oracle (lab), rules, llm:openai:MODEL or guard:hf:PATH_OR_ID"
        )
    if scheme == "lab":
        return
    missing = [
        flag
        for flag, value in (
            ("--pairs (value pairs, for the directions)", config.pairs),
            ("--prompts (harmful and benign prompts)", config.prompts),
            ("--judge", config.judge),
        )
        if value is None
    ]
    if missing:
        raise InputError(f"{config.target} needs {', '.join(missing)}; see docs/control.md")
