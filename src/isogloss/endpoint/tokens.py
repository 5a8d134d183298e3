"""Tokens guessed before anything is asked: what a budget stands on."""

from __future__ import annotations

BYTES_A_TOKEN = 3
"""UTF-8 bytes a token is taken to stand for. English has about 4.5, most other languages 2 to 4, a
byte-level tokenizer never below 1: for a set of many languages the estimate is on the high side."""
TOKENS_A_MESSAGE = 8
"""What a chat template adds to a message."""


def guess_tokens(text: str) -> int:
    """About how many tokens ``text`` is, by `BYTES_A_TOKEN`, rounded up.

    Example:
        >>> guess_tokens("bread"), guess_tokens("")
        (2, 0)
    """
    return -(-len(text.encode("utf-8", "replace")) // BYTES_A_TOKEN)
