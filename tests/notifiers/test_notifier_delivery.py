from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from notifiers.chat_server import Answer, ChatServer, chat_server, closed_port, fake_openclaw, until

from buildorch.errors import NotifyError
from buildorch.events import NotificationDue
from buildorch.model import Channel, Secret
from buildorch.notifiers import CallableNotifier, Delivery
from buildorch.notifiers.letter import Letter
from buildorch.notifiers.senders import Children, ProcessSender
from buildorch.notifiers.settings import resolve

SECRET = "hook-secret-value"  # noqa: S105 - nobody's
ENVIRON = {"PATH": os.environ["PATH"], "HOOK": "", "HOME": "/nonexistent"}


class Results:
    """Collects what `on_result` is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bool, str | None]] = []
        self.receipts: dict[str, str | None] = {}

    def __call__(self, key: str, ok: bool, message: str | None, receipt: str | None) -> None:
        """Keep one result."""
        self.receipts[key] = receipt
        self.seen.append((key, ok, message))


def message(number: int, channel: str = "discord", text: str = "") -> NotificationDue:
    return NotificationDue(
        key=f"{channel}{number}", channel=channel, topic="t", text=text or f"text {number}"
    )


def channels(**urls: str) -> Mapping[str, Channel]:
    return {
        name: Channel(
            name=name, via="discord", options={"webhook": f"{url}/api/webhooks/1/{SECRET}"}
        )
        for name, url in urls.items()
    }


def deliver(
    urls: Mapping[str, str], *messages: NotificationDue, seconds: float = 30.0, total: float = 60.0
) -> list[tuple[str, bool, str | None]]:
    """Put *messages*, wait for all and return what became of them."""
    results = Results()
    delivery = Delivery(channels(**urls), results, environ=ENVIRON, seconds=seconds, total=total)
    for one in messages:
        delivery.put(one)
    assert delivery.close(60) == ()
    return results.seen


def contents(server: ChatServer) -> list[str]:
    return [request.json["content"] for request in server.requests]


def test_messages_of_a_channel_arrive_once_and_in_order_despite_429() -> None:
    """The first is told to wait; the others wait with it, and none comes twice."""
    with chat_server(Answer(429, {"retry_after": 0.3})) as server:
        seen = deliver({"discord": server.url}, *map(message, (1, 2, 2, 3)))
    assert contents(server) == ["text 1", "text 1", "text 2", "text 3"]
    assert server.requests[1].at - server.requests[0].at >= 0.3
    assert seen == [(f"discord{number}", True, None) for number in (1, 2, 3)]


def test_a_long_text_is_sent_again_from_the_part_that_was_refused() -> None:
    """Parts that were delivered are not repeated when a later one is told to wait."""
    text = "\n".join(["a" * 1500, "b" * 1500, "c" * 1500])
    with chat_server(Answer(), Answer(429, {"retry_after": 0.01})) as server:
        seen = deliver({"discord": server.url}, message(1, text=text))
    assert [part[0] for part in contents(server)] == ["a", "b", "b", "c"]
    assert seen == [("discord1", True, None)]


def test_putting_does_not_wait_and_channels_do_not_wait_for_each_other() -> None:
    """One channel hangs: the caller goes on at once, and another channel is served."""
    with chat_server(Answer(hang=True)) as hanging, chat_server() as server:
        results = Results()
        urls = channels(slow=hanging.url, quick=server.url)
        delivery = Delivery(urls, results, environ=ENVIRON)
        begin = time.monotonic()
        delivery.put(message(1, "slow"))
        delivery.put(message(1, "quick"))
        assert time.monotonic() - begin < 0.5
        until(lambda: results.seen)
        assert results.seen == [("quick1", True, None)]
        hanging.wait_for(1)
        begin = time.monotonic()
        assert delivery.close(0) == ("slow1",)
        assert time.monotonic() - begin < 5
    assert results.seen == [("quick1", True, None)]


def test_a_hanging_process_is_killed_and_the_next_message_goes_out(tmp_path: Path) -> None:
    """A sender that hangs is gone at its limit; what is unclear is not sent again."""
    once = f"[ -e {tmp_path}/once ] || {{ touch {tmp_path}/once; trap '' TERM; sleep 60; }}"
    fake_openclaw(tmp_path, f"{once}; echo '{{}}'")
    options = {"target": "channel:1", "url": closed_port(), "command": f"{tmp_path}/openclaw"}
    channel, results = Channel(name="discord", options=options), Results()
    delivery = Delivery({"discord": channel}, results, environ=ENVIRON, seconds=3.0)
    delivery.put(message(1))
    delivery.put(message(2))
    assert delivery.close(30) == ()
    assert [(key, ok) for key, ok, _ in results.seen] == [("discord1", False), ("discord2", True)]
    assert "killed" in str(results.seen[0][2])
    assert (tmp_path / "calls").read_text().count("--message") == 2


@contextlib.contextmanager
def _dripping() -> Iterator[str]:
    """Give the address of a service whose answer comes byte by byte, and never ends."""
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        link, _ = listener.accept()
        with link, contextlib.suppress(OSError):
            link.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not over.wait(0.1):
                link.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        thread.join()


def test_an_answer_that_never_ends_is_not_waited_for() -> None:
    """Each byte is a sign of life, so no limit of the connection ends it: the sender's own does."""
    with _dripping() as url:
        (found,) = deliver({"discord": url}, message(1), seconds=2.0)
    assert ("discord1", False) == found[:2]
    assert "not done within 2s, killed; not sent again" in str(found[2])


