"""Laws of the state folder."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from buildorch.errors import StoreUnwritable
from buildorch.store.places import NETWORK_FILE_SYSTEMS, file_system, refuse_network, state_places

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw,relatime shared:2 - nfs4 server:/home rw
31 30 0:41 / /home/mina/local rw - ext4 /dev/sdb1 rw
32 22 0:42 / /mnt/with\040space rw master:3 propagate_from:2 - cifs //server/share rw
33 22 0:43 / /twice rw - nfs server:/twice rw
34 33 0:44 / /twice rw - tmpfs tmpfs rw
broken line
"""


def test_the_variable_names_the_folder_and_it_is_private(tmp_path: Path) -> None:
    """`BUILDORCH_HOME` wins; the folder and all in it are made 0700."""
    places = state_places({"BUILDORCH_HOME": str(tmp_path / "a" / "home")})
    assert places.home == tmp_path / "a" / "home"
    made = [places.home, *places.home.iterdir()]
    assert {0o700} == {stat.S_IMODE(path.stat().st_mode) for path in made}
    assert places.controller_log("r1").parent.is_dir()
    assert places == state_places({"BUILDORCH_HOME": str(tmp_path / "a" / "home")})


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    """Somebody else's folder is never closed to others by naming it."""
    tmp_path.chmod(0o755)
    state_places({"BUILDORCH_HOME": str(tmp_path)})
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_without_the_variable_the_platform_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state folder is the platform's, for example below XDG_STATE_HOME."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_places({}).home == tmp_path / "buildorch"


def test_a_relative_folder_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later change of directory does not move the state."""
    monkeypatch.chdir(tmp_path)
    assert state_places({"BUILDORCH_HOME": "here"}).home == tmp_path / "here"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The error says which folder, why, and which variable names another one."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnwritable, match=r"file/home.*Not a directory.*BUILDORCH_HOME"):
        state_places({"BUILDORCH_HOME": str(tmp_path / "file" / "home")})


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/home/mina/.local/state", "nfs4"),
        ("/home/mina/local/state", "ext4"),
        ("/home/mina/locale", "nfs4"),
        ("/homely", "ext4"),
        ("/mnt/with space/x", "cifs"),
        ("/twice", "tmpfs"),
        ("/", "ext4"),
    ],
)
def test_the_innermost_newest_mount_counts(folder: str, expected: str) -> None:
    """A folder is on the mount that is nearest to it, and on the last one of that place."""
    assert file_system(Path(folder), MOUNTS) == expected


def test_unknown_mounts_are_no_reason_to_refuse() -> None:
    """Where the system does not say what is mounted, nothing is refused."""
    assert not file_system(Path("/x"), "")
    refuse_network(Path("/x"), "")
    refuse_network(Path("/var/lib"), MOUNTS)


@pytest.mark.parametrize("kind", sorted(NETWORK_FILE_SYSTEMS))
def test_a_network_file_system_is_refused(kind: str) -> None:
    """Neither locks nor the database are safe there: the error names the variable."""
    mounts = f"1 1 0:1 / / rw - {kind} server:/x rw"
    with pytest.raises(StoreUnwritable, match=rf"is on {kind}.*BUILDORCH_HOME"):
        refuse_network(Path("/state"), mounts)
