"""Why an endpoint as a whole cannot be used, in one sentence with the next step."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.endpoint._failures import Failure
from isogloss.errors import ModelError

_KEPT = ". What is stored is kept; run the same command again to go on"


def no_answer(base_url: str, reason: str) -> ModelError:
    """Nothing came back, and nothing had before."""
    return ModelError(
        f"{base_url} does not answer: {reason}. Check --base-url, and that the server runs{_KEPT}"
    )


def no_chat(base_url: str, failure: Failure) -> ModelError:
    """Something else than a chat API is there."""
    hint = "" if base_url.endswith("/v1") else "; most end in /v1"
    return ModelError(
        f"{base_url} is no OpenAI-compatible endpoint: POST {base_url}/chat/completions gave "
        f"{failure.reason}. Check --base-url{hint}"
    )


def no_model(base_url: str, model: str, known: Sequence[str], failure: Failure) -> ModelError:
    """The endpoint is right and the model is not."""
    shown = ", ".join(name[:80] for name in known[:8]) + (", …" if len(known) > 8 else "")
    return ModelError(
        f"{base_url} does not give model {model!r} ({failure.reason}); it has: {shown}. "
        "Write openai:MODEL with one of these"
    )


def not_allowed(base_url: str, api_key_env: str, *, has_key: bool, failure: Failure) -> ModelError:
    """The key, the account, or what the key may do."""
    if failure.status == 401:
        step = f"check the key in {api_key_env}" if has_key else f"set its key in {api_key_env}"
    else:
        step = f"check what the account of the key in {api_key_env} may do, and its credit"
    return ModelError(f"{base_url} refuses to answer ({failure.reason}); {step}{_KEPT}")


def no_field(base_url: str, model: str, name: str, value: object) -> ModelError:
    """A setting that shapes replies is never dropped in silence."""
    option = "--temperature" if name == "temperature" else "--max-new-tokens"
    return ModelError(
        f"{model} at {base_url} does not take {name} {value}; choose another {option} "
        "(reasoning models often take --temperature 1 only)"
    )
