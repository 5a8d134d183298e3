"""Lines and tables of plain text for a terminal, whatever the texts hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from isogloss.cli.terminal import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PIPED_WIDTH = 200
WORDS = ("language", "tier", "verdict", "note")
"""Headings of columns that hold no figures."""


def stdout_console() -> Console:
    """A console as wide as the terminal; wide enough for whole rows where there is none."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def print_line(text: str, *, style: str | None = None) -> None:
    """One line, nothing in it taken for markup; one too long for the terminal folds."""
    stdout_console().print(one_line(text), markup=False, style=style)


def print_table(title: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """A `compact_table` with its lines; each cell on one line, nothing in it taken for markup."""
    from rich.markup import escape

    console = stdout_console()
    shown = [[one_line(text) for text in line] for line in lines]
    table = compact_table(title, [*map(one_line, heads)], shown, console.width)
    for line in shown:
        table.add_row(*map(escape, line))
    console.print(table)


def compact_table(
    title: str, heads: Sequence[str], lines: Sequence[Sequence[str]], width: int
) -> Table:
    """A table without lines between its columns; cells fold at blanks and no word is ever cut.

    Args:
        title, heads: plain text.
        lines: the cells to make room for; they are not yet in the table.
        width: of the terminal.
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    words = _word_widths(heads, lines)
    blank = ["" for _ in heads]
    whole = [max(map(len, column)) for column in zip(blank, *lines, strict=True)]
    roomy = [max(pair) for pair in zip(whole, words, strict=True)]
    fits = sum(roomy) + len(roomy) <= width
    table = Table(
        title=escape(one_line(title)), title_justify="left", box=box.SIMPLE_HEAD, padding=0,
        show_edge=False,
    )  # fmt: skip
    for head, n in zip(heads, roomy if fits else words, strict=True):
        table.add_column(escape(head), justify="left" if head in WORDS else "right", width=n)
    return table


def folds_into(heads: Sequence[str], lines: Sequence[Sequence[str]], width: int) -> bool:
    """With every cell folded at its blanks, and a blank after each column."""
    return sum(_word_widths(heads, lines)) + len(heads) <= width


def _word_widths(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> list[int]:
    columns = zip(heads, *lines, strict=True)
    return [max(len(word) for text in column for word in text.split()) for column in columns]
