"""Laws of messages that belong together: answers, changes and logs, over real HTTP."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from notifiers.chat_server import Answer, chat_server
from notifiers.room import Room, open_room

from buildorch.events import NotificationDue, NotificationResult
from buildorch.model import Channel
from buildorch.notifiers import Delivery
from buildorch.notifiers.attachment import LARGEST
from buildorch.notifiers.told import Told

ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}

FAILED = NotificationDue(
    key="r/failed/b/1/chat", channel="chat", topic="failed", text="FAILED: host_build"
)
AGAIN = NotificationDue(
    key="r/failed/b/2/chat",
    channel="chat",
    topic="failed",
    text="FAILED again",
    follows=FAILED.key,
    note="attempt 2 failed too",
)
RECOVERED = NotificationDue(
    key="r/recovered/b/3/chat",
    channel="chat",
    topic="recovered",
    text="RECOVERED",
    follows=FAILED.key,
    note="recovered with attempt 3",
)


def deliver(
    room: Room, kind: str, *messages: NotificationDue, told: Told | None = None, **options: str
) -> dict[str, NotificationResult]:
    """Deliver *messages* as one controller does; returns the answers by key."""
    via = "telegram" if kind == "telegram" else "discord"
    channel = Channel(name="chat", via=via, options={**room.options(kind), **options})
    answers: dict[str, NotificationResult] = {}

    def result(key: str, ok: bool, message: str | None, receipt: str | None) -> None:
        answers[key] = NotificationResult(key=key, ok=ok, message=message, receipt=receipt)

    delivery = Delivery({"chat": channel}, result, environ=ENVIRON, told=told)
    for one in messages:
        delivery.put(one)
    assert delivery.close(60) == ()
    assert all(answer.ok for answer in answers.values()), answers
    return answers


@pytest.mark.parametrize("kind", ["bot", "telegram"])
def test_what_follows_a_failure_answers_it(kind: str) -> None:
    """Services that have answers show the later messages below the first one."""
    with open_room() as room:
        deliver(room, kind, FAILED, AGAIN, RECOVERED)
    first, again, recovered = room.posts.values()
    assert (first.answers, again.answers, recovered.answers) == (None, "1", "1")
    assert first.changes == 0


def test_a_webhook_completes_the_failure_instead() -> None:
    """A webhook can answer nothing: people are told, and the first message says how it ended."""
    with open_room() as room:
        deliver(room, "webhook", FAILED, AGAIN, RECOVERED)
    texts = [post.text.replace("\\", "") for post in room.posts.values()]
    assert texts == [
        "FAILED: host_build\nattempt 2 failed too\nrecovered with attempt 3",
        "FAILED again",
        "RECOVERED",
    ]


@pytest.mark.parametrize("kind", ["webhook", "bot", "telegram"])
def test_a_controller_that_resumes_continues_the_same_message(kind: str) -> None:
    """The service's number is recorded, so another controller answers or changes that message."""
    with open_room() as room:
        first = deliver(room, kind, FAILED, AGAIN)
        assert first[FAILED.key].receipt == "1"
        stored = Told([(FAILED, first[FAILED.key]), (AGAIN, first[AGAIN.key])])
        deliver(room, kind, RECOVERED, told=stored)
    if kind == "webhook":
        end = "\nattempt 2 failed too\nrecovered with attempt 3"
        assert room.posts["1"].text.endswith(end)
    else:
        assert room.posts["3"].answers == "1"


def test_a_failure_that_is_told_again_is_the_one_that_is_continued() -> None:
    """After a crash it has another key, under which its number is found."""
    again = NotificationDue(key=FAILED.key + "/again", channel="chat", topic="failed", text="x")
    lost = NotificationResult(key=FAILED.key, ok=False, message="interrupted")
    known = NotificationResult(key=again.key, ok=True, receipt="77")
    before = Told([(FAILED, lost), (again, known)]).before(RECOVERED)
    assert before is not None
    assert before.receipt == "77"


@pytest.mark.parametrize("kind", ["webhook", "bot", "telegram"])
def test_what_was_never_taken_is_not_continued(kind: str) -> None:
    """Where the first message never arrived, the later one stands alone."""
    with open_room() as room:
        deliver(room, kind, RECOVERED)
    (only,) = room.posts.values()
    assert only.answers is None


def test_a_service_that_changes_nothing_costs_nothing() -> None:
    """A change that is refused is no reason to say that a message did not arrive, nor to wait."""
    with open_room() as room:
        room.no_changes = True
        begun = time.monotonic()
        deliver(room, "webhook", FAILED, RECOVERED)
        assert time.monotonic() - begun < 15
    assert [post.text.replace("\\", "") for post in room.posts.values()] == [
        "FAILED: host_build",
        "RECOVERED",
    ]
    assert 1 == room.attempts


def _with_log(path: Path) -> NotificationDue:
    return NotificationDue(
        key="r/failed/b/1/chat", channel="chat", topic="failed", text="FAILED", attach=str(path)
    )


@pytest.mark.parametrize("kind", ["webhook", "bot", "telegram"])
def test_the_log_goes_with_the_alert(kind: str, tmp_path: Path) -> None:
    """Readable, without what a terminal does, and without the channel's own secrets."""
    log = tmp_path / "host-build" / "attempt-2.log"
    log.parent.mkdir()
    log.write_bytes("\x1b[31mCMake Error\x1b[0m 한글\r\nhook-secret-value\n".encode())
    with open_room() as room:
        deliver(room, kind, _with_log(log))
    files = {name: text for post in room.posts.values() for name, text in post.files.items()}
    assert files == {
        "host-build-attempt-2.txt": "CMake Error 한글\n"
        + ("***" if kind == "webhook" else "hook-secret-value")
    }
    if kind == "telegram":
        assert room.posts["2"].answers == "1"


def test_of_a_large_log_the_end_is_sent(tmp_path: Path) -> None:
    """What is sent stays far below every service's limit, whole lines of it."""
    log = tmp_path / "attempt-1.log"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(400_000)))
    with open_room() as room:
        deliver(room, "webhook", _with_log(log))
    (text,) = room.posts["1"].files.values()
    assert text.endswith("line 399999")
    assert text.startswith("line ")
    assert len(text) <= LARGEST


@pytest.mark.parametrize("said", ["false", "no"])
def test_a_channel_may_want_no_logs(said: str, tmp_path: Path) -> None:
    """`log: false` keeps the log here; so does a log that is gone."""
    log = tmp_path / "attempt-1.log"
    log.write_text("x\n")
    with open_room() as room:
        deliver(room, "webhook", _with_log(log), log=said)
        log.unlink()
        deliver(room, "webhook", _with_log(log))
    assert not any(post.files for post in room.posts.values())


@pytest.mark.parametrize("number", ["../../../users/@me", "1/2", "", "x" * 99, "한", None])
def test_a_service_names_no_address(number: str | None) -> None:
    """What a service calls a message becomes part of an address, so odd names are not used."""
    with chat_server(Answer(200, {"id": number})) as server:
        options = {"webhook": f"{server.url}/api/webhooks/1/hook-secret-value"}
        channel = Channel(name="chat", via="discord", options=options)
        told: list[str | None] = []
        delivery = Delivery(
            {"chat": channel}, lambda _k, _o, _m, receipt: told.append(receipt), environ=ENVIRON
        )
        delivery.put(FAILED)
        delivery.put(RECOVERED)
        delivery.close(60)
    assert told[0] is None
    assert "PATCH" not in {request.method for request in server.requests}
