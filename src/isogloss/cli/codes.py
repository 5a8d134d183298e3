"""Language codes as options take them."""

from __future__ import annotations

from isogloss.errors import InputError


def split_codes(text: str, option: str) -> tuple[str, ...]:
    """The codes in ``text``, separated by commas; blanks around them do not count.

    Args:
        text: what was given.
        option: as it is typed, for the message.

    Raises:
        InputError: there is none.

    Example:
        >>> split_codes("sw, bn,", "--to")
        ('sw', 'bn')
    """
    if codes := tuple(part.strip() for part in text.split(",") if part.strip()):
        return codes
    raise InputError(f"{option} {text!r} names no language; write codes such as sw,bn")
