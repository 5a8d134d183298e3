"""``isogloss concepts TARGET``: are human values linearly there, in which languages, how alike?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from isogloss.cli.console import print_line, print_table
from isogloss.cli.ending import end_run
from isogloss.cli.options import (
    BatchTokens,
    Device,
    Dtype,
    OnlyLanguages,
    RowsAsJson,
    RunFolder,
    Shares,
    TrustRemoteCode,
    WriteReport,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isogloss.records import Measurement

EPILOG = """
Examples:

isogloss concepts lab:tiny : seven values in eight languages, a model trained here in a minute.

isogloss concepts hf:models/mine --pairs pairs.csv --out runs/mine : your model, your contrasts.

isogloss concepts hf:models/mine --pairs data/ --layer paper : the layer as in the paper's code.

isogloss concepts lab:tiny lab:tiny:balanced --seeds 5 : two mixes, five runs each, side by side.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(concepts)


def concepts(
    targets: Annotated[
        list[str],
        typer.Argument(
            help="lab:PRESET:MIX@STAGE#SEED or hf:PATH_OR_ID; several are compared.",
            metavar="TARGET...",
        ),
    ],
    pairs: Annotated[
        Path | None,
        typer.Option(help="Value pairs: a table, or a folder as in Xu et al.'s data."),
    ] = None,
    flip: Annotated[
        str | None, typer.Option(help="Concepts whose poles stand the other way round in the file.")
    ] = None,
    out: RunFolder = None,
    concept: Annotated[
        list[str] | None, typer.Option(help="Only this concept; repeat for several.")
    ] = None,
    languages: OnlyLanguages = None,
    per_object: Annotated[int, typer.Option(min=1, help="Pairs an object and value (lab).")] = 1,
    template: Annotated[
        Literal["chat", "plain"] | None,
        typer.Option(help="How a text is put to the model; chat unless it is a base model."),
    ] = None,
    local_labels: Annotated[
        bool, typer.Option("--local-labels", help="Question and answer labels in each language.")
    ] = False,
    position: Annotated[
        Literal["last_content", "last_prompt", "mean"],
        typer.Option(help="Which token's hidden state is read."),
    ] = "last_content",
    method: Annotated[
        Literal["mean_difference", "pca", "logistic"], typer.Option(help="Of the vectors.")
    ] = "mean_difference",
    layer: Annotated[
        str, typer.Option(help="validation (chosen there), a number, or paper (test maximum).")
    ] = "validation",
    shares: Shares = None,
    similarities: Annotated[
        Path | None, typer.Option(help="Distances between languages, in place of the shipped ones.")
    ] = None,
    texts: Annotated[
        Path | None, typer.Option(help="Held-out text by language, for competence.")
    ] = None,
    stored: Annotated[
        Literal["float32", "float16"], typer.Option(help="Of the activations on disk.")
    ] = "float32",
    seed: Annotated[int, typer.Option(help="Of splits, baselines and permutations.")] = 0,
    seeds: Annotated[
        int, typer.Option(min=1, help="Train every lab target without #SEED this many times.")
    ] = 1,
    batch_tokens: BatchTokens = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    trust_remote_code: TrustRemoteCode = False,
    report: WriteReport = True,
    json: RowsAsJson = False,
) -> None:
    """Find concepts of human values in TARGET's hidden states, language by language.

    Several targets get a study each and a comparison: lab models that differ in their seed alone
    are runs of one group, with intervals over runs. Run the same command again to resume: what is
    recorded is read, not recorded again.
    """
    from isogloss.cli.codes import split_codes, split_words
    from isogloss.cli.progress import progress_bars
    from isogloss.concepts.run import ConceptsConfig, run_concepts
    from isogloss.concepts.several import run_concepts_across, with_seeds
    from isogloss.targets.options import LocalOptions

    if seeds > 1:
        targets = with_seeds(targets, seeds)
    config = ConceptsConfig(
        target=targets[0],
        pairs=pairs,
        flip=() if flip is None else split_words(flip, "--flip", "morality"),
        out=out,
        concepts=tuple(concept) if concept else None,
        languages=None if languages is None else split_codes(languages, "--languages"),
        per_object=per_object,
        template=template,
        local_labels=local_labels,
        position=position,
        method=method,
        layer=int(layer) if layer.isdecimal() else layer,
        shares=shares,
        similarities=similarities,
        texts=texts,
        stored=stored,
        seed=seed,
        options=LocalOptions(
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            trust_remote_code=trust_remote_code,
        ),
    )
    with progress_bars() as progress:
        result = (
            run_concepts(config, progress=progress)
            if len(targets) == 1
            else run_concepts_across(config, targets, progress=progress)
        )

    def show() -> None:
        printed = _print_recognition if len(targets) == 1 else _print_models
        printed(result.measurements)

    end_run(result.folder, result.measurements, show, report=report, json=json)


def _print_recognition(rows: Sequence[Measurement]) -> None:
    """Own-language recognition, a line a language and a column a concept."""
    from isogloss.cli.tables import percent

    own = {
        (row.concept or "", row.language): row
        for row in rows
        if row.metric == "recognition_accuracy"
        and row.language is not None
        and row.language == row.source_language
    }
    layers = {row.concept: row.layer for row in rows if row.metric == "chosen_layer"}
    concepts = list(dict.fromkeys(name for name, _ in own))
    languages = list(dict.fromkeys(tag for _, tag in own))
    lines = [[tag, *(percent(own.get((name, tag))) for name in concepts)] for tag in languages]
    heads = ["language", *concepts]
    title = "pairs of the test split told apart by the language's own vector; % with 95 % intervals"
    print_table(title, heads, lines)
    told = ", ".join(
        f"{name} {'not chosen' if layer is None else layer}"
        for name, layer in layers.items()
        if name
    )
    typer.echo(f"layer (0 is the first block): {told}")


def _print_models(rows: Sequence[Measurement]) -> None:
    """A line a figure and a column a group, then the claims."""
    from isogloss.cli.tables import figure_cell
    from isogloss.concepts.summary import FIGURES
    from isogloss.records import CLAIM

    plain = [row for row in rows if row.arm == "none" and row.concept is None]
    groups = list(dict.fromkeys(row.target for row in plain))
    cells = {(row.metric, row.target): row for row in plain if row.category is None}
    lines = [
        [name.replace("_", " "), *(figure_cell(cells.get((name, group))) for group in groups)]
        for name in FIGURES
    ]
    title = "mean over concepts and runs, with 95 % intervals over runs"
    print_table(title, ["figure", *groups], lines)
    for row in rows:
        if row.metric == CLAIM:
            versus = f" {row.arm}" if row.arm != "none" else ""
            about = f"; {row.concept}" if row.concept else ""
            print_line(
                f"{row.verdict}: {row.category} ({row.variant}){about}; {row.target}{versus}: "
                f"{figure_cell(row)}, {row.n} runs"
            )
