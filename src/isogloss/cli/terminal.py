"""Text from elsewhere, made harmless for a terminal."""

from __future__ import annotations

import unicodedata

_NEVER = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control, format (right-to-left overrides, zero-width), surrogate and separator characters."""


def one_line(text: str, *, limit: int = 2000) -> str:
    r"""``text`` on one line, without any character that could move a cursor or reorder a line.

    Args:
        text: anything: an error message that quotes a file, a model's reply, a path.
        limit: characters to keep; what is cut is marked with an ellipsis.

    Returns:
        Printable characters and single blanks only.

    Example:
        >>> one_line("no \x1b[31mred\x1b[0m\nhere")
        'no [31mred[0m here'
    """
    cut = text[: 4 * limit]
    kept = "".join(" " if c.isspace() else c for c in cut if c.isspace() or _visible(c))
    line = " ".join(kept.split())
    if len(line) > limit or len(text) > len(cut):
        return line[:limit] + "…"
    return line


def _visible(character: str) -> bool:
    return unicodedata.category(character) not in _NEVER
