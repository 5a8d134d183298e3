"""From a target string to a target: the one place that knows the schemes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from isogloss.endpoint.options import EndpointOptions
from isogloss.errors import ModelError
from isogloss.targets.base import Target
from isogloss.targets.options import LocalOptions


def load_target(
    spec: str, *, options: LocalOptions | None = None, endpoint: EndpointOptions | None = None
) -> Target:
    """Load what ``spec`` names.

    Args:
        spec: ``hf:PATH_OR_ID`` (a model folder or an id of the hub), ``lab:PRESET[:MIX][@STAGE]
            [#SEED]``, ``openai:MODEL`` (behind an endpoint) or ``replay:FILE`` (recorded
            responses).
        options: for targets that run a model in this process; the defaults unless given.
        endpoint: for targets behind an endpoint; the defaults unless given.

    Raises:
        ModelError: an unknown scheme, or a target that cannot be loaded.

    Example:
        >>> target = load_target("hf:models/mine")  # doctest: +SKIP
    """
    scheme = check_spec(spec)
    if options is not None and options.guard is not None and scheme not in ("hf", "lab"):
        raise ModelError(
            f"a guard changes hidden states, and those of {spec} are out of reach; it takes hf: or "
            "lab: (docs/control.md has the lines for a server)."
        )
    if scheme == "openai":
        return _load_endpoint(spec, endpoint or EndpointOptions())
    return _LOADERS[scheme](spec, options or LocalOptions())


def check_spec(spec: str) -> str:
    """The scheme of a target string, one of `SCHEMES`.

    Raises:
        ModelError: an unknown scheme, or nothing after it.

    Example:
        >>> check_spec("openai:llama")
        'openai'
    """
    scheme, colon, rest = spec.partition(":")
    if not colon or scheme not in SCHEMES:
        hint = _hint(spec)
        forms = ", ".join(SCHEMES.values())
        raise ModelError(f"{spec!r} is not a target; targets are {forms}.{hint}")
    if not rest.strip():
        raise ModelError(f"{spec!r} names nothing; write {SCHEMES[scheme]}.")
    return scheme


def _hint(spec: str) -> str:
    from isogloss.lab.recipe import PRESETS

    if spec in PRESETS:
        return f" Did you mean lab:{spec}?"
    return f" Did you mean hf:{spec}?" if spec and Path(spec).expanduser().is_dir() else ""


# Each imports only what it needs: a recorded run must not wait for torch.


def _load_local(spec: str, options: LocalOptions) -> Target:
    from isogloss.targets.local import LocalTarget

    return LocalTarget(spec.removeprefix("hf:").rstrip("/"), options=options)


def _load_lab(spec: str, options: LocalOptions) -> Target:
    from isogloss.targets.lab import load_lab_target

    return load_lab_target(spec, options)


def _load_replay(spec: str, options: LocalOptions) -> Target:
    from isogloss.targets.replay import ReplayTarget

    return ReplayTarget(spec.removeprefix("replay:"))


def _load_endpoint(spec: str, options: EndpointOptions) -> Target:
    from isogloss.targets.endpoint import EndpointTarget

    return EndpointTarget(spec.removeprefix("openai:"), options)


SCHEMES = {
    "lab": "lab:PRESET[:MIX][@STAGE][#SEED]",
    "hf": "hf:PATH_OR_ID",
    "openai": "openai:MODEL",
    "replay": "replay:FILE",
}
_LOADERS: dict[str, Callable[[str, LocalOptions], Target]] = {
    "lab": _load_lab,
    "hf": _load_local,
    "replay": _load_replay,
}
