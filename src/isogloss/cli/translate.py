"""``isogloss translate SET``: an English-only set in many languages, and what to doubt in it."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.console import MISSING, print_table
from isogloss.cli.options import (
    BatchTokens,
    Connections,
    Device,
    Dtype,
    PriceTable,
    PromptIntent,
    RowsAsJson,
    Timeout,
)

if TYPE_CHECKING:
    from isogloss.records import Intent, Measurement
    from isogloss.targets.prices import Prices
    from isogloss.translate.estimate import Estimate
    from isogloss.translate.job import TranslationResult
    from isogloss.translate.run import Usage

EPILOG = """
Examples:

isogloss translate red-team.csv --intent harmful : which languages lack which prompts?

isogloss translate red-team.csv --to sw,bn,th --engine hf:models/nllb --out set.csv

isogloss translate red-team.csv --to sw,bn --engine openai:MODEL --out set.csv --dry-run

isogloss translate red-team.csv --to sw,bn --engine openai:MODEL --back-engine hf:models/nllb
--second-engine hf:models/madlad --out set.csv

isogloss translate … --out set.csv --edits corrected.csv : the same command, and a person's texts.

isogloss translate lab:tiny --to fi-x-lab,sw-x-lab --engine lab:tiny~noise=0.3
--back-engine lab:tiny --out noisy.csv : known errors, in the lab.

isogloss audit TARGET --prompts set.csv : ask them.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(translate)


def translate(
    prompts: Annotated[
        str,
        typer.Argument(help="Prompt set (CSV, JSONL, Parquet) or lab:PRESET.", metavar="SET"),
    ],
    to: Annotated[
        str | None,
        typer.Option(help="Languages, separated by commas: sw,bn. Without: list what is missing."),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="openai:MODEL, hf:PATH_OR_ID@REVISION (NLLB, M2M-100, MADLAD, OPUS), file:FILE or "
            "lab:PRESET."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Prompt set to write (.csv, .tsv, .jsonl, .parquet). Resumes."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="Language to translate from; English.")
    ] = None,
    second_engine: Annotated[
        str | None, typer.Option(help="Another engine, for the variant second-engine.")
    ] = None,
    back: Annotated[bool, typer.Option(help="Translate back and compare (chrF++).")] = True,
    back_engine: Annotated[
        str | None,
        typer.Option(help="Who translates back; the engine itself, which hides its own errors."),
    ] = None,
    edits: Annotated[
        Path | None, typer.Option(help="Corrections by people: prompt_id, language, text, variant.")
    ] = None,
    intent: PromptIntent = None,
    limit: Annotated[
        int | None, typer.Option(help="At most so many prompts of each intent.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Of an OpenAI-compatible server, up to and with /v1.")
    ] = None,
    api_key_env: Annotated[
        str, typer.Option(help="Environment variable that holds the key.")
    ] = "OPENAI_API_KEY",
    connections: Connections = 16,
    timeout: Timeout = 120.0,
    prices: PriceTable = None,
    batch_tokens: BatchTokens = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what openai: engines would be asked.")
    ] = False,
    json: RowsAsJson = False,
) -> None:
    """Translate a prompt set, check every translation, and write a set ready for an audit.

    Flagged rows stay in the set. Run the same command again to resume: only what has no
    translation yet, or another source text, is asked.
    """
    from isogloss.cli.codes import split_codes
    from isogloss.cli.progress import progress_bars
    from isogloss.endpoint import EndpointOptions
    from isogloss.errors import InputError
    from isogloss.targets.options import LocalOptions
    from isogloss.targets.prices import load_prices
    from isogloss.translate.job import TranslationConfig, estimate_translation, run_translation

    if to is None:
        _print_holes(prompts, intent, as_json=json)
        return
    codes = split_codes(to, "--to")
    if engine is None or out is None:
        lacking = " and ".join(
            name for name, value in (("--engine", engine), ("--out", out)) if value is None
        )
        raise InputError(
            f"to translate, name {lacking} too: isogloss translate SET --to {','.join(codes)} "
            "--engine ENGINE --out FILE"
        )
    config = TranslationConfig(
        prompts=prompts,
        to=codes,
        out=out,
        engine=engine,
        source=source,
        second_engine=second_engine,
        back=back,
        back_engine=back_engine,
        edits=edits,
        intent=intent,
        limit=limit,
        endpoint=EndpointOptions(
            base_url=base_url, api_key_env=api_key_env, connections=connections, timeout=timeout
        ),
        local=LocalOptions(device=device, dtype=dtype, batch_tokens=batch_tokens),
    )
    price_table = load_prices(prices) if prices else None
    if dry_run:
        _print_estimates(estimate_translation(config), price_table, as_json=json)
        return
    with progress_bars() as progress:
        result = run_translation(config, progress=progress)
    _print_result(result, price_table, as_json=json)


