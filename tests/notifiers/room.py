"""A room of a chat service: what stands in it after all requests, by the services' own rules."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any

import attrs
from notifiers.loopback import Posts, served

TOKEN = "123456:secret-token-value"  # noqa: S105 - nobody's


@attrs.define
class Post:
    """A message in the room.

    Attributes:
        text: What it says now.
        answers: Number of the message that it answers.
        files: Its files by name.
        changes: How often it was changed.
    """

    text: str
    answers: str | None = None
    files: dict[str, str] = attrs.field(factory=dict)
    changes: int = 0


@attrs.define
class Room:
    """What stands in the room, by number; `no_changes` refuses every change."""

    url: str = ""
    posts: dict[str, Post] = attrs.field(factory=dict)
    no_changes: bool = False
    attempts: int = 0
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def options(self, kind: str) -> dict[str, str]:
        """Return the options of a channel of this *kind* that writes here."""
        return {
            "webhook": {"webhook": f"{self.url}/api/webhooks/1/hook-secret-value?thread_id=9"},
            "bot": {"token": TOKEN, "target": "channel:42", "api": self.url},
            "telegram": {"token": TOKEN, "chat_id": "100", "api": self.url},
        }[kind]

    def handle(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Do what a service does with one request."""
        with self._lock:
            if method == "PATCH":
                return self._change(path, body)
            if "/bot" in path:
                return self._telegram(path.rpartition("/")[2], body)
            reference = body.get("message_reference", {}).get("message_id")
            assert reference is None or "webhooks" not in path, "webhooks can answer nothing"
            return 200, {"id": self._add(Post(body["content"], reference))}

    def _add(self, post: Post) -> str:
        number = str(len(self.posts) + 1)
        self.posts[number] = post
        return number

    def _change(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.attempts += 1
        if self.no_changes:
            return 501, {}
        bare, _, query = path.partition("?")
        assert "wait" not in query
        if "webhooks" in bare:
            assert "/messages/" in bare
            assert query == "thread_id=9", "a message of a thread is found there only"
        post = self.posts.get(bare.rpartition("/")[2])
        if post is None:
            return 404, {"message": "Unknown Message"}
        post.text = body.get("content", post.text)
        post.changes += 1
        if "files[0]" in body:
            file = body["files[0]"]
            assert json.loads(body["payload_json"])["attachments"][0]["filename"] == file["name"]
            post.files[file["name"]] = file["text"]
        return 200, {"id": bare.rpartition("/")[2]}

    def _telegram(self, call: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        reply = body.get("reply_parameters", {})
        reply = json.loads(reply) if isinstance(reply, str) else reply
        answers = reply.get("message_id")
        post = Post(body.get("text", ""), None if answers is None else str(answers))
        if call == "sendDocument":
            post.files[body["document"]["name"]] = body["document"]["text"]
        number = self._add(post)
        return 200, {"ok": True, "result": {"message_id": int(number)}}


@contextmanager
def open_room() -> Iterator[Room]:
    """Run a room on a free port."""
    room = Room()

    class Handler(Posts):
        def take(self, body: dict[str, Any]) -> None:
            status, answer = room.handle(self.command, self.path, body)
            self.reply(status, json.dumps(answer).encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    room.url = f"http://127.0.0.1:{server.server_port}"
    with served(server):
        yield room
