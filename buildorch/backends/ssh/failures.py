"""Foreign exceptions end here: each way in which connecting fails becomes one of our errors."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Callable, Iterator
from typing import TypeAlias

import paramiko

from buildorch.backends.ssh_config import ResolvedHost
from buildorch.errors import (
    BuildorchError,
    ConnectError,
    ConnectRefused,
    ConnectTimedOut,
    HostNotFound,
    ServerUnusable,
)

_NO_ROUTE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN)
_PROHIBITED, _CONNECT_FAILED = 1, 2  # reasons of SSH_MSG_CHANNEL_OPEN_FAILURE

#: A class of ours and the sentence that follows the host's name.
_Explained: TypeAlias = tuple[type[ConnectError], str]
_Explains: TypeAlias = Callable[[BaseException, ResolvedHost], _Explained]


@contextlib.contextmanager
def explained(host: ResolvedHost, server: str) -> Iterator[None]:
    """Turn what goes wrong while connecting to *host* into a `ConnectError`.

    Args:
        host: The host that is dialled.
        server: Alias of the server.

    Raises:
        ConnectError: The subclass and message that fit.
    """
    try:
        yield
    except BuildorchError:
        raise
    except (OSError, EOFError, paramiko.SSHException) as error:
        kind, what = explain(error, host)
        raise failure(kind, what, host, server) from error


def failure(kind: type[ConnectError], what: str, host: ResolvedHost, server: str) -> ConnectError:
    """Return an error of *kind* that says *what* went wrong with *host*.

    Args:
        kind: The class.
        what: A sentence: what failed, why, what to do.
        host: The host that was dialled.
        server: Alias of the server.
    """
    notes = "".join(f". Note: {warning}" for warning in host.warnings)
    message = f"{host.name} ({_way(host)}): {what}{notes}"
    return kind(message, server=server, host=host.host, port=host.port)


def said(error: BaseException) -> str:
    """Return an exception's words, or its name where it has none."""
    return str(error) or type(error).__name__


def _way(host: ResolvedHost) -> str:
    if host.proxy_command:
        return f"{host.place} by ProxyCommand {host.proxy_command!r}"
    through = " and ".join(jump.name for jump in host.jumps)
    return f"{host.place} through {through}" if through else host.place


def explain(error: Exception, host: ResolvedHost) -> _Explained:
    """Return the class and the words for *error*."""
    for kind, explanation in _BY_TYPE:
        if isinstance(error, kind):
            return explanation(error, host)
    return ConnectError, f"the connection failed: {said(error)}"


def _name(error: BaseException, host: ResolvedHost) -> _Explained:
    reason = error.args[-1] if error.args else error
    return HostNotFound, (
        f"the name {host.host!r} has no address ({reason}). Check the host in the configuration,"
        " HostName in ssh_config, and whether this machine is in the right network (VPN)"
    )


def _refused(_error: BaseException, host: ResolvedHost) -> _Explained:
    return ConnectRefused, (
        f"refused: the machine answers, but nothing listens on port {host.port}. Is sshd"
        " running there, and is the port right?"
    )


def _timed_out(_error: BaseException, host: ResolvedHost) -> _Explained:
    return ConnectTimedOut, (
        f"timed out: no answer within {host.connect_timeout:g} s. Is the machine on, and is this"
        " one in the right network (VPN, firewall)?"
    )


def _hung_up(error: BaseException, host: ResolvedHost) -> _Explained:
    return ConnectRefused, (
        "the connection was closed before sshd said who it is"
        f" ({said(error)}). Most often too many logins are under way there at"
        " once (MaxStartups in its sshd_config); or it refuses our address, or the proxy on the"
        " way ended. Trying again later helps in the first case"
        if not host.proxy_command
        else "the ProxyCommand ended before sshd said who it is. Run it by hand to see why"
    )


def _protocol(error: BaseException, host: ResolvedHost) -> _Explained:
    """Tell apart what paramiko puts into one class and distinguishes by its text only."""
    text = str(error)
    cause = error.__context__
    if text.startswith("Error reading SSH protocol banner"):
        if isinstance(cause, TimeoutError):
            return ConnectTimedOut, (
                "timed out: the port is open, but sshd did not say who it is. Is the machine"
                " frozen or overloaded?"
            )
        return _hung_up(cause or error, host)
    if text == "No existing session":  # paramiko's way to say that the key exchange took too long
        return ConnectTimedOut, (
            "timed out: sshd answered, but did not finish the key exchange. Is the machine"
            " overloaded?"
        )
    if "timeout" in text.lower():
        return _timed_out(error, host)
    if "protocol version" in text or "SSH banner" in text:
        return ServerUnusable, f"what listens there is no SSH server ({text}). Is the port right?"
    return ConnectRefused, f"the connection broke while it was set up: {text}"


def _no_common(error: BaseException, _host: ResolvedHost) -> _Explained:
    return ServerUnusable, (
        f"it and paramiko have no algorithm in common ({error}). Its administrator can allow a"
        " current one (KexAlgorithms, HostKeyAlgorithms, Ciphers in its sshd_config)"
    )


def _channel(error: BaseException, host: ResolvedHost) -> _Explained:
    code = error.args[0] if error.args else 0
    last = host.jumps[-1].name if host.jumps else "it"
    if code == _CONNECT_FAILED:
        return ConnectRefused, f"{last} cannot connect to {host.place} ({error})"
    if code == _PROHIBITED:
        return ServerUnusable, (
            f"{last} does not allow it ({error}). Its administrator can allow sessions"
            " (MaxSessions) or, on a jump host, forwarding (AllowTcpForwarding)"
        )
    return ConnectRefused, f"{last} could not open a channel ({error})"


def _system(error: BaseException, host: ResolvedHost) -> _Explained:
    code = error.errno if isinstance(error, OSError) else None
    if code in _NO_ROUTE:
        return ConnectTimedOut, (
            f"no route to it ({error}). Is the machine on, and is this one in the right network"
            " (VPN)?"
        )
    if code == errno.ETIMEDOUT:
        return _timed_out(error, host)
    return ConnectError, f"the connection failed: {error}"


#: The first class that fits counts, so subclasses stand before their bases.
_BY_TYPE: tuple[tuple[type[Exception], _Explains], ...] = (
    (socket.gaierror, _name),
    (ConnectionRefusedError, _refused),
    (TimeoutError, _timed_out),
    (ConnectionError, _hung_up),
    (EOFError, _hung_up),
    (OSError, _system),
    (paramiko.ChannelException, _channel),
    (paramiko.ssh_exception.IncompatiblePeer, _no_common),
    (paramiko.SSHException, _protocol),
)
