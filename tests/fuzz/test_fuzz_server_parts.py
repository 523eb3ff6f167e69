"""What a client sends, broken or cut: the server part obeys nothing of it, and leaves."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import pytest
from contract.talk import Nap, Talk, talk
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from remote.machines import ShellBackend, environment, machine

from buildorch.job import Job
from buildorch.model import Server
from buildorch.remote.agent import wire
from buildorch.remote.agent.service import Service
from buildorch.remote.answers import Answer, Answers, Broken, Message, Ready
from buildorch.remote.boot import boot_command, boot_text
from buildorch.remote.payload import launch

NONCE = "n0nce"
#: A message of each kind; `VICTIM` is a job that runs, `NEW` one that nobody has launched.
_MESSAGES = [
    *(b"ping 1\n", b"follow VICTIM 0\n", b"follow NEW 0\n", b"cancel VICTIM cancelled 1.000\n"),
    *(b"cancel NEW cancelled 1.000\n", b"sum VICTIM\n", b"clean 0\n", b"release VICTIM\n"),
]
#: Words that no message has in any place.
_NEVER_A_WORD = [
    *(b"-5", b"1_0", b"a[$(echo)]", b"$(echo)", b"../../x", b"..", b"*", b"a:b", b"'", b"\\"),
    *(b"../x:0", b"/x:0", b".x:0", b":0", b"x:", b"x:-1", b"x:99999999999", b"\xc3\xa9", b"\xff"),
]
#: Words that are no number and no file.
_BAD_WORDS = [*_NEVER_A_WORD, b"1e3", b"0x1", b"1.", b"\x01", b"9" * 40, b".5", b"-1"]
_LONG = b"x" * wire.MAX_HEADER


@attrs.frozen
class Target:
    """A server part, and what it must leave alone.

    Attributes:
        words: The login shell's words before the boot command.
        shell: The machine's `/bin/sh`.
        prefer: The server part.
        link: The link of a run whose job must go on.
        job: That job.
        nap: Its process.
        folder: A folder of the test.
    """

    shell: str
    prefer: str
    link: Talk
    job: Job
    nap: Nap
    folder: Path

    @property
    def witness(self) -> Path:
        """The file that a launched job would leave."""
        return self.folder / "launched"

    def start(self) -> bytes:
        """Return the message that launches a job which leaves the witness."""
        job = self.link.job(f"echo >{self.witness}", "new", env={"A": "b"}, setup="true")
        return launch(attrs.evolve(job, id="other.new-0.1.1"))

    def filled(self, message: bytes) -> bytes:
        """Return a message with the jobs in it."""
        return message.replace(b"VICTIM", self.job.id.encode()).replace(b"NEW", b"other.new-0.1.1")

    def tell(self, said: bytes) -> list[Answer]:
        """Send bytes over a link of their own, end it, and return what was answered."""
        state = self.link.session.facts.state_dir
        boot = boot_text(NONCE, Server(name="here", state_dir=state), self.prefer)
        line = boot_command().replace("/bin/sh", self.shell)
        done = subprocess.run(
            ["sh", "-c", line],
            input=boot + said,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(self.folder),
            timeout=20,
            start_new_session=True,
            check=False,
        )
        answers = Answers(NONCE)
        return list(answers.feed(done.stdout))

    def state(self) -> list[str]:
        """Return what lies in the state folder, but for what links leave of themselves."""
        root = Path(self.link.session.facts.state_dir)
        paths = [str(path.relative_to(root)) for path in root.rglob("*")]
        return sorted(path for path in paths if not path.startswith("agents"))

    def check(self, said: bytes) -> None:
        """Check that nothing of *said* was obeyed, and that the server part has left."""
        before = self.state()
        found = self.tell(said)
        assert isinstance(found[0], Ready)
        assert not any(isinstance(answer, Broken) for answer in found)
        kinds = {answer.words[0] for answer in found[1:] if isinstance(answer, Message)}
        assert kinds <= {"BYE", "PONG"}
        assert before == self.state()
        assert not self.witness.exists()
        assert self.nap.running


_SHELLS = {
    "python": ("/bin/sh", "python"),
    "dash": ("dash", "sh"),
    "bash": ("bash", "sh"),
    "busybox": ("busybox sh", "sh"),
}


@pytest.fixture(scope="module", params=_SHELLS, name="target")
def _target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """Give a server part beside which a job runs."""
    shell, prefer = _SHELLS[request.param]
    folder = tmp_path_factory.mktemp("fuzz")
    backend = ShellBackend(environment(folder), shell=shell, prefer=prefer)
    with talk(machine(folder, backend)) as link:
        nap = link.nap()
        job = link.start(nap.text)
        nap.await_start()
        yield Target(shell, prefer, link, job, nap, folder)
        link.session.cancel(job.id, "cancelled", 1.0)
        link.heard.end_of(job)


def _few() -> settings:
    """Each example starts a server part."""
    return settings(
        deadline=None,
        max_examples=max(6, settings().max_examples // 30),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def _garbled(words: Sequence[bytes], data: st.DataObject) -> bytes:
    """Return a message's words with one too few, one too many, or one that it cannot have."""
    words = list(words)
    place = data.draw(st.integers(0, len(words) - 1))
    how = data.draw(st.sampled_from(["drop", "add", "bad"]))
    odd = _BAD_WORDS if how == "bad" and place > 2 else _NEVER_A_WORD
    bad = data.draw(st.sampled_from(odd))
    if how == "drop":
        del words[place]
    elif how == "add":
        words.insert(place + 1, bad)
    else:
        words[place] = bad
    return b" ".join(words) + b"\n"


