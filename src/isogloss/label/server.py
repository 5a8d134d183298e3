"""The page's server: this machine only, one secret, and nothing a foreign page could make it do.

Who may ask: a browser on this machine that was given the address with the token. Every request is
held to that, pages and data alike. It listens on 127.0.0.1, answers to that name only (a foreign
name that resolves here, "DNS rebinding", is turned away), compares the token in constant time, and
takes data only with the token in a header of its own and as JSON, which no foreign page can send.
There is no cookie: browsers send cookies to every port of this machine.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import secrets
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError

from isogloss.errors import InputError, IsoglossError
from isogloss.label.desk import Desk, Word
from isogloss.label.page import labelling_page

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
TOKEN_HEADER = "X-Isogloss-Token"
MAX_BODY = 16_384
"""Bytes of one request's body; a label with the longest note needs about 8,000."""
IDLE_SECONDS = 30.0
"""How long a connection may stay silent before it is dropped."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"


class LabelServer(ThreadingHTTPServer):
    """Serves one desk until `shutdown`; `url` is what the labeller's browser opens.

    Args:
        desk: what is shown and where labels go.
        port: 0 takes any free one.

    Raises:
        InputError: the port is taken, or not allowed.
    """

    daemon_threads = True
    # A browser opens several connections at once; beyond the five that wait by default some
    # systems reset them.
    request_queue_size = 64
    # Two servers must never share a port, and with it each other's requests: on Windows the first
    # of these would let them, elsewhere it only frees the port of a server that has just ended.
    allow_reuse_address = os.name == "posix"
    allow_reuse_port = False

    def __init__(self, desk: Desk, *, port: int = 0) -> None:
        self.desk = desk
        self.token = secrets.token_urlsafe(32)
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise InputError(
                f"cannot listen on {HOST}:{port}: {getattr(error, 'strerror', None) or error}; "
                "choose another --port, or leave it out"
            ) from error

    def server_bind(self) -> None:
        """As the base class does, but for its look-up of this machine's name in the network."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    @property
    def port(self) -> int:
        return self.server_port

    @property
    def url(self) -> str:
        """The address with the token in it: whoever has it reads and labels."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    def start(self) -> Thread:
        """Serve in a thread of its own."""
        thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        return thread

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is the browser's business; never a trace with a text in it."""
        logger.debug("a connection of the labelling page broke", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: LabelServer  # pyright: ignore[reportIncompatibleVariableOverride]
    timeout = IDLE_SECONDS
    server_version = "Isogloss"
    sys_version = ""
    error_message_format = "%(code)d %(message)s\n"
    error_content_type = "text/plain; charset=utf-8"

    routes: ClassVar[dict[str, tuple[str, str]]] = {
        "/": ("GET", "_page"),
        "/api/sheet": ("GET", "_sheet"),
        "/api/reading": ("GET", "_reading"),
        "/api/label": ("POST", "_label"),
    }

    def parse_request(self) -> bool:
        """Before any method is looked up: who asks, and for what."""
        if not super().parse_request():
            return False
        try:
            status = self._refusal()
        except ValueError:  # an address no URL parser takes, or one with a thousand fields
            status = HTTPStatus.BAD_REQUEST
        if status is not None:
            # A connection closed on unread bytes may take the answer with it.
            length = self.headers.get("Content-Length", "")
            if length.isascii() and length.isdecimal() and len(length) < 6:
                self.rfile.read(min(int(length), MAX_BODY))
            self._send(status, status.phrase.encode(), "text/plain; charset=utf-8")
            return False
        return True

    def _refusal(self) -> HTTPStatus | None:
        port = self.server.port
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or hosts[0].lower() not in (f"{HOST}:{port}", f"localhost:{port}"):
            return HTTPStatus.MISDIRECTED_REQUEST
        origin = self.headers.get("Origin")
        if origin is not None and origin not in (f"http://{host}" for host in hosts):
            return HTTPStatus.FORBIDDEN
        address = urlsplit(self.path)
        query = parse_qs(address.query, max_num_fields=8)
        # A page is opened by its address alone; data needs the header, which no foreign page sends.
        in_address = query.get("token", [""])[0] if address.path == "/" else ""
        given = in_address or self.headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.server.token.encode()):
            return HTTPStatus.FORBIDDEN
        if address.path not in self.routes:
            return HTTPStatus.NOT_FOUND
        if self.command != self.routes[address.path][0]:
            return HTTPStatus.METHOD_NOT_ALLOWED
        return None

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        address = urlsplit(self.path)
        name = self.routes[address.path][1]
        try:
            if name == "_page":
                page = labelling_page()
                self._send(HTTPStatus.OK, page.html, "text/html; charset=utf-8", page.policy)
            elif name == "_sheet":
                self._json(HTTPStatus.OK, self.server.desk.overview())
            elif name == "_reading":
                self._reading(parse_qs(address.query))
            else:
                self._label()
        except IsoglossError as error:
            logger.error("%s", error)
            self._json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": str(error)})

    def _reading(self, query: dict[str, list[str]]) -> None:
        number = query.get("response", [""])[0]
        known = number.isascii() and number.isdecimal() and len(number) < 19
        reading = self.server.desk.reading(int(number)) if known else None
        if reading is None:
            self._json(HTTPStatus.NOT_FOUND, {"error": "no such reply on this sheet"})
        else:
            self._json(HTTPStatus.OK, asdict(reading))

    def _label(self) -> None:
        body = self._body()
        if body is None:
            return
        try:
            word = Word.model_validate_json(body)
        except ValidationError:
            self._json(HTTPStatus.BAD_REQUEST, {"error": "not a label"})
            return
        if self.server.desk.say(word):
            self._json(HTTPStatus.OK, {"stored": True})
        else:
            self._json(HTTPStatus.NOT_FOUND, {"error": "no such reply on this sheet"})

    def _body(self) -> bytes | None:
        """The JSON sent; None where it was refused."""
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        length = self.headers.get("Content-Length", "")
        if kind != "application/json":
            self._json(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, {"error": "labels come as JSON"})
        elif not (length.isascii() and length.isdecimal()):
            self._json(HTTPStatus.LENGTH_REQUIRED, {"error": "no Content-Length"})
        elif len(length) > 9 or int(length) > MAX_BODY:
            self._json(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": f"over {MAX_BODY} bytes"})
        else:
            return self.rfile.read(int(length))
        return None

    def _json(self, status: HTTPStatus, value: Any) -> None:
        body = json.dumps(value, ensure_ascii=True).encode()
        self._send(status, body, "application/json")

    def _send(self, status: HTTPStatus, body: bytes, kind: str, policy: str = _DATA_POLICY) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", policy)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Addresses hold the token: only path and status are logged, and at DEBUG."""
        del format, args
        address = getattr(self, "path", "")  # a request line that could not be read has none
        logger.debug("%s %s", self.command, address.partition("?")[0])
