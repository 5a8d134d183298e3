"""``isogloss show RUN``: what a run folder holds, as a table or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import polars as pl

REPLY_KEY = ("prompt_id", "language", "variant", "target", "arm", "sample", "settings")
HIDDEN = "(hidden; --reveal shows it)"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(show)


def show(
    run: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN")],
    metric: Annotated[
        list[str] | None, typer.Option(help="Only this metric; repeat for several.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Only this language; repeat for several.")
    ] = None,
    area: Annotated[str | None, typer.Option(help="Only this area: audit, compare, …")] = None,
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    all_rows: Annotated[
        bool, typer.Option("--all", help="Categories and counts too, in the table.")
    ] = False,
    transcripts: Annotated[
        bool, typer.Option("--transcripts", help="Prompts, replies and verdicts instead of rows.")
    ] = False,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the text of harmful prompts and their replies.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=0, help="At most so many rows.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="A JSON array of all rows that match.")
    ] = False,
) -> None:
    """Print the measurement rows of a run, or its transcripts."""
    from isogloss.cli.tables import print_json, print_rows
    from isogloss.errors import InputError
    from isogloss.languages import resolve_language
    from isogloss.store import RunStore

    tags = {resolve_language(code) for code in language or ()}
    with RunStore(run) as store:
        if transcripts:
            _print_transcripts(store.transcripts(), tags, limit, reveal=reveal, as_json=json)
            return
        rows = store.measurements(area)
    known = sorted({row.metric for row in rows})
    if unknown := sorted(set(metric or ()) - set(known)):
        raise InputError(
            f"{run} has no metric {', '.join(unknown)}; it has {', '.join(known) or 'none yet'}"
        )
    rows = [
        row
        for row in rows
        if (not metric or row.metric in metric)
        and (not tags or row.language in tags)
        and (category is None or row.category == category)
    ]
    if not (json or all_rows or category or metric):
        rows = [row for row in rows if row.category is None]
    rows = rows[:limit]
    if json:
        print_json(rows)
    elif rows:
        print_rows(rows)
    else:
        typer.echo("no rows match", err=True)


def _print_transcripts(
    frame: pl.DataFrame, tags: set[str], limit: int | None, *, reveal: bool, as_json: bool
) -> None:
    """Each reply with its prompt and verdict; harmful text hidden unless asked for."""
    import json

    import polars as pl

    from isogloss.cli.terminal import one_line

    if tags:
        frame = frame.filter(pl.col("language").is_in(sorted(tags)))
    if not reveal:
        harmful = pl.col("intent") == "harmful"
        frame = frame.with_columns(
            pl.when(harmful & pl.col(name).is_not_null())
            .then(pl.lit(HIDDEN))
            .otherwise(pl.col(name))
            .alias(name)
            for name in ("prompt", "reply", "reference", "response_reason", "verdict_reason")
        )
    if as_json:
        frame = frame if limit is None else frame.head(limit)
        lines = [json.dumps(row, ensure_ascii=True) for row in frame.iter_rows(named=True)]
        print("[" + ",\n ".join(lines) + "]")
        return
    # One block a reply, however many judges saw it.
    replies: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        replies.setdefault(tuple(row[name] for name in REPLY_KEY), []).append(row)
    for rows in list(replies.values())[:limit]:
        row = rows[0]
        place = f"{row['prompt_id']} {row['language']} {row['variant']} #{row['sample']}"
        said = ", ".join(dict.fromkeys(map(_outcome, rows)))
        print(one_line(f"{place} {row['intent']} [{row['target']} {row['arm']}] -> {said}"))
        for name in ("prompt", "reference", "reply", "response_reason"):
            if row[name]:
                print(f"    {name.removeprefix('response_')}: {one_line(row[name])}")


def _outcome(row: dict[str, Any]) -> str:
    if row["status"] != "ok":
        return row["status"]
    return (row["outcome"] or "unjudged") + (f" ({row['judge']})" if row["judge"] else "")
