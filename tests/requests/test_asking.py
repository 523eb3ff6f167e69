"""`build` and `request` at a shell: real runs, from each place that a text comes from."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from cli.terminal import Terminal
from cli.user import User, until

REQUEST = """\
pipeline:
  1. yocto: build linux-s32
  2. host: build container-manager (after 1)
  3. test: run tests (after 2)
"""


def log(user: User, stage: str) -> str:
    """Return the log of a stage of the newest run."""
    path = user.folder / "results" / "latest" / stage / "attempt-1.log"
    return path.read_text(encoding="utf-8")


def test_build_runs_what_the_build_type_says(user: User) -> None:
    """`build ALIAS TARGET` runs the command of the server's build type, and shows it before."""
    outcome = user.run("build", "host", "container-manager")
    assert outcome.code == 0, outcome.err
    assert log(user, "host-build-container-manager") == "[--module]\n[container-manager]\n"
    shown, _, told = outcome.err.partition("started by")
    assert "./build.py --module container-manager" in shown
    assert "succeeded" in told
    assert not outcome.out


def test_a_target_is_never_read_by_the_shell(user: User) -> None:
    """A target is one argument of the program, whatever stands in it."""
    outcome = user.run("build", "host", "$(touch seen); `id` 'x' \"y\"", "--quiet")
    assert outcome.code == 0, outcome.err
    [folder] = (user.folder / "results" / "latest").glob("host-build-*")
    assert log(user, folder.name) == "[--module]\n[$(touch seen); `id` 'x' \"y\"]\n"


@pytest.mark.parametrize("place", ["file", "stdin", "argument"])
def test_a_request_runs_from_wherever_it_comes(user: User, place: str) -> None:
    """A request in a file, on stdin or as an argument is the same run, in its order."""
    user.write("request.txt", REQUEST)
    words = {"file": "request.txt", "stdin": "-", "argument": REQUEST}[place]
    outcome = user.run("request", words, "--json", stdin=REQUEST.encode())
    assert outcome.code == 0, outcome.err
    stages = outcome.last["stages"]
    assert list(stages) == ["yocto-build-linux-s32", "host-build-container-manager", "test-run"]
    assert {one["status"] for one in stages.values()} == {"succeeded"}
    began = [
        line["stage"]
        for line in map(json.loads, outcome.out.splitlines())
        if line["event"] == "attempt_started"
    ]
    assert began == list(stages)


def test_two_side_by_side(user: User) -> None:
    """`parallel:` in one line runs its items without an order."""
    outcome = user.run("request", "parallel:", "host:", "build", "vam,", "host:", "build", "dpm")
    assert outcome.code == 0, outcome.err
    assert log(user, "host-build-vam").endswith("[vam]\n")
    assert log(user, "host-build-dpm").endswith("[dpm]\n")


def test_a_failure_is_the_runs(user: User) -> None:
    """What is asked for fails as any run does: with 1, and what follows is skipped."""
    text = "sequential: yocto: fail; host: build vam"
    outcome = user.run("request", text, "--json")
    assert outcome.code == 1
    found = {name: one["status"] for name, one in outcome.last["stages"].items()}
    assert found == {"yocto-fail": "failed", "host-build-vam": "skipped"}


def test_dry_run_says_it_and_runs_nothing(user: User) -> None:
    """`--dry-run` writes to stdout what would run."""
    outcome = user.run("build", "yocto", "linux-s32", "linux-x", "--dry-run")
    assert outcome.code == 0
    assert "yocto-build-linux-s32, on yocto-builder" in outcome.out
    assert "yocto-build-linux-x, on yocto-builder" in outcome.out
    assert not (user.folder / "results").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["request", "r.txt"], "r.txt:2:3: unknown server 'yocot'; did you mean 'yocto'?"),
        (["request", "r.txt"], "r.txt:3:3: the build type build.py has no verb 'bild'"),
        (["request", "r.txt"], "    2. host: bild vam (after 1)"),
        (["request", "r.txt"], "r.txt:4:3: a quote has no end"),
        (["build", "yocto", "linux-s3"], "has no target 'linux-s3'; did you mean 'linux-s32'?"),
        (["build", "plain", "x"], "server 'plain' has no build type"),
        (["build", "yocto", "linux-x", "--verb", "biuld"], "has no verb 'biuld'; did you mean"),
        (["request", "r.tx"], "there is no file r.tx; did you mean r.txt?"),
        (["request", "p.yaml"], "no request but a pipeline: `buildorch run p.yaml`"),
        (["request", "latin.txt"], "latin.txt:2: a byte that is no UTF-8"),
        (["request", "."], ". cannot be read"),
        (["request"], "stdin: the request is empty"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(
    user: User, words: list[str], said: str
) -> None:
    """Every mistake ends with 2, with the line that has it and the nearest that is known."""
    user.write("r.txt", 'pipeline:\n  1. yocot: build x\n  2. host: bild vam (after 1)\n  3. a: "b')
    (user.folder / "latin.txt").write_bytes(b"parallel:\n- host: build gr\xfc\xdf\n")
    outcome = user.run(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert not (user.folder / "results").exists()


def test_words_of_other_commands_are_taken(user: User) -> None:
    """`run FILE` and `status` in a request do what these commands do."""
    user.stages("good", a="echo hi")
    assert user.run("request", "run good.yaml").code == 0
    assert log(user, "a") == "hi\n"
    shown = user.run("request", "-", stdin=b"status\n")
    assert shown.code == 0
    assert "good" in shown.out
    assert "good" in user.run("request", "status").out


def test_a_stopped_build_runs_its_hook(user: User) -> None:
    """The stop hook runs on the server when the build is cancelled; the log has its words."""
    process = user.start("build", "yocto", "--verb", "nap")
    until(user.log_has("yocto-nap", "napping"))
    begun = time.monotonic()
    assert user.run("cancel", "last").code == 0
    assert user.ends(process).code == 130
    assert log(user, "yocto-nap") == "napping\nstopped by the hook\n"
    assert time.monotonic() - begun < 8, "it waited for the end of the grace period"


@pytest.fixture(name="terminal")
def _terminal(user: User) -> Terminal:
    return Terminal(user)


def test_a_terminal_is_asked(user: User, terminal: Terminal) -> None:
    """On a terminal the plan is shown and a question asked; a no runs nothing, a yes runs it."""
    try:
        terminal.command("$B build host vam")
        terminal.until("Run it? [Y/n] ")
        assert "./build.py --module vam" in terminal.text
        terminal.type("n\r")
        terminal.until("nothing was run")
        assert not Path(user.folder / "results").exists()
        terminal.command("$B build host vam; echo code=$?")
        terminal.until("Run it? [Y/n] ")
        terminal.type("\r")
        terminal.until("code=0")
        terminal.command("$B request --yes 'host: build dpm'; echo code=$?")
        terminal.until("code=0")
        assert "Run it?" not in terminal.text
    finally:
        terminal.close()
    assert log(user, "host-build-dpm").endswith("[dpm]\n")
