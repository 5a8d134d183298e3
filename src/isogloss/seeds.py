"""Child seeds from names, so that adding one random step never shifts another."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed for one named random step.

    Args:
        seed: the user's seed.
        names: what the step is, for example ``("corpus", "fi-x-lab", 3)``.

    Returns:
        An integer in [0, 2**63); equal arguments give equal seeds on every machine.

    Example:
        >>> derive_seed(0, "corpus", 1) == derive_seed(0, "corpus", 1)
        True
    """
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def content_hash(*parts: str) -> str:
    """Sixteen hexadecimal digits naming the content of ``parts`` (order matters)."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).hexdigest()
