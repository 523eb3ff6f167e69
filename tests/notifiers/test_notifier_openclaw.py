from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from notifiers.chat_server import Answer, chat_server, closed_port, fake_openclaw, until

from buildorch.errors import NotifyError
from buildorch.notifiers.openclaw import OpenClaw

DELIVERED = """echo 'starting' && echo '{"action":"send","payload":{"messageId":"7"}}'"""


def openclaw(url: str, command: object = "no-such-openclaw", seconds: float = 30.0) -> OpenClaw:
    options = {"channel": "discord", "target": "channel:42", "token": "gateway-secret"}
    return OpenClaw({**options, "url": url, "command": str(command)}, seconds)


def refusal(service: OpenClaw) -> NotifyError:
    with pytest.raises(NotifyError) as caught:
        service.send("hello", key="k")
    return caught.value


def test_the_gateway_is_asked_to_send(tmp_path: Path) -> None:
    """The message goes to the gateway with the token in a header, and the command is not run."""
    with chat_server() as server:
        openclaw(server.url, fake_openclaw(tmp_path, DELIVERED)).send("hello @here", key="k")
    request = server.requests[0]
    assert request.path == "/tools/invoke"
    assert request.headers["authorization"] == "Bearer gateway-secret"
    assert request.headers["x-openclaw-message-channel"] == "discord"
    assert request.json == {
        "tool": "message",
        "action": "send",
        "args": {"channel": "discord", "target": "channel:42", "message": "hello @\u200bhere"},
    }
    assert not (tmp_path / "calls").exists()


def test_the_command_is_used_where_no_gateway_answers(tmp_path: Path) -> None:
    """Nothing listens at the gateway's address: the command sends, as a list of arguments."""
    openclaw(closed_port(), fake_openclaw(tmp_path, DELIVERED)).send("$(id) 'x'", key="k")
    expected = ["message", "send", "--channel", "discord", "--target", "channel:42", "--message"]
    assert (tmp_path / "calls").read_text().splitlines() == [*expected, "$(id) 'x'", "--json"]


@pytest.mark.parametrize(
    ("answer", "words", "gone"),
    [
        (Answer(hang=True), "no whole answer (timed out)", False),
        (Answer(cut=True), "no whole answer", False),
        (Answer(500, {"ok": False, "error": {"message": "boom"}}), "HTTP 500: boom", False),
        (Answer(200, b"garbage"), "did not say that it delivered (HTTP 200)", False),
        (
            Answer(400, {"ok": False, "error": {"message": "Unknown target"}}),
            "Unknown target",
            False,
        ),
        (Answer(200, {"ok": True, "result": {"details": {"ok": False}}}), "it failed", False),
        (Answer(200, {"ok": True, "result": {"isError": True}}), "it failed", False),
        (Answer(401, {"error": "no"}), "set OPENCLAW_GATEWAY_TOKEN", True),
        (Answer(404, {"error": "no"}), "allow the tool `message`", True),
    ],
)
def test_the_command_is_never_used_after_an_answer(
    answer: Answer,
    words: str,
    gone: bool,
    tmp_path: Path,
) -> None:
    """Whatever the gateway did with the message, sending it another way could send it twice."""
    with chat_server(answer) as server:
        error = refusal(openclaw(server.url, fake_openclaw(tmp_path, DELIVERED), 1.0))
    assert words in str(error)
    assert error.retry_after is None
    assert error.gone is gone
    assert not (tmp_path / "calls").exists()


def test_a_gateway_that_says_later_is_obeyed() -> None:
    """429 names the time to wait."""
    with chat_server(Answer(429, {}, {"Retry-After": "4"})) as server:
        assert refusal(openclaw(server.url)).retry_after == 4.0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "echo 'Error: Request entity too large'",
            "exit code 0",
        ),
        ("""echo '{"ok":false,"error":{"type":"cli_error","message":"boom"}}'""", "boom"),
        ("""echo '{"payload":{"ok":false,"error":"kicked"}}'""", "kicked"),
        ("""echo '{"payload":{"deliveryStatus":"suppressed","reason":"hook"}}'""", "hook"),
        ("""echo '{"dryRun":true,"payload":{}}'""", "did not say that it delivered"),
        ("exit 0", "no output"),
        ("""echo '{"payload":{"messageId":"7"}}'; exit 1""", "exit code 1"),
    ],
)
def test_exit_code_0_is_not_believed(body: str, words: str, tmp_path: Path) -> None:
    """Only JSON that tells of no failure is success, and only with exit code 0."""
    error = refusal(openclaw(closed_port(), fake_openclaw(tmp_path, body)))
    assert words in str(error)
    assert error.retry_after is None


def test_without_a_command_it_is_tried_again() -> None:
    """Neither gateway nor command: nothing was delivered, and both are named."""
    error = refusal(openclaw(closed_port()))
    assert str(error) == (
        "the gateway cannot be reached: Connection refused, and the command 'no-such-openclaw' "
        "cannot be started (No such file or directory); start the gateway or install OpenClaw"
    )
    assert error.retry_after is not None


def test_a_hanging_command_is_killed_with_its_children(tmp_path: Path) -> None:
    """It ignores TERM and has a child: at the limit both are gone, and nothing is sent again."""
    body = f"trap '' TERM; sleep 60 & echo $! >{tmp_path}/pid; while :; do sleep 1; done"
    error = refusal(openclaw(closed_port(), fake_openclaw(tmp_path, body), 1.0))
    assert "did not end in time and was killed" in str(error)
    assert error.retry_after is None
    until(lambda: _gone(int((tmp_path / "pid").read_text())))


def test_a_command_that_delivers_and_hangs_has_delivered(tmp_path: Path) -> None:
    """What it printed before it was killed is believed."""
    service = openclaw(closed_port(), fake_openclaw(tmp_path, f"{DELIVERED}; sleep 60"), 1.0)
    service.send("hello", key="k")


def _gone(pid: int) -> bool:
    """Tell whether no such process runs; nobody may have collected it yet."""
    try:
        os.kill(pid, signal.SIG_DFL)
        state = Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return True
    return re.search(r"\) Z", state) is not None


def test_what_follows_answers_the_message_before(tmp_path: Path) -> None:
    """The gateway names the message; the next one answers that, also where the command sends."""
    with chat_server() as server:
        first = openclaw(server.url).deliver("failed", key="k")
        openclaw(server.url).deliver("recovered", key="l", answers=first)
    assert first == "1"
    assert [request.json["args"].get("replyTo") for request in server.requests] == [None, "1"]
    by_command = openclaw(closed_port(), fake_openclaw(tmp_path, DELIVERED))
    assert by_command.deliver("recovered", key="l", answers="1") == "7"
    assert (tmp_path / "calls").read_text().splitlines()[-2:] == ["--reply-to", "1"]


def test_a_channel_without_answers_is_told_all_the_same() -> None:
    """A gateway that refuses the answer as such has sent nothing: it is asked without."""
    with chat_server(Answer(400, {"ok": False, "error": "replyTo?"}), Answer()) as server:
        openclaw(server.url).deliver("recovered", key="l", answers="1")
    assert [request.json["args"].get("replyTo") for request in server.requests] == ["1", None]
