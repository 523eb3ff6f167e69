"""The text that boots the server part: which files it is made of, in which order."""

from __future__ import annotations

from importlib import resources

#: Modules of the agent; each imports only those before it.
MODULES = (
    "kernel",
    "mounts",
    "folder",
    "account",
    "disk",
    "report",
    "progress",
    "bitbake",
    "vigil",
    "tree",
    "command",
    "limits",
    "leases",
    "claims",
    "sweeper",
    "keeper",
    "tickets",
    "line",
    "locks",
    "supervisor",
    "wire",
    "checksums",
    "follower",
    "cleaning",
    "launch",
    "launches",
    "service",
    "main",
)
_PACKAGE = "buildorch.remote.agent"


def agent_text() -> bytes:
    """Return the agent as one python program that defines its modules and waits to be called.

    The modules keep their names, so that they import each other on the server as they do here.
    """
    lines = [
        "import sys, types",
        "def _module(name):",
        "    made = sys.modules[name] = types.ModuleType(name)",
        "    parent, _, last = name.rpartition('.')",
        "    if parent:",
        "        setattr(sys.modules[parent], last, made)",
        "    return made",
        "for _name in ('buildorch', 'buildorch.remote', 'buildorch.remote.agent'):",
        "    _module(_name).__path__ = []",
    ]
    for name in MODULES:
        text = resources.files(_PACKAGE).joinpath(f"{name}.py").read_text("utf-8")
        lines.append(f"_program = compile({text!a}, '{name}.py', 'exec')")
        lines.append(f"exec(_program, _module('{_PACKAGE}.{name}').__dict__)")
    lines.append("from buildorch.remote.agent.main import serve")
    return "\n".join(lines).encode("ascii") + b"\n"
