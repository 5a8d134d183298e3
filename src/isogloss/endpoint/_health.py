"""Whether an endpoint still answers: a circuit breaker over all its requests."""

from __future__ import annotations

import time


class Health:
    """Opens when nothing but failures came for long enough; a dead server must not take hours.

    Args:
        max_failures: failures in a row, over all requests, and
        patience: seconds since the first of them, after which the server counts as gone.
    """

    def __init__(self, max_failures: int, patience: float) -> None:
        self._max_failures, self._patience = max_failures, patience
        self._n_failures, self._since = 0, 0.0
        self.answered = False
        self.gone: str | None = None

    def succeeded(self) -> None:
        """A response came that settles a request."""
        self.answered = True
        self._n_failures = 0

    def failed(self, reason: str, *, excused: float = 0.0) -> None:
        """A call failed in a way that may pass.

        Args:
            reason: why.
            excused: seconds the server asked to wait; they do not count as silence.
        """
        if not self._n_failures:
            self._since = time.monotonic()
        self._n_failures += 1
        self._since = max(self._since, time.monotonic() + excused if excused else 0.0)
        silent = time.monotonic() - self._since
        if self._n_failures >= self._max_failures and silent >= self._patience:
            self.give_up(f"{self._n_failures} calls in a row failed, the last with {reason}")

    def give_up(self, reason: str) -> None:
        """Ask no more."""
        self.gone = self.gone or reason
