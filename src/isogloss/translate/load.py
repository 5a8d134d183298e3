"""From an engine string to a translator: the one place that knows the schemes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from isogloss.endpoint import EndpointOptions
from isogloss.errors import InputError, ModelError
from isogloss.targets.options import LocalOptions
from isogloss.translate.base import Translator


def load_translator(
    spec: str, *, endpoint: EndpointOptions | None = None, local: LocalOptions | None = None
) -> Translator:
    """Load what ``spec`` names.

    Args:
        spec: one of `SCHEMES`; ``lab:PRESET~noise=RATE`` plants errors.
        endpoint: for ``openai:``; the defaults unless given.
        local: for ``hf:``; the defaults unless given.

    Raises:
        ModelError: an unknown scheme, or an engine that cannot be loaded.
        InputError: a file that cannot be used.

    Example:
        >>> load_translator("lab:tiny").name
        'lab:tiny'
    """
    scheme, colon, rest = spec.partition(":")
    if not colon or scheme not in SCHEMES or not rest:
        forms = ", ".join(SCHEMES.values())
        raise ModelError(f"{spec!r} is not a translation engine; engines are {forms}.")
    return _LOADERS[scheme](rest, endpoint or EndpointOptions(), local or LocalOptions())


# Each imports only what it needs: a file of translations must not wait for torch.


def _load_chat(model: str, endpoint: EndpointOptions, local: LocalOptions) -> Translator:
    from isogloss.translate.chat import ChatTranslator

    return ChatTranslator(model, endpoint)


def _load_local(source: str, endpoint: EndpointOptions, local: LocalOptions) -> Translator:
    from isogloss.translate.seq2seq import LocalTranslator

    folder, at, revision = source.rpartition("@")
    if at and not Path(source).expanduser().is_dir():
        source, local = folder, replace(local, revision=revision)
    return LocalTranslator(source.rstrip("/"), local)


def _load_file(path: str, endpoint: EndpointOptions, local: LocalOptions) -> Translator:
    from isogloss.translate.recorded import RecordedTranslator

    return RecordedTranslator(path)


def _load_lab(rest: str, endpoint: EndpointOptions, local: LocalOptions) -> Translator:
    from isogloss.lab.recipe import parse_spec
    from isogloss.lab.setting import Lab
    from isogloss.translate.lab import LabTranslator
    from isogloss.translate.noise import NoisyTranslator, uniform_noise

    preset, tilde, noise = rest.partition("~noise=")
    exact = LabTranslator(Lab(parse_spec(f"lab:{preset}")), name=f"lab:{preset}")
    if not tilde:
        return exact
    try:
        rate = float(noise)
    except ValueError:
        raise InputError(
            f"lab:{rest}: {noise!r} is not a rate; write lab:{preset}~noise=0.2"
        ) from None
    return NoisyTranslator(exact, uniform_noise(rate))


SCHEMES = {
    "openai": "openai:MODEL",
    "hf": "hf:PATH_OR_ID[@REVISION] (NLLB, M2M-100, MADLAD, OPUS)",
    "file": "file:FILE",
    "lab": "lab:PRESET",
}
_LOADERS: dict[str, Callable[[str, EndpointOptions, LocalOptions], Translator]] = {
    "openai": _load_chat,
    "hf": _load_local,
    "file": _load_file,
    "lab": _load_lab,
}
