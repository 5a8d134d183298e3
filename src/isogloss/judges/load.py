"""From a judge string to a judge: the one place that knows the schemes."""

from __future__ import annotations

from collections.abc import Callable

from isogloss.endpoint import EndpointOptions
from isogloss.errors import ModelError
from isogloss.judges.base import Judge
from isogloss.targets.options import LocalOptions

_LAB = "lab:"


def load_judge(
    spec: str,
    *,
    target: str | None = None,
    endpoint: EndpointOptions | None = None,
    local: LocalOptions | None = None,
) -> Judge:
    """Load what ``spec`` names.

    Args:
        spec: one of `SCHEMES`.
        target: whose replies are judged; ``oracle`` alone takes its lab from it.
        endpoint: for ``llm:``; the defaults unless given.
        local: for ``guard:``; the defaults unless given.

    Raises:
        ModelError: an unknown judge, or one that cannot be loaded.

    Example:
        >>> load_judge("rules").name
        'rules'
    """
    scheme, colon, rest = spec.partition(":")
    if scheme not in _LOADERS or (colon and not rest):
        forms = ", ".join(SCHEMES.values())
        raise ModelError(f"{spec!r} is not a judge; judges are {forms}.")
    return _LOADERS[scheme](rest, target, endpoint or EndpointOptions(), local or LocalOptions())


def check_judge(
    spec: str,
    *,
    target: str | None = None,
    endpoint: EndpointOptions | None = None,
    local: LocalOptions | None = None,
) -> None:
    """Refuse what `load_judge` would refuse, of a guard all that is known without its weights.

    Args:
        spec, target, endpoint, local: as there.

    Raises:
        ModelError: as there.
    """
    scheme, _, rest = spec.partition(":")
    if scheme == "guard" and rest:
        from isogloss.judges.guard import locate_guard

        locate_guard(_path_of_guard(rest), local or LocalOptions())
    else:
        load_judge(spec, target=target, endpoint=endpoint, local=local)


# Each imports only what it needs: patterns must not wait for torch.


def _load_oracle(
    rest: str, target: str | None, endpoint: EndpointOptions, local: LocalOptions
) -> Judge:
    lab = rest or target or ""
    if not lab.startswith(_LAB):
        who = repr(rest) if rest else f"the target {target}"
        raise ModelError(
            f"the oracle only judges answers to a lab's questions, and {who} is no lab; write "
            f"{SCHEMES['oracle']}"
        )
    from isogloss.judges.oracle import OracleJudge
    from isogloss.lab.recipe import parse_spec
    from isogloss.lab.setting import Lab

    return OracleJudge(Lab(parse_spec(lab)))


def _load_recorded(
    rest: str, target: str | None, endpoint: EndpointOptions, local: LocalOptions
) -> Judge:
    from isogloss.judges.recorded import RecordedJudge

    _nothing_after("recorded", rest)
    return RecordedJudge()


def _load_rules(
    rest: str, target: str | None, endpoint: EndpointOptions, local: LocalOptions
) -> Judge:
    from isogloss.judges.rules import RulesJudge

    _nothing_after("rules", rest)
    return RulesJudge()


def _load_llm(
    rest: str, target: str | None, endpoint: EndpointOptions, local: LocalOptions
) -> Judge:
    from isogloss.judges.llm import LlmJudge

    provider, _, model = rest.partition(":")
    if provider != "openai" or not model:
        raise ModelError(f"'llm:{rest}' names no model; write {SCHEMES['llm']}.")
    return LlmJudge(model, endpoint)


def _load_guard(
    rest: str, target: str | None, endpoint: EndpointOptions, local: LocalOptions
) -> Judge:
    from isogloss.judges.guard import load_guard

    return load_guard(_path_of_guard(rest), local)


def _path_of_guard(rest: str) -> str:
    provider, _, path = rest.partition(":")
    if provider != "hf" or not path:
        raise ModelError(f"'guard:{rest}' names no model; write {SCHEMES['guard']}.")
    return path


def _nothing_after(name: str, rest: str) -> None:
    if rest:
        raise ModelError(f"'{name}:{rest}' is not a judge; write {name} alone.")


SCHEMES = {
    "oracle": "oracle (for lab: targets) or oracle:lab:PRESET",
    "recorded": "recorded",
    "rules": "rules",
    "llm": "llm:openai:MODEL",
    "guard": "guard:hf:PATH_OR_ID (with ?LABEL=safe&LABEL=unsafe where its labels say nothing)",
}
_LOADERS: dict[str, Callable[[str, str | None, EndpointOptions, LocalOptions], Judge]] = {
    "oracle": _load_oracle,
    "recorded": _load_recorded,
    "rules": _load_rules,
    "llm": _load_llm,
    "guard": _load_guard,
}
