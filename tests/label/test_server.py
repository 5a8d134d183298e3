"""The page's server from outside: who may ask, what it takes, and what it never does."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from isogloss.errors import InputError
from isogloss.label import SheetRequest, draw_sheet
from isogloss.label.desk import Desk
from isogloss.label.page import labelling_page
from isogloss.label.server import MAX_BODY, TOKEN_HEADER, LabelServer
from isogloss.records import Label
from isogloss.store import RunStore
from label.planted import make_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run", n=12)


@pytest.fixture
def server(run: Path) -> Iterator[LabelServer]:
    with serve(run) as opened:
        opened.start()
        yield opened
        opened.shutdown()


def serve(run: Path, labeller: str = "ann", per_language: int = 10) -> LabelServer:
    with RunStore(run) as store:
        sheet = draw_sheet(store, SheetRequest(per_language=per_language))
    return LabelServer(Desk(run, sheet, labeller))


def ask(
    server: LabelServer,
    path: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    **changed: str | None,
) -> tuple[int, Any, http.client.HTTPMessage]:
    """One request with all it needs, but for headers that are changed (None: left out)."""
    headers = {
        "Host": f"127.0.0.1:{server.port}",
        TOKEN_HEADER: server.token,
        "Content-Type": "application/json" if body is not None else None,
        "Content-Length": str(len(body)) if body is not None else None,
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    is_json = answer.headers["Content-Type"] == "application/json"
    return answer.status, json.loads(data) if is_json else data, answer.headers


def say(server: LabelServer, response: int, outcome: str | None, **more: Any) -> int:
    word = {"response": response, "outcome": outcome} | more
    return ask(server, "/api/label", method="POST", body=json.dumps(word).encode())[0]


def labels(run: Path) -> dict[tuple[str, int], str]:
    with RunStore(run) as store:
        rows = store.labels.frame().iter_rows(named=True)
        return {(row["labeller"], row["response"]): row["outcome"] for row in rows}


def test_it_listens_on_this_machine_only_with_a_secret_of_its_own(server: LabelServer) -> None:
    assert server.socket.getsockname() == ("127.0.0.1", server.port)
    assert server.port > 0
    assert len(server.token) >= 43, "256 random bits"
    assert server.url == f"http://127.0.0.1:{server.port}/?token={server.token}"
    with serve(server.desk.folder) as other:
        assert other.token != server.token
        assert other.port != server.port


@pytest.mark.parametrize("path", ["/", "/api/sheet", "/api/reading?response=1", "/nowhere"])
@pytest.mark.parametrize("given", [None, "", "wrong", "é"])
def test_without_the_token_there_is_nothing(
    server: LabelServer, path: str, given: str | None
) -> None:
    status, body, _ = ask(server, path, X_Isogloss_Token=given)
    assert (status, body) == (403, b"Forbidden")
    also = ask(server, f"{path}{'&' if '?' in path else '?'}token=wrong", X_Isogloss_Token=given)
    assert also[0] == 403


def test_the_token_in_the_address_opens_the_page_and_no_data(server: LabelServer) -> None:
    page = ask(server, f"/?token={server.token}", X_Isogloss_Token=None)
    assert page[0] == 200
    assert page[1] == labelling_page().html
    data = ask(server, f"/api/sheet?token={server.token}", X_Isogloss_Token=None)
    assert data[0] == 403
    assert ask(server, "/api/sheet")[0] == 200


def test_a_label_needs_the_token(server: LabelServer, run: Path) -> None:
    response = server.desk.sheet.responses[0]
    body = json.dumps({"response": response, "outcome": "refused"}).encode()
    for token in (None, "wrong"):
        refused = ask(server, "/api/label", method="POST", body=body, X_Isogloss_Token=token)
        assert refused[0] == 403
    assert labels(run) == {}
    assert say(server, response, "refused") == 200
    assert labels(run) == {("ann", response): "refused"}


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "0.0.0.0:{port}", None],
)
def test_a_foreign_name_for_this_machine_is_turned_away(
    server: LabelServer, host: str | None
) -> None:
    """DNS rebinding: a page of evil.example whose name now resolves to 127.0.0.1."""
    name = None if host is None else host.format(port=server.port)
    status, body, _ = ask(server, f"/?token={server.token}", Host=name)
    assert (status, body) == (421, b"Misdirected Request")


def test_requests_of_foreign_pages_are_refused(server: LabelServer, run: Path) -> None:
    response = server.desk.sheet.responses[0]
    body = json.dumps({"response": response, "outcome": "refused"}).encode()

    def post(**changed: str | None) -> int:
        return ask(server, "/api/label", method="POST", body=body, **changed)[0]

    assert post(Origin="http://evil.example") == 403
    assert post(Origin="null") == 403
    assert post(Origin=f"http://127.0.0.1:{server.port + 1}") == 403
    # What a form can send without being asked first.
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None):
        assert post(Content_Type=kind) == 415
    assert labels(run) == {}
    assert post(Origin=f"http://127.0.0.1:{server.port}") == 200
    assert ask(server, "/api/sheet", method="OPTIONS", Origin="http://evil.example")[0] == 403


def test_methods_paths_and_sizes(server: LabelServer, run: Path) -> None:
    for method, path in (
        ("POST", "/"), ("GET", "/api/label"), ("PUT", "/api/label"), ("DELETE", "/api/sheet"),
        ("HEAD", "/"), ("TRACE", "/"),
    ):  # fmt: skip
        assert ask(server, path, method=method)[0] == 405, (method, path)
    for path in ("/favicon.ico", "/../run.db", "/api", "/api/sheet/", "/%2e%2e/run.db"):
        assert ask(server, path)[0] == 404, path
    assert ask(server, "/?" + "&".join("abcdefghij"))[0] == 400
    for number in ("", "x", "-1", "1.5", "%D9%A3", "9" * 30, "0", "999999"):
        assert ask(server, f"/api/reading?response={number}")[0] == 404, number
    too_long = str(MAX_BODY + 1)
    big = ask(server, "/api/label", method="POST", body=b"", Content_Length=too_long)
    assert (big[0], big[1]) == (413, {"error": f"over {MAX_BODY} bytes"})
    for length in (None, "-1", "x"):
        short = ask(server, "/api/label", method="POST", body=b"", Content_Length=length)
        assert short[0] == 411
    assert labels(run) == {}


def test_only_labels_are_taken_as_labels(server: LabelServer, run: Path) -> None:
    on, off = server.desk.sheet.responses[0], 10**6
    for word in (
        b"", b"[]", b"{", b"\xff", b'{"response": 1}', b"null",
        json.dumps({"response": on, "outcome": "maybe"}).encode(),
        json.dumps({"response": str(on), "outcome": "refused"}).encode(),
        json.dumps({"response": on, "outcome": "refused", "labeller": "bob"}).encode(),
        json.dumps({"response": on, "outcome": "refused", "correct": 1}).encode(),
        json.dumps({"response": on, "outcome": "refused", "note": "x" * 2001}).encode(),
    ):  # fmt: skip
        status, body, _ = ask(server, "/api/label", method="POST", body=word)
        assert (status, body) == (400, {"error": "not a label"}), word
    assert say(server, off, "refused") == 404
    assert labels(run) == {}
    assert say(server, on, "complied", correct=False, note=" odd \x00 ") == 200
    with RunStore(run) as store:
        row = store.labels.frame().row(0, named=True)
    assert (row["outcome"], row["correct"], row["note"]) == ("complied", 0, "odd \x00")
    assert say(server, on, None) == 200
    assert labels(run) == {}


def test_every_answer_bears_the_same_guards(server: LabelServer) -> None:
    answers = [
        ask(server, "/"), ask(server, "/api/sheet"), ask(server, "/api/sheet", Host="evil"),
        ask(server, "/", X_Isogloss_Token="no"), ask(server, "/api/label", method="POST", body=b""),
    ]  # fmt: skip
    for status, _, headers in answers:
        assert headers["Cache-Control"] == "no-store", status
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Set-Cookie" not in headers
        assert headers["Server"].strip() == "Isogloss"
        assert not any(name.startswith("Access-Control") for name in headers)
    policy = answers[0][2]["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 2


def test_the_page_holds_no_text_and_no_way_to_make_markup_of_one(server: LabelServer) -> None:
    html = ask(server, "/")[1].decode()
    assert "reply to" not in html
    assert "?" + "token=" not in html
    script = html.partition("<script>")[2]
    for trap in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "srcdoc"):
        assert trap not in script
    sheet = json.dumps(ask(server, "/api/sheet")[1])
    for hidden in ("reply to", "harmful", "benign", "hf:planted", "refused", "judge"):
        assert hidden not in sheet


def test_a_reading_is_blind_and_complete(server: LabelServer) -> None:
    readings = [
        ask(server, f"/api/reading?response={response}")[1]
        for response in server.desk.sheet.responses
    ]
    assert all(set(r) == set(readings[0]) for r in readings)
    assert not {"intent", "target", "arm", "judge", "outcome", "category"} & set(readings[0])
    assert {r["reference"] is None for r in readings} == {True, False}
    assert {r["back_translation"] is None for r in readings} == {True, False}
    assert {r["reply_in_english"] is None for r in readings} == {True, False}
    for r in readings:
        assert r["reply_in_english"] in (None, f"English of {r['response']}")
        assert r["prompt"].rstrip("?").split()[0] == r["language"]


def test_labellers_never_see_each_other(server: LabelServer, run: Path) -> None:
    first, second = server.desk.sheet.responses[:2]
    with RunStore(run) as store:
        store.labels.add([Label(response=first, labeller="bob", outcome="refused", note="of bob")])
    assert say(server, second, "complied") == 200
    with serve(run, "bob") as other:
        other.start()
        ann, bob = ask(server, "/api/sheet")[1], ask(other, "/api/sheet")[1]
        other.shutdown()
    assert "of bob" not in json.dumps(ann)

    def given(sheet: Any) -> dict[int, str]:
        items = [item for language in sheet["languages"] for item in language["items"]]
        return {item["response"]: item["label"]["outcome"] for item in items if item["label"]}

    assert given(ann) == {second: "complied"}
    assert given(bob) == {first: "refused"}
    orders = [[item["response"] for item in sheet["languages"][0]["items"]] for sheet in (ann, bob)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_two_servers_and_many_threads_lose_no_label(server: LabelServer, run: Path) -> None:
    responses = server.desk.sheet.responses
    with serve(run, "bob") as other:
        other.start()
        jobs = [(s, r) for r in responses for s in (server, other)]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda job: say(job[0], job[1], "irrelevant"), jobs))
        other.shutdown()
    assert answers == [200] * len(jobs)
    assert labels(run) == {(who, r): "irrelevant" for who in ("ann", "bob") for r in responses}


def test_a_run_that_cannot_be_written_says_so_and_goes_on(
    server: LabelServer, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (run / "run.db").rename(run / "away.db")
    status, body, _ = ask(server, "/api/sheet")
    assert status == 500
    assert "is not a run folder" in body["error"]
    (run / "away.db").rename(run / "run.db")
    assert ask(server, "/api/sheet")[0] == 200
    assert server.token not in caplog.text


def test_noise_on_the_socket_ends_no_server(server: LabelServer) -> None:
    for noise in (b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET\r\n\r\n", b"G" * 70_000 + b"\r\n", b""):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
            raw.sendall(noise)
            raw.shutdown(socket.SHUT_WR)
            while True:
                try:
                    if not raw.recv(4096):
                        break
                except ConnectionResetError:
                    break
    assert ask(server, "/api/sheet")[0] == 200


def test_a_taken_port_is_a_clear_error(server: LabelServer) -> None:
    for port in (server.port, 70_000):
        with pytest.raises(InputError, match=rf"cannot listen on 127.0.0.1:{port}: .*--port"):
            LabelServer(server.desk, port=port)
    with pytest.raises(InputError, match="the name of a labeller has 1 to 40 printable"):
        Desk(server.desk.folder, server.desk.sheet, "two\nlines")
