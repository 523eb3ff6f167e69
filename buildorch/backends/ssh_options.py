"""The options of ssh_config for one host: asked of the ssh program, else read by paramiko."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from buildorch.errors import DefinitionError

#: Values by lower-case keyword, in the order in which they count.
Options: TypeAlias = Mapping[str, Sequence[str]]

_SSH_PROGRAM_TIMEOUT = 15.0
_SYSTEM_CONFIG = "/etc/ssh/ssh_config"
_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


def options_of(host: str, user: str | None, port: int | None, ssh_config: str | None) -> Options:
    """Return everything that ssh_config says of *host*, unexpanded.

    Args:
        host: An alias or a host name.
        user: Login name of the caller, which Match may look at.
        port: Port of the caller.
        ssh_config: A file to use instead of the user's and the system's.

    Raises:
        DefinitionError: ssh_config is wrong; ssh's own words are in it.
    """
    ssh_config = str(Path(ssh_config).expanduser()) if ssh_config else None
    ssh = shutil.which("ssh")
    if ssh is None:
        return _options_without_ssh(host, user, port, ssh_config)
    arguments = [ssh, "-G", "-T"]  # -T: no word about a terminal
    for flag, value in (("-F", ssh_config), ("-l", user), ("-p", port)):
        arguments += [flag, str(value)] if value is not None else []
    return _parse_answer(_ask([*arguments, "--", host], host))


def _ask(arguments: list[str], host: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the ssh of this machine's PATH, no shell
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SSH_PROGRAM_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"ssh -G {host} did not end in 15 s: look for a Match exec that hangs"
        raise DefinitionError([message]) from None
    if done.returncode:
        words = done.stderr.strip() or f"exit code {done.returncode}"
        raise DefinitionError([f"ssh_config cannot be used for {host!r}: {words}"])
    return done.stdout


def _parse_answer(text: str) -> Options:
    options: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        options.setdefault(key.lower(), []).append(value)
    return options


def _options_without_ssh(
    host: str, user: str | None, port: int | None, ssh_config: str | None
) -> Options:
    from buildorch.backends.ssh_fallback import lookup  # noqa: PLC0415 - loads paramiko

    home = Path(home_folder(), ".ssh")
    files = [ssh_config] if ssh_config else [str(home / "config"), _SYSTEM_CONFIG]
    options: dict[str, list[str]] = {
        "identityfile": [str(home / name) for name in _DEFAULT_KEYS],
        "userknownhostsfile": [str(home / "known_hosts")],
        "globalknownhostsfile": ["/etc/ssh/ssh_known_hosts"],
        **lookup(host, files),
    }
    if user:
        options["user"] = [user]
    if port:
        options["port"] = [str(port)]
    return options


def home_folder() -> str:
    """Return the account's home folder as ssh sees it, which does not ask `HOME`."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return str(Path.home())
