"""A web server on a loopback port: what every chat service of the tests is made of."""

from __future__ import annotations

import email
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Posts(BaseHTTPRequestHandler):
    """Takes JSON and forms, and keeps no log."""

    def do_POST(self) -> None:
        """Read what was sent."""
        data = self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.headers["Content-Type"]
        self.take(json.loads(data) if kind == "application/json" else _form(kind, data))

    def do_PATCH(self) -> None:
        """Read what is to change."""
        self.do_POST()

    def take(self, body: dict[str, Any]) -> None:
        """Do something with it, and `reply`."""
        raise NotImplementedError

    def reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Answer."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _form(kind: str, data: bytes) -> dict[str, Any]:
    """Return the fields of a form; a file is its name and its text."""
    whole = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + data)
    found: dict[str, Any] = {}
    for part in whole.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            text, file = content.decode(), part.get_filename()
            found[name] = text if file is None else {"name": file, "text": text}
    return found


@contextmanager
def served(http: ThreadingHTTPServer) -> Iterator[None]:
    """Serve, and stop at the end."""
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
