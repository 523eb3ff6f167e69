"""Which server a name stands for: one of the configuration, an ssh_config alias, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import attrs

from buildorch.model import THIS_MACHINE, Config, Server
from buildorch.names import hint, quoted

#: Tells whether ssh_config knows a name.
KnownAlias: TypeAlias = Callable[[str], bool]


def find_server(name: str, config: Config, known_alias: KnownAlias | None = None) -> Server:
    """Return the server that *name* stands for.

    Asked in turn: the configured names, their aliases, unique prefixes of both, `local` for
    this machine, and ssh_config.

    Args:
        name: What a pipeline or a command line calls it.
        config: The configuration.
        known_alias: Tells whether ssh_config knows a name.

    Raises:
        ValueError: It stands for none, or for several; says what to write.

    Example:
        >>> config = Config(servers={"yocto-builder": Server(name="yocto-builder", host="h1")})
        >>> find_server("yocto", config).name
        'yocto-builder'
    """
    by_name = config.servers
    if name in by_name:
        return by_name[name]
    for found in (_aliased(name, by_name.values()), _prefixed(name, by_name.values())):
        if len(found) > 1:
            raise ValueError(_ambiguous(name, found, config.file))
        if found:
            return found[0]
    if name == THIS_MACHINE.name:
        return THIS_MACHINE
    if known_alias is not None and not name.startswith("-") and known_alias(name):
        return Server(name=name, host=name)
    aliases = (server.alias for server in by_name.values() if server.alias)
    known = [*by_name, *aliases, THIS_MACHINE.name]
    raise ValueError(f"unknown server {quoted(name)}{hint(name, known)}{_advice(config)}")


def planned(server: Server) -> Server:
    """Return *server* with the number of slots that its build type has by default.

    Example:
        >>> planned(Server(name="y", build_type="bitbake")).slots
        1
    """
    if server.slots is None and server.build_type == "bitbake":
        return attrs.evolve(server, slots=1)  # bitbake is parallel itself
    return server


def _aliased(name: str, servers: Iterable[Server]) -> list[Server]:
    return [server for server in servers if server.alias == name]


def _prefixed(name: str, servers: Iterable[Server]) -> list[Server]:
    if not name:
        return []
    return [
        server
        for server in servers
        if server.name.startswith(name) or (server.alias or "").startswith(name)
    ]


def _ambiguous(name: str, found: Sequence[Server], file: str | None) -> str:
    names = ", ".join(server.name for server in found)
    return (
        f"server {quoted(name)} is ambiguous: {names}; write the whole name, or add "
        f"`alias: {name}` to one of them in {file or 'the configuration'}"
    )


def _advice(config: Config) -> str:
    if config.file is None and not config.servers:
        return "; no configuration was found: write one, or name a server of ssh_config"
    place = config.file or "the configuration"
    return f"; name a server that {place} or ssh_config has"
