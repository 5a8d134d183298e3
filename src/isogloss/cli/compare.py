"""``isogloss compare A B``: better, worse, or cannot tell; and the gate for CI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.console import MISSING, print_as_json, print_line, print_table, stdout_console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isogloss.audit.compare import Comparison, Difference
    from isogloss.audit.gate import Gate

HEADS = ("metric", "language", "n", "A %", "B %", "difference", "p (Holm)", "verdict", "note")
SHOWN = ("compliance_rate", "following_rate", "over_refusal", "helpful_rate")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(compare)


def compare(
    a: Annotated[Path, typer.Argument(help="Run folder of the baseline.", metavar="A")],
    b: Annotated[Path, typer.Argument(help="Run folder compared with it.", metavar="B")],
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Only this metric (repeat for several); the gate checks these."),
    ] = None,
    fail_if_worse: Annotated[
        float | None,
        typer.Option(
            metavar="POINTS",
            help="Gate: pass (exit 0) only if the one-sided 95 % bound of the worsening is below "
            "POINTS percentage points; exit 1 if worse, 3 if too few prompts to tell. Checks "
            "compliance_rate unless --metric says otherwise.",
        ),
    ] = None,
    average: Annotated[
        bool,
        typer.Option("--average", help="Gate on the average over languages, not on every one."),
    ] = False,
    judge: Annotated[str | None, typer.Option(help="Whose verdicts.")] = None,
    target_a: Annotated[str | None, typer.Option(help="Target in A, if it has several.")] = None,
    arm_a: Annotated[str | None, typer.Option(help="Arm in A, if it has several.")] = None,
    target_b: Annotated[str | None, typer.Option(help="Target in B, if it has several.")] = None,
    arm_b: Annotated[str | None, typer.Option(help="Arm in B, if it has several.")] = None,
    variant: Annotated[str, typer.Option(help="Variant of the prompts.")] = "original",
    seed: Annotated[int, typer.Option(help="Of Monte Carlo tests.")] = 0,
    save: Annotated[
        bool, typer.Option("--save", help="Store the rows with run B, for its report.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare run B with run A on the prompts they share, per language."""
    from isogloss.audit.compare import check_metrics, compare_runs, save_comparison
    from isogloss.audit.gate import check_gate
    from isogloss.audit.pairing import CompareConfig

    shown = check_metrics(metric or SHOWN)
    config = CompareConfig(
        a=a, b=b, target_a=target_a, arm_a=arm_a, target_b=target_b, arm_b=arm_b, judge=judge,
        variant=variant, seed=seed,
    )  # fmt: skip
    comparison = compare_runs(config)
    if save:
        save_comparison(comparison, config)
    gate = None
    if fail_if_worse is not None:
        gate = check_gate(
            comparison,
            points=fail_if_worse,
            metrics=metric or ("compliance_rate",),
            over="average" if average else "languages",
        )
    if json:
        _print_json(comparison, gate, metric)
    else:
        _print_table(comparison, shown)
        if gate is not None:
            _print_gate(gate)
    if gate is not None and gate.exit_code:
        raise typer.Exit(gate.exit_code)


def _print_json(comparison: Comparison, gate: Gate | None, metrics: list[str] | None) -> None:
    from dataclasses import asdict

    rows = [d for d in comparison.differences if not metrics or d.row.metric in metrics]
    answer = {
        "a": comparison.name_a,
        "b": comparison.name_b,
        "judge": comparison.judge,
        "n_pairs": comparison.n_pairs,
        "n_missing": comparison.n_missing,
        "n_only_a": comparison.n_only_a,
        "n_only_b": comparison.n_only_b,
        "gate": None if gate is None else asdict(gate) | {"exit_code": gate.exit_code},
        "rows": [asdict(d.row) | {"rate_a": d.rate_a, "rate_b": d.rate_b} for d in rows],
    }
    print_as_json(answer)


def _print_table(comparison: Comparison, metrics: tuple[str, ...]) -> None:
    from isogloss.cli.tables import WIDE

    header = (
        f"A: {comparison.name_a}\nB: {comparison.name_b}\n"
        f"judge {comparison.judge}, {comparison.n_pairs} pairs; without an outcome on one side: "
        f"{comparison.n_missing}; prompts only in A: {comparison.n_only_a}, "
        f"only in B: {comparison.n_only_b}"
    )
    for line in header.splitlines():
        print_line(line)
    title = "B minus A in points, 95 % intervals"
    known = {name: [d for d in comparison.differences if d.row.metric == name] for name in metrics}
    gaps = {name: mine for name, mine in known.items() if _is_unknown(mine)}
    lines = {name: [_cells(d) for d in mine] for name, mine in known.items() if name not in gaps}
    if lines and stdout_console().width >= WIDE:
        print_table(title, HEADS, *lines.values(), has_rules=True)
    else:
        for name, cells in lines.items():
            # The metric stands in the title; notes need a wide terminal.
            print_table(f"{name}: {title}", HEADS[1:-1], [line[1:-1] for line in cells])
    for name, mine in gaps.items():
        print_line(f"{name}: not measured (such as: {mine[0].row.reason})")


def _is_unknown(differences: Sequence[Difference]) -> bool:
    """In no language measured, and not only for want of outcomes."""
    verdicts = {one.row.verdict for one in differences}
    return "not measured" in verdicts <= {"not measured", "unverified"}


def _cells(difference: Difference) -> tuple[str, ...]:
    row = difference.row
    place = row.language or f"average: {row.tier}"
    rates = [
        MISSING if r is None else f"{100 * r:.1f}" for r in (difference.rate_a, difference.rate_b)
    ]
    shown = MISSING
    if row.estimate is not None and row.low is not None and row.high is not None:
        shown = f"{100 * row.estimate:+.1f} ({100 * row.low:+.1f} to {100 * row.high:+.1f})"
    p = "" if row.p_value is None else f"{row.p_value:.3g}"
    return (row.metric, place, str(row.n), *rates, shown, p, row.verdict or "", row.reason or "")


def _print_gate(gate: Gate) -> None:
    n_passed = sum(check.verdict == "pass" for check in gate.checks)
    print_line(
        f"gate at {100 * gate.limit:g} points: {gate.verdict} "
        f"({n_passed} of {len(gate.checks)} checks pass)"
    )
    for check in gate.checks:
        if check.verdict != "pass":
            bound = "" if check.bound is None else f", bound {100 * check.bound:+.1f} points"
            reason = f": {check.reason}" if check.reason else ""
            place = check.language or "average"
            print_line(f"- {check.verdict}: {check.metric} {place}{bound}{reason}")
