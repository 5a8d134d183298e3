"""From strings to judges."""

from __future__ import annotations

import pytest

from isogloss.endpoint import EndpointOptions
from isogloss.errors import ModelError
from isogloss.judges.load import SCHEMES, load_judge

HERE = EndpointOptions(base_url="http://127.0.0.1:9/v1")


def test_judges_by_their_strings() -> None:
    assert load_judge("rules").name == "rules"
    assert load_judge("recorded").name == "recorded"
    assert load_judge("llm:openai:org/model:7b", endpoint=HERE).name == "llm:openai:org/model:7b"
    assert load_judge("llm:openai:m", endpoint=HERE).settings
    assert load_judge("rules").settings != load_judge("llm:openai:m", endpoint=HERE).settings


def test_the_oracle_takes_its_lab_from_the_target_or_is_told() -> None:
    assert load_judge("oracle", target="lab:tiny").name == "oracle"
    assert load_judge("oracle:lab:tiny", target="openai:served").name == "oracle"
    for spec, target in (("oracle", "hf:models/mine"), ("oracle", None), ("oracle:tiny", None)):
        with pytest.raises(ModelError, match="oracle:lab:PRESET"):
            load_judge(spec, target=target)


@pytest.mark.parametrize(
    "spec", ["", "vibes", "rules:de", "recorded:x", "llm:", "llm:openai:", "llm:gpt", "guard:hf:",
             "guard:models/x", "oracle:"],
)  # fmt: skip
def test_what_is_no_judge_is_said_with_what_is(spec: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_judge(spec, endpoint=HERE)
    assert any(form.split(" ")[0] in str(caught.value) for form in SCHEMES.values())
