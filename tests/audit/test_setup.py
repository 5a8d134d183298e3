"""What an audit understands of its configuration before anything is loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from isogloss.audit.run import AuditConfig
from isogloss.audit.setup import understand
from isogloss.endpoint.options import EndpointOptions
from isogloss.errors import ModelError

OWN = EndpointOptions(base_url="http://127.0.0.1:9/v1")
JUDGED = AuditConfig(target="lab:tiny", judges=("oracle", "llm:openai:mine"))


@pytest.mark.parametrize(
    "config", [replace(JUDGED, judge_endpoint=OWN), replace(JUDGED, endpoint=OWN)]
)
def test_a_judge_behind_a_server_of_ones_own_needs_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: AuditConfig
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    asked = understand(replace(config, out=tmp_path / "run"))
    assert asked.judges == ("oracle", "llm:openai:mine")
    assert len(asked.chosen) == len(asked.prompt_set.prompts)
    assert not (tmp_path / "run").exists()


def test_a_judge_that_needs_a_key_is_refused_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ModelError, match="OPENAI_API_KEY is not set"):
        understand(AuditConfig(target="lab:tiny", out=tmp_path, judges=("llm:openai:theirs",)))


def test_whoever_judges_already_is_not_looked_for(tmp_path: Path) -> None:
    config = AuditConfig(target="lab:tiny", out=tmp_path, judges=("guard:hf:gone/a/b",))
    assert understand(config, judges=[]).judges == ()
