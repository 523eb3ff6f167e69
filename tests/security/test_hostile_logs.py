"""Laws of a log that means harm: terminal, chat and memory come to none."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.sink import open_sink
from cli.terminal import Terminal
from cli.user import User
from hypothesis import given
from hypothesis import strategies as st
from notifiers.chat_server import chat_server

from buildorch.analysis import Analyzer, Legible, alert
from buildorch.analysis.lines import LIMIT
from buildorch.model import Channel
from buildorch.notifiers.build import make_notifier

#: What terminals obey, what reorders text, and what chats and web pages obey.
HOSTILE = (
    b"\x1b]8;;http://evil.example\x07link\x1b]8;;\x07",
    b"\x1b]52;c;cm0gLXJmIH4=\x07",
    b"\x1b]0;a title\x07\x1b[2J\x1b[H\x1b[6n\x1b[?1049h",
    b'\x1bP$q"p\x1b\\\x1bc\x1b[21t',
    b"\xc2\x9b31m\xc2\x9d52;c;eA==\xc2\x9c",
    "\u202ereversed\u202c \u2066x\u2069 \u200f\u061c\u2028".encode(),
    b"@everyone @here <@123> <@&5> <!channel> **b** ||s|| [x](http://evil.example) `c`",
    b"<script>alert(1)</script> <img src=x onerror=y> [red]markup[/red] {x} %s",
    b"over\rwritten\x08\x08\x08\x7f\x07\x00\x0e\x0f",
    b"\xff\xfe\xc3\x28 \xed\xa0\x80 broken",
)
LOG = b"\n".join(b"error: " + one for one in HOSTILE) + b"\n" + b"x" * 100_000 + b"\nerror: end"


def unsafe(text: str) -> set[str]:
    """Return the characters of *text* that a terminal could obey or that reorder it."""
    return {
        f"U+{ord(char):04X}"
        for char in text
        if (char != "\n" and (unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"}))
        or char in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    }


pieces = st.lists(st.one_of(st.sampled_from(HOSTILE), st.binary(max_size=20), st.just(b"\n")))


@given(parts=pieces, cuts=st.sets(st.integers(0, 400)))
def test_nothing_that_a_terminal_obeys_is_shown_however_it_is_cut(
    parts: list[bytes], cuts: set[int]
) -> None:
    """Whole or in pieces, also through an escape sequence or a character, a log reads the same."""
    data = b"".join(parts)
    whole, shown = Legible(), Legible()
    expected = whole.feed(data) + whole.end()
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    text = "".join(shown.feed(data[a:b]) for a, b in itertools.pairwise(places))
    assert expected == text + shown.end()
    assert set() == unsafe(expected)


@given(parts=pieces)
def test_what_is_told_of_a_log_is_harmless(parts: list[bytes]) -> None:
    """First error, alert, last line and the JSON of an analysis."""
    analyzer = Analyzer()
    analyzer.feed(b"error: " + b"".join(parts))
    found = analyzer.finish()
    error = found.first_error.text if found.first_error is not None else ""
    for text in (alert(found) or "", found.last_line or "", found.summary or "", error):
        assert set() == unsafe(text)
    assert json.dumps(found.as_dict())


@pytest.fixture(name="user")
def _user(tmp_path: Path) -> Iterator[User]:
    user = User.at(tmp_path)
    (user.folder / "hostile.log").write_bytes(LOG)
    stage = f"{{name: a, workdir: {user.folder}, command: 'cat hostile.log; exit 1'}}"
    user.write("h.yaml", f"name: h\nstages:\n- {stage}\n")
    yield user
    user.leave()


def test_logs_are_raw_in_a_pipe_and_legible_on_a_terminal(user: User) -> None:
    """`logs` gives a program every byte, and a person what they can read."""
    assert 1 == user.run("run", "h.yaml").code
    raw = subprocess.run(
        [*user.words, "logs", "last", "a"], cwd=user.folder, env=dict(user.environ),
        capture_output=True, check=True,
    )  # fmt: skip
    assert LOG == raw.stdout
    terminal = Terminal(user, columns=200)
    try:
        terminal.command("$B logs last a | cat >/dev/null; $B logs last a; echo shown-$((40+2))")
        terminal.until("shown-42")
        shown = terminal.raw.rpartition("\necho")[2]
    finally:
        terminal.close()
    assert_harmless(shown)
    assert "reversed" in shown
    assert "error: link" in shown


#: Beginnings of what only a log, and neither we nor a shell, would send to a terminal.
WISHES = ("\x1b]", "\x1bP", "\x1bc", "\x1b[6n", "\x1b[21t", "\x9b", "\x9d", "\u202e", "\u2066")


def assert_harmless(shown: str) -> None:
    """Fail where a terminal was sent what a log wants it to do."""
    assert [] == [wish for wish in WISHES if wish in shown], shown[-2000:]


@pytest.mark.parametrize(
    "words",
    [
        "run h.yaml",
        "status last",
        "logs last a --errors",
        "logs last a --follow",
        "analyze hostile.log",
        "history",
        "run $'a\\e]52;c;eA==\\a.yaml'",
        "logs last $'\\e]0;x\\a'",
    ],
)
def test_no_command_lets_a_log_reach_the_terminal(user: User, words: str) -> None:
    """Board, lines, summary, excerpts, and errors that quote what was given."""
    user.run("run", "h.yaml")
    terminal = Terminal(user, columns=200, lines=50)
    try:
        terminal.command(f"clear; $B {words} 2>&1; echo shown-$((40+2))")
        terminal.until("shown-42")
        shown = terminal.raw.partition("shown-$((40+2))")[2]
    finally:
        terminal.close()
    assert_harmless(shown)


TEXT = HOSTILE[6].decode() + "\n" + HOSTILE[7].decode()


def test_no_chat_obeys_a_log() -> None:
    """No mention wakes anybody, no markup is read, whichever service a message goes to."""
    with open_sink() as sink:
        webhook = Channel(name="discord", options={"webhook": sink.webhook})
        make_notifier(webhook, {}).send(TEXT, key="k")
    body = sink.taken[0].body
    assert {"parse": []} == body["allowed_mentions"]
    for wish in ("@everyone", "@here", "<@123>", "**b**", "||s||", "[x](", "`c`"):
        assert wish not in body["content"].replace("\\\\", "")
    with chat_server() as server:
        telegram = {"api": server.url, "token": "123456:" + "a" * 35, "chat_id": "1"}
        make_notifier(Channel(name="telegram", options=telegram), {}).send(TEXT, key="k")
        openclaw = {"url": server.url, "token": "t0k3n-t0k3n", "target": "channel:1"}
        channel = Channel(name="openclaw", options={**openclaw, "channel": "discord"})
        make_notifier(channel, {}).send(TEXT, key="k")
    assert "parse_mode" not in server.requests[0].json
    for request in server.requests:
        assert "@everyone" not in json.dumps(request.json)


_READS = """
import resource, sys, tempfile
from pathlib import Path
from buildorch.analysis import Analyzer, Legible
from buildorch.runner.collector import AttemptLog

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

