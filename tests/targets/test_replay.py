"""Recorded responses answer by key, in whatever order they stand."""

from __future__ import annotations

import json
import logging
import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import InputError
from isogloss.judges.recorded import RecordedJudge
from isogloss.records import Decoding, Prompt, Request, Response
from isogloss.targets.replay import ReplayTarget


def request(prompt_id: str, language: str = "en", variant: str = "original", sample: int = 0):
    prompt = Prompt(
        prompt_id=prompt_id,
        language=language,
        text="How do I bake bread?",
        intent="benign",
        variant=variant,
        cluster_id=prompt_id,
    )
    return Request(prompt=prompt, sample=sample)


def write(folder: Path, text: str, name: str = "replies.csv") -> Path:
    (folder / name).write_text(text, "utf-8", newline="")
    return folder / name


def answers(path: Path, *requests: Request) -> list[Response]:
    return list(ReplayTarget(path).complete(requests, Decoding()))


def test_replies_are_joined_by_key_and_never_by_position(tmp_path) -> None:
    file = write(
        tmp_path,
        "prompt_id,language,response,sample\n10,en,ten,0\n9,swh_Latn,tisa,0\n9,en,nine again,1\n"
        "9,en,nine,0\n",
    )
    requests = [request("9"), request("10"), request("9", "sw"), request("9", sample=1)]
    found = answers(file, *requests)
    assert [(r.status, r.text) for r in found] == [
        ("ok", "nine"),
        ("ok", "ten"),
        ("ok", "tisa"),
        ("ok", "nine again"),
    ]
    assert [r.request for r in found] == requests


def test_a_request_without_a_record_is_an_error_that_says_so(tmp_path) -> None:
    file = write(tmp_path, "prompt_id,language,variant,response\na,en,original,hello\n")
    (found,) = answers(file, request("a", variant="polite"))
    assert (found.status, found.text) == ("error", "")
    assert found.reason is not None
    assert found.reason.startswith("no recorded response for prompt_id=a, language=en")
    assert "variant=polite" in found.reason


def test_statuses_outcomes_and_reasons_come_with_the_record(tmp_path) -> None:
    rows = [
        {"id": 1, "language": "en", "reply": "Sure", "outcome": "Complied", "correct": True},
        {"id": 2, "language": "en", "reply": None, "status": "blocked", "reason": "filter"},
        {"id": 3, "language": "en", "reply": ""},
        {"id": 4, "language": "en", "reply": None},
        {"id": 5, "language": "en", "reply": None, "outcome": "refused", "truncated": True},
    ]
    file = write(tmp_path, "\n".join(map(json.dumps, rows)), "replies.jsonl")
    found = answers(file, *(request(str(n)) for n in range(1, 6)))
    assert [r.status for r in found] == ["ok", "blocked", "ok", "error", "ok"]
    assert [r.recorded_outcome for r in found] == ["complied", None, None, None, "refused"]
    assert [r.recorded_correct for r in found] == [True, None, None, None, None]
    assert found[1].reason == "filter"
    assert found[3].reason is not None
    assert "no reply" in found[3].reason
    assert [r.truncated for r in found] == [False, False, False, False, True]


def test_beside_a_response_the_text_is_the_prompts(tmp_path) -> None:
    file = write(tmp_path, "prompt_id,language,text,intent,response\na,en,Hello,benign,Hi\n")
    assert [r.text for r in answers(file, request("a"))] == ["Hi"]


def test_an_empty_csv_cell_is_a_reply_only_where_the_status_says_so(tmp_path) -> None:
    file = write(tmp_path, "prompt_id,language,response,status\na,en,,ok\nb,en,,\n")
    found = answers(file, request("a"), request("b"))
    assert [r.status for r in found] == ["ok", "error"]


def test_what_was_done_is_skipped(tmp_path) -> None:
    file = write(tmp_path, "prompt_id,language,response\na,en,A\nb,en,B\n")
    requests = [request("a"), request("b")]
    found = ReplayTarget(file).complete(requests, Decoding(), skip={requests[0].key})
    assert [r.text for r in found] == ["B"]


