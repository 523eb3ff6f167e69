"""Files to and from a server over SFTP, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import fabric
import paramiko

from buildorch.backends.ssh.failures import said
from buildorch.errors import LinkLost, ServerUnusable, StageError

#: Seconds without a byte until a transfer is given up.
_SILENCE = 60.0
_IN_FLIGHT = 64  # requests at once: without a bound, large files stall


def put(connection: fabric.Connection, server: str, local: Path, remote: str) -> None:
    """Copy *local* to *remote* with its permissions; a file there is replaced at the end.

    Raises:
        StageError: One of the files cannot be used.
        ServerUnusable: The server has no SFTP.
        LinkLost: The connection broke.
    """
    half = f"{remote}.{secrets.token_hex(4)}.part"
    with _explained(f"copying {local} to {remote} on {server}"), _sftp(connection, server) as sftp:
        try:
            sftp.open(half, "wx").close()
            sftp.chmod(half, 0o600)  # until it is whole: it may be a key
            sftp.put(str(local), half)
            sftp.chmod(half, local.stat().st_mode & 0o777)
            sftp.posix_rename(half, remote)
        except OSError:
            with contextlib.suppress(OSError):
                sftp.remove(half)
            raise


def get(connection: fabric.Connection, server: str, remote: str, local: Path) -> None:
    """Copy *remote* to *local*; a file here is replaced at the end.

    Raises:
        StageError: One of the files cannot be used.
        ServerUnusable: The server has no SFTP.
        LinkLost: The connection broke.
    """
    half = local.with_name(f"{local.name}.{secrets.token_hex(4)}.part")
    with _explained(f"copying {remote} on {server} to {local}"), _sftp(connection, server) as sftp:
        try:
            sftp.get(remote, str(half), max_concurrent_prefetch_requests=_IN_FLIGHT)
            half.replace(local)
        finally:
            half.unlink(missing_ok=True)


@contextlib.contextmanager
def _sftp(connection: fabric.Connection, server: str) -> Iterator[paramiko.SFTPClient]:
    channel = connection.create_session()
    try:
        channel.settimeout(_SILENCE)
        try:
            channel.invoke_subsystem("sftp")
            client = paramiko.SFTPClient(channel)
        except (EOFError, OSError, paramiko.SSHException) as error:
            if not connection.is_connected:
                raise
            raise _no_sftp(connection, server) from error
        with contextlib.closing(client):
            yield client
    finally:
        channel.close()


def _no_sftp(connection: fabric.Connection, server: str) -> ServerUnusable:
    message = (
        f"{server} ({connection.host}:{connection.port}) has no SFTP, which copying files needs:"
        " its administrator can add 'Subsystem sftp internal-sftp' to sshd_config. Jobs run"
        " without it"
    )
    return ServerUnusable(message, server=server, host=connection.host, port=connection.port)


@contextlib.contextmanager
def _explained(doing: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, TimeoutError, ConnectionError, paramiko.SSHException) as error:
        raise LinkLost(f"{doing}: the connection broke ({said(error)})") from error
    except OSError as error:
        if str(error) == "Socket is closed":  # paramiko's words, without a number
            raise LinkLost(f"{doing}: the connection broke ({error})") from error
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StageError(f"{doing}: {reason}") from error
