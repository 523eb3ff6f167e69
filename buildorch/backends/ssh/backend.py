"""The backend `ssh`: one connection and one channel per server carry all its jobs."""

from __future__ import annotations

from pathlib import Path

import attrs
import fabric

from buildorch.backends.ssh import transfer
from buildorch.backends.ssh.connection import HandshakeLimit, make_connection
from buildorch.backends.ssh.failures import explained, failure
from buildorch.backends.ssh.link import ChannelLink
from buildorch.backends.ssh_config import ResolvedHost, resolve
from buildorch.errors import ConnectError, ConnectRefused, DefinitionError, LinkLost, ServerUnusable
from buildorch.model import Server
from buildorch.ports import Session, SessionListener
from buildorch.remote.session import Duplex, boot_command, open_session


@attrs.frozen
class SshBackend:
    """Reaches servers by SSH, with host keys that known_hosts has and nothing else.

    Attributes:
        boot_timeout: Seconds that the server part may take from login to ready.
        prefer: `python` or `sh` to demand that server part; None takes the best there is.
        limit: Bounds logins at once per host.
    """

    boot_timeout: float = 30.0
    prefer: str | None = None
    limit: HandshakeLimit = attrs.field(factory=HandshakeLimit)

    def connect(self, server: Server, listener: SessionListener) -> Session:
        """Return a session that is ready for jobs.

        Args:
            server: The server.
            listener: Told what the session hears.

        Raises:
            ConnectError: One of its subclasses, which says what failed and what to do.
        """
        host = _resolved(server)
        link = self._link(host, server.name)
        try:
            return open_session(
                link, server, listener, timeout=self.boot_timeout, prefer=self.prefer
            )
        except LinkLost as error:
            raise _not_booted(link, host, server, error) from error

    def stream(self, server: Server) -> tuple[Duplex, Server]:
        """Return the byte stream below a session, and the server as it was given.

        Args:
            server: The server.

        Raises:
            ConnectError: One of its subclasses, which says what failed and what to do.
        """
        return self._link(_resolved(server), server.name), server

    def _link(self, host: ResolvedHost, name: str) -> ChannelLink:
        connection = make_connection(host, name, self.limit)
        connection.open()
        try:
            with explained(host, name):
                channel = connection.create_session()
                channel.exec_command(boot_command())
        except BaseException:
            connection.close()
            raise
        return ChannelLink(connection, channel)

    def connection(self, server: Server) -> fabric.Connection:
        """Return an open, verified connection of its own, for whatever Fabric can do.

        What runs over it is not durable; close it after use.

        Raises:
            ConnectError: One of its subclasses.
        """
        connection = make_connection(_resolved(server), server.name, self.limit)
        connection.open()
        return connection

    def put(self, server: Server, local: Path | str, remote: str) -> None:
        """Copy a file to *server*, over a connection of its own.

        Args:
            server: The server.
            local: File on this machine.
            remote: File on the server; its folder must exist.

        Raises:
            StageError: One of the files cannot be used.
            ConnectError: There is no connection, or no SFTP (`ServerUnusable`).
            LinkLost: The connection broke meanwhile.
        """
        with self.connection(server) as connection:
            transfer.put(connection, server.name, Path(local), remote)

    def get(self, server: Server, remote: str, local: Path | str) -> None:
        """Copy a file from *server*, over a connection of its own.

        Args:
            server: The server.
            remote: File on the server.
            local: File on this machine; its folder must exist.

        Raises:
            StageError: One of the files cannot be used.
            ConnectError: There is no connection, or no SFTP (`ServerUnusable`).
            LinkLost: The connection broke meanwhile.
        """
        with self.connection(server) as connection:
            transfer.get(connection, server.name, remote, Path(local))


def _not_booted(
    link: ChannelLink, host: ResolvedHost, server: Server, error: LinkLost
) -> ConnectError:
    """Tell a login shell that ended by itself from a link that broke."""
    if link.exit_status is None:
        return failure(ConnectRefused, f"{error} while the server part started", host, server.name)
    words = link.last_words or "it said nothing"
    what = (
        f"logged in as {host.user}, but its login shell ended at once with exit code"
        f" {link.exit_status} ({words}). The account needs a shell that runs commands"
    )
    return failure(ServerUnusable, what, host, server.name)


def _resolved(server: Server) -> ResolvedHost:
    try:
        return resolve(server)
    except DefinitionError as error:
        message = f"{server.name}: {error}"
        raise ServerUnusable(
            message, server=server.name, host=server.host, port=server.port or 22
        ) from error
