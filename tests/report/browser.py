"""Chromium without a window, told what to do over a pipe: pages as a reader sees them."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import attrs

#: Seconds until a test gives up.
DEADLINE = 60.0

#: No window, nothing from the network, nothing of the user's own.
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


def installed() -> str:
    """Return the path of Chromium; the tests need it as they need a shell."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "no chromium: install the package `chromium`, as .ci/run does"
    return found


@attrs.define
class Browser:
    """A Chromium with one page.

    Attributes:
        process: The program.
        read: What it answers.
        write: What it is told.
        trouble: What its pages complained of, and what they tried to fetch.
    """

    process: subprocess.Popen[bytes]
    read: int
    write: int
    trouble: list[str] = attrs.field(factory=list)
    fetched: list[str] = attrs.field(factory=list)
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))
    _rest: bytes = b""
    _session: str | None = None

    @classmethod
    def start(cls, folder: Path) -> Self:
        """Start one whose files are in *folder*."""
        theirs_in, write = os.pipe()
        read, theirs_out = os.pipe()
        # It reads from descriptor 3 and writes to 4.
        joined = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        process = subprocess.Popen(
            ["bash", "-c", joined, "bash", installed(), *_OPTIONS, f"--user-data-dir={folder}"],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder)},
        )
        os.close(theirs_in)
        os.close(theirs_out)
        browser = cls(process, read, write)
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
        browser._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            browser.call(f"{domain}.enable")
        return browser

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Tell it to do something, and return what it answers."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": given}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, page: Path, *, script: bool = True) -> float:
        """Open a file; returns the seconds until it was loaded and drawn."""
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        began = time.monotonic()
        self.call("Page.navigate", url=page.as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass
        if script:
            self.run("new Promise(shown => requestAnimationFrame(() => setTimeout(shown)))")
        return time.monotonic() - began

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page; a promise is waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, condition: str) -> Any:
        """Wait until an expression in the page is true, and return its value."""
        end = time.monotonic() + DEADLINE
        while not (value := self.run(condition)):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.02)
        return value

    def look(self, *, dark: bool = False, width: int = 1280, height: int = 900) -> None:
        """Choose colours and size."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def picture(self, *, whole: bool = False) -> bytes:
        """Return the page as a PNG: what is seen, or all of it."""
        more: dict[str, Any] = {}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            more["clip"] = {**size, "scale": 1}
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=whole, **more)
        return base64.b64decode(taken["data"])

    def paper(self) -> bytes:
        """Return the page as a PDF, as it would be printed."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def end(self) -> None:
        """End it."""
        os.close(self.write)
        self.process.terminate()
        self.process.wait(DEADLINE)
        os.close(self.read)

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + DEADLINE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self.read], [], [], end - time.monotonic())
            assert ready, "chromium does not answer"
            data = os.read(self.read, 1 << 20)
            assert data, "chromium has ended"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        self._note(found)
        return found

    def _note(self, message: dict[str, Any]) -> None:
        given = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.trouble.append(str(given["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if given["type"] in ("error", "warning", "assert"):
                self.trouble.append(str(given["args"]))
            case "Log.entryAdded":
                self.trouble.append(given["entry"]["text"])
            case "Network.requestWillBeSent":
                self.fetched.append(given["request"]["url"])


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """Give a browser whose files are in *folder*."""
    browser = Browser.start(folder)
    try:
        yield browser
    finally:
        browser.end()