@_few()
@given(message=st.sampled_from(_MESSAGES), data=st.data())
def test_a_garbled_message_is_not_obeyed(
    target: Target, message: bytes, data: st.DataObject
) -> None:
    """A word too few, too many, or of another kind: the link ends, and nothing else happens."""
    target.check(b"ping 7\n" + _garbled(target.filled(message).split(), data) + b"ping 8\n")


@_few()
@given(data=st.data())
def test_a_garbled_launch_launches_nothing(target: Target, data: st.DataObject) -> None:
    """Nor does a launch with such words; its files are no messages either."""
    header, _, body = target.start().partition(b"\n")
    words = header.split()
    kept = data.draw(st.integers(1, 9))
    garbled = _garbled(words[:kept], data).split() + words[kept:]
    target.check(b" ".join(garbled) + b"\n" + body)


@_few()
@given(data=st.data())
@example(data=None)
def test_a_launch_that_was_cut_launches_nothing(target: Target, data: st.DataObject | None) -> None:
    """A link that ends anywhere in a launch leaves nothing behind: no part of a command runs."""
    said = target.start()
    size = len(said) - 1 if data is None else data.draw(st.integers(0, len(said) - 1))
    target.check(said[:size])


@_few()
@given(
    said=st.one_of(
        st.binary(min_size=1, max_size=200).filter(lambda text: not text.startswith(b"ping")),
        st.sampled_from([b"\n", b"start\n", b"follow\n", b"cancel\n", b"_turn\n", b"ping\n"]),
        st.lists(st.sampled_from([*_BAD_WORDS, b"start", b"\n"]), min_size=1).map(b" ".join),
    )
)
@example(said=b"start\n")
@example(said=b"__init__ a\n")
@example(said=_LONG)
@example(said=_LONG + b"\n")
def test_anything_else_is_not_obeyed(target: Target, said: bytes) -> None:
    """No other bytes are obeyed, nor is any method of ours called by its name."""
    target.check(said)


def test_what_is_whole_is_obeyed(target: Target) -> None:
    """The same messages ungarbled are answered: the tests above do reach a server part."""
    said = b"ping 1\n" + target.filled(b"sum VICTIM\nfollow NEW 0\n") + target.start()
    found = target.tell(said)
    assert Message(("PONG", "1")) in found
    target.link.wait_for_file(str(target.witness))
    target.witness.unlink()
    state = Path(target.link.session.facts.state_dir)
    target.link.wait_for_file(str(state / "jobs/other.new-0.1.1/exit"))
    target.link.place.machine.run(f"cd {state}; rm -rf jobs/other.* ends/other.* runs/other")


def test_every_message_has_a_form() -> None:
    """The agent answers exactly the messages whose form it checks."""
    handlers = {name[4:] for name in vars(Service) if name.startswith("_on_")}
    assert handlers == set(wire.FORMS)


@contextlib.contextmanager
def _inbox() -> Iterator[tuple[wire.Inbox, int]]:
    ends = os.pipe()
    wire.never_wait(ends[0])
    try:
        yield wire.Inbox(ends[0]), ends[1]
    finally:
        os.close(ends[0])
        os.close(ends[1])


def _taken(pieces: Sequence[bytes]) -> list[object]:
    taken: list[object] = []
    with _inbox() as (inbox, end):
        for piece in filter(None, pieces):
            os.write(end, piece)
            inbox.fill()
            try:
                while (message := inbox.take()) is not None:
                    taken.append(message)
            except wire.Garbled:
                return [*taken, "garbled"]
    return taken


_JOB = Job(id="r.a-0.1.1", nonce="0" * 32, epoch=3, title="a", command="make", env={"A": "b"})
_WHOLE = [launch(_JOB), *(text.replace(b"VICTIM", b"r.a-0.1.1") for text in _MESSAGES)]


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(_WHOLE), st.binary(max_size=30)), max_size=6).map(b"".join),
    st.lists(st.integers(1, 40), max_size=30),
)
def test_any_pieces_are_the_same_messages(stream: bytes, sizes: list[int]) -> None:
    """The agent takes the same messages from any pieces, and gives up at the same place."""
    pieces, rest = [], stream
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    assert _taken([stream]) == _taken([*pieces, rest])


def test_a_client_that_never_ends_a_line_takes_no_memory() -> None:
    """A header or a launch that is larger than any of ours is given up."""
    assert ["garbled"] == _taken([b"x" * 1000] * 40)
    assert ["garbled"] == _taken([b"start r.a x 1 - - 1 - - cmd:99999999999\n"])


assert shutil.which("busybox"), sys.platform
