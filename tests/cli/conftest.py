"""Somebody at a shell for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from buildorch.cli.commands import commands
from buildorch.cli.program import Program
from cli.terminal import Terminal
from cli.user import Outcome, User

#: The program in this process: quick, for words and texts.
Here = Callable[..., Outcome]


@pytest.fixture(name="user")
def _user(tmp_path: Path) -> Iterator[User]:
    user = User.at(tmp_path)
    yield user
    user.leave()


@pytest.fixture(name="here")
def _here(user: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Give a function that runs the program in this process, in the user's folder."""
    monkeypatch.chdir(user.folder)
    monkeypatch.setenv("BUILDORCH_HOME", user.environ["BUILDORCH_HOME"])
    monkeypatch.setenv("HOME", user.environ["HOME"])
    monkeypatch.delenv("BUILDORCH_CONFIG", raising=False)
    program = Program(commands(), lambda: "1.2.3")

    def run(*words: str) -> Outcome:
        code = program.code_of(words)
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return run


@pytest.fixture(name="terminal")
def _terminal(user: User) -> Iterator[Terminal]:
    """Give a terminal with a shell in it, in the user's folder."""
    terminal = Terminal(user)
    yield terminal
    terminal.close()
