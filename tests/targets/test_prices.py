"""Price tables: what a run costs, and one clear sentence for what is none."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from isogloss.errors import InputError
from isogloss.targets.prices import Cost, load_prices

HEADER = "model,input_per_million,output_per_million,currency\n"


def table(folder: Path, text: str) -> Path:
    path = folder / "prices.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_cost_by_hand(tmp_path: Path) -> None:
    path = table(tmp_path, HEADER + "small,0.15,0.60,USD\nopenai:big:8b,3,15,EUR\n")
    prices = load_prices(path)
    assert prices.keys() == {"small", "big:8b"}
    # 2,000 x 0.15 / 10^6 + 500 x 0.60 / 10^6 = 0.0003 + 0.0003
    assert prices["small"].of(2_000, 500) == Cost(amount=Decimal("0.0006"), currency="USD")
    assert str(prices["big:8b"].of(1_000_000, 100_000)) == "4.50 EUR"


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0.00"), ("0.000036", "0.000036"), ("0.0123", "0.012"), ("1234.5", "1,234.50")],
)
def test_a_small_cost_is_not_shown_as_none(amount: str, text: str) -> None:
    assert str(Cost(amount=Decimal(amount), currency="EUR")) == f"{text} EUR"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model,price\nm,1\n", "input_per_million, output_per_million, currency missing"),
        (HEADER + "m,cheap,1,USD\n", "line 2: column input_per_million: 'cheap' is no amount"),
        (HEADER + "m,1,-1,USD\n", "line 2: column output_per_million: '-1' is no amount"),
        (HEADER + "m,1,NaN,USD\n", "'NaN' is no amount"),
        (HEADER + "m,1,,USD\n", "column output_per_million: '' is no amount"),
        (HEADER + "m,1,1,\n", "column currency: is empty"),
        (HEADER + "m,1,1,USD\nm,2,2,USD\n", "line 3: column model: another price of 'm'"),
    ],
)
def test_what_is_no_price_table(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_prices(table(tmp_path, text))
