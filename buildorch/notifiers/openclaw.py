"""OpenClaw, which holds the tokens of the chat services: its gateway, else its command.

The command is slow and has hung after it delivered, so it is used only when nothing answered
at the gateway's address at all; never when the gateway may have taken the message.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from buildorch.errors import NotifyError
from buildorch.notifiers.http import NotReachedError, Reply, post
from buildorch.notifiers.service import REFUSED_FOR_GOOD, Service

GATEWAY = "http://127.0.0.1:18789"

#: What a delivery that did not happen is called in `deliveryStatus` and `status`.
_FAILURES = frozenset({"failed", "partial_failed", "suppressed", "error"})


class OpenClaw(Service):
    """A target of OpenClaw.

    Args:
        options: `channel` (`discord`, `telegram`, ...) and `target`; `url` and `token` of the
            gateway, `account`, `thread`, and `command`, the name of the program.
        seconds: How long one message may take in all: a tenth to reach the gateway, half for
            its answer, five sixths for the command.
    """

    limit = 2000

    def __init__(self, options: Mapping[str, str], seconds: float = 30.0) -> None:
        super().__init__(seconds)
        self._options = dict(options)

    def deliver(self, part: str, *, key: str, answers: str | None = None) -> str | None:  # noqa: ARG002 - OpenClaw has no such key
        """Hand one message to the gateway, else to the command."""
        try:
            reply = self._post(part, answers)
            if answers is not None and reply.status == HTTPStatus.BAD_REQUEST:
                reply = self._post(part, None)  # a channel without answers: nothing was sent
        except NotReachedError as error:
            return self._command(part, answers, f"the gateway {error}")
        _judge(reply)
        return _receipt(reply.body)

    def _post(self, part: str, answers: str | None) -> Reply:
        options = self._options
        names = {"channel": "channel", "target": "target", "account": "accountId"}
        arguments = {
            **{names[name]: options[name] for name in names if name in options},
            **({"threadId": options["thread"]} if "thread" in options else {}),
            **({"replyTo": answers} if answers is not None else {}),
            "message": part,
        }
        return post(
            f"{options.get('url', GATEWAY).rstrip('/')}/tools/invoke",
            {"tool": "message", "action": "send", "args": arguments},
            self._headers(),
            connect=self.seconds / 10,
            answer=self.seconds / 2,
        )

    def _headers(self) -> dict[str, str]:
        options = self._options
        headers = {
            "x-openclaw-message-channel": options["channel"],
            "x-openclaw-scopes": "operator.write",  # older gateways ask for it
        }
        if "account" in options:
            headers["x-openclaw-account-id"] = options["account"]
        if "token" in options:
            headers["Authorization"] = f"Bearer {options['token']}"
        return headers

    def _command(self, part: str, answers: str | None, why: str) -> str | None:
        program = self._options.get("command", "openclaw")
        argv = [program, "message", "send", "--channel", self._options["channel"]]
        argv += ["--target", self._options["target"], "--message", part, "--json"]
        for name, flag in (("account", "--account"), ("thread", "--thread-id")):
            if name in self._options:
                argv += [flag, self._options[name]]
        argv += ["--reply-to", answers] if answers is not None else []
        try:
            code, output = _run(argv, self._environment(), self.seconds * 5 / 6)
        except OSError as error:
            raise NotifyError(
                f"{why}, and the command {program!r} cannot be started ({error.strerror}); "
                "start the gateway or install OpenClaw",
                retry_after=1.0,
            ) from error
        return _receipt(_judge_output(code, output))

    def _environment(self) -> dict[str, str]:
        if "token" not in self._options:
            return dict(os.environ)
        return {**os.environ, "OPENCLAW_GATEWAY_TOKEN": self._options["token"]}


def _judge(reply: Reply) -> None:
    failure = _failure(reply.body)
    if reply.status == HTTPStatus.OK and reply.field("ok") is True and failure is None:
        return
    said = f"HTTP {reply.status}" + (f": {failure}" if failure else "")
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise NotifyError(f"the gateway told to wait ({said})", retry_after=reply.retry_after())
    if reply.status in REFUSED_FOR_GOOD:
        raise NotifyError(f"the gateway refused ({said}); {_ADVICE[reply.status]}", gone=True)
    raise NotifyError(f"the gateway did not say that it delivered ({said}); not sent again")


_ADVICE = {
    401: "set OPENCLAW_GATEWAY_TOKEN to the gateway's token",
    403: "the gateway's token may not send messages",
    404: "allow the tool `message` in its configuration, and check the gateway's address",
}


def _failure(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """Return what an answer of OpenClaw says went wrong, looking inside its envelopes.

    Releases differ in where they say it, and some say it beside `"ok": true` or exit code 0.
    """
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if error:
        message = error.get("message") if isinstance(error, dict) else error
        return str(message or "an error without words")
    if any(value.get(name) is False for name in ("ok", "success")) or value.get("isError"):
        return str(value.get("message") or "it says that it failed")
    for name in ("deliveryStatus", "status"):
        if value.get(name) in _FAILURES:
            return str(value.get("reason") or value[name])
    inner = (_failure(value.get(name)) for name in ("payload", "result", "details"))
    return next((found for found in inner if found), None)


def _receipt(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """Return what an answer of OpenClaw says that the service calls the message."""
    if not isinstance(value, dict):
        return None
    number = value.get("messageId")
    if isinstance(number, str | int) and not isinstance(number, bool):
        return str(number)
    inner = (_receipt(value.get(name)) for name in ("payload", "result", "details"))
    return next((found for found in inner if found), None)


def _run(argv: list[str], environment: Mapping[str, str], seconds: float) -> tuple[int | None, str]:
    """Run the command in a process group of its own, which is killed at the time limit.

    Returns:
        Its exit code, None where it had to be killed, and what it printed.
    """
    process = subprocess.Popen(  # noqa: S603 - a list, no shell; the program is the user's
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        _kill(process)
        return None, (error.output or b"").decode(errors="replace")
    except BaseException:
        _kill(process)
        raise
    return process.returncode, output.decode(errors="replace")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole group at once: the command ignores TERM when it hangs."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with process:
        pass


def _judge_output(code: int | None, output: str) -> dict[str, Any]:
    """Return the printed JSON; the exit code is believed only where it says failure.

    The command has been seen to deliver and then not to end, and to fail with exit code 0.
    """
    value = _json_in(output)
    failure = _failure(value)
    dry = value is not None and value.get("dryRun")
    if not code and value is not None and failure is None and not dry:
        return value
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "no output")
    end = "did not end in time and was killed" if code is None else f"ended with exit code {code}"
    raise NotifyError(
        f"the command {end} and did not say that it delivered ({failure or last.strip()}); "
        "not sent again, since the message may have arrived"
    )


def _json_in(output: str) -> dict[str, Any] | None:
    """Return the JSON object in *output*, which may have lines of talk around it."""
    decoder = json.JSONDecoder()
    start = output.find("{")
    while start >= 0:
        try:
            value, _ = decoder.raw_decode(output, start)
        except ValueError:
            start = output.find("{", start + 1)
            continue
        return value if isinstance(value, dict) else None
    return None
