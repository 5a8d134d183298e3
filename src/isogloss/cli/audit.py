"""``isogloss audit TARGET``: in which languages does it comply, refuse, miss the point?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.options import (
    BatchTokens,
    Connections,
    Device,
    Dtype,
    MaxNewTokens,
    OnlyLanguages,
    PriceTable,
    PromptIntent,
    PromptLimit,
    RowsAsJson,
    RunFolder,
    Shares,
    Timeout,
    TrustRemoteCode,
    WriteReport,
)

EPILOG = """
Examples:

isogloss audit lab:tiny : a model with known truth, trained here in a minute.

isogloss audit hf:models/mine --prompts prompts.csv --out runs/mine : your model, your prompts.

isogloss audit hf:models/mine --prompts multijail.csv --intent harmful : a column a language.

isogloss audit openai:llama --base-url http://localhost:8000/v1 --prompts prompts.csv : a server.

isogloss audit hf:models/mine --prompts prompts.csv --guard mine.safetensors : protected.

isogloss audit replay:replies.jsonl : prompts, replies and outcomes you recorded, in one file.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(audit)


def audit(
    target: Annotated[
        str,
        typer.Argument(
            help="lab:PRESET:MIX@STAGE#SEED (see `lab build`), hf:PATH_OR_ID, openai:MODEL (any "
            "compatible server) or replay:FILE.",
            metavar="TARGET",
        ),
    ],
    prompts: Annotated[
        Path | None, typer.Option(help="Prompt set (CSV, JSONL, Parquet); the lab has its own.")
    ] = None,
    intent: PromptIntent = None,
    licence: Annotated[
        str | None, typer.Option(help="Of the prompt set; kept with the run, shown in the report.")
    ] = None,
    out: RunFolder = None,
    judge: Annotated[
        list[str] | None,
        typer.Option(
            help="oracle (lab only), recorded, rules, llm:openai:MODEL or guard:hf:PATH_OR_ID; "
            "repeat for several. First is primary."
        ),
    ] = None,
    shares: Shares = None,
    languages: OnlyLanguages = None,
    limit: PromptLimit = None,
    samples: Annotated[
        int, typer.Option(help="Answers a prompt; above 1 needs --temperature.")
    ] = 1,
    temperature: Annotated[float, typer.Option(help="0 is greedy.")] = 0.0,
    max_new_tokens: MaxNewTokens = 64,
    seed: Annotated[int, typer.Option(help="Of sampling and of random tests.")] = 0,
    system_prompt: Annotated[str | None, typer.Option(help="Said before every prompt.")] = None,
    arm: Annotated[
        str | None,
        typer.Option(
            help="Name of what was done to the model; none, or the guard's, unless given."
        ),
    ] = None,
    guard: Annotated[
        Path | None,
        typer.Option(help="Answer under a guard file of `isogloss control` (hf: and lab:)."),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes for a model on the CPU.")] = 1,
    batch_tokens: BatchTokens = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    trust_remote_code: TrustRemoteCode = False,
    base_url: Annotated[
        str | None,
        typer.Option(help="Server of openai:MODEL, up to and with /v1; else OpenAI's own."),
    ] = None,
    api_key_env: Annotated[
        str, typer.Option(help="Environment variable that holds the server's key, if it needs one.")
    ] = "OPENAI_API_KEY",
    judge_base_url: Annotated[
        str | None, typer.Option(help="Server of judges, where it is another than the target's.")
    ] = None,
    judge_api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds that server's key.")
    ] = None,
    connections: Connections = 16,
    timeout: Timeout = 120.0,
    prices: PriceTable = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print calls, tokens and cost; ask and write nothing.")
    ] = False,
    report: WriteReport = True,
    json: RowsAsJson = False,
) -> None:
    """Measure safety and helpfulness of TARGET in every language of a prompt set.

    Run the same command again to resume: only what has no reply yet is asked.
    """
    from isogloss.audit.budget import measure_spending, plan_budget
    from isogloss.audit.run import AuditConfig, run_audit
    from isogloss.cli.budget import print_budget, print_spending
    from isogloss.cli.codes import split_codes
    from isogloss.cli.failures import print_failures
    from isogloss.cli.progress import progress_bars
    from isogloss.cli.tables import print_json, print_summary
    from isogloss.endpoint import EndpointOptions
    from isogloss.records import Decoding
    from isogloss.targets.options import LocalOptions
    from isogloss.targets.prices import load_prices

    endpoint = EndpointOptions(
        base_url=base_url, api_key_env=api_key_env, connections=connections, timeout=timeout
    )
    config = AuditConfig(
        target=target,
        prompts=prompts,
        intent=intent,
        licence=licence,
        out=out,
        judges=tuple(judge) if judge else None,
        shares=shares,
        languages=None if languages is None else split_codes(languages, "--languages"),
        limit=limit,
        samples=samples,
        decoding=Decoding(
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            seed=seed,
            system_prompt=system_prompt,
        ),
        arm=arm if arm is not None else "none" if guard is None else f"guard {guard.stem}",
        options=LocalOptions(
            guard=guard,
            device=device,
            dtype=dtype,
            batch_tokens=batch_tokens,
            workers=workers,
            trust_remote_code=trust_remote_code,
        ),
        endpoint=endpoint,
        judge_endpoint=replace(
            endpoint,
            base_url=judge_base_url or base_url,
            api_key_env=judge_api_key_env or api_key_env,
        ),
    )
    price_table = load_prices(prices) if prices else None
    if dry_run:
        print_budget(plan_budget(config, prices=price_table), as_json=json)
        return
    with progress_bars() as progress:
        result = run_audit(config, progress=progress)
    page = None
    if report:
        from isogloss.report.page import build_report

        page = build_report(result.folder)
    print_failures(result.folder)
    if json:
        print_json(result.measurements)
        return
    print_summary(result.measurements)
    answered = any(row.metric == "answered" and row.estimate for row in result.measurements)
    if answered and not result.judges:
        typer.echo(
            "no judge decided what the replies are, so no rate is measured. Next: isogloss show "
            f"{result.folder} --transcripts --reveal --json > replies.json, fill in each outcome "
            "(complied, refused or irrelevant), then audit replay:replies.json with these prompts",
            err=True,
        )
    print_spending(measure_spending(result.folder, prices=price_table))
    typer.echo(f"run: {result.folder}")
    if page is not None:
        typer.echo(f"report: {page}")
