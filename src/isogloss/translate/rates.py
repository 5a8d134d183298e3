"""Flag rates by language: what share of a set's translations a reader should doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from isogloss.records import Measurement, Prompt, Translation
from isogloss.stats.distributions import t_quantile
from isogloss.stats.intervals import wilson
from isogloss.translate.flags import count_flags

if TYPE_CHECKING:
    from isogloss.translate.run import Untranslated


def translation_rows(prompts: Iterable[Prompt]) -> list[Measurement]:
    """Rows of the area ``translation``, for every language and variant with translated prompts.

    ``flag_rate`` is the share of translated prompts with a flag or more, in [0, 1], and once more
    for every flag that occurs, named in ``category``; Wilson's interval (every translation is a
    row of its own). ``back_translation_chrf`` is the mean chrF++ of back-translations, 0 to 100,
    with a t interval. ``target`` names the engines. Prompts as given have no rows.

    Example:
        >>> translation_rows([])
        []
    """
    groups: dict[tuple[str, str], list[Translation]] = {}
    for prompt in prompts:
        if prompt.translation is not None:
            key = (prompt.variant, prompt.language)
            groups.setdefault(key, []).append(prompt.translation)
    rows: list[Measurement] = []
    for (variant, language), made in sorted(groups.items()):
        rows += _group_rows(variant, language, made)
    return rows


def _group_rows(variant: str, language: str, made: Sequence[Translation]) -> list[Measurement]:
    target = " + ".join(sorted({translation.engine for translation in made}))
    sources = sorted({translation.source_language for translation in made})
    flags = [translation.flags for translation in made]
    counts: dict[str | None, int] = {None: sum(bool(names) for names in flags)}
    counts |= {name: n for name, n in sorted(count_flags(flags).items()) if n}
    rows: list[Measurement] = []
    for category, k in counts.items():
        found = wilson(k, len(made))
        rows.append(
            Measurement(
                area="translation",
                metric="flag_rate",
                target=target,
                language=language,
                source_language=sources[0],
                category=category,
                variant=variant,
                n=found.n,
                k=found.k,
                n_clusters=found.n_clusters,
                estimate=found.estimate,
                low=found.low,
                high=found.high,
                method=found.method,
            )
        )
    return [*rows, _chrf_row(rows[0], [t.chrf for t in made if t.chrf is not None])]


def _chrf_row(like: Measurement, scores: Sequence[float]) -> Measurement:
    n = len(scores)
    mean, low, high = None, None, None
    if n:
        mean = float(np.mean(scores))
    if mean is not None and n > 1:
        half = float(t_quantile(0.975, n - 1) * np.std(scores, ddof=1) / np.sqrt(n))
        low, high = max(0.0, mean - half), min(100.0, mean + half)
    return Measurement(
        area="translation",
        metric="back_translation_chrf",
        target=like.target,
        language=like.language,
        source_language=like.source_language,
        variant=like.variant,
        n=n,
        estimate=mean,
        low=low,
        high=high,
        unit="chrF++",
        method="mean, t interval",
        reason=None if n else "nothing was translated back",
    )


def untranslated_rows(
    prompts: Iterable[Prompt], missing: Iterable[Untranslated]
) -> list[Measurement]:
    """``untranslated_rate``: the share of planned translations that are not there, by language.

    Languages with nothing planned (all their prompts were given) have no row.
    """
    done = Counter(
        (prompt.variant, prompt.language) for prompt in prompts if prompt.translation is not None
    )
    lacking = list(missing)
    gone = Counter((one.key.variant, one.key.language) for one in lacking)
    engines = {(one.key.variant, one.key.language): one.engine for one in lacking}
    rows: list[Measurement] = []
    for variant, language in sorted(done.keys() | gone.keys()):
        key = (variant, language)
        found = wilson(gone[key], gone[key] + done[key])
        rows.append(
            Measurement(
                area="translation",
                metric="untranslated_rate",
                target=engines.get(key, ""),
                language=language,
                variant=variant,
                n=found.n,
                k=found.k,
                estimate=found.estimate,
                low=found.low,
                high=found.high,
                method=found.method,
            )
        )
    return rows
