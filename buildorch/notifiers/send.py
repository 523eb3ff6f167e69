"""`python -m buildorch.notifiers.send`: sends one message, in a process that can be killed.

The request comes on stdin, since it holds tokens; the outcome goes to stdout as JSON.
"""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Mapping
from typing import Any

import attrs

from buildorch.notifiers.build import make_service
from buildorch.notifiers.letter import Act, Letter
from buildorch.notifiers.outcome import Outcome
from buildorch.notifiers.service import Service
from buildorch.notifiers.settings import Settings

#: What a service may call a message: the name becomes part of an address.
_RECEIPT = re.compile(r"[\w-]{1,64}", re.ASCII)


def request(settings: Settings, seconds: float, letter: Letter) -> bytes:
    """Return what this process reads on stdin in order to send *letter*."""
    return json.dumps(
        {
            "name": settings.name,
            "kind": settings.kind,
            "options": settings.options,
            "seconds": seconds,
            "letter": attrs.asdict(letter),
        }
    ).encode()


def outcome(output: bytes, errors: bytes, code: int) -> Outcome:
    """Return what this process wrote to stdout as a value.

    Args:
        output: What it wrote to stdout.
        errors: What it wrote to stderr; says why there is no outcome.
        code: Its exit code.
    """
    try:
        return Outcome(**json.loads(output))
    except (ValueError, TypeError):
        last = errors.decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
        return Outcome(f"its sender ended with exit code {code} ({last[0]})")


def attempt(fields: Mapping[str, Any]) -> Outcome:
    """Send what *fields* ask for."""
    try:
        settings = Settings(fields["name"], fields["kind"], fields["options"])
        service = make_service(settings, fields["seconds"])
        return Outcome(None, receipt=_do(service, Letter(**fields["letter"])))
    except Exception as error:  # noqa: BLE001 - whatever it is, the run records it and goes on
        return Outcome.of(error)


def _do(service: Service, letter: Letter) -> str | None:
    """Do what *letter* asks for; returns the service's receipt."""
    if letter.act is Act.SEND:
        receipt = service.deliver(letter.text, key=letter.key, answers=letter.receipt)
        return receipt if receipt is not None and _RECEIPT.fullmatch(receipt) else None
    receipt = letter.receipt or ""
    if letter.act is Act.AMEND:
        service.amend(receipt, letter.text)
    else:
        service.attach(receipt, letter.name, letter.text)
    return letter.receipt


def main() -> None:
    """Read the request, send, write the outcome."""
    # TERM ends a command that is being waited for, too: SystemExit passes its `except`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    fields = json.load(sys.stdin)
    sys.stdout.write(json.dumps(attrs.asdict(attempt(fields))))


if __name__ == "__main__":
    main()
