"""``isogloss variants SET``: the same prompts romanised, code-switched, noisy, and so on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isogloss.cli.console import print_as_json, print_table
from isogloss.cli.options import OnlyLanguages, PromptIntent

if TYPE_CHECKING:
    from isogloss.progress import Progress
    from isogloss.prompts import PromptSet
    from isogloss.records import Intent, Prompt
    from isogloss.variants import Kind, VariantSet, VariantTally, WordList

LAB = "lab:"

EPILOG = """
Kinds: romanised, code-switched:SHARE, reply-in:LANGUAGE (or reply-in:own), noise-keyboard:RATE,
noise-speech:RATE. Rates are shares of characters or words, 0.1 for 10 %. Speech noise is simulated
on text; real audio is out of scope.

Examples:

isogloss variants prompts.csv --make romanised,noise-keyboard:0.1 --out variants.csv

isogloss variants prompts.csv --make code-switched:0.3 --engine openai:MODEL --words words.csv
--out variants.csv : words are translated once and kept in words.csv.

isogloss variants lab:tiny --make noise-keyboard:0.05 --out lab.jsonl : the lab's own prompts.

Then: isogloss audit TARGET --prompts variants.csv : every variant is measured apart.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=EPILOG)(variants)


def variants(
    prompts: Annotated[
        str,
        typer.Argument(help="A prompt set (CSV, JSONL, Parquet) or lab:PRESET.", metavar="SET"),
    ],
    make: Annotated[
        list[str], typer.Option(help="Kinds of variants, separated by commas; may be repeated.")
    ],
    out: Annotated[
        Path, typer.Option(help="Prompt set to write: originals and variants (CSV, JSONL, …).")
    ],
    only: Annotated[
        bool, typer.Option("--only", help="Write the variants without the originals.")
    ] = False,
    languages: OnlyLanguages = None,
    intent: PromptIntent = None,
    words: Annotated[
        str | None,
        typer.Option(
            help="For code-switched: a CSV with source, target, language, or lab:PRESET. With "
            "--engine, what is missing is translated and added to the file."
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(help="For code-switched: who translates words, as in `isogloss translate`."),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Of an OpenAI-compatible server for --engine openai:MODEL.")
    ] = None,
    connections: Annotated[int, typer.Option(help="Words asked for at a time.", min=1)] = 16,
    seed: Annotated[int, typer.Option(help="Of the noise and of the words that switch.")] = 0,
    json: Annotated[
        bool, typer.Option("--json", help="Print the account by variant and language as JSON.")
    ] = False,
) -> None:
    """Write variants of a prompt set as rows of their own, which pair with their originals.

    Says by variant and language how many rows were made, how many not and why, and which rate
    came out.
    """
    from isogloss.cli.progress import progress_bars
    from isogloss.cli.terminal import one_line
    from isogloss.errors import InputError
    from isogloss.prompts import write_prompts
    from isogloss.variants import make_variants, parse_kinds

    kinds = parse_kinds(make)
    _check_out(out, prompts, words)
    chosen = _load(prompts, intent, languages)
    with progress_bars() as progress:
        found = None
        if any(kind.name == "code-switched" for kind in kinds):
            engine_options = {"base_url": base_url, "connections": connections}
            found = _words(chosen, prompts, words, engine, engine_options, progress)
        elif words or engine:
            raise InputError("--words and --engine are for code-switched; --make does not name it")
        made = make_variants(chosen.prompts, kinds, seed=seed, words=found, progress=progress)
    if not made.prompts:
        reasons = dict.fromkeys(reason for tally in made.tallies for reason in tally.reasons)
        raise InputError(f"no variant could be made, nothing was written: {'; '.join(reasons)}")
    rows = made.prompts if only else (*chosen.prompts, *made.prompts)
    write_prompts(rows, out)
    if json:
        _print_json(out, chosen, made, kinds, seed, len(rows))
    else:
        _print_table(made)
        typer.echo(f"{len(rows)} prompts, {len(made.prompts)} of them variants: {out}")
        typer.echo(one_line(f"next: isogloss audit TARGET --prompts {out}"))


def _check_out(out: Path, prompts: str, words: str | None) -> None:
    """Said before anything is translated: that may cost money."""
    from isogloss.errors import InputError
    from isogloss.prompts import check_format

    check_format(out)
    if not out.parent.is_dir():
        raise InputError(f"{out}: no folder {out.parent}; make it first")
    if out.exists() and not prompts.startswith(LAB) and out.samefile(prompts):
        raise InputError(f"{out} is the prompt set itself; write the variants to another file")
    if words is not None and not words.startswith(LAB) and out.resolve() == Path(words).resolve():
        raise InputError(f"--out {out} is the word list; write the variants to another file")


def _load(prompts: str, intent: Intent | None, languages: str | None) -> PromptSet:
    from isogloss.cli.codes import split_codes
    from isogloss.cli.terminal import one_line
    from isogloss.prompts import load_prompts

    codes = None if languages is None else split_codes(languages, "--languages")
    if not prompts.startswith(LAB):
        chosen = load_prompts(prompts, intent=intent, languages=codes)
        for note in chosen.notes:
            typer.echo(one_line(f"note: {note}"), err=True)
        return chosen
    from isogloss.lab.questions import lab_prompt_set
    from isogloss.languages import resolve_language

    tags = None if codes is None else [resolve_language(code) for code in codes]
    return lab_prompt_set(prompts, languages=tags)


def _words(
    chosen: PromptSet,
    prompts: str,
    words: str | None,
    engine: str | None,
    engine_options: dict[str, Any],
    progress: Progress,
) -> WordList | None:
    """The dictionary for code-switching; None where neither a list nor a translator is named."""
    from isogloss.variants.words import lab_words, read_words, translate_words, write_words

    place = words or (prompts if prompts.startswith(LAB) and engine is None else None)
    if place is not None and place.startswith(LAB):
        from isogloss.lab.recipe import parse_spec
        from isogloss.lab.setting import Lab

        return lab_words(Lab(parse_spec(place)).lexicon)
    known = None
    if place is not None and (engine is None or Path(place).exists()):
        known = read_words(place)
    if engine is None:
        return known
    from isogloss.endpoint.options import EndpointOptions
    from isogloss.targets.options import LocalOptions
    from isogloss.translate.load import load_translator
    from isogloss.variants.switched import wanted_words

    def keep(so_far: WordList) -> None:
        if place is not None:
            write_words(so_far, place)

    translator = load_translator(
        engine, endpoint=EndpointOptions(**engine_options), local=LocalOptions()
    )
    wanted = wanted_words(chosen.prompts)
    return translate_words(wanted, known, translator, keep=keep, progress=progress)


def _print_table(made: VariantSet) -> None:
    lines = [
        [
            tally.variant, tally.language, str(tally.n_made), str(tally.n_not_made or ""),
            _percent(tally.stated), _percent(tally.realised), _remarks(tally),
        ]
        for tally in made.tallies
    ]  # fmt: skip
    heads = ["variant", "language", "made", "not made", "stated", "realised", "notes"]
    print_table("", heads, lines)


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{100 * rate:.1f} %"


def _remarks(tally: VariantTally) -> str:
    told = [f"{n} not made: {reason}" for reason, n in tally.reasons.items()]
    return "; ".join([*told, *tally.notes])


def _print_json(
    out: Path, chosen: PromptSet, made: VariantSet, kinds: tuple[Kind, ...], seed: int, n_rows: int
) -> None:
    from dataclasses import asdict

    originals: list[Prompt] = [p for p in chosen.prompts if p.variant == "original"]
    account = {
        "file": str(out),
        "source": chosen.source,
        "seed": seed,
        "kinds": [kind.variant for kind in kinds],
        "n_originals": len(originals),
        "n_variants": len(made.prompts),
        "n_rows": n_rows,
        "variants": [asdict(tally) | {"realised": tally.realised} for tally in made.tallies],
    }
    print_as_json(account)
