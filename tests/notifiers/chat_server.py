"""A chat service on a loopback port that answers as it is told to, and keeps what it was sent."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
from notifiers.loopback import Posts, served

#: An answer that every service takes for success.
FINE: Mapping[str, Any] = {"ok": True, "id": "1", "result": {"messageId": "1"}}


@attrs.frozen
class Answer:
    """What the server does with one request; `hang` means nothing, for as long as it lives."""

    status: int = 200
    body: object = FINE
    headers: Mapping[str, str] = attrs.field(factory=dict)
    hang: bool = False
    cut: bool = False


@attrs.frozen
class Request:
    """What was sent, and when by the monotonic clock."""

    path: str
    headers: Mapping[str, str]
    json: dict[str, Any]
    at: float
    method: str = "POST"


class ChatServer:
    """Gives the scripted answers in turn, and then success for ever."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.script: list[Answer] = []
        self.requests: list[Request] = []
        self.done = threading.Event()
        self.change = threading.Condition()

    def take(self, request: Request) -> Answer:
        """Keep *request* and return what to answer."""
        with self.change:
            self.requests.append(request)
            self.change.notify_all()
            return self.script.pop(0) if self.script else Answer()

    def wait_for(self, count: int) -> None:
        """Wait until *count* requests have come."""
        with self.change:
            assert self.change.wait_for(lambda: len(self.requests) >= count, 20), self.requests


@contextmanager
def chat_server(*script: Answer, tls: ssl.SSLContext | None = None) -> Iterator[ChatServer]:
    """Run a server that gives the answers of *script*."""

    class Handler(Posts):
        def take(self, body: dict[str, Any]) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = server.take(Request(self.path, headers, body, time.monotonic(), self.command))
            if answer.hang:
                server.done.wait(30)
            if not answer.hang and not answer.cut:
                self.reply(answer.status, _encoded(answer.body), answer.headers)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        # Handshakes belong to the handlers' threads, and may fail: some clients refuse us.
        http.socket = tls.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
        http.handle_error = lambda *_: None  # type: ignore[method-assign]
    scheme = "http" if tls is None else "https"
    server = ChatServer(f"{scheme}://127.0.0.1:{http.server_port}")
    server.script = list(script)
    with served(http):
        try:
            yield server
        finally:
            server.done.set()


def _encoded(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def closed_port() -> str:
    """Return the address of a port that refuses connections."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    http.server_close()
    return f"http://127.0.0.1:{http.server_port}"


def fake_openclaw(folder: Path, body: str) -> Path:
    """Write an `openclaw` of shell text *body* into *folder*; its arguments go to `calls`."""
    folder.mkdir(exist_ok=True)
    script = folder / "openclaw"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>"{folder}/calls"\n{body}\n')
    script.chmod(0o755)
    return script


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait until *condition* holds; fail after *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