piece = {piece}
with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
    log = AttemptLog(Path(folder, "a/log"), [b"hunter22", b"dckr_pat_12345"], Analyzer())
    job, shown, offset = log.job(0), Legible(), 0
    before = None
    for number in range(256):
        job.write(offset, piece)
        shown.feed(piece)
        offset += len(piece)
        before = before or peak()
    job.flush()
    log.report()
    assert log.size == offset
    shown.end()
print((peak() - before) // 1024)
"""


@pytest.mark.parametrize("piece", ["b'x' * (1 << 20)", "b'\\x1b' * (1 << 20)", "bytes(1 << 20)"])
def test_a_line_without_an_end_takes_no_memory(tmp_path: Path, piece: str) -> None:
    """256 MiB without a line feed through masking, collector and analysis: under 32 MiB more."""
    script = _READS.format(piece=piece)
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    assert int(done.stdout) < 32


def test_a_line_without_an_end_is_shown_by_its_beginning() -> None:
    """What is overwritten is not kept, and of the rest at most what a line is known by."""
    shown = Legible()
    for _ in range(100):
        assert not shown.feed(b"x" * LIMIT)
    assert LIMIT == len(shown.end())
    assert not shown.feed(b"y" * 3 * LIMIT + b"\rshort")
    assert "short\n" == shown.feed(b"\n")
