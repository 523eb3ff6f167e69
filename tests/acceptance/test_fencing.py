"""A stage that is moved, or whose lease runs out: never two of it, by its own witness."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

import pytest
from hosts.commands import wait_for

from acceptance.laptop import Command, Laptop
from acceptance.team import Place, Team

#: Says where it began and ended, and that it lives; goes on while it is held.
_WORK = """\
echo "begin $BUILDORCH_ATTEMPT" >>~/witness
echo "attempt $BUILDORCH_ATTEMPT works"
while [ -e ~/hold ]; do echo x >>~/beats; sleep 0.1; done
echo "end $BUILDORCH_ATTEMPT" >>~/witness
"""
_PIPELINE = """\
pipeline:
  name: moving
  stages:
    - {name: a, server: yocto-builder, fallback: ccu2-builder, command: sh ~/work.sh, workdir: "~"}
"""


@pytest.fixture(name="places", autouse=True)
def _places(team: Team) -> tuple[Place, Place]:
    """Give the two servers of the stage, with its program; the first holds it."""
    for place in (team.yocto, team.ccu2):
        place.write("/home/build/work.sh", _WORK)
        for name in ("witness", "beats", "hold"):
            (place.home / name).unlink(missing_ok=True)
        place.own()
    team.yocto.write("/home/build/hold", "")
    return team.yocto, team.ccu2


def _witness(place: Place) -> list[str]:
    path = place.home / "witness"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _living(place: Place) -> list[int]:
    """Return the processes of the work on a server."""
    return [pid for pid in place.host.pids("sh") if b"work.sh" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _cut_off(laptop: Laptop, first: Place, *words: str) -> Command:
    """Start the run, and cut the first server off once the work lives there."""
    run = laptop.start("run", laptop.file("moving.yaml", _PIPELINE), "--json", *words)
    run.until("step_started", stage="a")
    wait_for(lambda: _witness(first), "the work begins")
    first.host.network.cut()
    run.until("link_lost", 30, stage="a")
    return run


def test_a_stage_is_moved_from_a_server_that_is_cut_off(
    places: tuple[Place, Place], laptop: Laptop
) -> None:
    """It goes on elsewhere; when the first server heals its job is killed within seconds.

    The run ends only then, and says meanwhile what it waits for.
    """
    first, second = places
    run = _cut_off(laptop, first)
    name = run.until("run_created")["run"]
    done = laptop.run("move", name, "a")
    assert (done.code, "stage a is moved to ccu2-builder\n") == (0, done.err)
    run.until("stage_finished", stage="a", status="succeeded")
    assert ["begin 2", "end 2"] == _witness(second)
    assert _living(first)
    job = run.until("orphan_noted")["job"]
    status = laptop.run("status", name).out
    assert f"Waits for yocto-builder to confirm that job {job} is dead" in status
    assert f"buildorch cancel {name} --abandon" in status
    assert run.process.poll() is None
    first.host.network.heal()
    run.until("orphan_gone", 30, job=job)
    assert not _living(first)
    ended = run.wait()
    assert ended.code == 0, ended
    assert [] == ended.end["orphans"]
    assert ["begin 1"] == _witness(first)


def test_a_controller_is_killed_between_an_orphan_and_its_end(
    places: tuple[Place, Place], laptop: Laptop
) -> None:
    """The next one fences it as soon as the server answers; nothing runs twice."""
    first, second = places
    run = _cut_off(laptop, first)
    name = run.until("run_created")["run"]
    second.write("/home/build/hold", "")
    assert laptop.run("move", name, "a", "--to", "ccu2-builder").code == 0
    run.until("step_started", stage="a", attempt=2)
    run.signal(signal.SIGKILL)
    run.wait()
    first.host.network.heal()
    resumed = laptop.start("resume", name, "--json")
    resumed.until("orphan_gone", 30)
    assert not _living(first)
    (second.home / "hold").unlink()
    done = resumed.wait()
    assert done.code == 0, done
    assert "waits for yocto-builder to confirm" in done.err
    assert ["begin 1"] == _witness(first)
    assert ["begin 2", "end 2"] == _witness(second)


def test_a_stage_is_moved_from_a_server_that_answers(
    places: tuple[Place, Place], laptop: Laptop
) -> None:
    """Its job is dead before the next one begins."""
    first, second = places
    run = laptop.start("run", laptop.file("moving.yaml", _PIPELINE), "--json")
    name = run.until("run_created")["run"]
    run.until("step_started", stage="a")
    wait_for(lambda: _witness(first), "the work begins")
    assert laptop.run("move", name, "a").code == 0
    run.until("step_launching", attempt=2)
    assert not _living(first)
    done = run.wait()
    assert done.code == 0, done
    assert [] == done.of("orphan_noted")
    assert (["begin 1"], ["begin 2", "end 2"]) == (_witness(first), _witness(second))


def _says(command: Command, words: str) -> bool:
    return words in command.said.err


def test_a_run_that_is_abandoned_says_where_a_job_may_live(
    places: tuple[Place, Place], laptop: Laptop
) -> None:
    """`cancel --abandon` ends it at once; `--abandon-after` by itself, with exit code 3."""
    first, _ = places
    run = _cut_off(laptop, first)
    name = run.until("run_created")["run"]
    told = "waits for yocto-builder to confirm"
    for _ in range(2):  # the second one finds that the run is being cancelled already
        cancel = laptop.start("cancel", name)
        wait_for(partial(_says, cancel, told), "it says for whom it waits")
        assert f"`buildorch cancel {name} --abandon`" in cancel.said.err
    assert laptop.run("cancel", name, "--abandon").code == 0
    done = run.wait()
    assert (130, ["yocto-builder"]) == (done.code, [one["server"] for one in done.end["orphans"]])
    assert "may still run on yocto-builder" in laptop.run("status", name).out
    assert "yocto-builder has not confirmed" in laptop.run("resume", name).err
    first.host.network.heal()
    first.host.end_user_processes()
    (first.home / "witness").unlink()
    run = _cut_off(laptop, first, "--abandon-after", "2s")
    assert laptop.run("move", run.until("run_created")["run"], "a").code == 0
    done = run.wait()
    assert (3, "succeeded") == (done.code, done.end["status"])


#: Runs the pipeline with a short lease, and a margin that fits it.
_LEASED = """
import json, attrs
from buildorch import api
from buildorch.loading import load_pipeline
from buildorch.scheduler import fencing
from buildorch.store.codec import line

