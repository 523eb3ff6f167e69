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


def _found(**environment: str) -> str | None:
    return World(0o22, {os.fsencode(k): os.fsencode(v) for k, v in environment.items()}, "/").bash


def test_bash_reads_the_script_where_it_is(bash: Path) -> None:
    """The first of the account's PATH is taken; a folder of that name is none."""
    folder = bash.parent.parent / "other"
    (folder / "bash").mkdir(parents=True)
    assert str(bash) == _found(PATH=f"/nowhere:{folder}:{bash.parent}:/bin")


@pytest.mark.parametrize(
    "name", ["BASH_ENV", "SHELLOPTS", "BASHOPTS", "POSIXLY_CORRECT", "BASH_FUNC_cd%%"]
)
def test_a_bash_with_a_will_of_its_own_does_not(bash: Path, name: str) -> None:
    """It would read a file before the job may run, tell secrets, or take functions for commands."""
    assert _found(**{"PATH": str(bash.parent), name: "xtrace"}) is None


@pytest.mark.parametrize("path", ["", ".", "bin", ":", "/nowhere"])
def test_a_bash_of_no_certain_place_does_not(
    bash: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of a PATH that begin wherever we are lead to whatever is there."""
    monkeypatch.chdir(bash.parent.parent)
    assert _found(PATH=path) is None


def test_no_environment_at_all() -> None:
    """An account without a PATH has a shell all the same."""
    assert _found() is None


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
    dropped = Command(place, world, b"A=b", bash=True)
    dropped.drop()
    assert 7 == os.waitstatus_to_exitcode(os.waitpid(dropped.pid, 0)[1])
    assert not place.has("ran")
    released = Command(place, world, b"A=b", bash=True)
    assert released.start > 0
    assert not place.has("ran")
    released.release()
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(released.pid, 0)[1])
    assert b"wait / run 027\n" == place.read("ran")


@pytest.mark.parametrize("spawns", [True, False], ids=["spawned", "forked"])
def test_a_bash_that_cannot_be_started(
    place: Folder, spawns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was removed meanwhile, or is no program: sh reads the script."""
    if not spawns:
        monkeypatch.delattr(os, "posix_spawn")
    world = World(0o22, {}, "/")
    world.bash = "/nowhere/bash"
    command = Command(place, world, b"A=b", bash=True)
    command.release()
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(command.pid, 0)[1])
    assert place.has("ran")


def test_a_shell_that_cannot_be_started(place: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launch is refused, and says which shell and why."""
    monkeypatch.setattr("buildorch.remote.agent.command.SH", "/nowhere/sh")
    with pytest.raises(Refused) as refused:
        Command(place, World(0o22, {}, "/"), b"A=b", bash=True)
    assert ("state", "/nowhere/sh: No such file or directory") == refused.value.args
