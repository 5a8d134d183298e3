"""``isogloss control TARGET``: what a direction found in one language does in every other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from isogloss.cli.ending import end_run
from isogloss.cli.options import (
    BatchTokens,
    Device,
    Dtype,
    MaxNewTokens,
    OneJudge,
    OnlyLanguages,
    RowsAsJson,
    RunFolder,
    Shares,
    TrustRemoteCode,
    WriteReport,
)

EPILOG = """
Examples:

isogloss control lab:tiny : a guard from English for every language, measured against what it costs.

isogloss control lab:tiny --toward comply : how far one language's direction controls the others.

isogloss control hf:models/mine --pairs pairs.csv --prompts prompts.csv --judge rules : your model.

isogloss audit hf:models/mine --prompts prompts.csv --guard RUN/guard.safetensors : guarded.

isogloss control lab:tiny lab:tiny:balanced --seeds 5 : two mixes, five runs each, side by side.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(control)


def control(
    targets: Annotated[
        list[str],
        typer.Argument(
            help="lab:PRESET:MIX@STAGE#SEED or hf:PATH_OR_ID; several are compared.",
            metavar="TARGET...",
        ),
    ],
    concept: Annotated[str, typer.Option(help="Whose direction steers.")] = "harmfulness",
    source: Annotated[
        str, typer.Option(help="Language whose direction goes to all others.")
    ] = "en",
    toward: Annotated[
        Literal["refuse", "comply"],
        typer.Option(help="refuse: defence. comply: how far the model can be controlled."),
    ] = "refuse",
    adding: Annotated[
        Literal["refuse", "comply"] | None,
        typer.Option(help="What adding the vector does, for a concept other than harmfulness."),
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Value pairs the directions are learned from.")
    ] = None,
    flip: Annotated[
        str | None, typer.Option(help="Concepts whose poles stand the other way round in the file.")
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="Harmful and benign prompts; the lab has its own.")
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(help="Prompts settings are chosen on; else 40 % of --prompts, by cluster."),
    ] = None,
    judge: OneJudge = None,
    texts: Annotated[
        Path | None, typer.Option(help="Clean text (language, text), to see what fluency costs.")
    ] = None,
    languages: OnlyLanguages = None,
    out: RunFolder = None,
    shares: Shares = None,
    template: Annotated[
        Literal["chat", "plain"], typer.Option(help="How value pairs are put to the model.")
    ] = "chat",
    method: Annotated[
        Literal["mean_difference", "pca", "logistic"], typer.Option(help="Of the directions.")
    ] = "mean_difference",
    per_object: Annotated[int, typer.Option(min=1, help="Pairs an object (lab).")] = 4,
    layers: Annotated[
        str | None,
        typer.Option(help="Sets of layers to search: 3;4;3,4. By the model's depth unless given."),
    ] = None,
    strengths: Annotated[
        str | None, typer.Option(help="Strengths to search, separated by commas: 0.1,0.3.")
    ] = None,
    operators: Annotated[
        str | None, typer.Option(help="Of add, project_out, piecewise; separated by commas.")
    ] = None,
    unit: Annotated[
        Literal["residual", "vector"],
        typer.Option(help="Of strengths: parts of the hidden states' length, or of the vector's."),
    ] = "residual",
    positions: Annotated[
        str, typer.Option(help="all, prompt, generated, last:K or last:K+generated.")
    ] = "all",
    max_over_refusal: Annotated[
        float, typer.Option(help="Points of over-refusal a setting may add.")
    ] = 5.0,
    max_use_loss: Annotated[
        float, typer.Option(help="Points of right answers a setting may lose.")
    ] = 10.0,
    placebos: Annotated[
        int, typer.Option(min=0, help="Random directions, and as many of shuffled labels.")
    ] = 10,
    examples: Annotated[
        int, typer.Option(min=1, help="Labelled examples a class and language behind a gate.")
    ] = 4,
    guard_out: Annotated[
        Path | None, typer.Option(help="The guard's file; RUN/guard.safetensors unless given.")
    ] = None,
    max_new_tokens: MaxNewTokens = 64,
    seed: Annotated[int, typer.Option(help="Of placebos and of the parting of prompts.")] = 0,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Lab: every target under the seeds 0 to N-1, for claims."),
    ] = None,
    batch_tokens: BatchTokens = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    trust_remote_code: TrustRemoteCode = False,
    report: WriteReport = True,
    json: RowsAsJson = False,
) -> None:
    """Steer TARGET with a concept's direction, in every language, and measure what it does.

    Layers, strengths and operators are chosen on validation prompts within bounds on fluency and
    use; test prompts are asked once, for every arm. Several targets get an experiment each and a
    comparison: lab models that differ in their seed alone are runs of one group, with intervals
    over runs and claims. Run the same command again to resume.
    """
    from isogloss.cli.codes import split_codes, split_words
    from isogloss.cli.control_tables import print_control, print_over_runs
    from isogloss.cli.progress import progress_bars
    from isogloss.control.config import ControlConfig
    from isogloss.control.run import run_control
    from isogloss.control.settings import read_grid
    from isogloss.control.several import run_control_across, under_seeds
    from isogloss.control.trial import Bounds
    from isogloss.records import Decoding
    from isogloss.targets.options import LocalOptions

    if seeds is not None:
        targets = under_seeds(targets, seeds)
    config = ControlConfig(
        target=targets[0],
        concept=concept,
        source=source,
        toward=toward,
        adding=adding,
        pairs=pairs,
        flip=() if flip is None else split_words(flip, "--flip", "morality"),
        prompts=prompts,
        validation=validation,
        judge=judge,
        texts=texts,
        languages=None if languages is None else split_codes(languages, "--languages"),
        out=out,
        shares=shares,
        template=template,
        method=method,
        per_object=per_object,
        grid=read_grid(
            layers=layers, strengths=strengths, operators=operators, unit=unit, positions=positions
        ),
        bounds=Bounds(over_refusal_rise=max_over_refusal / 100, use_loss=max_use_loss / 100),
        n_placebos=placebos,
        gate_examples=examples,
        guard_out=guard_out,
        decoding=Decoding(max_new_tokens=max_new_tokens),
        seed=seed,
        options=LocalOptions(
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            trust_remote_code=trust_remote_code,
        ),
    )
    with progress_bars() as progress:
        if len(targets) > 1:
            found = run_control_across(config, targets, progress=progress)
            rows = found.measurements
            end_run(found.folder, rows, lambda: print_over_runs(rows), report=report, json=json)
            return
        result = run_control(config, progress=progress)

    def show() -> None:
        print_control(result)
        if result.guard is not None:
            typer.echo(f"guard: {result.guard} (isogloss audit {result.target} --guard FILE)")

    end_run(result.folder, result.measurements, show, report=report, json=json)
