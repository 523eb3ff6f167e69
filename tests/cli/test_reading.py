"""logs and analyze: what a build wrote, and what that means."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from cli.conftest import Here
from cli.user import User, signalled, until

LOG = b"""\
cc -c a.c
a.c:3:1: warning: unused
cc -c b.c
b.c:7:2: error: no such thing
make: *** [b.o] Error 1
"""

FOUND = {
    "errors": 1,
    "warnings": 1,
    "first_error": {
        "line": 4,
        "text": "b.c:7:2: error: no such thing",
        "file": "b.c",
        "source_line": 7,
    },
    "progress": None,
    "tool": "make",
    "summary": None,
}

RETRIED = """\
name: again
retry: 1
stages:
  - name: a
    command: |
      [ -e second ] || { echo first; touch second; exit 3; }
      echo second; while [ ! -e go ]; do sleep 0.05; done; echo done
  - name: b
    command: "true"
    depends_on: a
"""


@pytest.mark.parametrize("words", [("b.log",), ("-",), ()])
def test_a_log_is_analysed(user: User, words: tuple[str, ...]) -> None:
    """A file, `-` and a pipe give the same: counts and the first real error."""
    (user.folder / "b.log").write_bytes(LOG)
    told = user.run("analyze", *words, stdin=LOG)
    assert (told.code, told.err) == (0, "")
    assert told.out == "make: 1 error, 1 warning\nline 4: b.c:7:2: error: no such thing\n"
    found = user.run("analyze", *words, "--json", stdin=LOG)
    assert (found.code, found.last) == (0, FOUND)


def test_a_tool_can_be_named(user: User, here: Here) -> None:
    """`--as` says what wrote a log; a tool that is unknown is refused with the nearest."""
    (user.folder / "b.log").write_bytes(LOG)
    assert json.loads(here("analyze", "b.log", "--as", "make", "--json").out)["tool"] == "make"
    odd = here("analyze", "b.log", "--as", "mkae")
    assert (odd.code, odd.err) == (
        2,
        "buildorch: --as: unknown tool 'mkae'; did you mean 'make'?\n",
    )


def test_a_log_that_is_not_there(here: Here) -> None:
    """A log that cannot be read is told by its name."""
    gone = here("analyze", "gone.log", "--json")
    assert (gone.code, gone.out) == (2, "")
    assert gone.err == "buildorch: cannot read the log gone.log: No such file or directory\n"


def test_a_log_is_printed_byte_for_byte(user: User) -> None:
    """Whatever bytes a build writes, `logs` writes them again."""
    user.write("raw.py", "import os; os.write(1, bytes(range(256)) * 300)")
    user.stages("raw", a="python3 raw.py")
    user.run("run", "raw.yaml")
    with Path(user.folder / "out").open("wb") as out:
        assert user.start("logs", stdout=out).wait() == 0
    assert (user.folder / "out").read_bytes() == bytes(range(256)) * 300


def test_the_first_error_is_shown_with_its_neighbours(user: User, here: Here) -> None:
    """`--errors` shows the place in the log, safe for a terminal."""
    user.write("log", "\n".join(f"line {n}" for n in range(20)) + "\n\033[31mb.c:1: error: no\n")
    user.stages("bad", a="cat log; seq 100; exit 1")
    user.run("run", "bad.yaml")
    shown = here("logs", "last", "a", "--errors")
    assert shown.code == 0
    path = (user.folder / "results" / "latest").resolve() / "a" / "attempt-1.log"
    assert shown.out.splitlines() == [
        f"{path}:21",
        *(f"line {n}" for n in range(15, 20)),
        "b.c:1: error: no",
        *map(str, range(1, 6)),
    ]


def test_a_log_without_an_error(user: User, here: Here) -> None:
    """Where no error is known, `--errors` says so and shows the end."""
    user.stages("good", a="seq 30")
    user.run("run", "good.yaml")
    shown = here("logs", "last", "--errors").out.splitlines()
    assert shown[0].endswith("attempt-1.log: no error was recognised; it ends with:")
    assert shown[1:] == [str(n) for n in range(16, 31)]


def test_a_log_is_followed_through_its_retries(user: User) -> None:
    """`-f` prints what comes, from the newest attempt on, until the stage has ended."""
    user.write("again.yaml", RETRIED)
    run = user.run("run", "again.yaml", "--detach").out.strip()
    with user.gone(run):
        second = user.folder / "results" / "latest" / "a" / "attempt-2.log"
        until(lambda: second.exists() and "second" in second.read_text())
        whole = user.start("logs", "last", "a", "-f")
        first = user.run("logs", "last", "a", "-f", "--attempt", "1")
        assert (first.code, first.out) == (0, "first\n")
        assert user.run("logs", "last", "a", "--attempt", "1").out == "first\n"
        user.write("go", "")
        assert user.ends(whole).out == "second\ndone\n"
        assert user.run("logs", "last", "a").out == "second\ndone\n"


def test_following_a_stage_that_never_ran_says_why(user: User, here: Here) -> None:
    """`-f` of a stage without a log is not silent."""
    user.stages("bad", a="exit 1", b="true")
    user.run("run", "bad.yaml")
    outcome = here("logs", "last", "b", "-f")
    assert (outcome.code, outcome.out) == (0, "")
    assert user.plain(outcome.err) == "stage b of run RUN has no log: it is skipped (a failed)\n"


def test_following_a_run_that_nobody_drives_ends(user: User) -> None:
    """When the controller dies, `-f` ends with 75 and says how the run is picked up."""
    user.stages("slow", a="echo begun; sleep 60", b="true")
    controller = user.start("run", "slow.yaml")
    until(user.log_has("a", "begun"))
    following = user.start("logs", "last", "a", "-f")
    assert following.stdout is not None
    assert following.stdout.readline() == "begun\n"
    signalled(controller, signal.SIGKILL)
    controller.communicate()
    outcome = user.ends(following)
    run = user.run("status", "--json").last["run"]
    with user.gone(run):
        assert outcome.code == 75
        assert f"nobody drives run {run} any more" in outcome.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "run RUN has 2 stages; name one: a, b"),
        (["last", "c"], "run RUN has no stage 'c'; known: a, b"),
        (["last", "b"], "stage b of run RUN has no log: it is skipped (a failed)"),
        (["last", "b", "--errors"], "stage b of run RUN has no log: it is skipped (a failed)"),
        (["last", "a", "--attempt", "2"], "stage a of run RUN has no attempt 2; it had 1"),
        (["last", "a", "--attempt", "x"], "--attempt takes a whole number above 0, not 'x'"),
    ],
)
def test_logs_that_are_not_there(user: User, here: Here, words: list[str], said: str) -> None:
    """What cannot be shown is told with the reason, and ends with 2."""
    user.stages("bad", a="exit 1", b="true")
    user.run("run", "bad.yaml")
    outcome = here("logs", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert user.plain(outcome.err) == f"buildorch: {said}\n"


def test_a_stage_in_place_of_a_run(user: User, here: Here) -> None:
    """Who names the stage alone is told how."""
    user.stages("bad", a="exit 1", b="true")
    user.run("run", "bad.yaml")
    assert here("logs", "b").err.endswith(
        "; for a stage of the newest run write `buildorch logs last b`\n"
    )


def test_a_log_that_was_removed(user: User, here: Here) -> None:
    """A log that somebody removed is named as such."""
    user.stages("good", a="true")
    user.run("run", "good.yaml")
    path = (user.folder / "results" / "latest").resolve() / "a" / "attempt-1.log"
    path.unlink()
    gone = here("logs")
    assert gone.code == 2
    assert f"the log {path} of stage a" in gone.err
    assert "is gone: somebody removed it" in gone.err
