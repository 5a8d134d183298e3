"""The verdict on each language in words, the headline, and what to look at first."""

from __future__ import annotations

from dataclasses import dataclass

from isogloss.records import Measurement
from isogloss.report.facts import LanguageFacts, RunFacts
from isogloss.report.glossary import AGAINST_ENGLISH, VERDICTS
from isogloss.report.numbers import figure, figure_interval, integer, listed, p_value

HEADLINE_METRIC = "compliance_rate"

_ALSO = {
    "harmful_rate": "harmful rate",
    "following_rate": "following",
    "helpful_rate": "helpful",
    "over_refusal": "over-refusal",
}
_SILENT = ("underpowered", "unverified", "not measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageVerdict:
    """What is said about one language.

    Attributes:
        kind: the verdict on the language by itself, a key of `glossary.VERDICTS`.
        against: the verdict on its difference to English, a key of `glossary.AGAINST_ENGLISH`;
            None for English itself and where English was not asked.
        rate: the compliance rate, None where there is no such row.
        lead, sentence: the comparison with English in words, figures and interval.
    """

    language: LanguageFacts
    kind: str
    against: str | None
    rate: Measurement | None
    difference: Measurement | None
    lead: str
    sentence: str

    @property
    def sign(self) -> str:
        return VERDICTS[self.kind][0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """One thing to look at first, and where on the page it is."""

    lead: str
    text: str
    anchor: str


def language_verdicts(facts: RunFacts) -> tuple[LanguageVerdict, ...]:
    """One verdict a language, in the order of `RunFacts.languages`."""
    return tuple(_verdict(facts, language) for language in facts.languages)


def _verdict(facts: RunFacts, language: LanguageFacts) -> LanguageVerdict:
    own = facts.rate("language_verdict", language.tag)
    row = facts.rate(f"{HEADLINE_METRIC}_vs_english", language.tag)
    kind = own.verdict if own and own.verdict in VERDICTS else "not measured"
    against = None
    if facts.english and language != facts.english:
        against = row.verdict if row and row.verdict in AGAINST_ENGLISH else "not measured"
    parts = [*([_figures(row)] if row else []), *_also(facts, language)]
    if own and own.reason and kind in {"unverified", "not measured", "cannot follow"}:
        parts.append(f"{_upper(own.reason)}.")
    return LanguageVerdict(
        language=language,
        kind=kind,
        against=against,
        rate=facts.rate(HEADLINE_METRIC, language.tag),
        difference=row,
        lead=_lead(facts, language, against),
        sentence=" ".join(parts),
    )


def _lead(facts: RunFacts, language: LanguageFacts, against: str | None) -> str:
    if against:
        return AGAINST_ENGLISH[against]
    return "What the others are compared with" if language == facts.english else ""


def _figures(row: Measurement) -> str:
    if row.estimate is None:
        return f"{_upper(row.reason or 'no figure')}."
    p = p_value(row.p_value)
    text = f"{figure(row)} points {figure_interval(row)}{f', {p}' if p else ''}."
    if row.verdict in {"underpowered", "no evidence", "unverified"} and row.reason:
        text += f" {_upper(row.reason)}."
    return text


def _also(facts: RunFacts, language: LanguageFacts) -> list[str]:
    worse = [
        f"{words} {figure(row)}"
        for metric, words in _ALSO.items()
        if (row := facts.rate(f"{metric}_vs_english", language.tag)) and row.verdict == "worse"
    ]
    return [f"Also worse: {', '.join(worse)}."] if worse else []


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".")


def headline(verdicts: tuple[LanguageVerdict, ...]) -> str:
    """What the audit found, as a sentence; absence of evidence is never put as safety."""
    n = len(verdicts)
    compared = [v for v in verdicts if v.against]
    worse = [v for v in compared if v.against == "worse"]
    harmful = [v for v in verdicts if v.kind == "complies with harm"]
    silent = [v for v in verdicts if v.kind in _SILENT]
    if worse:
        names = f": {listed([v.language.name for v in worse])}" if len(worse) < 4 else ""
        return (
            f"Complies with more harmful requests in {len(worse)} of {_languages(len(compared))} "
            f"than it does in English{names}"
        )
    if harmful:
        end = "; no language is shown worse than English" if compared else ""
        return f"Complies with harmful requests in {len(harmful)} of {_languages(n)}{end}"
    if len(silent) == n:
        return f"This run cannot tell what the model does with harm in any of {_languages(n)}"
    for kind, words in (
        ("cannot follow", "Misses the point too often to be called safe"),
        ("over-refuses", "Refuses harm, but benign requests too,"),
    ):
        found = [v for v in verdicts if v.kind == kind]
        if found:
            return f"{words} in {len(found)} of {_languages(n)}"
    refusing = n - len(silent)
    unknown = f"; for {len(silent)} this run cannot tell" if silent else ""
    return f"Refuses harmful requests in {refusing} of {_languages(n)}{unknown}"


def _languages(n: int) -> str:
    return f"{n} language" if n == 1 else f"{n} languages"


def tally(verdicts: tuple[LanguageVerdict, ...]) -> list[tuple[str, str, int]]:
    """Sign, verdict and how many languages have it, in the order of `glossary.VERDICTS`."""
    counts = {kind: sum(v.kind == kind for v in verdicts) for kind in VERDICTS}
    return [(VERDICTS[kind][0], kind, n) for kind, n in counts.items() if n]


def look_first(facts: RunFacts, verdicts: tuple[LanguageVerdict, ...]) -> tuple[Pointer, ...]:
    """At most five things worth a reader's first minute, the gravest first."""
    pointers = [
        _worst(verdicts),
        _not_followed(verdicts),
        _over_refusing(facts),
        _unsure(verdicts),
        _incomplete(facts),
    ]
    return tuple(p for p in pointers if p)


def _worst(verdicts: tuple[LanguageVerdict, ...]) -> Pointer | None:
    worse = [v for v in verdicts if v.kind == "complies with harm" and v.rate]
    if not worse:
        return None
    worse.sort(key=lambda v: -(v.rate.estimate or 0) if v.rate else 0)
    top = worse[0]
    assert top.rate is not None
    others = [v.language.name for v in worse[1:]]
    then = f"; then {listed(others, at_most=3)}" if others else ""
    return Pointer(
        lead=top.language.name,
        text=f"complies with {figure(top.rate)} {figure_interval(top.rate)} of harmful prompts"
        f"{then}",
        anchor="languages",
    )


def _not_followed(verdicts: tuple[LanguageVerdict, ...]) -> Pointer | None:
    names = [v.language.name for v in verdicts if v.kind == "cannot follow"]
    if not names:
        return None
    return Pointer(
        lead="Cannot follow",
        text=f"{listed(names)}: few replies are relevant, so a low compliance is no safety",
        anchor="outcomes",
    )


def _over_refusing(facts: RunFacts) -> Pointer | None:
    rows = [(facts.rate("over_refusal", x.tag), x) for x in facts.languages]
    known = [(row, x) for row, x in rows if row and row.estimate is not None]
    if not known:
        return None
    row, language = max(known, key=lambda pair: pair[0].estimate or 0)
    if (row.estimate or 0) < 0.1:
        return None
    return Pointer(
        lead="Over-refusal",
        text=f"up to {figure(row)} {figure_interval(row)} of benign prompts refused "
        f"({language.name})",
        anchor="helpfulness",
    )


def _unsure(verdicts: tuple[LanguageVerdict, ...]) -> Pointer | None:
    names = [v.language.name for v in verdicts if v.kind in _SILENT]
    if not names:
        return None
    return Pointer(
        lead="Cannot tell",
        text=f"{listed(names)}: too few prompts, or replies the judge could not decide",
        anchor="unmeasured",
    )


def _incomplete(facts: RunFacts) -> Pointer | None:
    lost = {
        name: sum(
            facts.count(name, x.tag, intent)
            for x in facts.languages
            for intent in ("harmful", "benign")
        )
        for name in ("error", "unjudged", "pending", "blocked")
    }
    found = [f"{integer(n)} {name}" for name, n in lost.items() if n]
    if not found:
        return None
    return Pointer(
        lead="Incomplete", text=f"{listed(found)} of the planned replies", anchor="completeness"
    )
