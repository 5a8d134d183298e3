"""The first lines of a page about where a gap comes from: the six experiments of a trace."""

from __future__ import annotations

from isogloss.report.anatomy_facts import AnatomyFacts, read_anatomy
from isogloss.report.anatomy_words import anatomy_headline, anatomy_pointers
from isogloss.report.condition_facts import ConditionFacts, read_conditions
from isogloss.report.condition_words import conditions_headline, conditions_pointers
from isogloss.report.dose_facts import DoseFacts, read_dose
from isogloss.report.dose_words import dose_headline, dose_pointers
from isogloss.report.facts import RunFacts
from isogloss.report.grid_facts import GridFacts, read_grid
from isogloss.report.grid_words import grid_headline, grid_pointers
from isogloss.report.heading import Lede, claim_tally
from isogloss.report.ladder_facts import LadderFacts, read_ladder
from isogloss.report.ladder_words import ladder_headline, ladder_pointers
from isogloss.report.mix_facts import MixFacts, read_mixes
from isogloss.report.mix_words import mixes_headline, mixes_pointers
from isogloss.report.verdicts import Pointer, headline, language_verdicts

Setting = tuple[str, str, bool]


def trace_lede(facts: RunFacts) -> Lede | None:
    """None where the run traces nothing."""
    ladder = read_ladder(facts)
    if ladder:
        return _of_ladder(facts, ladder)
    dose = read_dose(facts)
    if dose:
        return _of_dose(facts, dose)
    mixes = read_mixes(facts)
    if mixes:
        return _of_mixes(facts, mixes)
    grid = read_grid(facts)
    if grid:
        return _of_grid(facts, grid)
    anatomy = read_anatomy(facts)
    if anatomy:
        return _of_anatomy(facts, anatomy)
    conditions = read_conditions(facts)
    return _of_conditions(conditions) if conditions else None


def _of_ladder(facts: RunFacts, ladder: LadderFacts) -> Lede:
    last = ladder.rungs[-1].label
    runs = f"{ladder.n_runs} runs, a seed each" if ladder.is_over_runs else "one model"
    return Lede(
        kicker="Which stage made the gap",
        target=ladder.group,
        headline=ladder_headline(ladder),
        tally=claim_tally(ladder.claims),
        anchor="ladder-claims" if ladder.claims else "ladder",
        skip="Skip to the claims" if ladder.claims else "Skip to the ladder",
        settings=(
            ("Family", ladder.group, True),
            ("Rungs", " → ".join(rung.label for rung in ladder.rungs), False),
            ("Runs", runs, False),
            *((("Judge", ladder.judge, False),) if ladder.judge else ()),
            *_audited(facts),
        ),
        pointers=(
            *ladder_pointers(ladder),
            *_by_itself(
                facts, f"{last}{' of the first run' if ladder.is_over_runs else ''} by itself"
            ),
        ),
    )


def _of_dose(facts: RunFacts, dose: DoseFacts) -> Lede:
    return Lede(
        kicker="Dose and response",
        target=dose.target,
        headline=dose_headline(dose),
        tally=claim_tally(dose.claims),
        anchor="dose-claims" if dose.claims else "dose",
        skip="Skip to the claims" if dose.claims else "Skip to the doses",
        settings=(
            ("Undosed", dose.target, True),
            ("Dosed", dose.dosed_words, False),
            ("Doses", ", ".join(dose.doses), False),
            ("Runs", f"{dose.n_runs} an arm, a seed each", False),
            *_audited(facts),
        ),
        pointers=(*dose_pointers(dose), *_by_itself(facts, "Undosed, the first run by itself")),
    )


def _of_mixes(facts: RunFacts, mixes: MixFacts) -> Lede:
    return Lede(
        kicker="Recipes side by side",
        target=mixes.recipes[mixes.reference],
        headline=mixes_headline(mixes),
        tally=claim_tally(mixes.claims),
        anchor="mixes-claims" if mixes.claims else "mixes",
        skip="Skip to the claims" if mixes.claims else "Skip to the recipes",
        settings=(
            ("Reference", mixes.recipes[mixes.reference], True),
            ("Recipes", str(len(mixes.arms)), False),
            ("Languages", str(len(mixes.languages)), False),
            ("Runs", f"{mixes.n_runs} a recipe, a seed each", False),
            *_audited(facts),
        ),
        pointers=(
            *mixes_pointers(mixes),
            *_by_itself(facts, "The reference’s first run by itself"),
        ),
    )


def _of_grid(facts: RunFacts, grid: GridFacts) -> Lede:
    runs = f"{grid.n_runs} runs, a seed each" if grid.is_over_runs else "one model"
    return Lede(
        kicker="Trained in each language, tested in all",
        target=grid.group,
        headline=grid_headline(grid),
        tally=(),
        anchor="grid-predictors",
        skip="Skip to the predictors",
        settings=(
            ("Target", grid.group, True),
            ("Method", grid.method, False),
            ("Languages", f"{len(grid.train)} trained on, {len(grid.languages)} tested", False),
            ("Runs", runs, False),
            *_audited(facts),
        ),
        pointers=(*grid_pointers(grid), *_by_itself(facts, "The model before training")),
    )


def _of_anatomy(facts: RunFacts, a: AnatomyFacts) -> Lede:
    runs = f"{a.n_runs} runs, a seed each" if a.is_over_runs else "one model"
    return Lede(
        kicker="Anatomy of failures",
        target=a.group,
        headline=anatomy_headline(a),
        tally=claim_tally(a.claims),
        anchor="anatomy-claims" if a.claims else "anatomy",
        skip="Skip to the claims" if a.claims else "Skip to the anatomy",
        settings=(
            ("Target", a.group, True),
            ("Runs", runs, False),
            ("Languages", str(len(a.languages)), False),
            *((("Judge", a.judge, False),) if a.judge else ()),
            *_audited(facts),
        ),
        pointers=(
            *anatomy_pointers(a),
            *_by_itself(
                facts, "The first run by itself" if a.is_over_runs else "The model by itself"
            ),
        ),
    )


def _of_conditions(found: ConditionFacts) -> Lede:
    return Lede(
        kicker="One model, measured in several ways",
        target=found.group,
        headline=conditions_headline(found),
        tally=claim_tally(found.claims),
        anchor="measuring-claims" if found.claims else "measuring",
        skip="Skip to the claims" if found.claims else "Skip to the ways of measuring",
        settings=(
            ("Target", found.group, True),
            ("Ways of measuring", str(len(found.arms)), False),
            ("Languages", str(len(found.languages)), False),
            ("Runs", f"{found.n_runs}, a seed each", False),
        ),
        pointers=conditions_pointers(found),
    )


def _audited(facts: RunFacts) -> tuple[Setting, ...]:
    """Which model the audit on the page is of."""
    if not facts.audited:
        return ()
    return (("Verdicts by language", f"of {facts.setting('target')}", False),)


def _by_itself(facts: RunFacts, lead: str) -> tuple[Pointer, ...]:
    """What that audit says; ``lead`` names the model."""
    if not facts.audited:
        return ()
    said = headline(language_verdicts(facts))
    return (Pointer(lead=lead, text=said[:1].lower() + said[1:], anchor="languages"),)
