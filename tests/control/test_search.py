"""The search: kept line by line, apart from the test prompts, many settings a batch."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from control.planted import EN, FR, PLAIN, trial
from isogloss.control.prompts import load_control_prompts
from isogloss.control.search import check_apart, pooled
from isogloss.control.search_table import SearchTable, TrialKey
from isogloss.control.settings import Setting
from isogloss.errors import InputError
from isogloss.records import Prompt

ONE = Setting(layers=(1, 2), strength=0.35, operator="piecewise")


def key(strength: float | None = 0.35, language: str = EN) -> TrialKey:
    setting = None if strength is None else replace(ONE, strength=strength)
    return TrialKey(direction="en", language=language, setting=setting, made_from="abc")


def test_a_table_comes_back_and_a_cut_line_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "control" / "search.jsonl"
    table = SearchTable(path)
    table.add(key(), PLAIN)
    table.add(key(None), trial(nats_per_token=math.inf, correct=None))
    table.add(key(0.5), trial(complied=1))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    back = SearchTable(path)
    assert back.find(key()) == PLAIN
    broken = back.find(key(None))
    assert broken is not None
    assert broken.nats_per_token == math.inf
    assert back.find(key(0.5)) is None
    back.add(key(0.5), trial(complied=1))
    assert path.read_bytes() == whole
    assert len(list(SearchTable(path))) == 3


def test_trials_of_other_circumstances_are_not_used(tmp_path: Path) -> None:
    table = SearchTable(tmp_path / "search.jsonl")
    table.add(key(), PLAIN)
    assert table.find(replace(key(), made_from="other weights")) is None
    assert table.find(replace(key(), direction="en gated")) is None
    assert table.find(key(0.36)) is None


def test_a_foreign_line_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "search.jsonl"
    path.write_text('{"a": 1}\n')
    with pytest.raises(InputError, match="line 1 was not written by isogloss control"):
        SearchTable(path)
    assert path.read_text() == '{"a": 1}\n'


def prompt(name: str, language: str = EN, intent: str = "harmful", text: str = "") -> Prompt:
    return Prompt(
        prompt_id=name, language=language, text=text or f"do {name}", cluster_id=f"c-{name}",
        intent=intent,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        (prompt("t1"), "prompt id"),
        (replace(prompt("v9"), cluster_id="c-t1"), "cluster"),
        (prompt("v9", text="Do  T1"), "text"),
    ],
)
def test_a_leak_of_test_prompts_into_the_search_is_refused(planted: Prompt, told: str) -> None:
    test = [prompt("t1"), prompt("t2")]
    check_apart([prompt("v1"), prompt("v2")], test)
    with pytest.raises(InputError, match=f"1 {told}.s. are in the validation and in the test"):
        check_apart([prompt("v1"), planted], test)


def write_prompts(path: Path, n: int = 40, offset: int = 0) -> Path:
    lines = [
        json.dumps(
            {
                "prompt_id": f"{intent}{i}", "language": tag, "intent": intent,
                "text": f"{tag} {intent} request number {i}", "cluster_id": f"{intent}{i}",
            }
        )
        for i in range(offset, offset + n)
        for intent in ("harmful", "benign")
        for tag in ("en", "sw")
    ]  # fmt: skip
    path.write_text("\n".join(lines))
    return path


def test_one_file_is_parted_by_cluster_alike_in_every_language(tmp_path: Path) -> None:
    whole = write_prompts(tmp_path / "prompts.jsonl")
    found = load_control_prompts(whole, None, languages=None, seed=0)
    ids = {tag: {p.prompt_id for p in prompts} for tag, prompts in found.validation.items()}
    assert ids["en"] == ids["sw"]
    asked = {p.prompt_id for p in found.test.prompts}
    assert not asked & ids["en"]
    assert len(asked | ids["en"]) == 80
    assert 16 <= len(ids["en"]) <= 48, "about 40 %"
    assert load_control_prompts(whole, None, languages=None, seed=1).validation != found.validation
    only = load_control_prompts(whole, None, languages=("sw",), seed=0)
    assert only.languages == ["sw"]


def test_a_test_prompt_planted_in_the_validation_file_is_refused(tmp_path: Path) -> None:
    test = write_prompts(tmp_path / "test.jsonl", 10)
    validation = write_prompts(tmp_path / "validation.jsonl", 10, offset=20)
    found = load_control_prompts(test, validation, languages=None, seed=0)
    assert len(found.validation["sw"]) == 20
    leaked = test.read_text().splitlines()[4]
    validation.write_text(validation.read_text() + "\n" + leaked)
    with pytest.raises(InputError, match="in the validation and in the test prompts"):
        load_control_prompts(test, validation, languages=None, seed=0)


def test_a_language_without_benign_validation_prompts_is_refused(tmp_path: Path) -> None:
    test = write_prompts(tmp_path / "test.jsonl", 10)
    validation = write_prompts(tmp_path / "validation.jsonl", 10, offset=20)
    lines = [x for x in validation.read_text().splitlines() if '"benign"' not in x or '"en"' in x]
    validation.write_text("\n".join(lines))
    with pytest.raises(InputError, match="no benign validation prompts in sw"):
        load_control_prompts(test, validation, languages=None, seed=0)
    with pytest.raises(InputError, match="no prompts in fi; there are en, sw"):
        load_control_prompts(test, None, languages=("fi",), seed=0)


def test_a_pool_is_even_over_languages_and_intents_and_of_many_clusters() -> None:
    prompts = {
        tag: [prompt(f"{i}{tag}{k}", tag, k) for i in range(12) for k in ("harmful", "benign")]
        for tag in (EN, FR)
    }
    found = pooled(prompts, [EN, FR], n=12)
    counts = {(tag, k): 0 for tag in (EN, FR) for k in ("harmful", "benign")}
    for one in found:
        counts[one.language, one.intent] += 1
    assert set(counts.values()) == {3}
    assert len({one.key for one in found}) == 12
    numbers = [
        {one.prompt_id.split("-")[0][:2] for one in found if one.language == t} for t in (EN, FR)
    ]
    assert numbers[0] != numbers[1], "other clusters in the other language"
