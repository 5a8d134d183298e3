"""One cell of a file of training examples: a name, a text or messages; else why it is none."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from isogloss.prompts.rows import Row, Table

_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")
_QUOTED_MESSAGES = re.compile(r"\s*\[\s*\{\s*['\"](?:role|content)['\"]\s*:")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell, which knows where it stands; None where its row or its file has none."""

    table: Table
    row: Row
    column: str | None

    @property
    def value(self) -> Any:
        return None if self.column is None else self.row.cells.get(self.column)

    @property
    def is_missing(self) -> bool:
        value = self.value
        return value in (None, [], {}) or (isinstance(value, str) and not value.strip())

    def refuse(self, message: str) -> NoReturn:
        self.table.refuse(self.row.place, message, self.column)

    def checked(self, text: str) -> str:
        if _NO_CHARACTER.search(text):
            self.refuse("contains a NUL character or a lone surrogate")
        return text

    def name(self) -> str | None:
        """A short cell; a number is as good as its digits, True is a slip."""
        value = self.value
        if self.is_missing:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            self.refuse(f"text expected, found {type(value).__name__}")
        return self.checked(value.strip())

    def verbatim(self) -> str:
        """Text as it is, anything else as JSON."""
        value = self.value
        return self.checked(
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        )

    def text(self) -> str:
        """Text as it is, not blank."""
        if self.is_missing:
            self.refuse("is empty")
        if not isinstance(self.value, str):
            self.refuse(f"text or messages expected, found {type(self.value).__name__}")
        if _QUOTED_MESSAGES.match(self.value):
            self.refuse("messages written as text; use JSONL or Parquet, where they are lists")
        return self.checked(self.value)

    def turns(self, *allowed: tuple[str, ...]) -> list[str] | None:
        """What each message says, if the cell holds messages; of these roles only."""
        value = self.value
        if self.is_missing or not isinstance(value, list):
            return None
        roles: list[str] = []
        said: list[str] = []
        for message in cast(list[Any], value):
            cells = cast(dict[str, Any], message) if isinstance(message, dict) else {}
            role, content = cells.get("role"), cells.get("content")
            if not isinstance(role, str) or not isinstance(content, str):
                self.refuse("a message needs role and content, both text")
            if not content.strip():
                self.refuse("a message is empty")
            roles.append(role if role in ("system", "user", "assistant") else "another role")
            said.append(self.checked(content))
        if tuple(roles) not in allowed:
            self.refuse(
                f"messages of {', '.join(roles)}: single-turn only, here "
                f"{' or '.join(' and '.join(one) for one in allowed)}"
            )
        return said