def _print_holes(source: str, intent: Intent | None, *, as_json: bool) -> None:
    """What a half-translated set lacks."""
    from isogloss.translate.job import load_source
    from isogloss.translate.plan import count_holes

    # What is missing can be said without knowing what the prompts ask for.
    prompt_set = load_source(source, intent or "harmful")
    holes = count_holes(prompt_set.prompts)
    if as_json:
        print(json_format.dumps({"missing": holes}))
        return
    n_ids = len({prompt.prompt_id for prompt in prompt_set.prompts})
    for language, n in holes.items():
        typer.echo(f"{language:<12} {n_ids - n:>6} of {n_ids} prompts, {n} missing")
    lacking = [language for language, n in holes.items() if n]
    typer.echo(
        f"nothing was translated; fill them: --to {','.join(lacking)} --engine ENGINE --out FILE"
        if lacking
        else "nothing is missing; --to adds languages",
        err=True,
    )


def _print_estimates(
    estimates: Sequence[Estimate], prices: Prices | None, *, as_json: bool
) -> None:
    from isogloss.cli.terminal import one_line

    costs = [_cost(e.engine, prices, e.n_prompt_tokens, e.n_tokens) for e in estimates]
    if as_json:
        rows = [asdict(e) | {"cost": cost} for e, cost in zip(estimates, costs, strict=True)]
        print(json_format.dumps(rows))
        return
    for one, cost in zip(estimates, costs, strict=True):
        typer.echo(
            one_line(
                f"{one.stage}, {one.engine}: {one.n_calls} calls ({one.n_known} known already), "
                f"about {one.n_prompt_tokens:,} tokens read and {one.n_tokens:,} written; cost: "
                + (
                    f"about {cost}"
                    if cost
                    else "not known (no price of it; --prices names a table)"
                )
            )
        )
    typer.echo("tokens are guessed (3 bytes a token); nothing was asked or written", err=True)


def _cost(
    engine: str, prices: Prices | None, n_prompt_tokens: int | None, n_tokens: int | None
) -> str | None:
    """In words; None where the price or the tokens are not known."""
    from isogloss.targets.prices import cost_of

    cost = cost_of(engine, prices, n_prompt_tokens, n_tokens)
    return str(cost) if cost else None


def _print_result(result: TranslationResult, prices: Prices | None, *, as_json: bool) -> None:
    from isogloss.cli.tables import print_json
    from isogloss.cli.terminal import one_line
    from isogloss.translate.rates import translation_rows, untranslated_rows

    done = result.translated
    rows = [*translation_rows(done.prompts), *untranslated_rows(done.prompts, done.untranslated)]
    if as_json:
        print_json(rows)
    else:
        _print_table(rows)
    for note in result.notes:
        typer.echo(one_line(f"note: {note}"), err=True)
    if result.n_edits:
        typer.echo(f"{result.n_edits} texts corrected by people", err=True)
    if result.untranslated_file is not None:
        reasons = sorted({one.reason for one in done.untranslated})
        typer.echo(
            one_line(
                f"{len(done.untranslated)} prompts not translated (such as: {reasons[0]}); "
                f"listed in {result.untranslated_file}; the same command asks for them again"
            ),
            err=True,
        )
    if not as_json:
        for used in done.usage:
            typer.echo(one_line(_spent(used, prices)))
        typer.echo(one_line(f"set: {result.out}"))
        n_flagged = sum(bool(p.translation and p.translation.flags) for p in done.prompts)
        if n_flagged:
            typer.echo(
                one_line(
                    f"{n_flagged} flagged: they stay in the set. To correct some, change the text "
                    f"in a copy of {result.out} and repeat the command with --edits COPY"
                )
            )
        typer.echo(one_line(f"next: isogloss audit TARGET --prompts {result.out}"))


def _spent(used: Usage, prices: Prices | None) -> str:
    line = f"{used.engine}: asked {used.n_calls:,} times now"
    if used.n_prompt_tokens is not None and used.n_tokens is not None:
        line += f", {used.n_prompt_tokens:,} tokens read, {used.n_tokens:,} written"
    cost = _cost(used.engine, prices, used.n_prompt_tokens, used.n_tokens)
    return f"{line}; cost: {cost}" if cost else line


def _print_table(rows: Sequence[Measurement]) -> None:
    """A line a language and variant: how many, how many flagged and by what, chrF++."""
    from isogloss.cli.tables import percent

    cells = {(r.language, r.variant, r.metric, r.category): r for r in rows}
    lines: list[list[str]] = []
    for language, variant in dict.fromkeys((row.language, row.variant) for row in rows):
        missing = cells[language, variant, "untranslated_rate", None]
        flagged = cells.get((language, variant, "flag_rate", None))
        score = cells.get((language, variant, "back_translation_chrf", None))
        named = [
            f"{row.category} {row.k:.0f}"
            for row in rows
            if (row.language, row.variant, row.metric) == (language, variant, "flag_rate")
            and row.category is not None
        ]
        lacking = int(missing.k or 0)
        lines.append([
            language or "",
            variant or "",
            str(missing.n - lacking),
            str(lacking),
            percent(flagged),
            MISSING if score is None or score.estimate is None else f"{score.estimate:.0f}",
            ", ".join(named),
        ])  # fmt: skip
    heads = ["language", "variant", "done", "missing", "flagged", "chrF++", "flags"]
    print_table("translations; flagged in % with 95 % intervals", heads, lines)
