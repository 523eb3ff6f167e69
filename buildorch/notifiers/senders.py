"""How a message leaves: by a child process that can be killed, or by a user's own notifier."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import attrs

from buildorch.errors import NotifyError
from buildorch.events import NotificationDue
from buildorch.notifiers import send
from buildorch.notifiers.attachment import end_of, file_name
from buildorch.notifiers.build import make_service
from buildorch.notifiers.letter import Act, Letter
from buildorch.notifiers.outcome import TAKEN, Outcome
from buildorch.notifiers.parts import disarm
from buildorch.notifiers.redact import mask, mask_error
from buildorch.notifiers.settings import Settings
from buildorch.notifiers.told import Told
from buildorch.ports import Notifier

#: Seconds between TERM and KILL.
_GRACE = 1.0


class Sender(Protocol):
    """Sends what one channel is told."""

    def parts(self, text: str) -> list[str]:
        """Return *text* as the messages that are sent, in order."""

    def deliver(self, letter: Letter) -> Outcome:
        """Send one of them."""

    def completions(
        self, message: NotificationDue, receipt: str | None, told: Told
    ) -> list[Letter]:
        """Return what is to follow once *message* was taken under *receipt*."""


class Children:
    """The processes that are sending now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def start(self, environ: Mapping[str, str]) -> subprocess.Popen[bytes] | None:
        """Return a new one, in a session of its own; None after `stop`.

        Raises:
            OSError: There is no process to be had.
        """
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, (root, environ.get("PYTHONPATH"))))
        with self._lock:
            if self._stopped:
                return None
            process = subprocess.Popen(  # noqa: S603 - our own module
                # -P: a file named json.py in the working directory is not ours.
                [sys.executable, "-P", "-m", send.__name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**environ, "PYTHONPATH": path},
                cwd="/",
                start_new_session=True,
            )
            self._running.add(process)
            return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill what is left of *process* and its group, and forget it."""
        _kill(process)
        with self._lock:
            self._running.discard(process)
        with process:
            pass

    def stop(self) -> None:
        """Kill all that are running; none starts after this."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """TERM lets it take the command that it waits for with it; KILL ends whatever hangs."""
    if process.poll() is not None:
        return
    _signal(process, signal.SIGTERM)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


class ProcessSender:
    """Sends with a built-in service, each message in a process of its own.

    Args:
        settings: The channel, resolved.
        environ: The environment of the processes.
        children: Where they are kept, so that they can be stopped.
        seconds: How long one may live.

    Raises:
        NotifyError: The configuration lacks something.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        children: Children,
        seconds: float,
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._children = children
        self._seconds = seconds
        self._service = make_service(settings, seconds)

    def parts(self, text: str) -> list[str]:
        """Return *text* as the service takes it, without what must not be seen."""
        return self._service.parts(mask(text, self._settings.confidential))

    def deliver(self, letter: Letter) -> Outcome:
        """Do one thing in a process of its own."""
        try:
            process = self._children.start(self._environ)
        except OSError as error:
            return Outcome(f"no process to send with ({error.strerror})", retry_after=1.0)
        if process is None:
            return Outcome("stopped")
        try:
            return self._hear(process, send.request(self._settings, self._seconds, letter))
        finally:
            self._children.end(process)

    def completions(
        self, message: NotificationDue, receipt: str | None, told: Told
    ) -> list[Letter]:
        """Return the log to attach, and the earlier message with its note."""
        return [*self._log(message, receipt), *self._amended(message, told)]

    def _log(self, message: NotificationDue, receipt: str | None) -> Iterator[Letter]:
        if (
            message.attach is None
            or receipt is None
            or not self._service.attaches
            or self._settings.bare
        ):
            return
        text = end_of(message.attach)
        if text:
            yield Letter(
                text=mask(text, self._settings.confidential),
                key=f"{message.key}#log",
                act=Act.ATTACH,
                receipt=receipt,
                name=file_name(message.attach),
            )

    def _amended(self, message: NotificationDue, told: Told) -> Iterator[Letter]:
        earlier = told.before(message)
        if earlier is None or message.note is None or not self._service.amends:
            return
        parts = self.parts(told.amended(message))
        if len(parts) == 1:  # a text in several messages stays as it is
            key = f"{message.key}#note"
            yield Letter(text=parts[0], key=key, act=Act.AMEND, receipt=earlier.receipt)

    def _hear(self, process: subprocess.Popen[bytes], request: bytes) -> Outcome:
        try:
            output, errors = process.communicate(request, timeout=self._seconds)
        except subprocess.TimeoutExpired:
            return Outcome(
                f"not done within {self._seconds:g}s, killed; not sent again, since the message "
                "may have arrived",
            )
        found = send.outcome(output, errors, process.returncode)
        return _masked(found, self._settings.confidential)


class OwnSender:
    """Sends with a notifier that the user passed in, in this process.

    Args:
        notifier: It keeps a time limit.
    """

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    def parts(self, text: str) -> list[str]:
        """Return *text* whole: what it may be is the notifier's own affair."""
        return [disarm(mask(text, ()))]

    def deliver(self, letter: Letter) -> Outcome:
        """Call the notifier."""
        try:
            self._notifier.send(letter.text, key=letter.key)
        except NotifyError as error:
            return _masked(Outcome.of(error), ())
        return TAKEN

    def completions(
        self, message: NotificationDue, receipt: str | None, told: Told
    ) -> list[Letter]:
        """Return nothing: a notifier takes texts."""
        del message, receipt, told
        return []


def _masked(outcome: Outcome, confidential: Iterable[str]) -> Outcome:
    if outcome.message is None:
        return outcome
    return attrs.evolve(outcome, message=mask_error(outcome.message, confidential))
