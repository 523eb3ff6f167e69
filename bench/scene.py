"""The hosts that contenders work on, and how they are told of them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs
from hosts.bed import Bed
from hosts.commands import run
from hosts.host import Host

#: How many hosts are made at first: most rows need no more.
_FEW = 3


@attrs.frozen
class Scene:
    """Some real hosts, each with an sshd as Debian ships it.

    Attributes:
        bed: Where they stand.
        hosts: They.
    """

    bed: Bed
    hosts: Sequence[Host]

    @property
    def ssh_config(self) -> Path:
        """An ssh_config that knows the hosts by name: `h1`, `h2`, ..."""
        return self.bed.client / "ssh_config"

    @property
    def names(self) -> list[str]:
        """The names of the hosts."""
        return [host.name for host in self.hosts]

    @property
    def told(self) -> Path:
        """A JSON file that tells a program of the hosts: names, addresses, user, key."""
        client = self.bed.client
        path = client / f"hosts-{len(self.hosts)}.json"
        world = {
            "user": "build",
            "key": str(client / "id_ed25519"),
            "known_hosts": str(client / "known_hosts"),
            "ssh_config": str(self.ssh_config),
            "hosts": [{"name": h.name, "address": h.network.address} for h in self.hosts],
        }
        path.write_text(json.dumps(world))
        return path


class Scenes:
    """Makes hosts when they are asked for, and removes them all in the end."""

    def __init__(self) -> None:
        self._bed: Bed | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def hosts(self, count: int) -> Scene:
        """Return the first *count* hosts; more than there are make all anew."""
        if self._bed is None or len(self._bed.hosts) < count:
            self._remove()
            self._bed = Bed()
            self._mount(self._bed.folder)
            self._bed.make(max(count, _FEW))
        return Scene(self._bed, self._bed.hosts[:count])

    @staticmethod
    def _mount(folder: Path) -> None:
        """Keep the hosts' disks in memory.

        For minutes after many files were removed ext4 is slow to make new ones, and each row
        removes many: what a row measures must not hang on the row before it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", "mode=755", "bench", folder)

    def _remove(self) -> None:
        if self._bed is not None:
            self._bed.remove()
            run("umount", "-l", self._bed.folder)
            with contextlib.suppress(OSError):  # hosts of others may have been made meanwhile
                self._bed.folder.rmdir()
            self._bed = None
