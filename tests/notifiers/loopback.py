"""A web server on a loopback port: what every chat service of the tests is made of."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Posts(BaseHTTPRequestHandler):
    """Takes JSON, and keeps no log."""

    def do_POST(self) -> None:
        """Read what was sent."""
        self.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

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
