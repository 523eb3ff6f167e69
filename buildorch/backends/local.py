"""The backend `local`: jobs on this machine, as durable as on a server, without SSH."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import platformdirs

from buildorch.errors import ServerUnusable, StageError, UsageError
from buildorch.model import Server
from buildorch.ports import Session, SessionListener
from buildorch.remote.session import Duplex, boot_command, open_session

#: Seconds that the agent has for leaving after its input ended.
LEAVE_SECONDS = 5.0


@attrs.frozen
class LocalBackend:
    """Runs jobs on this machine, in processes that outlive us.

    Attributes:
        boot_timeout: Seconds that the server part may take.
        prefer: `python` or `sh` to demand that server part; None takes the best there is.
        environment: What jobs inherit; None is this process's environment.
        home: State folder of this machine; None is `BUILDORCH_HOME` or the platform's.
    """

    boot_timeout: float = 30.0
    prefer: str | None = None
    environment: Mapping[str, str] | None = None
    home: Path | None = None

    def connect(self, server: Server, listener: SessionListener) -> Session:
        """Return a session that is ready for jobs.

        Args:
            server: The server; only its name and `state_dir` matter.
            listener: Told what the session hears.

        Raises:
            ServerUnusable: This machine has no sh, or the state folder cannot be made.
        """
        pipe, place = self.stream(server)
        return open_session(pipe, place, listener, timeout=self.boot_timeout, prefer=self.prefer)

    def stream(self, server: Server) -> tuple[Duplex, Server]:
        """Return the byte stream below a session, and the server with its state folder.

        Args:
            server: The server; only its name and `state_dir` matter.

        Raises:
            ServerUnusable: This machine has no sh.
        """
        place = attrs.evolve(server, state_dir=server.state_dir or str(self._state_dir()))
        try:
            return ProcessPipe(boot_command(), self._given()), place
        except OSError as error:
            raise ServerUnusable(
                f"{server.name}: /bin/sh cannot be started on this machine: {error.strerror}",
                server=server.name,
                host="localhost",
                port=0,
            ) from error

    def put(self, server: Server, local: str, remote: str) -> None:
        """Copy a file to another place of this machine."""
        _copy(server, Path(local), _there(server, remote))

    def get(self, server: Server, remote: str, local: str) -> None:
        """Copy a file from another place of this machine."""
        _copy(server, _there(server, remote), Path(local))

    def connection(self, server: Server) -> Any:  # noqa: ANN401 - as every backend
        """Refuse: nothing lies between this machine and itself."""
        raise UsageError(
            f"{server.name} is this machine: there is no connection to it; use subprocess"
        )

    def _given(self) -> dict[str, str]:
        given = dict(os.environ if self.environment is None else self.environment)
        # Our own python is there for sure; the one in PATH may be a shim or old.
        given.setdefault("BUILDORCH_PYTHON", sys.executable)
        return given

    def _state_dir(self) -> Path:
        if self.home is not None:
            return self.home / "local"
        given = os.environ if self.environment is None else self.environment
        named = given.get("BUILDORCH_HOME")
        home = Path(named).expanduser() if named else platformdirs.user_state_path("buildorch")
        return home.absolute() / "local"


def _there(server: Server, path: str) -> Path:
    """Return a place as the stage's commands would name it."""
    return Path(server.workdir or Path.home(), path)


def _copy(server: Server, source: Path, target: Path) -> None:
    try:
        shutil.copy2(source, target)
    except OSError as error:
        raise StageError(
            f"{server.name}: {source} cannot be copied to {target}: {error.strerror or error}"
        ) from error


class ProcessPipe:
    """A `Duplex` to a child in a session of its own, so that no Ctrl-C reaches it.

    Args:
        command: Text for /bin/sh.
        environment: The child's environment.
    """

    def __init__(self, command: str, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen(  # noqa: S603 - our own boot command
                ["/bin/sh", "-c", command],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Number of the child."""
        return self._child.pid

    def send(self, data: bytes) -> None:
        """Send all of *data*; raises `OSError` where nobody takes it."""
        self._socket.sendall(data)

    def recv(self, limit: int) -> bytes:
        """Return up to *limit* bytes as soon as there are any; nothing at the end."""
        return self._socket.recv(limit)

    def close(self) -> None:
        """End it: the child leaves when its input ends, and so does whoever waits here."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        try:
            self._child.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        # Only now: whoever waited has been woken.
        self._socket.close()
