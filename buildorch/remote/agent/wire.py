"""The agent's ends of the link: messages in, frames out, neither ever waiting."""

import errno
import fcntl
import os
import re
from collections import deque

#: Bytes that may wait for the link before logs are left where they are.
ROOM = 1 << 20
#: The most bytes of a header line, and of the files of a launch together.
MAX_HEADER = 1 << 15
MAX_BODY = 1 << 24

_JOB = "[A-Za-z0-9][A-Za-z0-9.-]{0,239}"
_NUMBER = "[0-9]{1,18}"
_SECONDS = _NUMBER + "(\\.[0-9]{1,9})?"
_LIMITS = "( (-|" + _SECONDS + ")){5}"
_FILES = "( [a-z][a-z.]*:" + _NUMBER + ")*"
#: The words of every message after its first one: a message of another form is obeyed in nothing.
FORMS = {
    "ping": "[0-9A-Za-z]+( " + _NUMBER + ")?",
    "start": _JOB + " [0-9A-Za-z]+ " + _NUMBER + _LIMITS + _FILES,
    "follow": _JOB + " " + _NUMBER,
    "cancel": _JOB + " [A-Za-z0-9][A-Za-z0-9.-]* " + _SECONDS,
    "release": _JOB,
    "sum": _JOB,
    "clean": _SECONDS,
}


def never_wait(fd: int) -> None:
    """Make reads and writes of a descriptor return at once."""
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)


class Closed(Exception):
    """Nobody is at the other end any more."""


class Garbled(Exception):
    """What arrived is no message of a client: nothing was done about it, and nothing follows."""


class Inbox:
    """Header lines, each followed by exactly as many bytes as its last word says, if it says."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._data = bytearray()

    def fill(self) -> None:
        """Take what has arrived.

        Raises:
            Closed: The other end is gone.
        """
        try:
            data = os.read(self.fd, 1 << 18)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EINTR):
                return
            raise Closed
        if not data:
            raise Closed
        self._data += data

    def take(self) -> "tuple[list[str], bytes] | None":
        """Return the next whole message, or None while there is none.

        Raises:
            Garbled: What arrived is none.
        """
        end = self._data.find(b"\n", 0, MAX_HEADER)
        if end < 0 and len(self._data) < MAX_HEADER:
            return None
        line = bytes(self._data[: max(end, 0)]).decode("ascii", "replace")
        words = line.split(" ")
        if not re.match(FORMS.get(words[0], "$.") + "\\Z", " ".join(words[1:])):
            raise Garbled("no message of a client: " + line[:80])
        size = sum(int(word.split(":")[1]) for word in words if ":" in word)
        if size > MAX_BODY:
            raise Garbled("a message of " + str(size) + " bytes")
        if len(self._data) < end + 1 + size:
            return None
        body = bytes(self._data[end + 1 : end + 1 + size])
        del self._data[: end + 1 + size]
        return words, body


class Outbox:
    """Frames that wait until the link takes them."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._pieces = deque()  # type: deque[bytes | memoryview]
        self.size = 0

    @property
    def room(self) -> bool:
        """Whether a log may send more."""
        return self.size < ROOM

    def put(self, *words: object) -> None:
        """Queue a header line."""
        self._add((" ".join(str(word) for word in words) + "\n").encode("utf-8", "replace"))

    def put_frame(self, body: bytes, *words: object) -> None:
        """Queue a header line that ends with the size of *body*, and *body*."""
        self.put(*(words + (len(body),)))
        self._add(body)

    def _add(self, data: bytes) -> None:
        if data:
            self._pieces.append(data)
            self.size += len(data)

    def flush(self) -> None:
        """Give the link what it takes now.

        Raises:
            Closed: The other end is gone.
        """
        while self._pieces:
            try:
                done = os.write(self.fd, self._pieces[0])
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EINTR):
                    return
                raise Closed
            self.size -= done
            if done < len(self._pieces[0]):
                self._pieces[0] = memoryview(self._pieces[0])[done:]
            else:
                self._pieces.popleft()
