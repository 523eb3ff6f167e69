"""How servers stand, as people and programs read it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from buildorch.cli.standings import standing_line, standing_text
from buildorch.model import Server
from buildorch.remote.glance import ForeignBuild, Glance, Room, ServerJob
from buildorch.standing import ServerStanding

NOW = datetime(2026, 7, 14, 9, 30, tzinfo=UTC)

BUSY = Glance(
    load=14.23,
    processors=16,
    memory=Room(free=41_300_000_000, total=64_000_000_000),
    disk=Room(free=812_000_000_000, total=10**12, place="/work"),
    jobs=(
        ServerJob(id="run1.image-1.1.1", stage="image", by="mina@laptop", seconds=60),
        ServerJob(id="run2.flash-1.1.1", stage="flash", by="", seconds=7200, waits=True),
        ServerJob(id="run3.docs-1.1.1", stage="docs", by="jun", seconds=172_800),
    ),
    builds=(
        ForeignBuild(tool="bitbake", pid=4711, user="dev2", seconds=4680, folder="/work/build"),
        ForeignBuild(tool="pytest", pid=4712, user="", seconds=0),
    ),
    whole=True,
)

BUSY_TEXT = """\
yocto  OK       load 14.2 of 16, 41.3 GB memory and 812.0 GB disk free, 2 of 4 slots
    run1 image since 09:29, by mina@laptop
    run2 flash since 07:30, waits
    run3 docs (undriven) since 2026-07-12 09:30, by jun
    run4 test
    bitbake of dev2 (pid 4711) in /work/build since 08:12, not ours
    pytest of somebody (pid 4712) since 09:30, not ours"""


def _standing(glance: Glance | None, **fields: object) -> ServerStanding:
    values: dict[str, object] = {
        "server": Server(name="yocto", host="yocto.lan"),
        "reason": None if glance else "timed out",
        "message": None if glance else "yocto.lan did not answer within 2 s",
        "glance": glance,
        "slots": 4,
        "taken": (),
        "undriven": (),
    }
    return ServerStanding(**{**values, **fields})  # type: ignore[arg-type] # the fields of one


HELD = {"taken": ("run1 image", "run4 test"), "undriven": ("run3 docs",)}


@pytest.mark.parametrize(
    ("one", "brief", "expected"),
    [
        (_standing(BUSY, **HELD), False, BUSY_TEXT),
        (_standing(BUSY, **HELD), True, BUSY_TEXT.splitlines()[0]),
        (_standing(Glance(whole=True)), False, "yocto  OK       0 of 4 slots"),
        (
            _standing(Glance(load=0.5)),
            False,
            "yocto  OK       load 0.5, 0 of 4 slots, it did not tell all in time",
        ),
        (_standing(None), False, "yocto  OFFLINE (timed out)"),
        (
            _standing(None, **HELD),
            False,
            "yocto  OFFLINE (timed out)\n    run1 image\n    run4 test\n    run3 docs (undriven)",
        ),
        (_standing(None, **HELD), True, "yocto  OFFLINE (timed out)"),
    ],
)
def test_lines_of_a_server(one: ServerStanding, brief: bool, expected: str) -> None:
    """A line says who is there and with what room; below it stands what runs there, once each."""
    assert standing_text(one, NOW, width=5, brief=brief) == expected


def test_json_of_a_server() -> None:
    """A program reads the same: bytes, times in UTC, null for what is not known."""
    line = standing_line(_standing(BUSY, **HELD), NOW)
    assert line["jobs"] == ["run1 image", "run4 test", "run3 docs (undriven)"]
    assert (line["slots"], line["slots_taken"]) == (4, 2)
    assert line["memory"] == {"free": 41_300_000_000, "total": 64_000_000_000}
    assert line["disk"] == {"free": 812_000_000_000, "total": 10**12, "place": "/work"}
    running, builds = line["running"], line["builds"]
    assert isinstance(running, list)
    assert isinstance(builds, list)
    assert running[1] == {
        "job": "run2.flash-1.1.1",
        "run": "run2",
        "stage": "flash",
        "by": None,
        "since": "2026-07-14T07:30:00Z",
        "waits": True,
    }
    assert builds[1] == {
        "tool": "pytest",
        "pid": 4712,
        "user": None,
        "since": "2026-07-14T09:30:00Z",
        "folder": None,
    }
    nothing = standing_line(_standing(None), NOW)
    assert {name for name, value in nothing.items() if value is None} == {
        *("load", "processors", "memory", "disk")
    }
    assert (nothing["reachable"], nothing["running"], nothing["whole"]) == (False, [], False)


def test_a_time_that_no_clock_means_is_now() -> None:
    """A server that counts in ages is shown all the same."""
    job = ServerJob(id="r.a-1.1.1", stage="a", by="", seconds=10**15)
    shown = standing_text(_standing(Glance(jobs=(job,), whole=True)), NOW, width=5, brief=False)
    assert "r a since 2026-07-14" in shown
