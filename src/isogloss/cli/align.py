"""``isogloss align METHODS``: train, audit before and after, and say for whom it helped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.console import print_as_json, print_line, print_table
from isogloss.cli.ending import end_run
from isogloss.cli.options import (
    BatchTokens,
    ChatTemplate,
    Device,
    DeviceBatch,
    Dtype,
    LoraRank,
    MaxNewTokens,
    OneJudge,
    OnlyLanguages,
    PadToken,
    RowsAsJson,
    RunFolder,
    Shares,
    StageWorkers,
    TrainingExamples,
    TrainingSeed,
    TrainingSettings,
    TrustRemoteCode,
    WriteReport,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isogloss.align.run import AlignResult, PlannedStage
    from isogloss.records import Measurement

METHOD_HELP = """sft, xsft, reward, xreward, xreward-contrast, xreward-pivot, rlhf, xrlhf,
xrlhf-oracle, dpo, xdpo, mpo; x: in all languages. A mixture of your own after a colon: sft:sw,
xdpo:temperature=5, xsft:en=3,sw=1."""
EPILOG = """
Examples:

isogloss align xsft --model lab:tiny : does fine-tuning in all languages close the gap, for whom?

isogloss align sft xsft xreward xrlhf xrlhf-oracle xdpo mpo --model lab:tiny --seeds 5 : all of it.

