"""What a chat room shows of real runs: what broke, what was mended, what belongs together."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from notifiers.room import Post, Room, open_room

from cli.user import Outcome, User, until

#: A module of a build that wants a package which is not there, as line 41 of its file.
_CMAKE = "cmake_minimum_required(VERSION 3.16)\nproject(ccu2 NONE)\nadd_subdirectory({module})\n"
_MODULE = "\n" * 40 + "find_package(SntCommon REQUIRED)\n"


@pytest.fixture(name="room")
def _room() -> Iterator[Room]:
    """Give a chat room."""
    with open_room() as room:
        yield room


class Chat:
    """A user whose runs are told in a room."""

    def __init__(self, user: User, room: Room, kind: str = "webhook", language: str = "en") -> None:
        self.user = user
        self.room = room
        options = {name: value for name, value in room.options(kind).items() if name != "webhook"}
        options["via"] = "telegram" if kind == "telegram" else "discord"
        if kind != "webhook":
            options["token"] = {"secret": "CHAT_TOKEN"}  # type: ignore[assignment]
        config = {"notifications": {"chat": options}, "language": language}
        user.write("buildorch.yaml", json.dumps(config))
        self.environ = {
            "BUILDORCH_CHAT_WEBHOOK": room.options("webhook")["webhook"],
            "CHAT_TOKEN": room.options("bot")["token"],
        }
        if kind != "webhook":
            del self.environ["BUILDORCH_CHAT_WEBHOOK"]

    def run(self, *words: str) -> Outcome:
        """Run the program with what the channel needs."""
        return self.user.run(*words, stdin=None, **self.environ)

    def about(self, words: str) -> list[Post]:
        """Return what stands in the room whose first line has *words*."""
        posts = self.room.posts.values()
        return [post for post in posts if words in post.text.replace("\\", "").split("\n")[0]]

    def text(self, words: str) -> str:
        """Return the text of the one such message, the newest run as RUN."""
        (post,) = self.about(words)
        return post.text.replace("\\", "")


def _cmake_source(folder: Path, module: str) -> None:
    (folder / module).mkdir()
    (folder / "CMakeLists.txt").write_text(_CMAKE.format(module=module))
    (folder / module / "CMakeLists.txt").write_text(_MODULE)


def _pipeline(user: User, name: str, stages: str) -> None:
    user.write(f"{name}.yaml", f"name: {name}\nstages:\n" + dedent(stages))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["FAILED: host-build", "Error: CMake error in container-manager"]),
        ("ko", ["실패: host-build", "오류: container-manager CMake 오류"]),
    ],
)
def test_a_cmake_failure_is_told_by_its_module(
    user: User, room: Room, language: str, words: list[str]
) -> None:
    """The alert of a real CMake failure: module, file, line and the package that is missing."""
    _cmake_source(user.folder, "container-manager")
    chat = Chat(user, room, language=language)
    _pipeline(
        user,
        "ccu2",
        """\
          - {name: host-build, command: cmake -S . -B out}
          - {name: integration-test, command: "true", depends_on: host-build}
        """,
    )
    assert chat.run("run", "ccu2.yaml").code == 1
    text = chat.text(words[0])
    lines = text.splitlines()
    assert words[1] == lines[1]
    missing = "SntCommon 없음" if language == "ko" else "SntCommon not found"
    assert lines[2] == f"CMakeLists.txt:41 find_package: {missing}"
    assert any("FindSntCommon.cmake" in line for line in lines[3:6]), "no neighbourhood of the log"
    assert "integration-test" in text
    (run,) = {line.split()[2] for line in lines if line.startswith("buildorch ")}
    assert lines[-2:] == [f"buildorch logs {run} host-build", f"buildorch retry {run}"]
    assert user.run("status", run, "--json").code == 0, "the command of the alert works"
    assert len(text) < 800, "it does not fit a phone"
    (files,) = [post.files for post in chat.about(words[0])]
    assert "CMake Error" in files["host-build-attempt-1.txt"]


_ONCE = "if [ -e tried ]; then echo mended; else touch tried; echo 'x.c:1:1: error: no'; false; fi"


@pytest.mark.parametrize("kind", ["webhook", "telegram"])
def test_a_recovery_belongs_to_its_failure(user: User, room: Room, kind: str) -> None:
    """The retried attempt answers or completes the alert, and is told once."""
    chat = Chat(user, room, kind)
    _pipeline(user, "one", f"  - {{name: a, retry: 1, command: {json.dumps(_ONCE)}}}")
    assert chat.run("run", "one.yaml").code == 0
    (failed,), (recovered,) = chat.about("FAILED: a"), chat.about("RECOVERED: a")
    if kind == "webhook":
        assert "Recovered with attempt 2" in failed.text
    else:
        numbers = {id(post): number for number, post in room.posts.items()}
        assert recovered.answers == numbers[id(failed)]
        assert "Recovered" not in failed.text


def test_a_resumed_run_completes_the_same_alert(user: User, room: Room) -> None:
    """The controller is killed after the alert; the next one knows the service's number of it."""
    chat = Chat(user, room)
    waits = f"{_ONCE}; until [ -e go ]; do sleep 0.05; done"
    second = f"if [ -e tried ]; then {waits}; else {_ONCE}; fi"
    _pipeline(user, "one", f"  - {{name: a, retry: 1, command: {json.dumps(second)}}}")
    process = user.start("run", "one.yaml", "--json", environ=chat.environ)
    until(lambda: chat.about("FAILED: a") and chat.about("FAILED: a")[0].files)
    log = user.folder / "results" / "latest" / "a" / "attempt-2.log"
    until(lambda: log.exists() and "mended" in log.read_text())
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    user.write("go", "")
    assert chat.run("resume").code == 0
    (failed,) = chat.about("FAILED: a")
    assert "Recovered with attempt 2" in failed.text
    assert len(chat.about("RECOVERED: a")) == 1


