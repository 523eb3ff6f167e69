"""How the program ends: its exit code, and nothing but words for whoever made a mistake."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from buildorch.cli.command import Command, Commands
from buildorch.cli.program import Program
from buildorch.errors import (
    ConnectRefused,
    DefinitionError,
    Problem,
    RunNotFound,
    RunOwned,
    StoreDamaged,
    UsageError,
)
from cli.conftest import Here
from cli.user import User

SCREENS = ("fabric", "paramiko", "structlog", "rich.console", "apprise")
HEAVY = (*SCREENS, "networkx", "ruamel.yaml")


def _ending(what: Callable[[], object]) -> int:
    only = Commands({"command": "End as the test says."}, lambda _: Command(body=what))
    return Program(only, lambda: "0").code_of(["command"])


def _raising(error: BaseException) -> Callable[[], object]:
    def what() -> object:
        raise error

    return what


REFUSED = ConnectRefused("h1 refused", server="h1", host="h1", port=22)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DefinitionError([Problem("no stages", "a.yaml", 3)]), 2, "a.yaml:3: no stages\n"),
        (UsageError("no such word"), 2, "buildorch: no such word\n"),
        (RunNotFound("no run"), 2, "buildorch: no run\n"),
        (RunOwned("is driven"), 2, "buildorch: is driven\n"),
        (StoreDamaged("not whole"), 3, "buildorch: not whole\n"),
        (REFUSED, 3, "buildorch: h1 refused\n"),
        (KeyboardInterrupt(), 130, ""),
        (SystemExit(5), 2, "buildorch: code of the pipeline ended the program with exit(5)\n"),
    ],
)
def test_errors_end_with_their_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each kind of error has its exit code and one message on stderr, without a traceback."""
    assert code == _ending(_raising(error))
    assert capsys.readouterr() == ("", said)


def test_a_defect_is_told_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    """What is nobody's mistake but ours ends with 70 and a traceback to report."""
    assert _ending(_raising(ZeroDivisionError("oops"))) == 70
    said = capsys.readouterr().err
    assert said.startswith("Traceback")
    assert said.endswith("buildorch: this is a defect; please report it\n")


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (75, 75)])
def test_a_command_gives_the_code(result: object, code: int) -> None:
    """What a command returns is the exit code; nothing is success."""
    assert code == _ending(lambda: result)


def test_a_reader_that_left_is_no_error(user: User) -> None:
    """`| head` ends the program quietly, also in the middle of a long output."""
    user.stages("long", print="seq 1 200000")
    assert user.run("run", "long.yaml", "-q").code == 0
    with subprocess.Popen(["head", "-1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as head:
        process = user.start("logs", "last", stdout=head.stdin)
        assert head.stdin is not None
        head.stdin.close()
        assert head.stdout is not None
        assert head.stdout.read() == b"1\n"
        assert process.communicate()[1] == ""
    assert process.returncode == 0


@pytest.mark.parametrize("words", [("history",), ("graph", "a.yaml"), ("--help",)])
def test_a_full_disk_is_told(user: User, words: tuple[str, ...]) -> None:
    """Output that cannot be written is no success."""
    user.stages("a", a="true")
    user.run("run", "a.yaml", "-q")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        process = user.start(*words, stdout=full)
        assert process.communicate()[1] == (
            "buildorch: stdout cannot be written: No space left on device\n"
        )
    assert process.returncode == 2


def test_it_runs_without_standard_streams(user: User) -> None:
    """A process without any standard stream runs a build, and writes into no file of it."""
    user.stages("a", a="echo hello")
    program = " ".join(user.words)
    done = subprocess.run(
        ["sh", "-c", f"exec {program} run a.yaml <&- >&- 2>&-"],
        cwd=user.folder,
        env=user.environ,
        check=False,
    )
    assert done.returncode == 0
    assert user.log_has("a", "hello\n")()
    assert user.run("status", "--json").last["status"] == "succeeded"


def test_odd_names_can_be_printed_anywhere(user: User) -> None:
    """A terminal that cannot write a character gets it escaped, and no traceback."""
    user.write("a.yaml", "name: 빌드\nstages: [{name: 가, command: 'true'}]\n")
    found = user.run("graph", "a.yaml", PYTHONIOENCODING="ascii")
    assert (found.code, found.out) == (0, "\\uac00 (local)\n")
    missing = user.run("run", "없.yaml", PYTHONIOENCODING="ascii")
    assert missing.code == 2
    assert "Traceback" not in missing.err


#: What drives a run, and what no command needs that only looks at one.
DRIVING = ("buildorch.assembly", "buildorch.runner.controller", "buildorch.notifiers")


#: What only looking at a run needs.
LOOKING = ("sqlite3", "cattrs", "buildorch.view", "buildorch.events")


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (
            "--help",
            (*HEAVY, *DRIVING, "asyncio", "invoke", "sqlite3", "cattrs", "importlib.metadata"),
        ),
        ("--version", (*HEAVY, *DRIVING, "asyncio", "invoke", "sqlite3", "cattrs")),
        ("run --help", (*HEAVY, "invoke")),
        ("status", (*HEAVY, *DRIVING, "asyncio", "invoke", "buildorch.analysis")),
        ("status --json", (*HEAVY, *DRIVING, "asyncio", "invoke", "buildorch.observers.board")),
        ("history", (*HEAVY, *DRIVING, "asyncio", "invoke", "buildorch.analysis")),
        ("wait", ("fabric", "paramiko", "networkx", "rich.console", "invoke")),
        ("check a.yaml", (*SCREENS, *DRIVING, *LOOKING, "asyncio", "invoke")),
    ],
)
def test_a_command_loads_what_it_needs(user: User, words: str, absent: tuple[str, ...]) -> None:
    """What a command does not need is not imported: counted in modules, not in milliseconds."""
    user.stages("a", a="true")
    if words.startswith(("status", "history", "wait")):
        user.run("run", "a.yaml", "-q")
    assert loaded(user, "from buildorch.cli import main; main()", words) & set(absent) == set()


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import buildorch", (*HEAVY, "asyncio", "attrs", "invoke")),
        ("import buildorch.api", (*HEAVY, "asyncio", "invoke")),
        ("import buildorch.cli.commands", (*HEAVY, "asyncio", "invoke")),
    ],
)
def test_imports_stay_light(user: User, code: str, absent: tuple[str, ...]) -> None:
    """What a module does not need when it is imported is imported when it is used."""
    assert loaded(user, code) & set(absent) == set()


def loaded(user: User, code: str, words: str = "") -> set[str]:
    """Return the names of the modules that a process has loaded when it ends."""
    told = f"""
import atexit, sys
sys.argv = ["buildorch", *{words.split()!r}]
atexit.register(lambda: print(*sys.modules))
{code}
"""
    done = subprocess.run(
        [sys.executable, "-c", told],
        cwd=user.folder,
        env=user.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_it_is_a_module_as_well(user: User) -> None:
    """`python -m buildorch` is the program."""
    assert user.run("--version").out.startswith("buildorch ")


def test_stages_are_told_apart(here: Here, user: User) -> None:
    """A run without stages left, and a stage that is none, end with 2."""
    user.stages("ab", a="true", b="true")
    unknown = here("run", "ab.yaml", "--only", "c", "--dry-run")
    assert (unknown.code, unknown.err) == (2, "only: unknown stage 'c'; known: a, b\n")
    nothing = here("run", "ab.yaml", "--skip", "a", "--skip", "b", "--dry-run")
    assert (nothing.code, nothing.err) == (
        2,
        "no stage is left to run; choose others with only, until or skip\n",
    )
