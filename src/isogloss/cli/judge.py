"""``isogloss judge RUN``: have other judges decide what the stored replies are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from isogloss.cli.options import (
    BatchTokens,
    Connections,
    Device,
    Dtype,
    PriceTable,
    RowsAsJson,
    Timeout,
    WriteReport,
)

if TYPE_CHECKING:
    from isogloss.endpoint import EndpointOptions
    from isogloss.judges.base import Judge
    from isogloss.progress import Progress
    from isogloss.records import Measurement
    from isogloss.targets.options import LocalOptions

EPILOG = """
Examples:

isogloss judge runs/mine --judge rules : patterns in twenty languages; no model, no network.

isogloss judge runs/mine --judge llm:openai:MODEL --judge-base-url http://localhost:8000/v1

isogloss judge runs/mine --judge llm:openai:MODEL --pivot hf:models/nllb : replies in English first.

isogloss judge runs/mine --judge guard:hf:models/guard --again unjudged : what it could not tell.

isogloss judge runs/mine --judge rules --probe : does it grade the same answers alike everywhere?
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(judge)


def judge(
    run: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN")],
    judge: Annotated[
        list[str],
        typer.Option(
            help="rules, llm:openai:MODEL, guard:hf:PATH_OR_ID, recorded, oracle or "
            "oracle:lab:PRESET; repeat for several."
        ),
    ],
    pivot: Annotated[
        str | None,
        typer.Option(
            help="Engine that puts replies into English first: openai:MODEL, hf:PATH_OR_ID or "
            "file:FILE. The judge is then another one, JUDGE+pivot(ENGINE).",
            metavar="ENGINE",
        ),
    ] = None,
    again: Annotated[
        Literal["failed", "unjudged", "all"],
        typer.Option(help="Which earlier verdicts of these judges are given anew."),
    ] = "failed",
    primary: Annotated[
        bool, typer.Option("--primary", help="Make the first the judge that the report is about.")
    ] = False,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="Have them grade the same answers in every language; the run's are left alone.",
        ),
    ] = False,
    judge_base_url: Annotated[
        str | None,
        typer.Option(
            "--judge-base-url",
            "--base-url",
            help="Server of the judge, up to and with /v1; else OpenAI's own.",
        ),
    ] = None,
    judge_api_key_env: Annotated[
        str,
        typer.Option(
            "--judge-api-key-env",
            "--api-key-env",
            help="Environment variable that holds its key, if it needs one.",
        ),
    ] = "OPENAI_API_KEY",
    pivot_base_url: Annotated[
        str | None, typer.Option(help="Server of --pivot, where it is another than the judge's.")
    ] = None,
    connections: Connections = 16,
    timeout: Timeout = 120.0,
    prices: PriceTable = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    batch_tokens: BatchTokens = None,
    report: WriteReport = True,
    json: RowsAsJson = False,
) -> None:
    """Judge the stored replies of RUN, without asking the model again, and measure anew.

    Run the same command again to resume: only what has no verdict yet is judged.
    """
    from dataclasses import replace

    from isogloss.audit.budget import measure_spending
    from isogloss.cli.budget import print_spending
    from isogloss.cli.failures import print_failures
    from isogloss.cli.probe import print_probe, probe_judges
    from isogloss.cli.progress import progress_bars
    from isogloss.cli.tables import print_json, print_summary
    from isogloss.endpoint import EndpointOptions
    from isogloss.errors import InputError
    from isogloss.targets.options import LocalOptions
    from isogloss.targets.prices import load_prices

    endpoint = EndpointOptions(
        base_url=judge_base_url,
        api_key_env=judge_api_key_env,
        connections=connections,
        timeout=timeout,
    )
    local = LocalOptions(device=device, dtype=dtype, batch_tokens=batch_tokens)
    if probe and pivot:
        raise InputError("--probe looks at the judge alone; leave out --pivot")
    judges = _load(run, judge, endpoint, local)
    price_table = load_prices(prices) if prices else None
    if probe:
        rows = probe_judges(run, judges)
    else:
        with progress_bars() as progress:
            if pivot is not None:
                there = replace(endpoint, base_url=pivot_base_url or judge_base_url)
                judges = _pivoted(run, judges, pivot, there, local, progress)
            rows = _judge(run, judges, again, progress, primary=primary)
    page = None
    if report:
        from isogloss.report.page import build_report

        page = build_report(run)
    if not probe:
        print_failures(run, roles=("judge",))
    if json:
        print_json(rows)
        return
    if probe:
        print_probe(rows)
    else:
        print_summary(rows)
        print_spending(measure_spending(run, prices=price_table))
    typer.echo(f"run: {run}")
    if page is not None:
        typer.echo(f"report: {page}")


def _load(
    run: Path, specs: list[str], endpoint: EndpointOptions, local: LocalOptions
) -> list[Judge]:
    """The judges named; the oracle's lab is that of the run's target where none is named."""
    from isogloss.errors import InputError
    from isogloss.judges.load import load_judge
    from isogloss.store import RunStore

    with RunStore(run) as store:
        targets = [target for target, _, _ in store.sources()]
    if not targets:
        raise InputError(
            f"{run} holds no responses yet; run `isogloss audit TARGET --out {run}` first"
        )
    target = next((name for name in targets if name.startswith("lab:")), targets[0])
    return [
        load_judge(spec, target=target, endpoint=endpoint, local=local)
        for spec in dict.fromkeys(specs)
    ]


def _judge(
    run: Path,
    judges: list[Judge],
    again: Literal["failed", "unjudged", "all"],
    progress: Progress,
    *,
    primary: bool,
) -> tuple[Measurement, ...]:
    from isogloss.audit.judging import judge_run

    result = judge_run(run, judges, again=again, primary=primary, progress=progress)
    return result.measurements


def _pivoted(
    run: Path,
    judges: list[Judge],
    engine: str,
    endpoint: EndpointOptions,
    local: LocalOptions,
    progress: Progress,
) -> list[Judge]:
    """The same judges, seeing replies in English; translates those that are not yet."""
    from isogloss.judges.pivot import PivotJudge, translate_replies
    from isogloss.store import RunStore
    from isogloss.translate.load import load_translator

    translator = load_translator(engine, endpoint=endpoint, local=local)
    with RunStore(run) as store:
        replies = translate_replies(store, translator, progress)
    return [PivotJudge(judge, translator.name, replies) for judge in judges]
