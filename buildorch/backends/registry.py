"""Backends by name; each is made, and its module loaded, when the first server asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from buildorch.errors import UsageError
from buildorch.ports import Backend


class Backends:
    """Returns backends by the name that `Server.backend` has.

    Args:
        own: Backends of the caller's own by name; they win.
        home: State folder of this machine, for the backend `local`.
    """

    def __init__(self, own: Mapping[str, Backend], home: Path) -> None:
        self._made: dict[str, Backend] = dict(own)
        self._home = home

    def __call__(self, name: str) -> Backend:
        """Return the backend *name*, the same one each time.

        Raises:
            UsageError: There is none of this name.
        """
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> Backend:
        if name == "ssh":
            from buildorch.backends.ssh import SshBackend  # noqa: PLC0415 - fabric takes long to import

            return SshBackend()
        if name == "local":
            from buildorch.backends.local import LocalBackend  # noqa: PLC0415 - only where it is used

            return LocalBackend(home=self._home)
        raise UsageError(
            f"there is no backend {name!r}; a server's backend is `ssh` or `local`, or one that is "
            "given to the run by this name"
        )
