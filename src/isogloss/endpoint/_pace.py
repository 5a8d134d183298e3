"""How fast an endpoint lets itself be asked: what its rate-limit headers say, obeyed beforehand."""

from __future__ import annotations

import asyncio
import email.utils
import math
import random
import re
import time
from collections.abc import Mapping

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_LONGEST = 120.0
"""Seconds a header may slow us down for on its own; a refusal may ask for more."""


_FIRST_GAP = 0.001
_WIDEST_GAP = 30.0
_ROUND = 0.1


class Pace:
    """Shared by all requests to one endpoint under one key: limits count them together.

    ``x-ratelimit-remaining-requests`` and ``-tokens`` tell how much is left until the reset. While
    plenty is, nothing waits; when what is left comes near the number of requests in flight, they
    are spread over the time to the reset, so that the limit is met and not run into. A refusal
    (429, 503) with ``retry-after`` holds all requests for that long. Refusals double the
    gap between requests, once a round, and every reply narrows it by a tenth: where a server says
    nothing of its limit, at worst about one request in eight is refused, and passes later.

    Args:
        connections: requests in flight at once.
    """

    def __init__(self, connections: int) -> None:
        self._few = 2 * connections
        self._gap = 0.0
        self._refused_gap = 0.0
        self._widened = -math.inf
        self._next = 0.0
        self._tokens = 0.0
        self._n_replies = 0

    @property
    def gap(self) -> float:
        """Seconds kept between two requests."""
        return max(self._gap, self._refused_gap)

    async def turn(self) -> None:
        """Wait until the next request may be sent."""
        while (wait := self._next - time.monotonic()) > 0:
            # In steps: a reply that comes meanwhile may say that there is room again. A little more
            # than was asked for, not the same for everyone.
            await asyncio.sleep(min(wait * (1 + 0.1 * random.random()), 0.5))
        if self.gap:
            self._next = time.monotonic() + self.gap

    def hold(self, seconds: float) -> None:
        """Send nothing for so long."""
        self._next = max(self._next, time.monotonic() + seconds)

    def refused(self) -> None:
        """A request was turned away for coming too fast."""
        now = time.monotonic()
        # All that were in flight together are refused together: that is one refusal.
        if now - self._widened >= max(self._refused_gap, _ROUND):
            self._widened = now
            self._refused_gap = min(self._refused_gap * 2 + _FIRST_GAP, _WIDEST_GAP)

    def served(self, n_tokens: int) -> None:
        """A reply came; the tokens it took count towards a limit in tokens."""
        self._tokens += n_tokens
        self._n_replies += 1
        narrower = self._refused_gap * 0.9
        self._refused_gap = narrower if narrower > _FIRST_GAP / 2 else 0.0

    def heard(self, headers: Mapping[str, str]) -> None:
        """Take in the rate-limit headers of a response, refused or not."""
        if "x-ratelimit-remaining-requests" not in headers and (
            "x-ratelimit-remaining-tokens" not in headers
        ):
            return
        per_request = self._tokens / self._n_replies if self._n_replies else None
        gaps = [self._gap_for("requests", headers, 1.0)]
        if per_request:
            gaps.append(self._gap_for("tokens", headers, per_request))
        self._gap = max(gaps)

    def _gap_for(self, unit: str, headers: Mapping[str, str], each: float) -> float:
        remaining = read_number(headers.get(f"x-ratelimit-remaining-{unit}"))
        reset = read_duration(headers.get(f"x-ratelimit-reset-{unit}"))
        if remaining is None or reset is None:
            return 0.0
        n_left = remaining / each
        if n_left >= self._few:
            return 0.0
        reset = min(reset, _LONGEST)
        if n_left < 1:
            self.hold(reset)
        return reset / max(n_left, 1.0)


def read_number(text: str | None) -> float | None:
    """A finite number of 0 or more, else None."""
    try:
        value = float(text) if text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def read_duration(text: str | None) -> float | None:
    """Seconds of ``1.5``, ``20ms``, ``6m0s`` or ``1h2m``; None for anything else."""
    if (seconds := read_number(text)) is not None:
        return seconds
    match = _DURATION.fullmatch(text.strip()) if text else None
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds + milliseconds / 1000


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait: ``retry-after-ms``, or ``retry-after`` (number or date)."""
    if (milliseconds := read_number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    if (seconds := read_number(text)) is not None or not text:
        return seconds
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, at.timestamp() - time.time())
