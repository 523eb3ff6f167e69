"""The socket that paramiko reads from."""

from __future__ import annotations

import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.backends.ssh.reading import ReadAhead


@given(pieces=st.lists(st.binary(max_size=40)), limits=st.lists(st.integers(1, 50), min_size=1))
def test_every_byte_once_and_never_more_than_asked_for(
    pieces: list[bytes], limits: list[int]
) -> None:
    """However the bytes come and are asked for, they are the same; then the end is told."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for piece in pieces:
            theirs.sendall(piece)
        theirs.shutdown(socket.SHUT_WR)
        ahead, got, turn = ReadAhead(ours), b"", 0
        while data := ahead.recv(limits[turn % len(limits)]):
            assert len(data) <= limits[turn % len(limits)]
            got += data
            turn += 1
        assert got == b"".join(pieces)
        assert ahead.recv(1) == b""


def test_what_is_there_is_not_waited_for() -> None:
    """A time limit that passes costs nothing: what comes later is read, from its beginning."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ahead = ReadAhead(ours)
        ours.settimeout(0.01)
        with pytest.raises(TimeoutError):
            ahead.recv(5)
        theirs.sendall(b"abc")
        assert (ahead.recv(2), ahead.recv(5)) == (b"ab", b"c")


def test_a_quiet_link_costs_nothing() -> None:
    """Whoever asks for a look ten times a second gets one a second, and is woken instead."""
    ours, theirs = socket.socketpair()
    with theirs:
        ahead = ReadAhead(ours)
        ahead.settimeout(0.1)
        assert ours.gettimeout() == 1.0
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.append(ahead.recv(1)))
        ours.settimeout(60.0)
        reader.start()
        ahead.wake()
        reader.join(5)
        assert got == [b""]
        ahead.close()
        ahead.wake()  # of one that is gone: nothing to do
        assert ours.fileno() == -1


class _Channel:
    """What leads to a host behind another one: a message to its server would be needed."""

    def __init__(self) -> None:
        self.timeout = 0.0

    def settimeout(self, seconds: float) -> None:
        self.timeout = seconds


def test_a_channel_is_left_as_it_is() -> None:
    """What cannot be woken is looked at as often as paramiko wants."""
    channel = _Channel()
    ahead = ReadAhead(channel)
    ahead.settimeout(0.1)
    ahead.wake()
    assert channel.timeout == 0.1
