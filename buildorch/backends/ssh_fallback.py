"""ssh_config as paramiko reads it, for machines without an ssh program."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import Path

import paramiko

from buildorch.errors import DefinitionError

_WARNING = (
    "no ssh program is on PATH, so ssh_config was read by paramiko, which knows no Include and"
    " only part of Match: install OpenSSH's client, or give host, user and port of each server"
)


def lookup(host: str, files: Iterable[str]) -> dict[str, list[str]]:
    """Return what *files* say of *host*, by lower-case keyword, and a warning.

    Args:
        host: An alias or a host name.
        files: ssh_config files, the most important first; those that do not exist are skipped.

    Raises:
        DefinitionError: A file cannot be understood.
    """
    config = paramiko.SSHConfig()
    for path in map(Path, files):
        if path.is_file():
            _read(config, path)
    try:
        found = config.lookup(host)
    except (paramiko.SSHException, ImportError) as error:
        raise DefinitionError([f"ssh_config cannot be used for {host!r}: {error}"]) from error
    values = {key: _listed(value) for key, value in found.items()}
    return {**values, "warnings": [_WARNING]}


def _listed(value: object) -> list[str]:
    """Return IdentityFile's list as it is, and any other value as a list of one."""
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _read(config: paramiko.SSHConfig, path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")
    # paramiko takes Include for an option of the last Host, where it means nothing.
    kept = re.sub(r"(?im)^\s*include\b.*$", "", text)
    try:
        config.parse(io.StringIO(kept))
    except paramiko.SSHException as error:
        raise DefinitionError([f"ssh_config {path}: {error}"]) from error
