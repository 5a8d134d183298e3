"""What a model behind an endpoint costs: a table the user gives, since prices change by the week.

A model that is not in the table costs an unknown amount, never nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from isogloss.prompts.rows import Row, Table, read_table

COLUMNS = ("model", "input_per_million", "output_per_million", "currency")
ENDPOINT = "openai:"
"""Stands before the model's name in every target, judge and engine that is paid by the token."""
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Of one model, per million tokens read (``input``) and written (``output``)."""

    input: Decimal
    output: Decimal
    currency: str

    def of(self, n_prompt_tokens: int, n_tokens: int) -> Cost:
        """What so many tokens cost.

        Example:
            >>> price = Price(input=Decimal("0.50"), output=Decimal("1.50"), currency="EUR")
            >>> str(price.of(2_000_000, 1_000_000))
            '2.50 EUR'
        """
        amount = (self.input * n_prompt_tokens + self.output * n_tokens) / _MILLION
        return Cost(amount=amount, currency=self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """An amount of money."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        # Two decimals, and two digits that are not zero: a small run is not free.
        digits = max(2, 1 - self.amount.adjusted()) if self.amount else 2
        return f"{self.amount:,.{digits}f} {self.currency}"


Prices = Mapping[str, Price]
"""By the model's name at its endpoint."""


def cost_of(
    name: str, prices: Prices | None, n_prompt_tokens: int | None, n_tokens: int | None
) -> Cost | None:
    """What ``openai:MODEL`` or ``llm:openai:MODEL`` costs; None where price or tokens are unknown.

    Example:
        >>> prices = {"m": Price(input=Decimal(1), output=Decimal(2), currency="EUR")}
        >>> str(cost_of("llm:openai:m", prices, 1_000_000, 500_000))
        '2.00 EUR'
        >>> cost_of("openai:m", prices, 1_000_000, None)
    """
    price = (prices or {}).get(name.rpartition(ENDPOINT)[2])
    if price is None or n_prompt_tokens is None or n_tokens is None:
        return None
    return price.of(n_prompt_tokens, n_tokens)


def load_prices(path: str | Path) -> Prices:
    """Read a price table: CSV (or TSV, JSONL, Parquet) with the `COLUMNS`, a row a model.

    Raises:
        InputError: a column is missing, a price is no amount, or a model comes twice.
    """
    table = read_table(path)
    if missing := [name for name in COLUMNS if name not in table.columns]:
        table.refuse(
            "header",
            f"a price table needs the columns {', '.join(COLUMNS)}; {', '.join(missing)} missing",
        )
    prices: dict[str, Price] = {}
    for row in table.rows:
        model = _text(table, row, "model").removeprefix(ENDPOINT)
        if model in prices:
            table.refuse(row.place, f"another price of {model!r}; write one row a model", "model")
        prices[model] = Price(
            input=_amount(table, row, "input_per_million"),
            output=_amount(table, row, "output_per_million"),
            currency=_text(table, row, "currency"),
        )
    return prices


def _text(table: Table, row: Row, column: str) -> str:
    text = str(row.cells.get(column) or "").strip()
    if not text:
        table.refuse(row.place, "is empty", column)
    return text


def _amount(table: Table, row: Row, column: str) -> Decimal:
    text = str(row.cells.get(column) if row.cells.get(column) is not None else "").strip()
    try:
        amount = Decimal(text)
    except InvalidOperation:
        table.refuse(row.place, f"{text[:40]!r} is no amount; write 0.15, say", column)
    if not amount.is_finite() or amount < 0:
        table.refuse(row.place, f"{text[:40]!r} is no amount; write 0.15, say", column)
    return amount
