"""The same study of several models: names, folders, and what a finished one was made from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isogloss.concepts.run import LAB, locate_model
from isogloss.lab.recipe import parse_spec
from isogloss.progress import Progress
from isogloss.seeds import content_hash
from isogloss.targets.checkpoint import locate_checkpoint, weights_fingerprint
from isogloss.targets.options import LocalOptions


def canonical_target(target: str) -> str:
    """The name a target is stored under.

    Example:
        >>> canonical_target("lab:tiny")
        'lab:tiny:english@chat#0'
    """
    return parse_spec(target).spec if target.startswith(LAB) else target.rstrip("/")


def study_folder(target: str) -> str:
    """What the folder of a target's study is called.

    Example:
        >>> study_folder("lab:tiny:english@chat#0")
        'lab-tiny-english-chat-0'
    """
    return re.sub(r"[^A-Za-z0-9.]+", "-", target).strip("-.")[-120:]


def study_fingerprint(
    target: str, settings: Mapping[str, Any], options: LocalOptions, progress: Progress
) -> str:
    """Changes with the settings, the weights and the content of the files that are named.

    A lab model that is not there is built.

    Args:
        target: whose weights.
        settings: of the study, by name; files and folders as paths.
        options: how the model is found.
        progress: told of the building.
    """
    _, source = locate_model(target, progress)
    files = [value for value in settings.values() if isinstance(value, Path)]
    inside = [sorted(f.rglob("*")) if f.is_dir() else [f] for f in files]
    content = [content_hash(f.read_bytes().hex()) for part in inside for f in part if f.is_file()]
    weights = weights_fingerprint(locate_checkpoint(source, options))
    return content_hash(repr(sorted(settings.items())), weights, *content)
