"""Where messages arrive: a chat service on a loopback port, which keeps what it was sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any

import attrs
from hosts.commands import wait_for
from notifiers.loopback import Posts, served


@attrs.frozen
class Arrival:
    """One request: its path, its body, and the Unix time at which it came."""

    path: str
    body: dict[str, Any]
    at: float


@attrs.define
class Sink:
    """Takes everything for good, after it has answered the first *refusals* with 429.

    Attributes:
        url: Its address.
        refusals: How many requests are still to be told to come again.
        refused: What was sent and refused.
        taken: What was sent and taken.
        changed: What was to change in a message that was taken: its text, or a file to add.
    """

    url: str = ""
    refusals: int = 0
    refused: list[Arrival] = attrs.field(factory=list)
    taken: list[Arrival] = attrs.field(factory=list)
    changed: list[Arrival] = attrs.field(factory=list)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def take(self, arrival: Arrival) -> bool:
        """Keep *arrival*; returns whether it is taken."""
        with self._lock:
            refuse = self.refusals > 0
            self.refusals -= refuse
            (self.refused if refuse else self.taken).append(arrival)
        return not refuse

    def change(self, arrival: Arrival) -> bool:
        """Keep what is to change."""
        with self._lock:
            self.changed.append(arrival)
        return True

    @property
    def webhook(self) -> str:
        """The address of a Discord webhook here."""
        return f"{self.url}/api/webhooks/1/a-token-that-nobody-may-see"

    @property
    def texts(self) -> list[str]:
        """The messages that were taken, in their order, without Discord's escapes."""
        return [str(one.body["content"]).replace("\\", "") for one in self.taken]

    def about(self, words: str) -> list[str]:
        """Return the messages whose first line has *words*."""
        return [text for text in self.texts if words in text.partition("\n")[0]]

    def wait_for(self, words: str, seconds: float = 20.0) -> str:
        """Return the first message whose first line has *words*, as soon as it is there."""
        wait_for(lambda: self.about(words), f"a message {words!r} among {self.texts}", seconds)
        return self.about(words)[0]


@contextmanager
def open_sink(refusals: int = 0) -> Iterator[Sink]:
    """Run a sink on a free port."""
    sink = Sink(refusals=refusals)

    class Handler(Posts):
        def take(self, body: dict[str, Any]) -> None:
            arrival = Arrival(self.path, body, time.time())
            taken = sink.change(arrival) if self.command == "PATCH" else sink.take(arrival)
            fine = {"ok": True, "id": "1", "result": {"messageId": "1"}}
            answer = fine if taken else {"message": "slow down", "retry_after": 0.3}
            self.reply(200 if taken else 429, json.dumps(answer).encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink.url = f"http://127.0.0.1:{server.server_port}"
    with served(server):
        yield sink
