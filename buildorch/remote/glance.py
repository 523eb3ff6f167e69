"""How a server stands, in one round trip: the script that tells it, and what it has told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any, Literal

import attrs

from buildorch.model import Server
from buildorch.remote.quoting import quote

#: What the script is made of, in this order.
SCRIPTS = ("boot.sh", "common.sh", "bitbake.sh", "glance.sh")

_KIB = 1024
_MARK = b"\nGLANCE "
_UNUSABLE = b"\nUNUSABLE "
_END = b"\nend\n"


@attrs.frozen(kw_only=True)
class Room:
    """What is free of a memory or a disk.

    Attributes:
        free: Bytes that can still be used.
        total: Bytes in all.
        place: The folder that was asked about; empty for memory.
    """

    free: int
    total: int
    place: str = ""


@attrs.frozen(kw_only=True)
class ServerJob:
    """A job of ours that lives on a server, whichever machine has launched it.

    Attributes:
        id: Its id, which is the name of its folder.
        stage: Its stage.
        by: Who started its run; empty where the server does not know.
        seconds: For how long it is there.
        waits: Whether it waits for a lock or a build of somebody else.
    """

    id: str
    stage: str
    by: str
    seconds: int
    waits: bool = False

    @property
    def run(self) -> str:
        """Id of its run."""
        return self.id.partition(".")[0]


@attrs.frozen(kw_only=True)
class ForeignBuild:
    """A build on a server that is none of ours.

    Attributes:
        tool: `bitbake`, `build.py` or `pytest`.
        pid: Number of its process.
        user: Whose it is.
        seconds: For how long it runs.
        folder: The folder that it runs in; empty where the account may not know.
    """

    tool: str
    pid: int
    user: str
    seconds: int
    folder: str = ""


@attrs.frozen(kw_only=True)
class Glance:
    """How a server stands at a moment; what it did not tell is None or missing.

    Attributes:
        load: Processes that want to run, mean of a minute.
        processors: How many can run at once; 0 where nobody knows.
        memory: What is free of it.
        disk: What is free where the workdir is.
        jobs: Jobs of ours.
        builds: Builds of others.
        whole: Whether it came to its end in time.
    """

    load: float | None = None
    processors: int = 0
    memory: Room | None = None
    disk: Room | None = None
    jobs: tuple[ServerJob, ...] = ()
    builds: tuple[ForeignBuild, ...] = ()
    whole: bool = False


def glance_text(nonce: str, server: Server) -> bytes:
    """Return what is sent to the boot command of a server that is asked how it stands.

    Args:
        nonce: Marks the answer as ours.
        server: The server, for its folders.
    """
    given = {
        "buildorch_nonce": nonce,
        "buildorch_wanted": server.state_dir or "",
        "buildorch_workdir": server.workdir or "",
        "buildorch_prefer": "sh",
    }
    lines = "".join(f"{name}={quote(value)}\n" for name, value in given.items())
    files = resources.files("buildorch.remote")
    script = lines + "".join(files.joinpath(name).read_text("utf-8") for name in SCRIPTS)
    text = script.encode()
    return str(len(text)).encode() + b"\n" + text


def is_over(nonce: str, heard: bytes) -> bool:
    """Whether nothing follows what was heard."""
    began = heard.find(_MARK + nonce.encode() + b"\n")
    return heard.find(_END, began) >= 0 if began >= 0 else refusal(nonce, heard) is not None


def refusal(nonce: str, heard: bytes) -> str | None:
    r"""Return why no job can run on the server, where it said so.

    Example:
        >>> refusal("n1", b"Welcome\nUNUSABLE n1 the state folder is somebody else's\n")
        "the state folder is somebody else's"
    """
    _, mark, rest = heard.partition(_UNUSABLE + nonce.encode() + b" ")
    line, end, _ = rest.partition(b"\n")
    return _plain(line) if mark and end else None


def read_glance(nonce: str, heard: bytes) -> Glance | None:
    r"""Return what a server told, from all that was heard up to now; None where it is nothing yet.

    Args:
        nonce: What was sent.
        heard: All bytes; what a login shell prints before is skipped, and so are odd lines.

    Example:
        >>> read_glance("n1", b"Welcome!\nGLANCE n1\nload\t0.52\t8\nend\n").load
        0.52
    """
    _, mark, told = heard.partition(_MARK + nonce.encode() + b"\n")
    if not mark:
        return None
    body, whole, _ = (b"\n" + told).partition(_END)
    # What follows the last line end may be half of a line.
    lines = body.split(b"\n")[1 : None if whole else -1]
    found: dict[str, Any] = {"jobs": [], "builds": []}
    for line in lines:
        _take(_plain(line), found)
    many = {name: tuple(made) for name, made in found.items() if isinstance(made, list)}
    return Glance(**{**found, **many, "whole": bool(whole)})


def _plain(line: bytes) -> str:
    """Return text without what a terminal would obey; tabs part the fields."""
    text = line.decode("utf-8", "replace")
    return "".join(char if char.isprintable() or char == "\t" else "\ufffd" for char in text)


def _take(line: str, found: dict[str, Any]) -> None:
    kind, _, rest = line.partition("\t")
    form = _FORMS.get(kind)
    fields = form.pattern.fullmatch(rest) if form is not None else None
    if form is None or fields is None:
        return
    made = form.make(*fields.groups())
    if form.kept == "many":
        found[f"{kind}s"].append(made)
    else:
        found.update(made)


@attrs.frozen
class _Form:
    """What a record looks like, and what it becomes."""

    pattern: re.Pattern[str]
    make: Callable[..., Any]
    kept: Literal["once", "many"] = "once"


def _room(free: str, total: str, place: str = "") -> Room:
    return Room(free=int(free) * _KIB, total=int(total) * _KIB, place=place)


def _job(ident: str, seconds: str, wait: str, title: str, by: str) -> ServerJob:
    stage = title.split(", attempt ", maxsplit=1)[0]
    since = max(0, int(seconds))
    return ServerJob(id=ident, stage=stage, by=by, seconds=since, waits=wait == "waits")


def _build(tool: str, pid: str, seconds: str, user: str, folder: str) -> ForeignBuild:
    since = max(0, int(seconds))
    return ForeignBuild(tool=tool, pid=int(pid), user=user, seconds=since, folder=folder)


_N = r"([0-9]{1,15})"
#: Of what has begun after the clock was read they are negative.
_SECONDS = r"(-?[0-9]{1,15})"
_ID = r"([A-Za-z0-9][A-Za-z0-9.-]*)"
_TEXT = r"([^\t]*)"
_FORMS: Mapping[str, _Form] = {
    "load": _Form(
        re.compile(rf"([0-9]{{1,9}}\.[0-9]{{1,9}})\t{_N}"),
        lambda load, count: {"load": float(load), "processors": int(count)},
    ),
    "memory": _Form(re.compile(rf"{_N}\t{_N}"), lambda *size: {"memory": _room(*size)}),
    "disk": _Form(re.compile(rf"{_N}\t{_N}\t{_TEXT}"), lambda *size: {"disk": _room(*size)}),
    "job": _Form(
        re.compile(rf"{_ID}\t{_SECONDS}\t(runs|waits)\t{_TEXT}\t{_TEXT}"), _job, kept="many"
    ),
    "build": _Form(re.compile(rf"(\S+)\t{_N}\t{_SECONDS}\t(\S*)\t{_TEXT}"), _build, kept="many"),
}