def test_closing_kills_the_command_that_is_sending(tmp_path: Path) -> None:
    """The process takes the command that it waits for with it, although that ignores TERM."""
    fake_openclaw(tmp_path, f"trap '' TERM; echo $$ >{tmp_path}/pid; while :; do sleep 0.1; done")
    options = {"target": "channel:1", "url": closed_port(), "command": f"{tmp_path}/openclaw"}
    channel = Channel(name="discord", options=options)
    delivery = Delivery({"discord": channel}, Results(), environ=ENVIRON)
    delivery.put(message(1))
    pid = tmp_path / "pid"
    until(lambda: pid.exists() and pid.read_text().strip())
    assert delivery.close(0) == ("discord1",)
    until(lambda: not Path(f"/proc/{int(pid.read_text())}").exists())


def test_an_unclear_end_is_not_repeated() -> None:
    """No answer within the limit: the message may have arrived, so it is sent once."""
    with chat_server(Answer(hang=True)) as server:
        seen = deliver({"discord": server.url}, message(1), seconds=3.0)
    assert contents(server) == ["text 1"]
    assert [ok for _, ok, _ in seen] == [False]


def test_faults_are_repeated_until_they_pass_or_the_time_is_over() -> None:
    """A 500 is tried again; a server that is never there is given up, with the number of tries."""
    with chat_server(Answer(500, b"oops")) as server:
        assert deliver({"discord": server.url}, message(1)) == [("discord1", True, None)]
        assert contents(server) == ["text 1", "text 1"]
    seen = deliver({"discord": closed_port()}, message(1), total=0.5)
    assert seen == [
        (
            "discord1",
            False,
            "discord: cannot be reached: Connection refused; given up after 1 tries",
        )
    ]


def test_a_webhook_that_is_gone_is_not_used_again() -> None:
    """After a 404 the channel is closed for the run, and the later messages say why."""
    with chat_server(Answer(404, {"message": "Unknown Webhook"})) as server:
        seen = deliver({"discord": server.url}, message(1), message(2))
    assert len(server.requests) == 1
    assert [ok for _, ok, _ in seen] == [False, False]
    assert str(seen[0][2]).startswith("discord: refused (HTTP 404: Unknown Webhook); make a new")
    assert str(seen[1][2]).startswith("discord: not tried: refused (HTTP 404: Unknown Webhook)")


def test_secrets_are_in_no_text_and_no_error() -> None:
    """A webhook's URL that a log line holds is masked in the message, and so in every error."""
    with chat_server(Answer(400, {"message": f"bad {SECRET}"})) as server:
        text = f"curl {server.url}/api/webhooks/1/{SECRET} failed"
        seen = deliver({"discord": server.url}, message(1, text=text))
    assert contents(server) == [r"curl \*\*\* failed"]
    assert SECRET not in str(seen)


def test_secrets_are_on_no_command_line() -> None:
    """The process that sends has the token on stdin: `ps` shows its module's name."""
    with chat_server(Answer(hang=True)) as server:
        delivery = Delivery(channels(discord=server.url), Results(), environ=ENVIRON)
        delivery.put(message(1))
        server.wait_for(1)
        lines = [path.read_bytes() for path in _command_lines()]
        delivery.close(0)
    assert any(b"buildorch.notifiers.send" in line for line in lines)
    assert not any(SECRET.encode() in line for line in lines)


def test_a_message_without_a_channel_is_reported() -> None:
    """A channel that is not configured, or lacks its token, ends each message with a reason."""
    results = Results()
    telegram = Channel(name="telegram", via="telegram", options={"token": Secret("TOKEN_X")})
    delivery = Delivery({"telegram": telegram}, results, environ=ENVIRON)
    delivery.put(message(1, "slack"))
    delivery.put(message(1, "telegram"))
    delivery.close(10)
    assert sorted(results.seen) == [
        ("slack1", False, "slack: no such channel is configured"),
        (
            "telegram1",
            False,
            (
                "telegram: its `token` comes from the environment variable TOKEN_X, which is not "
                "set; has no `chat_id`; write the id of the chat"
            ),
        ),
    ]


