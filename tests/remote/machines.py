"""Servers made of this machine, with another shell or another world than the tests have."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import attrs
from contract.place import Place, ThisMachine

from buildorch.backends.local import ProcessPipe
from buildorch.model import Server
from buildorch.ports import Session, SessionListener
from buildorch.remote.session import boot_command, open_session


@attrs.frozen
class ShellBackend:
    """Boots the server part through a login shell, as sshd does.

    Attributes:
        environment: What the account has.
        words: The login shell's words before the boot command.
        shell: The `/bin/sh` of that machine.
        noise: What the login shell runs before.
        prefer: The server part.
        timeout: Seconds for the boot.
        silence: Seconds until a silent link counts as cut.
    """

    environment: Mapping[str, str]
    words: tuple[str, ...] = ("sh", "-c")
    shell: str = "/bin/sh"
    noise: str = ""
    prefer: str | None = None
    timeout: float = 20.0
    silence: float = 12.0

    def connect(self, server: Server, listener: SessionListener) -> Session:
        """Return a session with the machine."""
        boot = self.noise + boot_command().replace("/bin/sh", self.shell)
        pipe = ProcessPipe("exec " + shlex.join([*self.words, boot]), self.environment)
        return open_session(
            pipe, server, listener, timeout=self.timeout, prefer=self.prefer, silence=self.silence
        )


def environment(tmp_path: Path, **variables: str) -> dict[str, str]:
    """Return the tests' environment with a home folder of its own."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return {**os.environ, "HOME": str(home), **variables}


def machine(tmp_path: Path, backend: ShellBackend) -> Place:
    """Return the place that a backend reaches, its state in *tmp_path*."""
    server = Server(name="here", state_dir=str(tmp_path / "state"))
    part = backend.prefer or "python"
    return Place(part, backend, server, ThisMachine(backend.environment), str(tmp_path))
