"""Server addresses as people write them: `user@host:port`, IPv6 included."""

from __future__ import annotations

import re

import attrs

from buildorch.names import quoted

_HIGHEST_PORT = 65535


@attrs.frozen
class Address:
    """Where a server is reached.

    Attributes:
        host: Host name or address, without brackets.
        user: Login name, or None.
        port: TCP port, or None.
    """

    host: str
    user: str | None = None
    port: int | None = None


def parse_address(text: str) -> Address:
    """Split `user@host:port`; every part but the host may be missing.

    Raises:
        ValueError: There is no host, or the port is none.

    Example:
        >>> parse_address("ci@[2001:db8::5]:2222")
        Address(host='2001:db8::5', user='ci', port=2222)
        >>> parse_address("fe80::1%eth0")
        Address(host='fe80::1%eth0', user=None, port=None)
    """
    user, at, place = text.strip().removeprefix("ssh://").rstrip("/").rpartition("@")
    host, port = _split(place)
    if not re.fullmatch(r"[^-\s\[\]/,@][^\s\[\]/,@]*", host) or bool(at) != bool(user):
        raise ValueError(f"{quoted(text)} is no address; write host, user@host or user@host:port")
    return Address(host, user or None, None if port is None else _port(port, text))


def _split(place: str) -> tuple[str, str | None]:
    bracketed = re.fullmatch(r"\[([^\[\]]+)\](?::(.*))?", place)
    if bracketed:
        return bracketed[1], bracketed[2]
    if place.count(":") == 1:
        host, _, port = place.partition(":")
        return host, port
    return place, None  # several colons without brackets: IPv6, which has no room for a port


def _port(digits: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", digits) or not 0 < int(digits) <= _HIGHEST_PORT:
        message = f"port {quoted(digits)} in {quoted(text)} is no number from 1 to {_HIGHEST_PORT}"
        raise ValueError(message)
    return int(digits)
