"""What a run folder was begun with: replies of other models or to other prompts never mix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isogloss.align.config import AlignConfig
from isogloss.align.material import Material
from isogloss.align.stages import Stage
from isogloss.errors import StoreError
from isogloss.seeds import content_hash
from isogloss.store import RunStore

META = "align begun"
_OTHER = "choose another --out folder"


def check_earlier(
    folder: Path, config: AlignConfig, materials: Sequence[Material], stages: Sequence[Stage]
) -> None:
    """That an earlier alignment in the folder, if there is one, asked the same of the same models.

    Raises:
        StoreError: its audits were others, or an arm of the same name was trained otherwise.
    """
    if not (folder / "run.db").is_file():
        return
    with RunStore(folder) as store:
        begun: dict[str, Any] = store.meta(META, {})
    if not begun:
        return
    if begun["asked"] != _asked(config, materials[0]):
        raise StoreError(
            f"{folder} was begun with another --prompts, --languages, --judge, --shares or "
            f"--max-new-tokens; {_OTHER}"
        )
    changed = [
        stage.arm.name
        for stage in stages
        if begun["stages"].get(_name(stage), stage.key) != stage.key
    ]
    if changed:
        raise StoreError(
            f"{folder} holds replies of {', '.join(dict.fromkeys(changed))} trained with other "
            f"settings, data or seeds; {_OTHER}"
        )


def mark_begun(
    folder: Path, config: AlignConfig, materials: Sequence[Material], stages: Sequence[Stage]
) -> None:
    """Store what `check_earlier` reads, before the first audit."""
    with RunStore(folder, create=True) as store:
        before: dict[str, Any] = store.meta(META, {})
        known: dict[str, str] = before.get("stages", {})
        store.set_meta(
            META,
            {
                "asked": _asked(config, materials[0]),
                "stages": known | {_name(stage): stage.key for stage in stages},
            },
        )


def _name(stage: Stage) -> str:
    return f"{stage.target} {stage.arm.name}"


def _asked(config: AlignConfig, material: Material) -> str:
    return content_hash(
        material.prompts.fingerprint,
        ",".join(sorted(material.languages)),
        repr(config.judge),
        repr(config.shares),
        repr(config.decoding),
    )
