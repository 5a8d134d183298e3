"""What making a variant of one prompt gives: a text with its count of edits, or why not."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from isogloss.records import Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A variant's text.

    Attributes:
        n_units: characters or words of the original that ``n_edits`` is counted against; 0 where
            the kind states no rate.
        n_edits: distance of the text from the original in these units, measured, not planned.
        note: how this row differs from others of its kind; counted by language in the summary.
        suffix: goes onto the variant's name where the row got another treatment than its kind's.
        source: where the text came from, if not from the prompt's own (``words:FILE``, an engine).
    """

    text: str
    n_units: int = 0
    n_edits: int = 0
    note: str | None = None
    suffix: str = ""
    source: str | None = None


@dataclass(frozen=True, slots=True)
class NotMade:
    """Why a prompt has no such variant; missing is not zero."""

    reason: str


Maker = Callable[[Prompt, random.Random], Made | NotMade]
"""Makes one kind of variant of one prompt; all its chance comes from the generator it is given."""


def draw_count(rate: float, n: int, rng: random.Random) -> int:
    """How many of ``n`` units to change so that the expected share is exactly ``rate``."""
    whole = math.floor(rate * n)
    return whole + (rng.random() < rate * n - whole)
