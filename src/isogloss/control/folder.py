"""Which experiment a run folder holds: one, or a comparison of several, and no other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isogloss.errors import StoreError
from isogloss.store import RunStore

ASKED = "control asked"
"""Meta of a run: what its experiment is about."""


def claim_folder(folder: Path, asked: Mapping[str, Any]) -> None:
    """Say what the folder's experiment is about; it is made if need be.

    Arms of two experiments would bear the same names.

    Raises:
        StoreError: the folder holds another one.
    """
    with RunStore(folder, create=True) as store:
        known = store.meta(ASKED)
        if known is not None and known != dict(asked):
            differing = ", ".join(
                f"{name} {known.get(name)} (now {asked[name]})"
                for name in asked
                if known.get(name) != asked[name]
            )
            raise StoreError(
                f"{folder} holds another experiment in control: {differing}; choose another --out "
                "folder"
            )
        store.set_meta(ASKED, dict(asked))


def default_folder(*parts: str) -> Path:
    """A folder under ``runs`` named for the parts."""
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", " ".join(parts)).strip("-.")
    return Path("runs") / slug[-120:]
