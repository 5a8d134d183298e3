"""Every fault, on 10 % of calls and alone, through a whole audit: right status, no row lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.planted import make_prompts, prompt_set
from isogloss.audit.run import AuditConfig, run_audit
from isogloss.endpoint import EndpointOptions
from isogloss.store import RunStore
from openai_server import FAULTS, OpenAIServer, after, echo, one_in, openai_server

PROMPTS = prompt_set(make_prompts(["en", "sw", "th"], 20))
N = len(PROMPTS.prompts)
PASSING = [fault for fault in FAULTS if not fault.startswith(("filter", "dies"))]


def audit(folder: Path, server: OpenAIServer) -> int:
    endpoint = EndpointOptions(
        base_url=server.base_url, connections=8, timeout=0.4, backoff=0.005, patience=0.2
    )
    config = AuditConfig(target="openai:test-model", out=folder, endpoint=endpoint)
    return run_audit(config, prompts=PROMPTS, judges=[]).n_asked


def rows(folder: Path) -> list[dict[str, object]]:
    with RunStore(folder) as store:
        return store.transcripts().to_dicts()


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_asked_again_until_there_is_a_reply(fault: str, tmp_path: Path) -> None:
    with openai_server(faults=one_in(10, fault)) as server:
        assert audit(tmp_path / "run", server) == N
        n_faults = sum(call.fault == fault for call in server.calls)
        assert n_faults >= N // 10
        assert server.n_calls == N + n_faults, "asked again once for every fault, and no more"
    found = rows(tmp_path / "run")
    assert len(found) == N
    for row in found:
        expected = echo([{"role": "user", "content": row["prompt"]}])
        assert (row["status"], row["reply"], row["truncated"]) == ("ok", expected, 0)


@pytest.mark.parametrize("fault", ["filter-error", "filter-finish"])
def test_a_filter_blocks_and_is_neither_a_refusal_nor_an_error(fault: str, tmp_path: Path) -> None:
    with openai_server(faults=one_in(10, fault)) as server:
        audit(tmp_path / "run", server)
        filtered = {call.messages[0]["content"] for call in server.calls if call.fault == fault}
        assert server.n_calls == N, "a filter's word is final"
        assert audit(tmp_path / "run", server) == 0
    found = rows(tmp_path / "run")
    assert len(found) == N
    assert {row["prompt"] for row in found if row["status"] == "blocked"} == filtered
    assert all(
        "content_filter" in str(row["response_reason"])
        for row in found
        if row["status"] == "blocked"
    )
    assert sum(row["status"] == "ok" for row in found) == N - len(filtered)


def test_a_server_that_dies_leaves_errors_and_a_resumed_run_asks_only_these(tmp_path: Path) -> None:
    with openai_server(faults=after(50, "dies")) as server:
        assert audit(tmp_path / "run", server) == N, "the run comes to its end"
        port = server.port
    found = rows(tmp_path / "run")
    assert len(found) == N
    assert sum(row["status"] == "ok" for row in found) == 50
    lost = {row["prompt"] for row in found if row["status"] == "error"}
    assert len(lost) == N - 50
    assert all(row["response_reason"] for row in found if row["status"] == "error")
    with openai_server(port=port) as server:
        assert audit(tmp_path / "run", server) == len(lost)
        assert {call.messages[0]["content"] for call in server.calls} == lost
        assert server.n_calls == len(lost), "nothing is paid for twice"
    assert [row["status"] for row in rows(tmp_path / "run")] == ["ok"] * N


def test_a_fault_that_does_not_pass_is_an_error_with_its_reason(tmp_path: Path) -> None:
    def reply(messages: list[dict[str, str]]) -> str | dict[str, object]:
        if " 3 0 " in messages[-1]["content"]:
            return {"status": 400, "error": {"message": "too long", "code": "context_length"}}
        return "yes"

    with openai_server(reply) as server:
        audit(tmp_path / "run", server)
        assert server.n_calls == N, "asking again would not help"
    errors = [row for row in rows(tmp_path / "run") if row["status"] == "error"]
    assert len(errors) == 6
    assert {row["response_reason"] for row in errors} == {"HTTP 400 context_length: too long"}
