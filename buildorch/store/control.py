"""Wakes the controller of a run at once when somebody left an order for it in the store.

Owns the control socket. A poke carries nothing: what is to be done stands in the store, so a
lost poke delays and never loses an order.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from buildorch.errors import StoreUnwritable
from buildorch.store.places import Places


class ControlSocket:
    """Listens for pokes in a thread of its own until it is closed.

    Make it only while holding the run's lock: it replaces what a dead controller left.

    Args:
        places: The state folder.
        run: Id of the run.
        wake: Called from the thread after each poke; returns quickly, for example by putting
            something into the controller's queue.

    Raises:
        StoreUnwritable: The socket cannot be made.
    """

    def __init__(self, places: Places, run: str, wake: Callable[[], None]) -> None:
        self._path = _path(places, run)
        self._wake = wake
        self._socket = _datagrams()
        try:
            self._bind()
        except OSError as error:
            self._socket.close()
            raise StoreUnwritable(
                f"the control socket {self._path} cannot be made: {error.strerror}; repair that "
                "folder, or set BUILDORCH_HOME to a folder on a local disk that you can write"
            ) from error
        self._thread = threading.Thread(target=self._listen, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; no `wake` is called after the return."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bind(self) -> None:
        self._path.unlink(missing_ok=True)
        os.fchmod(self._socket.fileno(), 0o600)  # of the name that bind makes
        with _address(self._path) as address:
            self._socket.bind(address)

    def _listen(self) -> None:
        # After the shutdown recv returns nothing; a poke is never empty.
        while self._socket.recv(1):
            self._wake()


def poke(places: Places, run: str) -> bool:
    """Wake the controller of *run*.

    Args:
        places: The state folder.
        run: Id of the run.

    Returns:
        Whether a controller was listening.
    """
    try:
        with _datagrams() as sender, _address(_path(places, run)) as address:
            sender.sendto(b"!", socket.MSG_DONTWAIT, address)
    except BlockingIOError:
        return True  # so many pokes wait there that one more makes no difference
    except OSError:
        return False
    return True


def _datagrams() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


def _path(places: Places, run: str) -> Path:
    return places.sockets / f"{run}.sock"


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """Give a name for *path* that fits into the 107 bytes of an address, however long it is."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
