"""``isogloss trace dose``: more and less text of a language, the rest alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.console import print_line
from isogloss.cli.ending import end_run
from isogloss.cli.options import Device, Dtype, PromptLimit, RowsAsJson, RunFolder, WriteReport
from isogloss.cli.trace_arms import Reward, Seeds, print_claims, print_plan, print_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isogloss.records import Measurement
    from isogloss.trace.dose import DoseResult

MIX_HELP = "The undosed mix: lab:PRESET[:MIX], without stage or seed."
EPILOG = """
Examples:

isogloss trace dose lab:tiny --language sw --tokenizer : a quarter to 16 times Swahili's text.

isogloss trace dose lab:tiny --tier low --factors 1,4 --extra 50k,200k --parallel --plan

isogloss trace dose lab:tiny --language sw --table doses.csv : mixes of your own, one a dose.
"""
SHOWN = ("following_rate", "harmful_rate", "helpful_rate", "selectivity", "recognition_auroc",
         "reward_accuracy")  # fmt: skip


def register(trace: typer.Typer) -> None:
    """Add the command."""
    trace.command(epilog=EPILOG)(dose)


def dose(
    mix: Annotated[str, typer.Argument(help=MIX_HELP, metavar="MIX")],
    language: Annotated[
        str | None, typer.Option(help="Whose text is dosed; several together: sw,ta.")
    ] = None,
    tier: Annotated[
        str | None, typer.Option(help="Instead: all languages of a tier together, such as low.")
    ] = None,
    factors: Annotated[
        str, typer.Option(help="Of their share, at constant total tokens; 1 is always there.")
    ] = "0.25,1,4,16",
    table: Annotated[
        Path | None,
        typer.Option(help="Instead: CSV dose,language,percent, one mix a dose, undosed first."),
    ] = None,
    seeds: Seeds = 5,
    extra: Annotated[
        str | None,
        typer.Option(
            help="Continued pre-training with so many tokens of the language, each amount against "
            "as many of the mix: 50k,200k."
        ),
    ] = None,
    parallel: Annotated[
        bool, typer.Option("--parallel", help="Also larger doses as text parallel with English.")
    ] = False,
    tokenizer: Annotated[
        bool, typer.Option("--tokenizer", help="Also the undosed mix with its own tokenizer.")
    ] = False,
    reward: Reward = False,
    limit: PromptLimit = None,
    out: RunFolder = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print the arms; train nothing.")] = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
    report: WriteReport = True,
    json: RowsAsJson = False,
) -> None:
    """Train MIX with more and less text of a language, and ask what changes and how much is enough.

    Run the same command again to resume.
    """
    from isogloss.cli.codes import split_codes, split_numbers
    from isogloss.cli.progress import progress_bars
    from isogloss.targets.options import LocalOptions
    from isogloss.trace.dose import plan_dose, run_dose
    from isogloss.trace.dose_config import DoseConfig

    config = DoseConfig(
        mix=mix,
        languages=None if language is None else split_codes(language, "--language"),
        tier=tier,
        factors=split_numbers(factors, "--factors", "0.25,1,4"),
        table=table,
        seeds=seeds,
        extra=() if extra is None else _tokens(extra),
        parallel=parallel,
        tokenizer=tokenizer,
        reward=reward,
        limit=limit,
        out=out,
        options=LocalOptions(device=device, dtype=dtype),
    )
    if plan:
        print_plan(plan_dose(config), as_json=json)
        return
    with progress_bars() as progress:
        result = run_dose(config, progress=progress)
    end_run(
        result.folder, result.measurements, lambda: _print_dose(result), report=report, json=json
    )


def _tokens(text: str) -> tuple[int, ...]:
    """Numbers such as 50k, 1.5m and 200000."""
    from isogloss.errors import InputError

    found: list[int] = []
    for part in text.split(","):
        plain = part.strip().lower()
        unit = {"k": 1e3, "m": 1e6}.get(plain[-1:], 1.0)
        try:
            n = round(float(plain.rstrip("km")) * unit)
        except (ValueError, OverflowError):
            n = 0
        if n < 1:
            raise InputError(f"--extra {text!r}: {part!r} is no number of tokens such as 50k")
        found.append(n)
    return tuple(found)


def _print_dose(result: DoseResult) -> None:
    """Levels by arm, the slope, what the dose costs others, tokens to parity, claims."""
    from isogloss.trace.dose_figures import OTHERS
    from isogloss.trace.dose_rows import AREA, PARITY, PER_DOUBLING

    rows = [row for row in result.measurements if row.area == AREA]
    for title, others in (("dosed", False), ("other languages", True)):
        mine = [row for row in rows if (row.tier == OTHERS) is others]
        arms = [arm.name for arm in result.design.arms]
        print_values(
            f"{title}: mean over runs with 95 % intervals",
            [
                *((name, name, "") for name in arms),
                ("per doubling", "none", f"_{PER_DOUBLING}"),
            ],
            mine,
            SHOWN,
        )
    slopes = [r for r in rows if r.metric.endswith(PER_DOUBLING) and r.tier != OTHERS]
    print_line(_detectable_line(slopes))
    for row in (row for row in rows if row.metric.endswith(PARITY)):
        print_line(_parity_line(row))
    print_claims(rows)


def _detectable_line(slopes: Sequence[Measurement]) -> str:
    """What these runs could have seen; of the rates, which have a unit in common."""
    told = [
        f"{row.metric.removesuffix('_per_doubling').replace('_', ' ')} {100 * row.detectable:.1f}"
        for row in slopes
        if row.detectable is not None and row.unit == "rate difference"
    ]
    if not told:
        return "smallest effects these runs could have shown: not known from one run"
    return f"smallest effects shown with 80 % power, points a doubling: {', '.join(told)}"


def _parity_line(row: Measurement) -> str:
    what = row.metric.removesuffix("_tokens_to_parity").replace("_", " ")
    figure = "not known" if row.estimate is None else f"{row.estimate:,.0f}"
    ends: Sequence[str] = ["…" if end is None else f"{end:,.0f}" for end in (row.low, row.high)]
    interval = "" if row.low is None and row.high is None else f" [{ends[0]}, {ends[1]}]"
    why = f" ({row.reason})" if row.reason else ""
    return f"tokens to parity, {what}: {figure}{interval}{why}"
