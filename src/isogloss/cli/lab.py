"""``isogloss lab``: build, list and describe the embedded models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from isogloss.lab.describe import LabCard

SPEC_HELP = (
    "PRESET:MIX@STAGE#SEED, all but PRESET optional. Presets: tiny, small, medium. Mixes: english, "
    "bilingual, balanced, the percents of dominant languages (en=30,zh=20; the others share the "
    "rest alike) or a CSV table; after it ~reversed or ~K (the shares dealt anew), *sw=4 (one "
    "share times 4), +fixed (tokenizer trained on balanced text), +equal (refusals in all "
    "languages alike), +even (helpful examples too), +apart (no document in two languages), "
    "+parallel:sw (every document of that language in English too, with as much text of each as "
    "without), +sw=100k or +mix=100k (pre-training continued on so many tokens of one language or "
    "of the mix), +300k, +1m or +3m (size), +neox, +bloom or +gemma (architecture, else Llama). "
    "Stages: base, helpful, chat."
)
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SpecArgument = Annotated[str, typer.Argument(help=SPEC_HELP, metavar="SPEC")]

lab = typer.Typer(
    no_args_is_help=True,
    help="Small models really trained from nothing, in micro-languages whose truth is known.",
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(lab, name="lab")


@lab.command()
def build(spec: SpecArgument = "small") -> None:
    """Train a lab model unless it is in the cache; an interrupted build continues.

    Example: isogloss lab build tiny:english~1+fixed@chat#0
    """
    from isogloss.cli.progress import progress_bars
    from isogloss.lab.build import build_lab
    from isogloss.lab.recipe import parse_spec

    recipe = parse_spec(spec)
    with progress_bars() as progress:
        folder = build_lab(recipe, progress=progress)
    typer.echo(f"{recipe.spec}: {folder}")


@lab.command("list")
def list_labs(json: JsonFlag = False) -> None:
    """Print the presets, the mixes and the models in the cache."""
    import json as jsonlib

    from isogloss.lab.describe import built_labs
    from isogloss.lab.mix import MIXES
    from isogloss.lab.recipe import PRESETS

    built = built_labs()
    if json:
        document = {
            "presets": {name: preset.purpose for name, preset in PRESETS.items()},
            "mixes": list(MIXES),
            "built": [{"spec": spec, "folder": str(folder)} for folder, spec in built.items()],
        }
        typer.echo(jsonlib.dumps(document, indent=2))
        return
    for name, preset in PRESETS.items():
        typer.echo(f"{name:<8} {preset.purpose}")
    typer.echo(
        f"mixes    {', '.join(MIXES)}, the percents of dominant languages (en=30,zh=20), or a CSV "
        "table with the columns language,percent"
    )
    typer.echo("built" if built else "built    nothing yet; isogloss lab build tiny takes a minute")
    for folder, spec in built.items():
        typer.echo(f"         {spec}  {folder}")


@lab.command()
def describe(spec: SpecArgument = "small", json: JsonFlag = False) -> None:
    """Print a lab's shares, tokens, fertility, family tree and sentences with their meaning."""
    import json as jsonlib
    from dataclasses import asdict

    from isogloss.lab.recipe import parse_spec

    recipe = parse_spec(spec)  # before torch is loaded, which takes seconds
    from isogloss.lab.describe import describe_lab, family_tree

    card = describe_lab(recipe)
    tree = family_tree([language.tag for language in card.languages])
    if json:
        document = {**asdict(card), "folder": str(card.folder), "tree": tree}
        typer.echo(jsonlib.dumps(document, indent=2))
        return
    size = f"{card.n_parameters:,} parameters, " if card.n_parameters else ""
    if card.architecture != "llama":
        size = f"{card.architecture}, {size}"
    state = f"built, {card.folder}" if card.is_built else "not built yet: isogloss lab build"
    typer.echo(f"{card.spec}: {size}{card.n_objects} objects, half of them harmful; {state}")
    if card.parallel:
        typer.echo(f"every document in English too: {', '.join(card.parallel)}")
    if card.extra:
        doses = (f"{n:,} of {source}" for source, n in card.extra.items())
        typer.echo(f"tokens of continued pre-training: {', '.join(doses)}")
    typer.echo()
    _print_languages(card)
    typer.echo("\nfamily tree")
    for family, branches in tree.items():
        for branch, tags in branches.items():
            typer.echo(f"  {family} / {branch}: {', '.join(tags)}")
    typer.echo(f'\n"{card.gloss_question}" "{card.gloss_answer}"')
    for language in card.languages:
        typer.echo(f"  {language.tag}  {language.question} {language.answer}")


def _print_languages(card: LabCard) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("language", no_wrap=True)
    table.add_column("tier")
    has_extra = any(language.extra_tokens for language in card.languages)
    extra = ["of these extra"] if has_extra else []
    for name in ("share %", "tokens", *extra, "pieces a word", "roots shared with en %"):
        table.add_column(name, justify="right")
    table.add_column("order")
    for language in card.languages:
        table.add_row(
            language.tag,
            language.tier,
            f"{language.percent:.2f}",
            _count(language.tokens),
            *([_count(language.extra_tokens)] if has_extra else []),
            "not built" if language.fertility is None else f"{language.fertility:.2f}",
            f"{100 * language.shared_with_english:.0f}",
            language.order,
        )
    Console().print(table)


def _count(n: int | None) -> str:
    return "not built" if n is None else f"{n:,}"
