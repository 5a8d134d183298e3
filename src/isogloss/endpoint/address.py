"""The base URL of an endpoint: read with care, and told near from far."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

from isogloss.errors import ModelError

OPENAI_URL = "https://api.openai.com/v1"


def read_base_url(given: str | None) -> str:
    """The base URL in use, without a slash at its end.

    Args:
        given: by the user; None is ``OPENAI_BASE_URL``, else OpenAI's own.

    Raises:
        ModelError: not an HTTP address, or one with a key or a name in it.
    """
    url = (given or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL).strip().rstrip("/")
    problem = _problem(url)
    if problem:
        raise ModelError(
            f"--base-url {problem}; write http(s)://HOST:PORT/v1, as the server's documentation "
            "gives it for OpenAI clients"
        )
    return url.removesuffix("/chat/completions")


def _problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return f"{url[:100]!r} is no address ({error})"
    del port
    if "@" in parts.netloc or parts.query or parts.fragment:
        # Not shown: it may hold a secret.
        return "must hold no user, password, query or key: those come from the environment"
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in url):
        return f"{url[:100]!r} is no address"
    return None


def is_near(url: str) -> bool:
    """Whether the server is on this machine or in a private network, where no key is usual."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".localhost", ".internal", ".lan"))
    return address.is_private or address.is_loopback or address.is_link_local
