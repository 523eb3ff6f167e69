"""Places behind SSH: an account of its own on a real host for each law, with either server part."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hosts.host import Host

from buildorch.backends.ssh import SshBackend
from contract.place import MakePlace, Place


class HostMachine:
    """The machine of a real host, past ssh.

    Args:
        host: The host.
        user: The account of the jobs.
    """

    def __init__(self, host: Host, user: str) -> None:
        self._host = host
        self._user = user

    def run(self, command: str) -> str:
        """Run shell text as the account of the jobs, and return its output."""
        return self._host.run(command, user=self._user)

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        return self._host.path(path).read_bytes()

    def commands(self) -> list[str]:
        """Return the command lines of all processes."""
        return self._host.commands()


def _ssh(part: str) -> MakePlace:
    @contextlib.contextmanager
    def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
        del tmp_path  # it is on another machine
        host: Host = request.getfixturevalue("hosts")[0]
        user = f"u{secrets.token_hex(4)}"
        host.add_user(user)
        if part == "sh":
            host.hide("/usr/bin/python3")
        folder = f"/home/{user}/law"
        host.run(f"mkdir {folder}", user=user)
        server = host.server(user=user)
        try:
            yield Place(part, SshBackend(), server, HostMachine(host, user), folder)
        finally:
            host.end_user_processes()

    return make


#: Kinds of places that need real hosts, by name.
SSH_PLACES: Mapping[str, MakePlace] = {"ssh-python": _ssh("python"), "ssh-sh": _ssh("sh")}
