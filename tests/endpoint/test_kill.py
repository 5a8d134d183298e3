"""SIGKILL in the middle of an audit behind an endpoint: nothing lost, nothing paid twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import openai_server
from isogloss.prompts import write_prompts
from isogloss.records import Prompt
from isogloss.store import RunStore

N, CONNECTIONS = 160, 4
UNDER_WAY = 3 * CONNECTIONS
"""Asked and not stored yet: in flight, or come and waiting to be stored."""


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server in a process of its own that writes down every call."""
    count = tmp_path / "calls.jsonl"
    command = [sys.executable, openai_server.__file__, "--latency", "0.05", "--count", str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), count
        process.terminate()


def test_killed_twice_and_resumed(tmp_path: Path, counting: tuple[str, Path]) -> None:
    base_url, count = counting
    prompts = [
        Prompt(
            prompt_id=f"p{i}",
            language="en",
            text=f"question {i}",
            intent="harmful",
            cluster_id=f"p{i}",
        )
        for i in range(N)
    ]
    write_prompts(prompts, tmp_path / "prompts.csv")
    command = [sys.executable, "-m", "isogloss", "audit", "openai:test-model", "--no-report"]
    command += ["--base-url", base_url, "--connections", str(CONNECTIONS)]
    command += ["--prompts", str(tmp_path / "prompts.csv"), "--out", str(tmp_path / "run")]
    for stop_after in (N // 4, N // 2):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(_calls(count)) < stop_after:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "killed at work"
        with RunStore(tmp_path / "run") as store:
            assert store.transcripts().height >= stop_after - 2 * UNDER_WAY
    subprocess.run(command, check=True, capture_output=True)
    with RunStore(tmp_path / "run") as store:
        rows = store.transcripts()
    assert dict(rows.select("prompt", "reply").iter_rows()) == {
        f"question {i}": f"echo question {i}" for i in range(N)
    }
    asked = Counter(_calls(count))
    assert set(asked) == {prompt.text for prompt in prompts}
    assert sum(asked.values()) - N <= 2 * UNDER_WAY


def _calls(path: Path) -> list[str]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]