def test_a_retried_run_belongs_to_the_run_that_it_repeats(user: User, room: Room) -> None:
    """The end of the run that failed says what became of it, and the end of the new one as well."""
    chat = Chat(user, room)
    user.stages("two", a="true", b="test -e mended")
    assert chat.run("run", "two.yaml").code == 1
    user.write("mended", "")
    assert chat.run("retry").code == 0
    (failed,) = chat.about("Pipeline FAILED: two")
    notes = failed.text.replace("\\", "").splitlines()[-2:]
    assert "Retried by" in notes[0]
    assert "is complete" in notes[1]


def test_what_is_fixed_is_told_once(user: User, room: Room) -> None:
    """A success after a failure says what is fixed since when; the next one does not."""
    chat = Chat(user, room)
    user.stages("two", a="true", b="echo 'x.c:1:1: error: no'; test -e mended")
    assert chat.run("run", "two.yaml").code == 1
    failed = chat.run("history", "--json").out.splitlines()[0]
    user.write("mended", "")
    for _ in range(2):
        assert chat.run("run", "two.yaml").code == 0
    first, second = (post.text.replace("\\", "") for post in chat.about("Pipeline complete"))
    short = json.loads(failed)["short"]
    assert f"Fixed since run {short}: b\nWas: x.c:1:1: error: no" in first
    assert "Fixed" not in second
    started = chat.about("Pipeline started")
    assert "Usually" not in started[1].text, "a failure says nothing of how long a success takes"
    assert "Usually" in started[2].text


_FETCH = "echo \"curl: (6) Could not resolve host: x\" >&2; echo 'make: *** [get] Error 6'; exit 2"
_TESTS = "echo '===== test session starts ====='; echo '===== no tests ran in 0.02s ====='; exit 5"


def test_a_retry_by_cause_repeats_what_may_pass(user: User, room: Room) -> None:
    """The network is tried again, source that does not compile is not, and both are told."""
    chat = Chat(user, room)
    retry = "retry: {times: 1, on: [network, lost, board]}"
    once = f"if [ -e tried ]; then true; else touch tried; {_FETCH}; fi"
    _pipeline(
        user,
        "causes",
        f"""\
          - {{name: fetch, {retry}, command: {json.dumps(once)}}}
          - {{name: compile, {retry}, command: "echo 'x.c:1:1: error: no'; exit 1"}}
          - {{name: tests, {retry}, command: {json.dumps(_TESTS)}}}
        """,
    )
    done = chat.run("run", "causes.yaml", "--json")
    stages = done.last["stages"]
    assert {name: stage["attempts"] for name, stage in stages.items()} == {
        "fetch": 2,
        "compile": 1,
        "tests": 1,
    }
    assert stages["fetch"]["status"] == "succeeded"
    assert stages["tests"]["reason"] == "pytest: no tests"
    assert "Retry 1 of 1 starts in 5s" in chat.text("FAILED: fetch")
    assert "pytest found no tests" in chat.text("FAILED: tests")
