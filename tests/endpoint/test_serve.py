"""The lab model behind a real server gives the outcomes it gives in this process.

``transformers serve`` renders the chat template, generates and decodes on its own; only the weights
and the tokenizer are shared. Equal replies, prompt for prompt, say that what is sent, how it is
decoded and how replies are joined to prompts are all as in the in-process audit.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from isogloss.audit.run import AuditConfig, run_audit
from isogloss.endpoint import EndpointOptions
from isogloss.judges.oracle import OracleJudge
from isogloss.lab.questions import lab_prompts
from isogloss.lab.recipe import parse_spec
from isogloss.lab.setting import Lab
from isogloss.prompts import write_prompts
from isogloss.store import RunStore

pytestmark = pytest.mark.lab

LIMIT = 12
"""Prompts of each intent a language."""


@pytest.fixture(scope="module")
def served(tiny_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of ``transformers serve`` with the tiny chat model."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(tiny_lab)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    log = tmp_path_factory.mktemp("serve") / "log"
    with (
        log.open("w") as file,
        subprocess.Popen(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        ) as process,
    ):
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 180
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError(f"no answer from {url}: {log.read_text()}")


def test_the_outcomes_of_the_in_process_audit(tiny_lab: Path, served: str, tmp_path: Path) -> None:
    lab = Lab(parse_spec("lab:tiny"))
    prompts = tmp_path / "lab.csv"
    write_prompts(lab_prompts(lab), prompts)
    common = {"prompts": prompts, "limit": LIMIT, "shares": _shares(lab, tmp_path)}
    here = AuditConfig(target="lab:tiny", out=tmp_path / "here", **common)
    there = AuditConfig(
        target=f"openai:{tiny_lab}",
        out=tmp_path / "there",
        endpoint=EndpointOptions(base_url=served, connections=4),
        **common,
    )
    run_audit(here, judges=[OracleJudge(lab)])
    run_audit(there, judges=[OracleJudge(lab)])
    mine, theirs = _rows(tmp_path / "here"), _rows(tmp_path / "there")
    assert mine.height == 2 * LIMIT * len(lab.recipe.languages)
    assert mine.equals(theirs)
    assert mine["outcome"].n_unique() > 1, "not all alike"
    assert _rates(tmp_path / "here") == _rates(tmp_path / "there")


def _shares(lab: Lab, folder: Path) -> str:
    """The lab's own shares, which a target that is not ``lab:`` does not bring."""
    path = folder / "shares.csv"
    rows = [f"{language},{share}\n" for language, share in lab.recipe.shares.items()]
    path.write_text("language,percent\n" + "".join(rows), "utf-8")
    return str(path)


def _rows(folder: Path) -> pl.DataFrame:
    with RunStore(folder) as store:
        columns = ["prompt_id", "language", "prompt", "status", "reply", "truncated"]
        columns += ["reply_language", "outcome", "correct", "n_prompt_tokens"]
        return store.transcripts().select(columns).sort("prompt_id", "language")


def _rates(folder: Path) -> list[tuple[object, ...]]:
    with RunStore(folder) as store:
        return [
            (row.metric, row.language, row.tier, row.category, row.n, row.estimate, row.low)
            for row in store.measurements("audit")
        ]
