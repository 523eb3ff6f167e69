"""Every way in which connecting fails has a class and words of its own."""

from __future__ import annotations

import errno
import socket

import paramiko
import pytest

from buildorch.backends.ssh.failures import explain, explained
from buildorch.backends.ssh_config import ResolvedHost
from buildorch.errors import (
    ConnectError,
    ConnectRefused,
    ConnectTimedOut,
    HostNotFound,
    LoginRefused,
    ServerUnusable,
)

_HOST = ResolvedHost(name="b", host="b.lab", port=2222, user="ci", warnings=("old ssh",))


def _banner(cause: Exception) -> paramiko.SSHException:
    """Return what paramiko raises when no banner comes, with its real cause hidden behind it."""
    error = paramiko.SSHException("Error reading SSH protocol banner")
    error.__context__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        (socket.gaierror(-2, "Name or service not known"), HostNotFound, "no address"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), ConnectRefused, "nothing listens"),
        (TimeoutError("timed out"), ConnectTimedOut, "no answer"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), ConnectTimedOut, "no route"),
        (OSError(errno.ENETUNREACH, "unreachable"), ConnectTimedOut, "no route"),
        (OSError(errno.EMFILE, "Too many open files"), ConnectError, "Too many open files"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), ConnectRefused, "MaxStartups"),
        (EOFError(), ConnectRefused, "MaxStartups"),
        (_banner(EOFError()), ConnectRefused, "MaxStartups"),
        (_banner(ConnectionResetError()), ConnectRefused, "MaxStartups"),
        (_banner(TimeoutError()), ConnectTimedOut, "did not say who it is"),
        (paramiko.SSHException("No existing session"), ConnectTimedOut, "key exchange"),
        (paramiko.SSHException("Timeout opening channel."), ConnectTimedOut, "no answer"),
        (paramiko.SSHException("Invalid SSH banner"), ServerUnusable, "no SSH server"),
        (paramiko.ssh_exception.IncompatiblePeer("no kex"), ServerUnusable, "algorithm"),
        (paramiko.ChannelException(1, "prohibited"), ServerUnusable, "MaxSessions"),
        (paramiko.ChannelException(2, "failed"), ConnectRefused, "cannot connect"),
        (paramiko.ChannelException(4, "shortage"), ConnectRefused, "channel"),
        (paramiko.SSHException("odd"), ConnectRefused, "odd"),
        (RuntimeError("odd"), ConnectError, "odd"),
    ],
)
def test_each_failure_has_its_class_and_words(
    error: Exception, kind: type[ConnectError], word: str
) -> None:
    """Class and message follow from what happened, not from the library's wording."""
    found, words = explain(error, _HOST)
    assert (kind, True) == (found, word in words)


def test_the_message_says_where_and_carries_warnings() -> None:
    """Host, port, alias and notes are in the error; the cause is kept."""
    with pytest.raises(ConnectTimedOut) as failed, explained(_HOST, "builder"):
        raise TimeoutError
    assert str(failed.value).startswith("b (b.lab:2222): timed out")
    assert str(failed.value).endswith("Note: old ssh")
    assert (
        failed.value.server,
        failed.value.host,
        failed.value.port,
    ) == ("builder", "b.lab", 2222)
    assert isinstance(failed.value.__cause__, TimeoutError)


def test_our_own_errors_pass_unchanged() -> None:
    """What is already explained is not explained again."""
    ours = LoginRefused("no", server="s", host="h", port=22)
    with pytest.raises(LoginRefused) as failed, explained(_HOST, "builder"):
        raise ours
    assert ours is failed.value
