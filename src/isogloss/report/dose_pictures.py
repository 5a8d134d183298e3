"""Pictures of the dose chapter: figures against text, and one arm against another."""

from __future__ import annotations

from isogloss.charts.render import Picture
from isogloss.charts.response import Parity, ResponsePanel, ResponsePoint, response_picture
from isogloss.charts.runs import RunsLine, RunsPanel, runs_picture
from isogloss.printable import printable
from isogloss.report.dose_facts import DoseFacts
from isogloss.report.dose_words import contrast_words, parity_words
from isogloss.report.glossary import BY_METRIC
from isogloss.report.numbers import PLAIN_UNITS, figure, figure_interval, integer

CURVES = (
    "following_rate", "harmful_rate", "compliance_rate", "helpful_rate", "over_refusal",
    "selectivity", "recognition_auroc", "reward_accuracy", "competence_bits_per_character",
)  # fmt: skip
COMPARED = (
    "following_rate", "harmful_rate", "helpful_rate", "selectivity", "recognition_auroc",
    "reward_accuracy",
)  # fmt: skip


def response_pictures(dose: DoseFacts) -> Picture | None:
    """Every figure against the tokens of the dosed languages."""
    panels = [_panel(dose, metric) for metric in CURVES if metric in dose.metrics]
    return response_picture(
        [panel for panel in panels if panel],
        name="dose-response",
        title=f"Figures against the text of {dose.dosed_words}",
        description="means over runs at every dose against pre-training tokens on a logarithmic "
        "axis, runs thin; the other languages beside; where the level of the undosed reference is "
        "reached",
    )


def _panel(dose: DoseFacts, metric: str) -> ResponsePanel | None:
    dosed, others = (_points(dose, metric, others=others) for others in (False, True))
    if not dosed and not others:
        return None
    row = dose.parity(metric)
    reference = dose.reference(metric) if row is not None else None
    unit = next(r.unit for a in dose.arms if (r := dose.level(metric, a)) is not None)
    parity = None
    if row is not None and row.verdict != "not measured" and (row.estimate or row.n > 1):
        parity = Parity(
            tokens=row.estimate,
            low=row.low,
            high=row.high,
            is_sure=row.n > 1,
            tip=f"parity: {parity_words(row)}",
        )
    return ResponsePanel(
        title=BY_METRIC[metric].label,
        note=f"parity: {parity_words(row)}" if row is not None else "",
        runs=[run for run in dose.run_curves(metric) if len(run) > 1],
        dosed=dosed,
        others=others,
        level=reference[1] if reference else None,
        parity=parity,
        percent=unit not in PLAIN_UNITS,
        domain=(0.0, 1.0) if unit == "rate" else None,
    )


def _points(dose: DoseFacts, metric: str, *, others: bool) -> list[ResponsePoint]:
    points: list[ResponsePoint] = []
    for arm in dose.doses:
        row, tokens = dose.level(metric, arm, others=others), dose.tokens(arm)
        if row is None or row.estimate is None or not tokens:
            continue
        whose = "other languages" if others else dose.dosed_words
        points.append(
            ResponsePoint(
                tokens=tokens, value=row.estimate, low=row.low, high=row.high,
                tip=f"{printable(arm)}, {integer(tokens)} tokens; {whose}: {figure(row)} "
                f"{figure_interval(row)}, {row.n} runs",
            )
        )  # fmt: skip
    return points


def contrasts_picture(dose: DoseFacts) -> Picture | None:
    """Every arm minus the arm it is set against, a panel a figure."""
    panels: list[RunsPanel] = []
    for metric in COMPARED:
        lines: list[RunsLine] = []
        percent = True
        for contrast in dose.contrasts:
            row = dose.change(metric, contrast)
            if row is None or row.estimate is None:
                continue
            percent = row.unit not in PLAIN_UNITS
            words = printable(contrast_words(contrast))
            lines.append(
                RunsLine(
                    group=words, estimate=row.estimate, low=row.low, high=row.high,
                    tip=f"{words}: {figure(row)} {figure_interval(row)}, {row.n} runs",
                )
            )  # fmt: skip
        panels.append(RunsPanel(title=BY_METRIC[metric].label, lines=lines, percent=percent))
    return runs_picture(
        panels,
        name="dose-contrasts",
        title=f"One arm against another, {dose.dosed_words}",
        description="differences over runs with 95 % intervals, a panel a figure",
    )