class Lines:
    def see(self, view, record):
        print(json.dumps(line(record)), flush=True)

fencing.LEASE_MARGIN = 6.0
plan = api.plan(load_pipeline("moving.yaml"))
plan = attrs.evolve(plan, stages=[attrs.evolve(one, lease=12.0) for one in plan.stages])
api.run(plan, api.Options(observers=[Lines()])).check()
"""


def test_a_lease_that_runs_out_ends_the_job_and_starts_the_fallback(
    places: tuple[Place, Place], laptop: Laptop
) -> None:
    """A server that is cut off kills its job by itself; the other begins when that is sure."""
    first, second = places
    laptop.file("moving.yaml", _PIPELINE)
    run = laptop.script(_LEASED)
    run.until("step_started", stage="a")
    wait_for(lambda: _witness(first), "the work begins")
    wait_for((first.home / "beats").exists, "it works")
    began = (first.home / "beats").stat().st_size
    wait_for(lambda: (first.home / "beats").stat().st_size > began + 130, "it outlives a lease", 40)
    first.host.network.cut()
    wait_for(lambda: not _living(first), "its server kills it", 30)
    assert [] == _witness(second)
    run.until("step_started", 60, stage="a", attempt=2)
    assert "lease" == run.until("attempt_finished", attempt=1)["reason"]
    run.until("stage_finished", stage="a", status="succeeded")
    assert run.process.poll() is None
    first.host.network.heal()
    done = run.wait()
    assert done.code == 0, done
    assert (["begin 1"], ["begin 2", "end 2"]) == (_witness(first), _witness(second))
