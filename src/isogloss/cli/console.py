"""Lines and tables of plain text for a terminal, whatever the texts hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from isogloss.cli.terminal import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Lines = Sequence[Sequence[str]]
"""Of a table: the cells of each, as texts."""
PIPED_WIDTH = 200
MISSING = "-"
"""Stands in a table for what is not measured."""


def stdout_console() -> Console:
    """A console as wide as the terminal; wide enough for whole rows where there is none."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def print_line(text: str, *, style: str = "") -> None:
    """One line, its characters as they are; folded at blanks in a terminal and nowhere else."""
    from rich.text import Text

    console = stdout_console()
    console.print(Text(one_line(text), style=style), soft_wrap=not console.is_terminal)


def print_as_json(value: object) -> None:
    """One JSON value, ASCII only."""
    print(json.dumps(value, ensure_ascii=True, allow_nan=False, indent=1))


def print_table(title: str, heads: Sequence[str], *groups: Lines, has_rules: bool = False) -> None:
    """A table of texts, their characters as they are; no word is cut where folding helps.

    The first column, and every other that holds words, stands to the left; figures to the right.

    Args:
        title: the line above it; none where empty.
        heads: of its columns.
        groups: lines that stand together, a cell for every head; a rule parts the groups.
        has_rules: rules between the columns, for wide terminals.
    """
    from rich.text import Text

    heads = [one_line(head) for head in heads]
    shown = [[[one_line(text) for text in line] for line in group] for group in groups]
    console = stdout_console()
    every = [line for group in shown for line in group]
    table = _table(heads, every, None if has_rules else console.width)
    for group in shown:
        for line in group:
            table.add_row(*map(Text, line))
        table.add_section()
    if title:
        print_line(title, style="italic")
    console.print(table)


def folds_into(heads: Sequence[str], lines: Lines, width: int) -> bool:
    """Whether a table without rules fits, with every cell folded at its blanks."""
    return sum(_word_widths(heads, lines)) + len(heads) <= width


def _table(heads: Sequence[str], lines: Lines, width: int | None) -> Table:
    """Its columns alone; without rules where there is a width to fold into, heads first."""
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    columns = list(zip(heads, *lines, strict=True))
    widths: Sequence[int | None] = [None for _ in heads]
    table = Table()
    if width is not None:
        table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
        words = _word_widths(heads, lines)
        by_cells = [
            max([n, *map(cell_len, cells)]) for n, (_, *cells) in zip(words, columns, strict=True)
        ]
        whole = [max(n, cell_len(head)) for n, head in zip(by_cells, heads, strict=True)]
        fitting = (tried for tried in (whole, by_cells) if sum(tried) + len(tried) <= width)
        widths = next(fitting, words)
    for at, ((head, *cells), n) in enumerate(zip(columns, widths, strict=True)):
        left = at == 0 or _holds_words(cells)
        table.add_column(Text(head), justify="left" if left else "right", width=n)
    return table


def _holds_words(cells: Sequence[str]) -> bool:
    """Whether no cell of a column begins with a figure, though some cell has something."""
    told = [cell for cell in cells if cell not in ("", MISSING)]
    return bool(told) and not any(cell.lstrip("+−-<>. ")[:1].isdigit() for cell in told)


def _word_widths(heads: Sequence[str], lines: Lines) -> list[int]:
    from rich.cells import cell_len

    columns = zip(heads, *lines, strict=True)
    return [
        max((cell_len(word) for text in column for word in text.split()), default=0)
        for column in columns
    ]
