"""``openai:MODEL`` as a target: requests become conversations, replies become responses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from isogloss.endpoint import EndpointOptions
from isogloss.records import Decoding, Prompt, Request
from isogloss.targets.endpoint import EndpointTarget
from isogloss.targets.load import load_target
from openai_server import openai_server


def request(number: int, sample: int = 0) -> Request:
    prompt = Prompt(
        prompt_id=f"p{number}",
        language="sw",
        text=f"swali {number}",
        intent="benign",
        cluster_id=f"p{number}",
    )
    return Request(prompt=prompt, sample=sample)


def test_requests_are_answered_by_key_and_skipped_ones_are_not_asked() -> None:
    requests = [request(i) for i in range(6)]
    with openai_server() as server:
        target = load_target(
            "openai:test-model", endpoint=EndpointOptions(base_url=server.base_url)
        )
        skip = {requests[2].key, requests[3].key}
        found = {r.request.key: r for r in target.complete(requests, Decoding(), skip)}
        assert server.n_calls == 4
    assert target.name == "openai:test-model"
    assert found.keys() == {r.key for r in requests} - skip
    assert found[requests[5].key].text == "echo swali 5"
    assert found[requests[5].key].n_tokens == 3


def test_the_system_prompt_is_the_system_message() -> None:
    with openai_server() as server:
        target = EndpointTarget("test-model", EndpointOptions(base_url=server.base_url))
        list(target.complete([request(1)], Decoding(system_prompt="Be kind.")))
    assert server.calls[0].messages == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "swali 1"},
    ]


def test_samples_have_seeds_of_their_own_that_a_second_run_repeats() -> None:
    def seeds() -> dict[str, int]:
        with openai_server() as server:
            target = EndpointTarget("test-model", EndpointOptions(base_url=server.base_url))
            requests = [request(i, sample) for i in range(3) for sample in range(3)]
            list(target.complete(requests, Decoding(temperature=1.0, seed=7)))
            return {repr(c.messages): c.body["seed"] for c in server.calls} | {
                "all": len({c.body["seed"] for c in server.calls})
            }

    first = seeds()
    assert first["all"] == 9
    assert max(first.values()) < 2**31
    assert seeds().keys() == first.keys()


def test_another_base_url_is_another_target_for_what_is_stored() -> None:
    one, same, other = (
        EndpointTarget("m", EndpointOptions(base_url=url))
        for url in ("http://localhost:1/v1", "http://localhost:1/v1/", "http://localhost:2/v1")
    )
    assert one.name == other.name == "openai:m"
    assert one.template == same.template
    assert one.template != other.template
    assert one.model_card() == {"model": "m", "base_url": "http://localhost:1/v1"}


@pytest.mark.parametrize("module", ["targets.endpoint", "audit.budget", "endpoint"])
def test_asking_an_endpoint_never_loads_torch(module: str) -> None:
    code = f"import sys, isogloss.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
