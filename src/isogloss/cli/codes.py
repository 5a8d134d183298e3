"""Lists as options take them: language codes, numbers."""

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
    if codes := _parts(text):
        return codes
    raise InputError(f"{option} {text!r} names no language; write codes such as sw,bn")


def split_words(text: str, option: str, such_as: str) -> tuple[str, ...]:
    """The words in ``text``, separated by commas; blanks around them do not count.

    Args:
        text: what was given.
        option: as it is typed, for the message.
        such_as: an example, for the message.

    Raises:
        InputError: there is none.

    Example:
        >>> split_words("dose, grid,", "--only", "dose")
        ('dose', 'grid')
    """
    if words := _parts(text):
        return words
    raise InputError(f"{option} {text!r} names nothing; write some such as {such_as}")


def split_numbers(text: str, option: str, such_as: str) -> tuple[float, ...]:
    """The numbers in ``text``, separated by commas.

    Args:
        text: what was given.
        option: as it is typed, for the message.
        such_as: an example, for the message.

    Raises:
        InputError: something else is among them.

    Example:
        >>> split_numbers("0.25, 1", "--factors", "0.5,2")
        (0.25, 1.0)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"{option} {text!r} are not numbers; write some such as {such_as}"
        ) from None


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
