"""What ssh_config says of a host, as the ssh program itself understands it.

`ssh -G` resolves Include, Match, first-value-wins and jumps; nothing here parses ssh_config
where an ssh program is installed. The result is a frozen `ResolvedHost`, and nobody dials
with anything else.
"""

from __future__ import annotations

import getpass
import os
import re
import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from buildorch.address import Address, parse_address
from buildorch.backends.ssh_options import Options, home_folder, options_of
from buildorch.errors import DefinitionError
from buildorch.model import Server

_CONNECT_TIMEOUT = 10.0
_LONGEST_CHAIN = 8


@attrs.frozen(kw_only=True)
class ResolvedHost:
    """One host to dial, with everything that ssh_config says of it.

    Attributes:
        name: What it was asked for as: an alias, a host name or an address.
        host: Host name or address to dial.
        port: TCP port.
        user: Login name.
        identity_files: Private key files to try, in order; not all need to exist.
        certificate_files: Certificates beside those found next to the keys.
        identities_only: Whether the agent may only use keys that `identity_files` name.
        agent: Path of the agent's socket, or None for no agent.
        known_hosts: Files that host keys are looked up in.
        host_key_alias: Name to look them up under instead of the host's.
        hash_known_hosts: Whether names in them are hashed.
        jumps: Hosts to go through, in the order they are dialled; they have no jumps themselves.
        proxy_command: Shell command whose stdin and stdout are the connection, or None.
        connect_timeout: Seconds until a host that does not answer is given up.
        family: `any`, `inet` or `inet6`.
        warnings: What of ssh_config could not be honoured, as sentences.
    """

    name: str
    host: str
    port: int
    user: str
    identity_files: tuple[str, ...] = ()
    certificate_files: tuple[str, ...] = ()
    identities_only: bool = False
    agent: str | None = None
    known_hosts: tuple[str, ...] = ()
    host_key_alias: str | None = None
    hash_known_hosts: bool = False
    jumps: tuple[ResolvedHost, ...] = ()
    proxy_command: str | None = None
    connect_timeout: float = _CONNECT_TIMEOUT
    family: str = "any"
    warnings: tuple[str, ...] = ()

    @property
    def key_name(self) -> str:
        """The name that known_hosts has this host under.

        Example:
            >>> ResolvedHost(name="a", host="10.0.0.1", port=2222, user="ci").key_name
            '[10.0.0.1]:2222'
        """
        if self.host_key_alias:
            return self.host_key_alias
        return self.host if self.port == 22 else f"[{self.host}]:{self.port}"  # noqa: PLR2004 - SSH's port

    @property
    def place(self) -> str:
        """Host and port as messages show them; brackets keep an IPv6 address apart."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _address(text: str) -> Address:
    """Split `user@host:port`; a `DefinitionError` says what is wrong with it."""
    try:
        return parse_address(text)
    except ValueError as error:
        raise DefinitionError([str(error)]) from None


def resolve(server: Server | str) -> ResolvedHost:
    """Ask ssh_config about a server.

    Args:
        server: A server of the configuration, or an alias, `user@host:port` and the like.

    Returns:
        What to dial. User and port of the server win over those of ssh_config.

    Raises:
        DefinitionError: The address or ssh_config is wrong; ssh's own words are in it.
    """
    if isinstance(server, str):
        server = Server(name=server, host=server)
    address = _address(server.host or server.name)
    user, port = server.user or address.user, server.port or address.port
    return _chain(address.host, user, port, server.ssh_config)[-1]


def is_ssh_alias(name: str, ssh_config: str | None = None) -> bool:
    """Tell whether ssh_config says anything about *name* that it does not say of any name.

    `ssh -G` succeeds for every name, so its answer is compared with that for a random one.

    Args:
        name: A possible alias.
        ssh_config: A file to use instead of the user's and the system's.
    """
    if not re.fullmatch(r"[\w.][\w.-]*", name):
        return False
    nobody = f"x{secrets.token_hex(8)}"
    answers = [options_of(host, None, None, ssh_config) for host in (name, nobody)]
    return answers[0] != _renamed(answers[1], nobody, name)


def _renamed(options: Options, old: str, new: str) -> Options:
    return {key: [v.replace(old, new) for v in values] for key, values in options.items()}


def _chain(
    host: str,
    user: str | None,
    port: int | None,
    ssh_config: str | None,
    *,
    through: Sequence[str] = (),
    behind: tuple[str, ...] = (),
) -> tuple[ResolvedHost, ...]:
    """Return the hops to *host* in dialling order, then the host itself with those as jumps.

    As in ssh, the hops before one in a list replace its own ProxyJump; the first has its own.
    """
    if len(behind) > _LONGEST_CHAIN:
        raise DefinitionError([f"ProxyJump never ends: {' <- '.join(behind)}"])
    options = options_of(host, user, port, ssh_config)
    listed = through or _jumps(options)
    jumps: tuple[ResolvedHost, ...] = ()
    if listed:
        hop = _address(listed[-1])
        jumps = _chain(
            hop.host, hop.user, hop.port, ssh_config, through=listed[:-1], behind=(*behind, host)
        )
    resolved = _resolved(host, options, proxied=not listed)
    bare = tuple(attrs.evolve(jump, jumps=()) for jump in jumps)
    return (*bare, attrs.evolve(resolved, jumps=bare))


def _jumps(options: Options) -> list[str]:
    jumps = _one(options, "proxyjump")
    return jumps.split(",") if jumps else []


def _resolved(name: str, options: Options, *, proxied: bool) -> ResolvedHost:
    host = _one(options, "hostname") or name
    port = int(_one(options, "port") or 22)
    user = _one(options, "user") or getpass.getuser()
    alias = _one(options, "hostkeyalias")
    tokens = _tokens(name, host, port, user, alias)
    command = _one(options, "proxycommand") if proxied else None
    return ResolvedHost(
        name=name,
        host=host,
        port=port,
        user=user,
        identity_files=_paths(options.get("identityfile", ()), tokens),
        certificate_files=_paths(options.get("certificatefile", ()), tokens),
        identities_only=_one(options, "identitiesonly") == "yes",
        agent=_agent(_one(options, "identityagent", none=False), tokens),
        known_hosts=tuple(_known_hosts(options, tokens)),
        host_key_alias=alias,
        hash_known_hosts=_one(options, "hashknownhosts") == "yes",
        proxy_command=command and _expand(command, tokens),
        connect_timeout=float(_one(options, "connecttimeout") or _CONNECT_TIMEOUT),
        family=_one(options, "addressfamily") or "any",
        warnings=tuple(options.get("warnings", ())),
    )


def _one(options: Options, key: str, *, none: bool = True) -> str | None:
    """Return the first value; `none` is ssh_config's word for no value."""
    values = options.get(key)
    return None if not values or (none and values[0].lower() == "none") else values[0]


