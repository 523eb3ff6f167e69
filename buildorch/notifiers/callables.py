"""Notifiers that users pass in: objects and functions, called in this process.

They cannot be pickled in general, so they run in a thread, which can be left but not killed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from buildorch.errors import NotifyError
from buildorch.ports import Notifier


class CallableNotifier:
    """Makes a notifier of a function that takes the text.

    Args:
        call: Called with the text of each message.
        seconds: How long one call may take; then it is left behind, and none follows.

    Example:
        >>> CallableNotifier(print).send("stage done", key="k")
        stage done
    """

    def __init__(self, call: Callable[[str], object], seconds: float = 30.0) -> None:
        self._call = call
        self._seconds = seconds

    def send(self, text: str, *, key: str) -> None:  # noqa: ARG002 - the function takes the text
        """Call the function with *text*.

        Raises:
            NotifyError: It raised, or did not return in time.
        """
        call_within(self._seconds, lambda: self._call(text))


def as_notifier(given: Notifier | Callable[[str], object], seconds: float) -> Notifier:
    """Return what a user passed in as a notifier that keeps a time limit.

    Args:
        given: A notifier, or a function that takes the text.
        seconds: How long one call may take.
    """
    if isinstance(given, CallableNotifier):
        return given
    if hasattr(given, "send"):
        return _Limited(given, seconds)
    return CallableNotifier(given, seconds)


class _Limited:
    """A user's notifier with a time limit."""

    def __init__(self, notifier: Notifier, seconds: float) -> None:
        self._notifier = notifier
        self._seconds = seconds

    def send(self, text: str, *, key: str) -> None:
        call_within(self._seconds, lambda: self._notifier.send(text, key=key))


def call_within(seconds: float, call: Callable[[], object]) -> None:
    """Call *call* in a thread and wait for its end.

    Raises:
        NotifyError: It raised, or did not return within *seconds*.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - a user's code may raise anything
            raised.append(error)

    thread = threading.Thread(target=run, name="buildorch-notifier", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise NotifyError(
            f"the notifier did not return within {seconds:g}s and is not called again", gone=True
        )
    if raised:
        raise _ours(raised[0]) from raised[0]


def _ours(error: BaseException) -> NotifyError:
    if isinstance(error, NotifyError):
        return error
    return NotifyError(f"the notifier raised {type(error).__name__}: {error}")
