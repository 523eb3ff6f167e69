"""Asking a server for the bitbake servers in its workdir: a job of ours, and what it answers."""

from __future__ import annotations

import re
import secrets
from importlib import resources
from typing import Literal

import attrs

from buildorch.job import Job

_SCRIPTS = ("common.sh", "bitbake.sh", "builds.sh")
_LINE = re.compile(r"(idle|busy) (\d{1,10}) (\S+) (\d{1,12}) (/.*)/bitbake\.lock")


@attrs.frozen(kw_only=True)
class BuildServer:
    """A bitbake server that holds the lock of a build folder.

    Attributes:
        state: `idle`, or `busy` with somebody's build.
        pid: Its number.
        user: Whose it is.
        folder: The build folder.
        seconds: For how long it builds.
    """

    state: Literal["idle", "busy"]
    pid: int
    user: str
    folder: str
    seconds: int


def question(workdir: str | None) -> Job:
    """Return the job that asks.

    Args:
        workdir: Where to look, and two levels below; None is the home folder.
    """
    files = resources.files("buildorch.remote")
    return Job(  # noqa: S604 - the shell runs a text of our own
        id=f"doctor{secrets.token_hex(6)}.builds-0.1.1",
        nonce=secrets.token_hex(16),
        epoch=1,
        title="doctor asks for bitbake servers",
        command="".join(files.joinpath(name).read_text("utf-8") for name in _SCRIPTS),
        shell=("sh",),
        workdir=workdir,
        timeout=20.0,
        kill_grace=1.0,
        log_limit=1 << 20,
    )


def build_servers(answer: bytes) -> tuple[BuildServer, ...]:
    r"""Return what the job has found, from its log; other lines mean nothing.

    Example:
        >>> build_servers(b"busy 4711 dev2 60 /work/build/bitbake.lock\n")[0].folder
        '/work/build'
    """
    lines = answer.decode("utf-8", "replace").splitlines()
    return tuple(
        BuildServer(
            state="busy" if found[1] == "busy" else "idle",
            pid=int(found[2]),
            user=found[3],
            folder=found[5],
            seconds=int(found[4]),
        )
        for found in map(_LINE.fullmatch, lines)
        if found
    )