def _known_hosts(options: Options, tokens: Mapping[str, str]) -> Iterator[str]:
    for key in ("userknownhostsfile", "globalknownhostsfile"):
        for value in options.get(key, ()):
            # ssh -G joins the files with spaces and quotes none of them.
            whole = Path(_expand(value, tokens))
            yield from [str(whole)] if whole.is_file() else _paths(value.split(), tokens)


def _agent(value: str | None, tokens: Mapping[str, str]) -> str | None:
    if value is None or value == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK") or None
    if value.startswith("$"):
        return os.environ.get(value.strip("${}")) or None
    return None if value.lower() == "none" else _expand(value, tokens)


def _paths(values: Sequence[str], tokens: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_expand(value, tokens) for value in values if value.lower() != "none")


def _tokens(name: str, host: str, port: int, user: str, alias: str | None) -> dict[str, str]:
    this = socket.gethostname()
    return {
        "%%": "%",
        "%d": home_folder(),
        "%h": host,
        "%i": str(os.getuid()),
        "%k": alias or name,
        "%L": this.partition(".")[0],
        "%l": this,
        "%n": name,
        "%p": str(port),
        "%r": user,
        "%u": getpass.getuser(),
    }


def _expand(text: str, tokens: Mapping[str, str]) -> str:
    """Replace `%h` and the like, `${VARIABLE}` and a leading `~`."""
    text = re.sub(r"%.", lambda found: tokens.get(found[0], found[0]), text)
    text = re.sub(r"\$\{(\w+)\}", lambda found: os.environ.get(found[1], found[0]), text)
    if text.startswith("~/"):
        return home_folder() + text[1:]
    return str(Path(text).expanduser()) if text.startswith("~") else text
