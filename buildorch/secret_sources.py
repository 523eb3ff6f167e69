"""The value of one secret: from the environment, a file, a command or the account's keyring.

Nothing that a file or a command said is in any message here: it could be half of the secret.
"""

from __future__ import annotations

import importlib.util
import os
import select
import shlex
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from buildorch.errors import UsageError
from buildorch.model import Secret

#: Shorter secrets would be masked in places that have nothing to do with them.
SHORTEST_SECRET = 6

#: Seconds that a command may take: somebody may have to unlock a store first.
COMMAND_SECONDS = 60.0

#: What is longer is no secret, and Linux takes no longer variable.
_LARGEST = 64 * 1024

_INSTALL = "needs the package keyring, which is not installed: pip install 'buildorch[keyring]'"


def look_up(secret: Secret, environ: Mapping[str, str], *, seconds: float = COMMAND_SECONDS) -> str:
    """Return the value of *secret*; line ends behind it do not count.

    Args:
        secret: The reference.
        environ: Where variables are looked up; commands get it.
        seconds: How long a command may take.

    Raises:
        UsageError: There is none, or it cannot be masked safely; the message goes on after the
            secret's name and holds nothing of its value.

    Example:
        >>> look_up(Secret("TOKEN"), {"TOKEN": "hunter22"})
        'hunter22'
    """
    match secret.source:
        case "environment":
            value = _variable(secret.words[0], environ)
        case "file":
            value = _text(_content(secret.words[0]))
        case "command":
            value = _text(_printed(secret.words, environ, seconds))
        case _:
            value = _kept(*secret.words)
    return _usable(value)


def inspect(secret: Secret, environ: Mapping[str, str]) -> None:
    """Return quietly where *secret* will probably be found; runs nothing and unlocks nothing.

    Raises:
        UsageError: It will not.
    """
    match secret.source:
        case "command":
            _program(secret.words[0], environ)
        case "keyring":
            if importlib.util.find_spec("keyring") is None:
                raise UsageError(_INSTALL)
        case _:
            look_up(secret, environ)


def _usable(value: str) -> str:
    if len(value) < SHORTEST_SECRET:
        raise UsageError(f"is shorter than {SHORTEST_SECRET} characters")
    if "\0" in value:
        raise UsageError("holds a NUL byte, which no environment can hold")
    return value


def _text(data: bytes) -> str:
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError("is no UTF-8 text; encode it, for example with base64") from None


def _variable(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise UsageError("is not set; export it, then try again")
    return environ[name]


def _content(name: str) -> bytes:
    try:
        path = Path(name).expanduser()
    except RuntimeError:  # no such account
        path = Path(name)
    if not path.is_absolute():
        raise UsageError("is no absolute path; a run may be resumed from another folder")
    try:
        return _read_private(path)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}") from None


def _read_private(path: Path) -> bytes:
    # Without O_NONBLOCK a FIFO would be waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _refuse_shared(os.fstat(descriptor), path)
        return _limited(os.read(descriptor, _LARGEST + 1))
    finally:
        os.close(descriptor)


def _refuse_shared(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UsageError("is no ordinary file")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise UsageError(
            f"may be used by others than its owner (mode {mode:04o}); mend that with: "
            f"chmod 600 {shlex.quote(str(path))}"
        )


def _limited(data: bytes) -> bytes:
    if len(data) > _LARGEST:
        raise UsageError(f"is longer than {_LARGEST // 1024} KiB; that is no secret")
    return data


def _program(name: str, environ: Mapping[str, str]) -> str:
    found = shutil.which(name, path=environ.get("PATH", os.defpath))
    if found is None:
        raise UsageError("cannot be run: there is no such program on the PATH")
    return found


def _printed(words: tuple[str, ...], environ: Mapping[str, str], seconds: float) -> bytes:
    program = _program(words[0], environ)
    until = time.monotonic() + seconds
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command, and no shell
            words,
            executable=program,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise UsageError(f"cannot be run: {error.strerror}") from None
    with process:
        try:
            data = _read(process.stdout, until)
            code = process.wait(max(0.0, until - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired):
            raise UsageError(f"did not end within {seconds:g} s") from None
        finally:
            process.kill()
    if code:
        how = f"with exit code {code}" if code > 0 else f"by signal {-code}"
        raise UsageError(f"failed: it ended {how}; run it by hand to see why")
    return data


def _read(pipe: IO[bytes] | None, until: float) -> bytes:
    """Return all of a pipe, also where a child of the command keeps it open for ever."""
    data = b""
    while pipe is not None:
        left = until - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise TimeoutError
        piece = os.read(pipe.fileno(), _LARGEST)
        if not piece:
            break
        data = _limited(data + piece)
    return data


def _kept(service: str, user: str) -> str:
    try:
        import keyring  # noqa: PLC0415 - an extra, and few need it
        from keyring.errors import KeyringError  # noqa: PLC0415 - likewise
    except ImportError:
        raise UsageError(_INSTALL) from None
    ask: Callable[[str, str], str | None] = keyring.get_password
    try:
        value = ask(service, user)
    except (KeyringError, OSError) as error:
        kind = type(error).__name__
        raise UsageError(
            f"cannot be read: the keyring is locked or there is none here ({kind})"
        ) from None
    if value is None:
        store = shlex.join(["keyring", "set", service, user])
        raise UsageError(f"is not there; store it with: {store}")
    return value
