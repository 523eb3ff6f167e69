"""`buildorch servers trust`: a host's key is shown, and remembered once somebody has compared it.

Nothing is trusted because it was seen: a person says so, or a script that was told the
fingerprint by somebody else than the host.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from buildorch.backends.ssh_config import is_ssh_alias, resolve
from buildorch.errors import UsageError
from buildorch.model import Config, Server
from buildorch.names import nearest

if TYPE_CHECKING:
    from buildorch.backends.ssh.enrolling import ShownKey

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def trust(name: str, config: Config, *, yes: bool, fingerprints: Sequence[str]) -> int:
    """Show the host keys of a server, and of those on the way to it, and remember them.

    Args:
        name: A server of the configuration, an ssh_config alias, or an address.
        config: The configuration.
        yes: Whether nobody is asked; needs *fingerprints*.
        fingerprints: What the keys must be: `SHA256:...`, for each host that is not known yet; a
            known server has to show one of them too, unless all are of hosts on the way.

    Returns:
        0 once every key is known.

    Raises:
        UsageError: Somebody said no, or nobody can be asked, or a fingerprint is another or none.
        ConnectError: A host cannot be reached, or shows another key than it did.
    """
    from buildorch.backends.ssh.enrolling import hops, shown_key  # noqa: PLC0415 - loads paramiko

    if yes and not fingerprints:
        raise UsageError(
            "--yes alone would trust whoever answers; give the fingerprint that its administrator"
            " tells you as well: --fingerprint SHA256:..."
        )
    for given in fingerprints:
        _check(given)
    server = _server(name, config)
    way = list(hops(resolve(server)))
    others = set(fingerprints)
    for host in way:
        key = shown_key(host, server.name)
        others.discard(key.fingerprint)
        what = f"{host.name} ({host.place}) shows {key.kind} {key.fingerprint}"
        if key.known(server.name):
            if host == way[-1] and others:
                _compare(key, fingerprints)
            print(f"{what}: known already")
            continue
        print(what)
        _compare(key, fingerprints)
        if not yes:
            _ask(key, server.name)
        print(f"remembered in {key.remember()}")
    return 0


def _server(name: str, config: Config) -> Server:
    from buildorch.planner import find_server  # noqa: PLC0415 - loads networkx

    try:
        server = find_server(name, config, is_ssh_alias)
    except ValueError as error:
        if nearest(name, config.servers) or not {".", "@", ":"} & set(name):
            raise UsageError(str(error)) from None
        server = Server(name=name, host=name)
    if server.backend != "ssh":
        raise UsageError(f"{server.name} is reached without SSH and has no host key")
    return server


def _check(given: str) -> None:
    if not _FINGERPRINT.fullmatch(given):
        raise UsageError(
            f"--fingerprint {given!r} is malformed: it is SHA256: and 43 characters, as"
            " `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints it on the host"
        )


def _compare(key: ShownKey, fingerprints: Sequence[str]) -> None:
    if fingerprints and key.fingerprint not in fingerprints:
        raise UsageError(
            f"{key.host.name} shows {key.fingerprint}, which is not the fingerprint that was given;"
            " nothing was remembered. Either it is another key of that host, or somebody is"
            " between you and it: ask its administrator"
        )


def _ask(key: ShownKey, server: str) -> None:
    """Ask the person at the terminal; anything but a yes, or the fingerprint, is a no."""
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody can be asked here; compare the fingerprint with what its administrator says,"
            f" then: buildorch servers trust {server} --yes --fingerprint {key.fingerprint}"
        )
    print("Ask its administrator, not the network, whether that is its key.", file=sys.stderr)
    print("Is it (yes, no, or the fingerprint that you were told)? ", end="", file=sys.stderr)
    sys.stderr.flush()
    said = sys.stdin.readline().strip()
    if said not in ("yes", key.fingerprint):
        raise UsageError(f"{key.host.name} is not trusted; nothing was remembered")
