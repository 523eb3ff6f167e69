"""How a job's first process is started: by which shell, and that it waits for its word."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from buildorch.remote.agent.command import Command, World
from buildorch.remote.agent.folder import Folder, Refused

_FOUND = stat.S_IRUSR | stat.S_IXUSR


@pytest.fixture(name="bash")
def _bash(tmp_path: Path) -> Path:
    """Return the path of a bash of its own."""
    path = tmp_path / "bin" / "bash"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(_FOUND)
    return path


def _shell(**environment: str) -> str:
    return World(0o22, {os.fsencode(k): os.fsencode(v) for k, v in environment.items()}, "/").shell


def test_bash_reads_the_script_where_it_is(bash: Path) -> None:
    """The first of the account's PATH is taken."""
    assert str(bash) == _shell(PATH=f"/nowhere:{bash.parent}:/bin")


def test_a_bash_that_reads_a_file_first_does_not(bash: Path) -> None:
    """What BASH_ENV names could have effects before the job may: it is left to the command."""
    assert "/bin/sh" == _shell(PATH=str(bash.parent), BASH_ENV="~/.env")


@pytest.mark.parametrize("path", ["", ".", "bin", ":", "/nowhere"])
def test_a_bash_of_no_certain_place_does_not(
    bash: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of a PATH that begin wherever we are lead to whatever is there."""
    monkeypatch.chdir(bash.parent.parent)
    assert "/bin/sh" == _shell(PATH=path)


def test_no_environment_at_all() -> None:
    """An account without a PATH has a shell all the same."""
    assert "/bin/sh" == _shell()


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Folder:
    """Return a job's folder whose script writes a file when it is let go."""
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "log").touch()
    (folder / "enter").write_text(
        'IFS= read -r word && [ "$word" = go ] || exit 7\necho "$*" >"${0%/*}/ran"\n'
    )
    return Folder(str(folder), str(tmp_path / "end"))


@pytest.mark.parametrize("spawns", [True, False], ids=["spawned", "forked"])
def test_it_waits_for_its_word(
    place: Folder, spawns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs once it is released, and ends without having done anything where it is dropped."""
    if not spawns:
        monkeypatch.delattr(os, "posix_spawn")
    world = World(0o27, {}, "/")
    dropped = Command(place, world, b"A=b")
    dropped.drop()
    assert 7 == os.waitstatus_to_exitcode(os.waitpid(dropped.pid, 0)[1])
    assert not place.has("ran")
    released = Command(place, world, b"A=b")
    assert released.start > 0
    assert not place.has("ran")
    released.release()
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(released.pid, 0)[1])
    assert b"wait / run 027\n" == place.read("ran")


def test_a_shell_that_cannot_be_started(place: Folder) -> None:
    """The launch is refused, and says which shell and why."""
    world = World(0o22, {}, "/")
    world.shell = "/nowhere/bash"
    with pytest.raises(Refused) as refused:
        Command(place, world, b"A=b")
    assert ("state", "/nowhere/bash: No such file or directory") == refused.value.args