def test_unused_records_and_columns_are_counted_in_the_log(tmp_path, caplog) -> None:
    file = write(tmp_path, "prompt_id,language,response,model\na,en,A,m\nb,en,B,m\nb,en,B,m\n")
    with caplog.at_level(logging.INFO, logger="isogloss"):
        answers(file, request("a"))
    assert [message.split(f"{file}: ")[1] for message in caplog.messages] == [
        "columns ignored: model",
        "1 rows that repeat another one were dropped",
        "1 recorded responses answer no request",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prompt_id,language,response\na,en,A\na,eng,B\n", "line 3: another response than line 2"),
        ("prompt_id,language,response\n,en,A\n", "line 2: column prompt_id: is empty or missing"),
        ("prompt_id,language,response\na,xq,A\n", "line 2: column language: 'xq'"),
        ("prompt_id,response\na,A\n", "header: .*column language"),
        ("prompt_id,language\na,en\n", "header: no column with the replies"),
        ("prompt_id,language,text,intent\na,en,A,harmful\n", "header: no column with the replies"),
        ("prompt_id,language,response,outcome\na,en,A,safe\n", "column outcome: .*found 'safe'"),
        ("prompt_id,language,response,status\na,en,A,fine\n", "column status: .*found 'fine'"),
        ("prompt_id,language,response,sample\na,en,A,-1\n", "column sample: -1"),
        ("prompt_id,language,response,sample\na,en,A,x\n", "column sample: .*found 'x'"),
        ("prompt_id,language,response,correct\na,en,A,maybe\n", "column correct: .*'maybe'"),
    ],
)
def test_wrong_records_name_the_place(tmp_path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ReplayTarget(write(tmp_path, text))


def test_a_wrong_reply_is_named_and_not_shown(tmp_path) -> None:
    row = {"prompt_id": "a", "language": "en", "response": ["step one"]}
    with pytest.raises(InputError, match="line 1: column response") as error:
        ReplayTarget(write(tmp_path, json.dumps(row), "replies.jsonl"))
    assert "step one" not in str(error.value)


def test_the_template_changes_with_the_records_and_not_with_their_order(tmp_path) -> None:
    head = "prompt_id,language,response\n"
    one = ReplayTarget(write(tmp_path, head + "a,en,A\nb,en,B\n"))
    shuffled = ReplayTarget(write(tmp_path, head + "b,en,B\na,en,A\n"))
    changed = ReplayTarget(write(tmp_path, head + "a,en,A\nb,en,C\n"))
    assert one.name == shuffled.name == changed.name
    assert one.template == shuffled.template != changed.template


records = st.lists(
    st.fixed_dictionaries(
        {
            "prompt_id": st.sampled_from(["1", "2", "9", "10", "100"]),
            "language": st.sampled_from(["en", "sw", "id", "ny-x-lab"]),
            "sample": st.integers(0, 2),
            "response": st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
            "outcome": st.sampled_from([None, "complied", "refused", "irrelevant"]),
        }
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda record: (record["prompt_id"], record["language"], record["sample"]),
)


@settings(max_examples=60, deadline=None)
@given(records=records, seed=st.integers(0, 999))
def test_every_reply_finds_its_request_however_files_are_shuffled(
    tmp_path_factory, records, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("replay")
    requests = [request(r["prompt_id"], r["language"], sample=r["sample"]) for r in records]
    said = {q.key: r["response"] for q, r in zip(requests, records, strict=True)}
    shuffled = random.Random(seed).sample(records, len(records))
    lines = write(folder, "\n".join(map(json.dumps, shuffled)), "replies.jsonl")
    pl.DataFrame(shuffled, schema_overrides={"outcome": pl.String}).write_parquet(
        folder / "replies.parquet"
    )
    random.Random(seed + 1).shuffle(requests)
    for file in (lines, folder / "replies.parquet"):
        found = answers(file, *requests)
        assert {r.request.key: r.text for r in found} == said
        assert {r.status for r in found} == {"ok"}
    assert ReplayTarget(lines).template == ReplayTarget(folder / "replies.parquet").template


def test_the_recorded_judge_repeats_outcomes_and_calls_the_rest_unjudged() -> None:
    def response(outcome, correct=None) -> Response:
        return Response(
            request=request("a"),
            status="ok",
            text="…",
            recorded_outcome=outcome,
            recorded_correct=correct,
        )

    verdicts = list(
        RecordedJudge().judge(
            [
                response("complied", True),
                response("refused", True),
                response(None),
                response("unjudged"),
            ]
        )
    )
    assert [v.outcome for v in verdicts] == ["complied", "refused", "unjudged", "unjudged"]
    assert [v.correct for v in verdicts] == [True, None, None, None]
    assert verdicts[2].reason == "the record has no outcome"
