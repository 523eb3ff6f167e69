"""SSH connections are made in one place, so that none is made with unchecked host keys."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import buildorch

_PACKAGE = Path(buildorch.__file__).parent
_SSH = _PACKAGE / "backends/ssh"
_FACTORY = _SSH / "connection.py"
#: Looks at a host key, and never logs in.
_ENROLLING = _SSH / "enrolling.py"
_FALLBACK = _PACKAGE / "backends/ssh_fallback.py"
#: Calls that open, or could open, an SSH connection.
_MAKERS = {"Connection", "StrictConnection", "SSHClient", "AutoAddPolicy"}


def _calls(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            name = node.func
            yield name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_connections_are_made_once_and_only_in_the_factory() -> None:
    """One call makes a connection, in the factory; nobody logs in with another transport."""
    made = [(file, name) for file in _PACKAGE.rglob("*.py") for name in _calls(file)]
    found = sorted((file, name) for file, name in made if name in _MAKERS)
    assert found == [(_FACTORY, "StrictConnection")]
    with_transport = {file for file in _SSH.glob("*.py") if "Transport" in _calls(file)}
    assert with_transport == {_FACTORY, _ENROLLING}
    assert not [name for name in _calls(_ENROLLING) if "auth" in name or "login" in name]


def test_fabric_and_paramiko_are_used_in_one_place() -> None:
    """Nothing outside of the SSH backend imports either, but for reading ssh_config."""
    users = [
        file
        for file in _PACKAGE.rglob("*.py")
        if not file.is_relative_to(_SSH) and {"fabric", "paramiko"} & set(_imports(file))
    ]
    assert users == [_FALLBACK]
