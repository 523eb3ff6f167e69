"""Which file system a folder is on, told without asking the disk."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from contract.talk import talk
from hypothesis import given
from hypothesis import strategies as st

from buildorch.remote.agent.mounts import file_system, unguarded, unlockable
from remote.machines import ShellBackend, environment, machine

_MOUNTS = rb"""22 27 0:20 / /proc rw,nosuid - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 0:35 / /workspace rw,relatime shared:2 master:1 - nfs4 server:/builds rw,vers=4.2
41 40 0:36 / /workspace/local rw,relatime - xfs /dev/vdb rw
42 27 0:37 / /with\040space rw - cifs //server/x rw
43 27 0:38 / /twice rw - ext4 /dev/vdc rw
44 27 0:39 / /twice rw - nfs server:/y rw
half a line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/home/build", "ext4"),
        ("/workspace", "nfs4"),
        ("/workspace/", "nfs4"),
        ("/workspace/poky", "nfs4"),
        ("/workspaces", "ext4"),
        ("/workspace/local/poky", "xfs"),
        ("/with space/x", "cifs"),
        ("/twice/x", "nfs"),
    ],
)
def test_file_systems(path: str, kind: str) -> None:
    """A path is on what is mounted last at the longest part of it."""
    assert file_system(path, _MOUNTS) == kind


@given(st.binary(max_size=200))
def test_odd_tables(text: bytes) -> None:
    """A table that nobody understands tells nothing, and is no error."""
    assert isinstance(file_system("/a", text), str)


def test_local_folders_are_no_finding(tmp_path: Path) -> None:
    """A folder of this machine alone is fine, for builds and for the state."""
    assert unguarded(str(tmp_path), "/home") == []
    assert unlockable(str(tmp_path)) == []


@pytest.mark.parametrize("part", ["python", "sh"])
@pytest.mark.parametrize("workdir", ["~/poky", "poky", "/tmp", "/no/such 'place'"])
def test_a_workdir_is_looked_at(tmp_path: Path, workdir: str, part: str) -> None:
    """Both parts take any workdir when they begin, and find nothing wrong with a local one."""
    place = machine(tmp_path, ShellBackend(environment(tmp_path), prefer=part))
    place = attrs.evolve(place, server=attrs.evolve(place.server, workdir=workdir))
    with talk(place) as link:
        assert not [text for text in link.session.facts.missing if "workdir" in text]
        assert link.end("true").ok
