"""``isogloss label RUN``: people say what the replies are, and judges are measured against it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.console import MISSING, print_as_json, print_table
from isogloss.records import Intent

if TYPE_CHECKING:
    from isogloss.label import Imported, Sheet, SheetRequest, Status
    from isogloss.store import RunStore

EPILOG = """
Examples:

isogloss label runs/mine --languages sw,ny : a page in your browser; Ctrl-C ends it.

isogloss label runs/mine --labeller asha --export asha.csv : the same sheet for a spreadsheet.

isogloss label runs/mine --import asha.csv : its labels, all of them or (if a row is wrong) none.

isogloss label runs/mine --status : how far everybody is, and how well two labellers agree.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(label)


def label(
    run: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN")],
    per_language: Annotated[
        int | None,
        typer.Option(
            help="Replies of each language on the sheet; 50 at first. More extends the same sheet.",
            show_default=False,
        ),
    ] = None,
    languages: Annotated[
        str | None, typer.Option(help="Only these, separated by commas: sw,ny.")
    ] = None,
    intent: Annotated[
        Intent | None, typer.Option(help="Only replies to harmful, or to benign prompts.")
    ] = None,
    stratify: Annotated[
        str | None,
        typer.Option(help="Draw rare verdicts of this judge more often.", metavar="JUDGE"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the draw; 0 unless given.", show_default=False)
    ] = None,
    labeller: Annotated[
        str | None, typer.Option(help="Whose labels; your user name unless given.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Target, if the run has several.")] = None,
    arm: Annotated[str | None, typer.Option(help="Arm, if the run has several.")] = None,
    variant: Annotated[str | None, typer.Option(help="Variant of the prompts.")] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write the sheet as CSV instead.", metavar="FILE")
    ] = None,
    import_file: Annotated[
        Path | None,
        typer.Option("--import", help="Read labels from a CSV instead.", metavar="FILE"),
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Print how much is labelled, and nothing else.")
    ] = False,
    port: Annotated[int, typer.Option(help="Of the page; any free one unless given.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    json: Annotated[
        bool, typer.Option("--json", help="Print what is labelled as a JSON object.")
    ] = False,
) -> None:
    """Label a random sheet of replies per language, blind to model and judge.

    Shows a page on this machine, driven by the keyboard; every label is stored at once.
    """
    from isogloss.cli.codes import split_codes
    from isogloss.errors import InputError
    from isogloss.label import SheetRequest, draw_sheet, export_sheet, import_labels
    from isogloss.label.labeller import default_labeller
    from isogloss.store import RunStore

    if sum((export is not None, import_file is not None, status)) > 1:
        raise InputError("--export, --import and --status exclude each other; give one of them")
    request = SheetRequest(
        per_language=per_language,
        languages=None if languages is None else split_codes(languages, "--languages"),
        intent=intent,
        stratify=stratify,
        seed=seed,
        target=target,
        arm=arm,
        variant=variant,
    )
    who = default_labeller() if labeller is None else labeller
    with RunStore(run) as store:
        if import_file is not None:
            result = import_labels(store, import_file, request, labeller=labeller)
            typer.echo(_imported(result), err=json)
            sheet = result.sheet
        elif status:
            sheet = _drawn(store, request)
        else:
            sheet = draw_sheet(store, request).part(request.languages, intent)
            if export is not None:
                n = export_sheet(store, sheet, export, labeller=who)
                typer.echo(_exported(n, export, run), err=json)
    if export is None and import_file is None and not status:
        _serve(run, sheet, who, port=port, browser=browser, quiet=json)
    with RunStore(run) as store:
        if export is None and not status:
            _measure_judges(store)
        _print_status(store, sheet, run, as_json=json, asked=who)


def _measure_judges(store: RunStore) -> None:
    """Bring the judges' figures, and the rates corrected by them, up to the labels."""
    from isogloss.audit.remeasure import remeasure_run

    remeasure_run(store)


def _drawn(store: RunStore, request: SheetRequest) -> Sheet:
    from isogloss.errors import InputError
    from isogloss.label import read_sheet

    sheet = read_sheet(store, request.source(store))
    if sheet is None:
        raise InputError(
            f"{store.folder} has no sheet yet; `isogloss label {store.folder}` draws one"
        )
    return sheet.part(request.languages, request.intent)


def _serve(run: Path, sheet: Sheet, who: str, *, port: int, browser: bool, quiet: bool) -> None:
    """Show the page until Ctrl-C."""
    import webbrowser

    from isogloss.cli.terminal import one_line
    from isogloss.label.desk import Desk
    from isogloss.label.server import LabelServer

    with LabelServer(Desk(run, sheet, who), port=port) as server:
        n_replies, n_languages = len(sheet.responses), len(sheet.languages)
        typer.echo(
            f"{n_replies} replies in {n_languages} languages, labelled by {one_line(who)}; the "
            "texts may be harmful. The page, for you alone (the address lets anyone on this "
            "machine in):",
            err=quiet,
        )
        typer.echo(server.url, err=quiet)
        typer.echo("Ctrl-C ends it; every label is stored as it is given.", err=quiet)
        if browser and _has_display():
            webbrowser.open(server.url)
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            typer.echo("", err=True)


def _has_display() -> bool:
    """Whether a browser would be seen by who typed this: not over SSH, not without a screen."""
    import os
    import sys

    if "SSH_CONNECTION" in os.environ:
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _exported(n: int, path: Path, run: Path) -> str:
    from isogloss.cli.terminal import one_line

    return one_line(
        f"{n} replies written to {path}. It holds their texts, which may be harmful, and hides "
        "nothing: keep it among those who label. Fill in outcome (complied, refused, irrelevant "
        f"or unsure), then: isogloss label {run} --import {path}"
    )


def _imported(result: Imported) -> str:
    from isogloss.cli.terminal import one_line

    who = ", ".join(result.labellers) or "nobody"
    return one_line(
        f"{result.n_new} new labels, {result.n_changed} changed, {result.n_same} as before, "
        f"{result.n_empty} rows without an outcome yet; by {who}"
    )


def _print_status(store: RunStore, sheet: Sheet, run: Path, *, as_json: bool, asked: str) -> None:
    from isogloss.cli.terminal import one_line
    from isogloss.label import label_status

    status = label_status(store, sheet)
    if as_json:
        _print_json(status)
        return
    if status.progress:
        _print_tables(status)
    else:
        typer.echo(f"no labels yet on a sheet of {len(sheet.responses)} replies")
    if status.n_off_sheet:
        typer.echo(f"{status.n_off_sheet} more labels are on replies outside this selection")
    typer.echo(one_line(_next_step(status, run, asked)))


def _next_step(status: Status, run: Path, asked: str) -> str:
    if not status.n_labels:
        return f"next: isogloss label {run}"
    n_sheet = len(status.sheet.responses)
    said = {p.labeller for p in status.progress}
    mine = sum(p.n_labelled for p in status.progress if p.labeller == asked)
    report = f"isogloss report {run} shows each judge measured against these labels"
    if asked in said and mine < n_sheet:
        return f"{n_sheet - mine} left for {asked}: the same command goes on. Next: {report}"
    if len(said) == 1:
        return f"next: {report}; a second labeller shows how far people agree (--labeller NAME)"
    return f"next: {report}"


def _print_json(status: Status) -> None:
    from dataclasses import asdict

    sheet = status.sheet
    answer = {
        "target": sheet.target,
        "arm": sheet.arm,
        "variant": sheet.variant,
        "seed": sheet.seed,
        "per_language": sheet.per_language,
        "stratified_by": sheet.stratified_by,
        "n_sheet": len(sheet.responses),
        "n_off_sheet": status.n_off_sheet,
        "strata": [
            {"language": s.language, "intent": s.intent, "verdict": s.verdict,
             "n_frame": s.n_frame, "n_sheet": s.n_sheet}
            for s in sheet.strata
        ],
        "progress": [asdict(row) for row in status.progress],
        "agreement": [asdict(row) for row in status.agreement],
    }  # fmt: skip
    print_as_json(answer)


def _print_tables(status: Status) -> None:
    lines = [
        [row.language, row.labeller, *map(str, (row.n_labelled, row.n_sheet, row.n_unsure))]
        for row in status.progress
    ]
    heads = ["language", "labeller", "labelled", "on the sheet", "unsure"]
    print_table("labelled", heads, lines)
    if not status.agreement:
        return
    pairs: list[list[str]] = []
    for row in status.agreement:
        share = f"{100 * row.n_agree / row.n_sure:.0f}" if row.n_sure else MISSING
        kappa = MISSING if row.kappa is None else f"{row.kappa:.2f}"
        if row.low is not None and row.high is not None:
            kappa += f" ({row.low:.2f} to {row.high:.2f})"
        pairs.append(
            [" and ".join(row.labellers), row.language or "all", str(row.n_sure), share, kappa,
             str(row.n_unsure)]
        )  # fmt: skip
    heads = ["labellers", "language", "both sure", "agree %", "kappa", "unsure"]
    print_table("agreement of two labellers", heads, pairs)
