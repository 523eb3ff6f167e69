"""The chat: keeps what it was sent with its key, and can be made to refuse, break, or hang up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any

import attrs
from notifiers.loopback import Posts, served


@attrs.frozen
class Arrival:
    """One message: its key, its text, whether its sender was told that it is taken."""

    key: str
    text: str
    at: float
    answered: bool


@attrs.define
class Chat:
    """A Discord of one channel.

    Attributes:
        url: Its address.
        mode: `fine`, `busy` (429), `broken` (503), or `silent` (takes it and hangs up).
        arrivals: What it took.
        troubled: How many requests it did not answer well.
    """

    url: str = ""
    mode: str = "fine"
    arrivals: list[Arrival] = attrs.field(factory=list)
    troubled: int = 0
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def take(self, body: dict[str, object]) -> tuple[int, dict[str, object]] | None:
        """Return status and answer to a request; None hangs up."""
        with self._lock:
            mode = self.mode
            self.troubled += mode != "fine"
            if mode in ("fine", "silent") and "content" in body:  # else it is a log for a message
                key, text = str(body.get("nonce", "")), str(body["content"])
                self.arrivals.append(Arrival(key, text, time.time(), mode == "fine"))
        if mode == "silent":
            return None
        if mode == "busy":
            return 429, {"message": "slow down", "retry_after": 0.3}
        return (503, {"message": "broken"}) if mode == "broken" else (200, {"id": "1"})


@contextmanager
def open_chat() -> Iterator[Chat]:
    """Run a chat on a free port."""
    chat = Chat()

    class Handler(Posts):
        def take(self, body: dict[str, Any]) -> None:
            answer = chat.take(body)
            if answer is None:
                self.close_connection = True
                return
            status, fields = answer
            self.reply(status, json.dumps(fields).encode())

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing: senders that are killed are part of the story."""

    server = Server(("127.0.0.1", 0), Handler)
    chat.url = f"http://127.0.0.1:{server.server_port}"
    with served(server):
        yield chat
