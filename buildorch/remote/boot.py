"""Starting the server part through any login shell, without anything of ours on its disk."""

from __future__ import annotations

import hashlib
from importlib import resources

from buildorch.model import Server
from buildorch.remote.bundle import agent_text
from buildorch.remote.quoting import quote

#: What the sh script is made of, in this order.
SCRIPTS = (
    "boot.sh",
    "common.sh",
    "facts.sh",
    "frames.sh",
    "messages.sh",
    "launches.sh",
    "follow.sh",
    "part.sh",
)
#: What the sh part's supervisor is made of.
SUPERVISOR = (
    "common.sh",
    "tickets.sh",
    "locks.sh",
    "bitbake.sh",
    "vigil.sh",
    "tree.sh",
    "watch.sh",
    "end.sh",
    "supervise.sh",
)

# No backslash, newline or `!`, so that every login shell takes it; older busybox has no fullblock.
_READ = (
    "IFS= read -r buildorch_n; "
    "buildorch_s=$(dd bs=$buildorch_n count=1 iflag=fullblock 2>/dev/null"
    " || dd bs=1 count=$buildorch_n 2>/dev/null); "
    'eval "$buildorch_s"'
)


def boot_command() -> str:
    """Return the command line for the channel; safe in every login shell, and without secrets.

    Example:
        >>> boot_command().startswith("exec /bin/sh -c 'IFS= read")
        True
    """
    return f"exec /bin/sh -c '{_READ}'"


def boot_text(nonce: str, server: Server, prefer: str | None) -> bytes:
    """Return what is sent first: the sh script, and the agent that python reads after it.

    Args:
        nonce: Marks READY as ours.
        server: The server: two names of one account are two links, side by side.
        prefer: `sh` never starts python.
    """
    supervise = "".join(map(_text, SUPERVISOR))
    given = {
        "buildorch_nonce": nonce,
        "buildorch_link": hashlib.sha256(server.name.encode()).hexdigest()[:8],
        "buildorch_wanted": server.state_dir or "",
        "buildorch_workdir": server.workdir or "",
        "buildorch_prefer": prefer or "",
        "buildorch_loader": _without_comments(_text("loader.py")),
        "buildorch_supervise": supervise,
        "buildorch_digest": hashlib.sha256(supervise.encode()).hexdigest()[:16],
    }
    agent = b"" if prefer == "sh" else agent_text()
    script = _assignments(given, len(agent)) + "".join(map(_text, SCRIPTS))
    return _sized(script.encode()) + (_sized(agent) if agent else b"")


def _assignments(given: dict[str, str], skip: int) -> str:
    lines = [f"{name}={quote(value)}" for name, value in given.items()]
    return "\n".join([*lines, f"buildorch_skip={skip}", ""])


def _sized(data: bytes) -> bytes:
    return str(len(data)).encode() + b"\n" + data


def _without_comments(program: str) -> str:
    """Return the program as `ps` on the server may show it: short."""
    lines = (line for line in program.splitlines() if not line.lstrip().startswith("#"))
    return "\n".join(line.split("  # type:")[0] for line in lines if line)


def _text(name: str) -> str:
    return resources.files("buildorch.remote").joinpath(name).read_text("utf-8")
