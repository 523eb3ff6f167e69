#!/usr/bin/env python3
"""Stands in for bitbake's client: takes the lock or joins its server, and prints what it hears.

The server is `bitbake_server.py` beside it. Knobs in $BUILDDIR/stub.conf: `strict_locale`,
`alive`, `noreply` (seconds), `sstate`, `why`; and those of the server.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from knotty import Knotty, error
from witness import knobs, note, say

_BUILD = Path(os.environ.get("BUILDDIR") or Path.cwd())
_CONF = knobs(_BUILD)
_SERVER = Path(__file__).resolve().with_name("bitbake_server.py")

#: All that reaches the server, beside what BB_ENV_PASSTHROUGH_ADDITIONS names.
_KEPT = ("HOME", "LOGNAME", "PATH", "PWD", "SHELL", "USER", "LC_ALL")
_KEPT_OF_BITBAKE = ("BUILDDIR", "BBPATH", "BB_SERVER_TIMEOUT")
_NO_UTF8 = """\
Please use a locale setting which supports UTF-8 (such as LANG=en_US.UTF-8).
Python can't change the filesystem locale after loading so we need a UTF-8 when Python starts or \
things won't work."""
_BAD_UMASK = """\
 OE-core's config sanity checker detected a potential misconfiguration.
    Please use a umask which allows a+rx and u+rwx"""
_HEAD = """\
Loading cache...done.
Loaded 3127 entries from dependency cache.
Parsing recipes...done.

Build Configuration:
BB_VERSION           = "2.8.0"
MACHINE              = "ccu2"

Initialising tasks...done.
Sstate summary: Wanted 812 Local {0} Mirrors 0 Missed {1} Current 1502 ({2}% match, {3}% complete)
NOTE: Executing Tasks"""


def _charset() -> str:
    """Return the charset of the locale that this process was started with."""
    raw = Path("/proc/self/environ").read_text(encoding="utf-8", errors="replace")
    first = dict(one.partition("=")[::2] for one in raw.split("\0"))
    locale = first.get("LC_ALL") or first.get("LC_CTYPE") or first.get("LANG") or "C"
    usual = "" if _CONF.get("strict_locale") == "1" else "UTF-8"
    return locale.partition(".")[2] or usual


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _witness(what: str, **more: object) -> None:
    about = {"what": what, "t": time.time(), "pid": os.getpid(), "sid": os.getsid(0), **more}
    note("bitbake.log", json.dumps(about))


def _lock() -> TextIO | None:
    """Take the lock of the build folder, which a server keeps for its life; None where one has."""
    lock = (_BUILD / "bitbake.lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def _server_environment() -> dict[str, str]:
    names = [*_KEPT, *_KEPT_OF_BITBAKE]
    for variable in ("BB_ENV_PASSTHROUGH_ADDITIONS", "BB_ENV_EXTRAWHITE"):
        names += os.environ.get(variable, "").split()
    env = {name: os.environ[name] for name in names if name in os.environ}
    return {"LC_ALL": "en_US.UTF-8", **env}


def _start_server(lock: TextIO) -> None:
    """Start a server that has a session of its own, no parent, and a cleaned environment."""
    sys.stdout.flush()
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        log = os.open(_BUILD / "bitbake-cookerdaemon.log", flags, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.set_inheritable(lock.fileno(), True)  # noqa: FBT003 - os takes no keywords
        words = [sys.executable, str(_SERVER), str(_BUILD), str(lock.fileno())]
        os.execve(sys.executable, words, _server_environment())  # noqa: S606 - no shell is wanted
    os.wait()
    lock.close()


def _connect() -> socket.socket:
    for _ in range(100):
        link = socket.socket(socket.AF_UNIX)
        try:
            link.connect(str(_BUILD / "bitbake.sock"))
        except OSError:
            link.close()
            time.sleep(0.1)
        else:
            return link
    sys.exit(
        "ERROR: Unable to connect to bitbake server, or start one (server startup failures would"
        " be in bitbake-cookerdaemon.log)."
    )


def _terminate() -> int:
    lock = _lock()
    if lock:
        say("NOTE: bitbake server is not running.")
        return 0
    _connect().sendall(b'{"cmd": "terminate"}\n')
    say("NOTE: Terminated bitbake server.")
    return 0


def _events(link: socket.socket) -> Iterator[dict[str, Any] | None]:
    """Yield what the server tells; None when nothing came for a second; end with the link."""
    rest = b""
    while True:
        if not select.select([link], [], [], 1)[0]:
            yield None
            continue
        part = link.recv(65536)
        if not part:
            return
        *lines, rest = (rest + part).split(b"\n")
        yield from map(json.loads, lines)


def _follow(link: socket.socket, knotty: Knotty) -> int:
    """Print the build to its end; return the exit code."""
    heard = time.monotonic()
    for event in _events(link):
        if event is not None:
            heard = time.monotonic()
            knotty.take(event)
        elif time.monotonic() - heard > float(_CONF.get("alive", "10")) and not sys.stdout.isatty():
            heard = time.monotonic()
            say("Bitbake still alive (no events for 600s). Active tasks:")
        if knotty.code is not None:
            return knotty.code
    error("Executing event: server gone")
    return 1


def _build(words: list[str], mask: int) -> int:
    """Have the targets built by a server."""
    lock = _lock()
    if lock:
        say("NOTE: Starting bitbake server...")
        _start_server(lock)
    else:
        say("NOTE: Reconnecting to bitbake server...")
    if mask & 0o755:
        error(_BAD_UMASK)
        return 1
    link, knotty = _connect(), Knotty(_BUILD, _CONF)
    targets = [word for word in words if not word.startswith("-")]
    asked = {"cmd": "build", "k": "-k" in words, "targets": targets}
    link.sendall(f"{json.dumps(asked)}\n".encode())

    def interrupted(*_: object) -> None:
        knotty.interrupts += 1
        if knotty.interrupts > 2:
            os._exit(1)
        first = knotty.interrupts == 1
        how = "Keyboard Interrupt, closing down" if first else "Second Keyboard Interrupt, stopping"
        say(f"\n{how}...\n")
        link.sendall(b"1" if first else b"2")

    signal.signal(signal.SIGINT, interrupted)
    while not select.select([link], [], [], float(_CONF.get("noreply", "10")))[0]:
        say("NOTE: No reply from server in 30s (for command setFeatures)")
    say(_HEAD.format(*_CONF.get("sstate", "790,22,97,99").split(",")))
    return _follow(link, knotty)


def main() -> int:
    """Do what the words say."""
    words, charset, mask = sys.argv[1:], _charset(), _umask()
    if charset.replace("-", "").lower() != "utf8":
        sys.exit(_NO_UTF8)
    if "--status-only" in words:
        return 1 if _lock() else 0
    if "-m" in words or "--kill-server" in words:
        return _terminate()
    _witness(
        "client-start",
        argv=words,
        umask=f"{mask:03o}",
        charset=charset,
        agent=os.environ.get("SSH_AUTH_SOCK", ""),
        stdin=str(Path("/proc/self/fd/0").readlink()),
        user=os.environ.get("USER", ""),
    )
    code = _build(words, mask)
    _witness("client-end", rc=code)
    return code


sys.exit(main())
