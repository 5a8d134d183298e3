"""Every error Isogloss raises on purpose.

    IsoglossError
    ├── UserError            the input or the machine must change; the CLI exits with 2
    │   ├── InputError       a file, a row or a value that cannot be used as it stands
    │   ├── LanguageError    a language code that is not one, or that nothing is known about
    │   ├── ModelError       a target, judge or model folder that cannot be loaded or used
    │   ├── StoreError       a run folder that cannot be read or written
    │   ├── WorkerError      a worker process that died (often: out of memory)
    │   └── MissingExtraError  an optional dependency that is not installed
    └── DefectError          an invariant of ours broke; please report it (exit code 1)

A message says what happened, the value seen, what is allowed and the next step.
"""

from __future__ import annotations


class IsoglossError(Exception):
    """Base of all errors raised on purpose."""


class UserError(IsoglossError):
    """The input, the options or the machine must change; never a stack trace for the user."""


class InputError(UserError):
    """A file, a row or a value that cannot be used as it stands."""


class LanguageError(UserError):
    """A language code that is not one, or a language the asked-for table does not know."""


class ModelError(UserError):
    """A target, judge or model folder that cannot be loaded or used."""


class StoreError(UserError):
    """A run folder that cannot be opened, read or written (read-only, full disk, not a run)."""


class WorkerError(UserError):
    """A worker process that died before its work was done."""


class MissingExtraError(UserError):
    """An optional dependency that is not installed.

    Args:
        package: the import that failed.
        extra: the extra of this package that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package!r} is not installed; it comes with the {extra!r} extra: "
            f"pip install 'isogloss[{extra}]'"
        )


class DefectError(IsoglossError):
    """An invariant of Isogloss itself broke."""
