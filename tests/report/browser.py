"""A page in headless Chromium, driven through the DevTools pipe: no driver, no port, no package."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--disable-extensions", "--hide-scrollbars",
    "--remote-debugging-pipe",
)  # fmt: skip


def find_chromium() -> str | None:
    """The browser on this machine, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@contextmanager
def chromium_page() -> Iterator[Page]:
    """A tab of the browser on this machine; the test is skipped where there is none."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium on this machine: the page is not tried in a real browser")
    with Page(chromium) as page:
        yield page


class Page:
    """One tab. Everything it asks the network for, logs or throws is kept.

    Attributes:
        requests: addresses asked for, in order.
        problems: console errors and warnings, uncaught exceptions, and log entries of the browser.
        dialogs: texts of alerts: a script of the page's content ran.
    """

    def __init__(self, chromium: str) -> None:
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.dialogs: list[str] = []
        self._loaded = False
        self._next = 0
        self._profile = tempfile.mkdtemp(prefix="isogloss-browser-")
        to_browser, self._write_end = os.pipe()
        self._read_end, from_browser = os.pipe()

        def wire() -> None:  # Chromium reads commands on 3 and answers on 4
            read = os.dup(to_browser)
            write = os.dup(from_browser)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self._process = subprocess.Popen(
            [chromium, *_FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
            preexec_fn=wire,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._buffer = b""
        target = self._call("Target.createTarget", {"url": "about:blank"}, session=None)
        attached = self._call(
            "Target.attachToTarget",
            {"targetId": target["targetId"], "flatten": True},
            session=None,
        )
        self._session: str = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._write_end)
        os.close(self._read_end)
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, path: Path) -> None:
        """Load a file and wait until it and everything it wants has loaded."""
        self.visit(path.resolve().as_uri())

    def visit(self, address: str) -> None:
        """The same for any address; the one it is at is loaded anew."""
        self._loaded = False
        self.call("Page.navigate", {"url": address})
        while not self._loaded:
            self._handle(self._read())
        self.run("new Promise(r => requestAnimationFrame(() => setTimeout(r, 50)))")

    def run(self, expression: str) -> Any:
        """The JSON value of an expression evaluated in the page (promises are awaited)."""
        answer = self.call(
            "Runtime.evaluate",
            {"expression": expression, "returnByValue": True, "awaitPromise": True},
        )
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def press(self, key: str, *, code: str = "", control: bool = False) -> None:
        """One key down and up, as a keyboard does; ``key`` as in DOM (``a``, `` ``, ``Enter``)."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 and not control else "")
        event = {"key": key, "code": code, "modifiers": 2 if control else 0}
        self.call("Input.dispatchKeyEvent", event | {"type": "keyDown", "text": text})
        self.call("Input.dispatchKeyEvent", event | {"type": "keyUp"})

    def until(self, condition: str) -> None:
        """Wait until an expression is true in the page, looking at every frame; 20 s at most."""
        met = self.run(
            "new Promise((done) => { const end = Date.now() + 20000; const look = () => "
            f"({condition}) ? done(true) : Date.now() > end ? done(false) : setTimeout(look, 15); "
            "look(); })"
        )
        assert met, f"never came true: {condition}"

    def resize(self, width: int, height: int, *, mobile: bool = False, scale: float = 1) -> None:
        """Set the size of the window in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile}
        self.call("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, scheme: str) -> None:
        """Let the system prefer ``light`` or ``dark``."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", {"features": features})

    def screenshot(self, path: Path, selector: str | None = None) -> None:
        """PNG of the whole page, or of one element."""
        what = "document.documentElement" if selector is None else (
            f"document.querySelector({json.dumps(selector)})"
        )  # fmt: skip
        box = self.run(
            f"(() => {{ const b = {what}.getBoundingClientRect(); return {{x: b.x + scrollX, "
            "y: b.y + scrollY, width: b.width, height: b.height}; })()"
        )
        shot = self.call(
            "Page.captureScreenshot", {"clip": box | {"scale": 1}, "captureBeyondViewport": True}
        )
        path.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self, path: Path) -> None:
        """What the printer would get."""
        path.write_bytes(
            base64.b64decode(self.call("Page.printToPDF", {"preferCSSPageSize": True})["data"])
        )

    def call(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """One DevTools command in this tab."""
        return self._call(method, parameters or {}, session=self._session)

    def _call(
        self, method: str, parameters: dict[str, Any], *, session: str | None
    ) -> dict[str, Any]:
        self._next += 1
        message: dict[str, Any] = {"id": self._next, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._write_end, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._next:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
            self._handle(answer)

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while b"\0" not in self._buffer:
            chunk = os.read(self._read_end, 1 << 20)
            if not chunk or time.monotonic() > deadline:
                raise AssertionError("Chromium went away")
            self._buffer += chunk
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _handle(self, event: dict[str, Any]) -> None:
        method, data = event.get("method"), event.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(data["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(str(data["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and data["type"] in {
            "error",
            "warning",
            "assert",
        }:
            self.problems.append(str(data["args"]))
        elif method == "Log.entryAdded":
            self.problems.append(f"{data['entry']['level']}: {data['entry']['text']}")
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(data["message"])
            self._post("Page.handleJavaScriptDialog", {"accept": True})

    def _post(self, method: str, parameters: dict[str, Any]) -> None:
        self._next += 1
        message = {
            "id": self._next, "method": method, "params": parameters, "sessionId": self._session,
        }  # fmt: skip
        os.write(self._write_end, json.dumps(message).encode() + b"\0")
