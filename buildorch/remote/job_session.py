"""The client's end of a link: boots the server part, and carries jobs and their logs over it.

Three threads a link: one reads and tells the listener, one writes, and one asks now and then
whether the other side still lives, since a silent cut shows in no other way.
"""

from __future__ import annotations

import queue
import re
import secrets
import threading
import time
from typing import Protocol

from buildorch.errors import InfrastructureError, LinkLost, ServerUnusable
from buildorch.job import Job, ServerFacts
from buildorch.model import Server
from buildorch.ports import SessionListener
from buildorch.remote.answers import (
    Answer,
    Answers,
    Broken,
    Message,
    Ready,
    Unusable,
    parse_end,
    parse_wait,
)
from buildorch.remote.asked import Asked
from buildorch.remote.boot import boot_text
from buildorch.remote.duplex import Duplex
from buildorch.remote.payload import launch

_PIECE = 1 << 18
_EATEN = (
    "something that the login shell runs (.bashrc, .profile, .cshrc, config.fish, .zshenv) reads "
    "our input or starts another shell; leave it early there when the shell is not interactive"
)


class JobSession:
    """Implements `Session` over a byte stream. Made by `open_session`."""

    facts: ServerFacts

    def __init__(
        self, duplex: Duplex, server: Server, listener: SessionListener, silence: float
    ) -> None:
        self._duplex = duplex
        self._server = server
        self._listener = listener
        self._silence = silence
        self._nonce = secrets.token_hex(16)
        self._answers = Answers(self._nonce)
        self._booted = threading.Event()
        self._unusable: str | None = None
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._gone: str | None = None
        self._left = threading.Event()
        self._clock = 0
        self._waiting_since: float | None = None
        self._asked = Asked()

    # What the run calls.

    def start(self, job: Job) -> None:
        """Launch *job*, or attach to it; see `Session`."""
        message = launch(job, self._clock)
        self._asked.about(job.id)
        self._send(message)

    def follow(self, job_id: str, offset: int) -> None:
        """Send the log from *offset* on, then the end; see `Session`."""
        self._asked.about(job_id)
        self._send(f"follow {job_id} {offset}\n".encode())

    def cancel(self, job_id: str, reason: str, grace: float) -> None:
        """Kill the whole tree; see `Session`."""
        word = "-".join(re.findall("[A-Za-z0-9]+", reason)) or "cancelled"
        self._send(f"cancel {job_id} {word} {grace:.3f}\n".encode())

    def release(self, job_id: str) -> None:
        """Let an ended job give back its locks; see `Session`."""
        self._send(f"release {job_id}\n".encode())

    def checksum(self, job_id: str, timeout: float = 60.0) -> tuple[int, str]:
        """Return size and SHA-256 of the job's log on the server.

        Raises:
            LinkLost: The link is gone.
            InfrastructureError: There is no log, or no answer in time.
        """
        answer = self._asked.sum_of(job_id)
        self._send(f"sum {job_id}\n".encode())
        if not answer.there.wait(timeout):
            raise InfrastructureError(
                f"{self._server.name}: no checksum of the log of {job_id} within {timeout:g} s"
            )
        self._check()
        if answer.size < 0:
            raise InfrastructureError(f"{self._server.name}: the log of {job_id} is gone")
        return answer.size, answer.digest

    def clean(self, age: float, timeout: float = 60.0) -> tuple[int, int]:
        """Remove what is left on the server of jobs that ended more than *age* seconds ago.

        Returns:
            How many jobs were removed, and the bytes that this freed, about.

        Raises:
            LinkLost: The link is gone.
            InfrastructureError: There is no answer in time.
        """
        self._send(f"clean {age:.0f}\n".encode())
        try:
            answer = self._asked.cleaned.get(timeout=timeout)
        except queue.Empty:
            raise InfrastructureError(
                f"{self._server.name}: the job folders were not cleaned within {timeout:g} s"
            ) from None
        self._check()
        return answer

    def close(self) -> None:
        """End the link; jobs go on."""
        self._end("closed")

    # Booting.

    def boot(self, timeout: float, prefer: str | None) -> None:
        """Start the server part and wait until it is ready."""
        self._outgoing.put(boot_text(self._nonce, self._server, prefer))
        for work in (self._read, self._write):
            self._thread(work)
        if not self._booted.wait(timeout):
            raise self._refusal(f"nothing answered within {timeout:g} s of the login. {_EATEN}")
        if self._unusable is not None:
            raise self._refusal(self._unusable)
        if not self._answers.ready:
            raise LinkLost(
                f"{self._server.name}: {self._gone} before the server part began{self._shown()}; "
                f"where this happens each time: {_EATEN}"
            )
        if prefer is not None and self.facts.agent != prefer:
            raise self._refusal(f"the {prefer} server part was asked for, but cannot run")
        self._thread(self._pulse)

    def _refusal(self, reason: str) -> ServerUnusable:
        return ServerUnusable(
            f"{self._server.name}: {reason}{self._shown()}",
            server=self._server.name,
            host=self._server.host or "localhost",
            port=self._server.port or 22,
        )

    def _shown(self) -> str:
        """Return what the login printed, for a message."""
        noise = (self._answers.noise, str(getattr(self._duplex, "noise", "")))
        printed = "\n".join(filter(None, noise))
        return f"; the login printed: {printed}" if printed else ""

    def _thread(self, work: _Work) -> None:
        name = f"{work.__name__.strip('_')} {self._server.name}"
        threading.Thread(target=work, name=name, daemon=True).start()

    # Writing.

    def _send(self, message: bytes) -> None:
        self._check()
        self._outgoing.put(message)

    def _check(self) -> None:
        if self._gone is not None:
            raise LinkLost(f"{self._server.name}: {self._gone}")

    def _write(self) -> None:
        while (message := self._outgoing.get()) is not None:
            try:
                self._duplex.send(message)
            except (OSError, LinkLost) as error:
                # Before the server part began, what was printed says more: it is still read.
                if self._booted.is_set():
                    self._end(f"the connection broke ({error})")
                return

    def _pulse(self) -> None:
        """Ask for a sign of life, and cut the link that shows none."""
        count = 0
        while not self._left.wait(self._silence / 3):
            since = self._waiting_since
            if since is not None and time.monotonic() - since > self._silence:
                self._end(f"no sign of life for {self._silence:g} s")
                return
            count += 1
            # What leases are renewed with: a time of the server's, so that a late ping is harmless.
            self._outgoing.put(f"ping {count} {self._clock}\n".encode())

    # Reading.

    def _read(self) -> None:
        reason = "the connection ended"
        try:
            while data := self._recv():
                for answer in self._answers.feed(data):
                    self._hear(answer)
        except (OSError, LinkLost) as error:
            reason = f"the connection broke ({error})"
        except Exception as error:
            # A defect of the listener must not look like a link that is up and silent.
            self._end(f"a defect: {error!r}")
            raise
        self._end(reason)

    def _recv(self) -> bytes:
        # Only while we wait: a listener with a slow disk is no dead server.
        self._waiting_since = time.monotonic()
        try:
            return self._duplex.recv(_PIECE)
        finally:
            self._waiting_since = None

    def _hear(self, answer: Answer) -> None:
        if isinstance(answer, Ready):
            self.facts = answer.facts
            self._clock = answer.facts.clock
            self._booted.set()
        elif isinstance(answer, Unusable):
            self._unusable = answer.reason
            self._end(answer.reason)
        elif isinstance(answer, Broken):
            self._end(answer.reason)
        elif self._gone is None:
            self._hear_message(answer)

    def _hear_message(self, message: Message) -> None:
        kind, *words = message.words
        body = message.body
        if kind in ("L", "E", "W"):
            self._hear_of_job(kind, words, body)
        elif kind == "S":
            self._asked.answered(words[0])
            self._listener.started(words[0], again=words[1] == "again")
        elif kind == "R":
            self._asked.answered(words[0])
            self._listener.refused(words[0], words[1], body.decode("utf-8", "replace"))
        elif kind == "F":
            self._asked.answered(words[0])
        elif kind == "K":
            self._asked.summed(words[0], int(words[1]), words[2])
        elif kind == "PONG" and words[1:] and re.fullmatch("[0-9]{1,18}", words[1]):
            self._clock = int(words[1])
        elif kind == "C":
            self._asked.cleaned.put((int(words[0]), int(words[1])))
        elif kind == "BYE":
            self._end(body.decode("utf-8", "replace"))
        elif kind == "UNUSABLE":
            self._end(f"the server part broke: {' '.join(words[1:])}")

    def _hear_of_job(self, kind: str, words: list[str], body: bytes) -> None:
        """Hand on what is said of a job, unless it answers an older question about it."""
        if not self._asked.is_current(words[0]):
            return
        if kind == "L":
            self._listener.log(words[0], int(words[1]), body)
        elif kind == "W":
            self._listener.waiting(words[0], parse_wait(body))
        else:
            self._listener.ended(words[0], parse_end(body))

    def _end(self, reason: str) -> None:
        with self._lock:
            if self._gone is not None:
                return
            self._gone = reason
        self._left.set()
        self._outgoing.put(None)
        was_open = self._booted.is_set()
        self._booted.set()
        self._asked.give_up()
        # Told first: to close what is cut can take a while.
        if was_open:
            self._listener.closed(reason)
        self._duplex.close()


class _Work(Protocol):
    __name__: str

    def __call__(self) -> None:
        """Do it until the link is gone."""
