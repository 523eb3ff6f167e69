"""What the built-in services share: a text becomes parts, each part one request."""

from __future__ import annotations

import abc
from http import HTTPStatus

from buildorch.errors import NotifyError
from buildorch.notifiers.http import Reply
from buildorch.notifiers.parts import disarm, split

#: HTTP statuses that stay: wrong token, not allowed, not there.
REFUSED_FOR_GOOD = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})


class Service(abc.ABC):
    """A chat service; `send` is the notifier's port, `deliver` one request of it.

    Args:
        seconds: How long one request may take in all; half of it for the answer.
    """

    #: UTF-16 units that one message may have.
    limit = 2000

    #: Whether a message can be changed, by services that cannot answer one.
    amends = False

    #: Whether a message can be given a file.
    attaches = False

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def parts(self, text: str) -> list[str]:
        """Return *text* as messages that the service takes, in order."""
        return split(self.prepare(text), self.limit)

    def prepare(self, text: str) -> str:
        """Return *text* so that the service shows it as written and pings nobody."""
        return disarm(text)

    @abc.abstractmethod
    def deliver(self, part: str, *, key: str, answers: str | None = None) -> str | None:
        """Send one of the `parts`.

        Args:
            part: The text.
            key: The same when it is sent again.
            answers: Receipt of the message that it answers, for services that can do that.

        Returns:
            A receipt: the service's id of the message, where it names one.

        Raises:
            NotifyError: It was not delivered, or nobody knows.
        """

    def amend(self, receipt: str, text: str) -> None:
        """Change a message that was delivered, where the service `amends`.

        Raises:
            NotifyError: It was not changed, or nobody knows.
        """
        raise NotImplementedError

    def attach(self, receipt: str, name: str, text: str) -> None:
        """Add a text file to a message that was delivered, where the service `attaches`.

        Raises:
            NotifyError: It was not added, or nobody knows.
        """
        raise NotImplementedError

    def send(self, text: str, *, key: str) -> None:
        """Send the whole *text*.

        Raises:
            NotifyError: A part was not delivered, or nobody knows; later ones were not sent.
        """
        for number, part in enumerate(self.parts(text), start=1):
            self.deliver(part, key=f"{key}#{number}")


def refused(reply: Reply, words: object, advice: str, *, told: object = None) -> NotifyError:
    """Return the error that an answer of a chat service means.

    A 5xx says that the request failed, so it is sent again like one that came too often.

    Args:
        reply: The answer.
        words: What the service says, if anything.
        advice: What to do about a refusal that stays.
        told: Seconds to wait, as the answer's JSON names them.
    """
    said = f": {words}" if words else ""
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return NotifyError(f"told to wait (HTTP 429{said})", retry_after=reply.retry_after(told))
    transient = reply.status != HTTPStatus.NOT_IMPLEMENTED  # that service never does it
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR and transient:
        return NotifyError(
            f"has a fault of its own (HTTP {reply.status}{said})", retry_after=reply.retry_after()
        )
    if reply.status in REFUSED_FOR_GOOD:
        return NotifyError(f"refused (HTTP {reply.status}{said}); {advice}", gone=True)
    return NotifyError(f"did not take the message (HTTP {reply.status}{said})")