def test_own_notifiers_are_called_in_order_and_may_fail() -> None:
    """A function and an object of the user's: told in order, and what they raise is reported."""
    told: list[str] = []

    class Broken:
        def send(self, text: str, *, key: str) -> None:
            raise ValueError(f"{key} {text}")

    results = Results()
    own: Mapping[str, object] = {"mine": told.append, "broken": Broken()}
    delivery = Delivery({}, results, environ=ENVIRON, notifiers=own)  # type: ignore[arg-type]
    for number in range(20):
        delivery.put(message(number, "mine"))
    delivery.put(message(1, "broken", "@dev1"))
    assert delivery.close(10) == ()
    assert told == [f"text {number}" for number in range(20)]
    broken = "broken: the notifier raised ValueError: broken1#1 @\u200bdev1"
    assert ("broken1", False, broken) in results.seen


def test_an_own_notifier_that_hangs_is_left_behind() -> None:
    """It cannot be killed: it is called no more, and other channels go on."""
    release = threading.Event()
    results = Results()
    own: Mapping[str, Callable[[str], object]] = {"stuck": lambda _: release.wait(30)}
    delivery = Delivery({}, results, environ=ENVIRON, notifiers=own, seconds=0.1)
    delivery.put(message(1, "stuck"))
    delivery.put(message(2, "stuck"))
    delivery.close(10)
    release.set()
    words = "the notifier did not return within 0.1s and is not called again"
    assert results.seen == [
        ("stuck1", False, f"stuck: {words}"),
        ("stuck2", False, f"stuck: not tried: {words}"),
    ]


def test_a_callable_notifier_keeps_the_kind_of_its_errors() -> None:
    """A user's function may say that trying again is safe."""

    def busy(_: str) -> None:
        raise NotifyError("busy", retry_after=0.5)

    with pytest.raises(NotifyError) as caught:
        CallableNotifier(busy).send("hello", key="k")
    assert caught.value.retry_after == 0.5


def test_a_callback_that_raises_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The next message still goes out; the defect is logged."""
    told: list[str] = []

    def on_result(*result: object) -> None:
        raise RuntimeError(result)

    delivery = Delivery({}, on_result, environ=ENVIRON, notifiers={"mine": told.append})
    delivery.put(message(1, "mine"))
    delivery.put(message(2, "mine"))
    assert delivery.close(10) == ()
    assert told == ["text 1", "text 2"]
    assert "the result of mine1 was not taken" in caplog.text


def test_a_chat_that_is_down_does_not_hold_the_end_back() -> None:
    """Once nothing more comes, a message that nobody takes is given up instead of tried on."""

    def down(_: str) -> None:
        raise NotifyError("it is down", retry_after=10.0)

    results = Results()
    delivery = Delivery({}, results, environ=ENVIRON, notifiers={"mine": down})
    delivery.put(message(1, "mine"))
    delivery.put(message(2, "mine"))
    begun = time.monotonic()
    assert delivery.close(30) == ()
    assert time.monotonic() - begun < 5
    words = "mine: it is down; given up after 1 tries"
    assert [("mine1", False, words), ("mine2", False, words)] == results.seen


def test_after_close_nothing_is_taken() -> None:
    """A message that comes too late is not sent and not reported; closing twice is harmless."""
    results = Results()
    delivery = Delivery({}, results, environ=ENVIRON, notifiers={"mine": print})
    assert delivery.close(1) == ()
    delivery.put(message(1, "mine"))
    assert delivery.close(1) == ()
    assert results.seen == []


@pytest.mark.parametrize(
    ("scheme", "answer", "words"),
    [
        ("json", Answer(), None),
        ("json", Answer(403, {}), "Apprise could not send"),
        ("nonsense", Answer(), "Apprise does not understand the url"),
    ],
)
def test_apprise_sends_and_says_why_not(scheme: str, answer: Answer, words: str | None) -> None:
    """Apprise delivers, with mentions disarmed; what it only logs is in the error."""
    with chat_server(answer) as server:
        url = server.url.replace("http", scheme)
        channel = Channel(name="alerts", via="apprise", options={"url": url})
        sender = ProcessSender(resolve(channel, ENVIRON), ENVIRON, Children(), 60.0)
        (part,) = sender.parts("done @everyone")
        outcome = sender.deliver(Letter(text=part, key="k"))
    assert (words is None) is outcome.ok
    assert (words or "") in str(outcome.message)
    texts = [request.json["message"] for request in server.requests]
    assert texts == ["done @\u200beveryone"] * (scheme == "json")


def _command_lines() -> list[Path]:
    """Return the command lines of the children of this process."""
    children = Path("/proc/self/task").glob("*/children")
    pids = " ".join(path.read_text() for path in children).split()
    return [Path(f"/proc/{pid}/cmdline") for pid in pids]