isogloss align xdpo --model hf:ID --data pairs.jsonl --prompts set.csv --judge rules --lora 16
"""
SHOWN = ("compliance_rate", "over_refusal", "helpful_rate", "following_rate")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(align)


def align(
    methods: Annotated[list[str], typer.Argument(help=METHOD_HELP, metavar="METHOD...")],
    model: Annotated[
        str,
        typer.Option(
            help="What is aligned: lab:PRESET:MIX@STAGE#SEED (stage helpful unless named), hf:ID."
        ),
    ],
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Lab: runs under seeds 0 to N-1, for claims.")
    ] = None,
    data: TrainingExamples = None,
    language: Annotated[
        str | None, typer.Option(help="Of --data without such a column (HH-RLHF: en).")
    ] = None,
    held_out: Annotated[
        Path | None,
        typer.Option(help="Preferences that reward models are tested on; else a fifth of --data."),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(help="Harmful and benign prompts of the audit; a lab has its own."),
    ] = None,
    judge: OneJudge = None,
    source: Annotated[
        str, typer.Option(help="Language of methods without x, and MPO's dominant one.")
    ] = "en",
    languages: OnlyLanguages = None,
    translator: Annotated[
        str | None, typer.Option(help="Engine of xreward-pivot: hf:ID, openai:MODEL; lab: its own.")
    ] = None,
    settings: TrainingSettings = None,
    warm_up: Annotated[
        bool | None,
        typer.Option(
            "--warm-up/--no-warm-up",
            help="A few steps of SFT before DPO and RL; by default in a lab, whose model never "
            "refuses.",
        ),
    ] = None,
    lora: LoraRank = None,
    guard: Annotated[
        Path | None, typer.Option(help="A guard of `isogloss control`, as a defence to compare.")
    ] = None,
    max_skill_loss: Annotated[
        float, typer.Option(help="Gate: points of right benign answers that may be lost.")
    ] = 10.0,
    shares: Shares = None,
    pad_token: PadToken = None,
    chat_template: ChatTemplate = None,
    processes: Annotated[
        int, typer.Option(min=1, help="Devices; above 1 with `accelerate launch`.")
    ] = 1,
    device_batch: DeviceBatch = None,
    workers: StageWorkers = None,
    out: RunFolder = None,
    max_new_tokens: MaxNewTokens = 64,
    seed: TrainingSeed = 0,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Check everything, print the stages and how to run them."),
    ] = False,
    batch_tokens: BatchTokens = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    trust_remote_code: TrustRemoteCode = False,
    report: WriteReport = True,
    json: RowsAsJson = False,
) -> None:
    """Align a model with METHODs, audit it before and after, and say which languages gained.

    Every stage runs in a process of its own and leaves a manifest, a training curve and an ordinary
    model folder. Run the same command again to resume.
    """
    from isogloss.align.config import AlignConfig
    from isogloss.align.profile import Lora
    from isogloss.align.run import plan_align, run_align
    from isogloss.cli.codes import split_codes
    from isogloss.cli.progress import progress_bars
    from isogloss.records import Decoding
    from isogloss.targets.options import LocalOptions

    config = AlignConfig(
        targets=_targets(model, seeds),
        methods=tuple(methods),
        data=data,
        language=language,
        held_out=held_out,
        prompts=prompts,
        judge=judge,
        source=source,
        languages=None if languages is None else split_codes(languages, "--languages"),
        translator=translator,
        settings=tuple(settings or ()),
        warm_up=warm_up,
        lora=Lora(rank=lora, alpha=2 * lora) if lora else None,
        guard=guard,
        max_skill_loss=max_skill_loss,
        shares=shares,
        pad_token=pad_token,
        chat_template=chat_template,
        n_processes=processes,
        device_batch=device_batch,
        workers=workers,
        out=out,
        decoding=Decoding(max_new_tokens=max_new_tokens),
        seed=seed,
        options=LocalOptions(
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            trust_remote_code=trust_remote_code,
        ),
    )
    if plan:
        with progress_bars() as progress:
            stages = plan_align(config, progress=progress)
        _print_plan(stages, as_json=json)
        return
    with progress_bars() as progress:
        result = run_align(config, progress=progress)
    end_run(
        result.folder, result.measurements, lambda: _print_changes(result), report=report, json=json
    )


def _targets(model: str, seeds: int | None) -> tuple[str, ...]:
    """The model under every seed."""
    from isogloss.align.material import canonical_target
    from isogloss.errors import InputError

    if seeds is None:
        return (model,)
    if not model.startswith("lab:") or "#" in model:
        raise InputError(
            f"--seeds makes runs of a lab model under the seeds 0 to {seeds - 1}; {model} is not a "
            "lab model without a seed of its own"
        )
    plain = canonical_target(model).rpartition("#")[0]
    return tuple(f"{plain}#{seed}" for seed in range(seeds))


def _print_plan(stages: Sequence[PlannedStage], *, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        print_as_json([{**asdict(s), "folder": str(s.folder)} for s in stages])
        return
    from isogloss.cli.terminal import one_line

    for number, stage in enumerate(stages, 1):
        languages = ", ".join(f"{tag} {n:,}" for tag, n in stage.languages.items())
        state = " (done)" if stage.is_done else ""
        typer.echo(
            one_line(
                f"{number}. {stage.arm}: {stage.method} from {stage.start}, {stage.steps:,} steps "
                f"of {stage.batch_size}, learning rate {stage.learning_rate:g}{state}"
            )
        )
        typer.echo(f"   examples: {one_line(languages)}")
        typer.echo(f"   {one_line(stage.command)}")
    typer.echo(
        "the stages' files are written; run the commands in this order, or the same without "
        "--plan, which then does what is not done"
    )


def _print_changes(result: AlignResult) -> None:
    """A table a rate: a line an arm and a column a tier; reward models; claims over runs."""
    from isogloss.align.across import AREA as ACROSS
    from isogloss.align.outcomes import AREA, NONE
    from isogloss.align.reward_accuracy import ACCURACY
    from isogloss.records import CLAIM

    over = [row for row in result.measurements if row.area == ACROSS]
    one_run = len({row.target for row in result.measurements if row.area == AREA}) == 1
    rows = [r for r in result.measurements if r.area == AREA] if one_run else over
    said = "for this model" if one_run else "over runs"
    for metric in SHOWN:
        mine = [
            row for row in rows
            if row.metric == f"{metric}_change" and row.category == f"since {NONE}"
            and row.language is None
        ]  # fmt: skip
        _print_by_tier(
            mine, f"change of {metric.replace('_', ' ')}; points with 95 % intervals {said}"
        )
    accuracy = [
        row for row in (result.measurements if one_run else over)
        if row.metric == ACCURACY and row.language is None and row.category is None
        and (row.area == ACROSS) is not one_run
    ]  # fmt: skip
    if accuracy:
        _print_by_tier(accuracy, f"reward models: % right on held-out pairs {said}")
    for row in over:
        if row.metric == CLAIM and not one_run:
            print_line(f"{row.verdict}: {row.category} ({row.n} runs)")


def _print_by_tier(rows: Sequence[Measurement], title: str) -> None:
    from isogloss.cli.tables import figure_cell

    tiers = list(dict.fromkeys(row.tier or "" for row in rows))
    cells = {(row.arm, row.tier or ""): row for row in rows}
    lines = [
        [arm, *(figure_cell(cells.get((arm, tier))) for tier in tiers)]
        for arm in dict.fromkeys(row.arm for row in rows)
    ]
    print_table(title, ["arm", *tiers], lines)
