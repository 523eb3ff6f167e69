"""The controller dies or leaves: the builds go on, and nothing runs twice."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hosts.commands import wait_for

from acceptance.laptop import Command, Laptop
from acceptance.sink import Sink
from acceptance.team import Team

_STAGES = ("yocto-image", "host-build", "integration-test")
_SUCCEEDED = dict.fromkeys(_STAGES, "succeeded")


def _kill_mid_log(run: Command, stage: str = "host-build") -> str:
    """Kill the controller as soon as it has collected some of a stage's log; return the run."""
    created = run.until("run_created")
    log = Path(created["results"], stage, "attempt-1.log")
    wait_for(lambda: log.exists() and log.stat().st_size > 200, f"some of {log}", 20)
    run.signal(signal.SIGKILL)
    assert -signal.SIGKILL == run.wait().code
    return str(created["run"])


def test_a_killed_run_is_resumed_in_mid_log(team: Team, laptop: Laptop, sink: Sink) -> None:
    """Killed in mid-log, then resumed: same result, each command once, logs whole."""
    team.ccu2.tell({"lines": 200, "seconds": 1, "held": True})
    team.yocto.tell({"lines": 100, "seconds": 1, "held": True})
    run = laptop.start("run", "pipeline.yaml", "--json")
    name = _kill_mid_log(run)
    assert [] == run.said.of("run_finished")
    assert team.ccu2.alive()
    status = laptop.run("status", name)
    assert "INTERRUPTED: nobody drives this run" in status.out
    assert f"buildorch resume {name}" in status.out
    again = laptop.start("resume", name, "--json")
    again.until("controller_attached", epoch=2)
    team.ccu2.release()
    team.yocto.release()
    done = again.wait()
    assert done.code == 0, done
    assert _SUCCEEDED == done.statuses
    team.assert_once(*_STAGES)
    team.assert_logs_equal(done.lines, done.end["results"])
    assert 1 == len(sink.about("Pipeline complete"))


#: Runs the pipeline, and dies as soon as the event of that number is stored.
_DIES = """
import os, signal, sys
from buildorch.api import Options, run
from buildorch.loading import load_pipeline

class Dies:
    def see(self, view, record):
        if record.seq == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)

run(load_pipeline("pipeline.yaml"), Options(observers=[Dies()]))
"""


@pytest.mark.parametrize("part", range(4))
def test_a_run_that_is_killed_after_any_event_has_the_same_result(
    team: Team, laptop: Laptop, sink: Sink, part: int
) -> None:
    """After each event of the run: killed before its effect, resumed, each command ran once.

    People are told of the end however late the kill came, and not twice.
    """
    for place in team.places:
        place.tell({"lines": 5, "seconds": 0.1})
    killed = 0
    for number in range(part + 1, 100, 4):
        for place in team.places:
            (place.home / "trace").unlink(missing_ok=True)
        code = laptop.script(_DIES, str(number)).wait().code
        if code == 0:
            break  # the run has fewer events
        assert -signal.SIGKILL == code
        killed += 1
        done = laptop.run("resume", "--json")
        if "has ended: succeeded" in done.err:
            break  # all was done, and told
        assert done.code == 0, (number, done)
        assert _SUCCEEDED == done.statuses, number
        team.assert_once(*_STAGES)
        team.assert_logs_equal(done.lines, done.end["results"])
        run = done.end["run"]
        assert 1 == len([text for text in sink.about("complete") if run in text]), number
    assert killed >= 5


def test_a_run_that_is_killed_twice_has_the_same_result(team: Team, laptop: Laptop) -> None:
    """The controller of the resumed run is killed as well, in mid-log again."""
    team.ccu2.tell({"lines": 200, "seconds": 1, "held": True})
    name = _kill_mid_log(laptop.start("run", "pipeline.yaml", "--json"))
    again = laptop.start("resume", name, "--json")
    again.until("controller_attached", epoch=2)
    again.signal(signal.SIGKILL)
    assert -signal.SIGKILL == again.wait().code
    team.ccu2.release()
    done = laptop.run("resume", name, "--json")
    assert done.code == 0, done
    assert _SUCCEEDED == done.statuses
    team.assert_once(*_STAGES)
    team.assert_logs_equal(done.lines, done.end["results"])


def test_a_build_that_ended_meanwhile_is_not_run_again(team: Team, laptop: Laptop) -> None:
    """What failed while nobody looked has its own exit code; it is retried as the policy says."""
    team.ccu2.tell({"lines": 40, "seconds": 1, "code": 7}, {})
    name = _kill_mid_log(laptop.start("run", "pipeline.yaml", "--json"))
    wait_for(lambda: not team.ccu2.alive(), "the build has ended", 20)
    done = laptop.run("resume", name, "--json")
    assert done.code == 0, done
    (first,) = [one for one in done.of("attempt_finished") if one["status"] == "failed"]
    assert ("host-build", 7) == (first["stage"], first["exit_code"])
    assert ["1", "2"] == [one.attempt for one in team.ccu2.traces]


def test_the_check_that_a_command_ran_once_can_fail(team: Team) -> None:
    """A program that is started by hand a second time is noticed."""
    about = "BUILDORCH_RUN=r BUILDORCH_STAGE=host-build BUILDORCH_ATTEMPT=1"
    start = f"{about} python3 {team.ccu2.program}"
    team.ccu2.host.run(start, user="build")
    team.assert_once("host-build")
    team.ccu2.host.run(start, user="build")
    with pytest.raises(AssertionError):
        team.assert_once("host-build")


def test_ctrl_c_ends_every_tree(team: Team, laptop: Laptop, sink: Sink) -> None:
    """Ctrl-C cancels: both running trees are gone, hidden children too, and the code is 130."""
    told = {"children": True, "seconds": 600}
    team.ccu2.tell(told)
    team.yocto.tell(told)
    run = laptop.start("run", "pipeline.yaml", "--json")
    for place in (team.ccu2, team.yocto):
        wait_for(lambda: "sleep 3602" in place.alive(), "the hidden child runs", 20)  # noqa: B023 - called here only
    run.signal(signal.SIGINT)
    done = run.wait()
    assert [] == [*team.ccu2.alive(), *team.yocto.alive()]
    assert done.code == 130, done
    assert dict.fromkeys(_STAGES, "cancelled") == done.statuses
    assert "cancelled" == done.end["status"]
    assert sink.about("Pipeline cancelled")
    assert [] == team.tester.traces


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_hangup_leaves_the_builds_running(
    team: Team, laptop: Laptop, number: signal.Signals
) -> None:
    """SIGTERM and SIGHUP detach, with code 75 and the command that goes on; it does."""
    team.ccu2.tell({"lines": 100, "seconds": 1, "held": True})
    run = laptop.start("run", "pipeline.yaml", "--json")
    run.until("step_started", stage="host-build")
    run.signal(number)
    left = run.wait()
    assert left.code == 75, left
    assert "interrupted" == left.end["status"]
    assert f"buildorch resume {left.end['run']}" in left.err
    assert team.ccu2.alive()
    team.ccu2.release()
    done = laptop.run("resume", str(left.end["run"]), "--json")
    assert done.code == 0, done
    assert _SUCCEEDED == done.statuses
    team.assert_once(*_STAGES)
    team.assert_logs_equal(done.lines, done.end["results"])


def test_in_ci_a_term_cancels(team: Team, laptop: Laptop) -> None:
    """With --ci SIGTERM is a cancel: trees gone within 9 s."""
    team.ccu2.tell({"children": True, "seconds": 600})
    run = laptop.start("run", "pipeline.yaml", "--json", "--ci")
    wait_for(lambda: "sleep 3602" in team.ccu2.alive(), "the hidden child runs", 20)
    run.signal(signal.SIGTERM)
    done = run.wait(9)
    assert done.code == 130, done
    assert [] == team.ccu2.alive()


def test_a_detached_run_outlives_its_terminal(team: Team, laptop: Laptop) -> None:
    """--detach says the run's id and leaves; status, wait, logs and history know the run."""
    team.ccu2.tell({"lines": 40, "seconds": 1, "held": True})
    begun = laptop.run("run", "pipeline.yaml", "--detach")
    assert begun.code == 0, begun
    name = begun.out.strip()
    assert laptop.run("status", name, "--json").lines[0]["status"] == "running"
    team.ccu2.release()
    assert laptop.run("wait", name).code == 0
    (line,) = laptop.run("status", name, "--json").lines
    assert "succeeded" == line["status"]
    team.assert_once(*_STAGES)
    shown = laptop.run("logs", name, "host-build").out
    assert shown.encode() == Path(line["results"], "host-build", "log").read_bytes()
    assert name in laptop.run("history").out


def test_a_detached_run_is_cancelled_from_another_terminal(team: Team, laptop: Laptop) -> None:
    """`cancel` reaches the controller that lives without a terminal, and `wait` says 130."""
    team.ccu2.tell({"children": True, "seconds": 600})
    name = laptop.run("run", "pipeline.yaml", "--detach").out.strip()
    wait_for(lambda: "sleep 3602" in team.ccu2.alive(), "the hidden child runs", 20)
    assert laptop.run("cancel", name).code == 0
    assert laptop.run("wait", name).code == 130
    assert [] == team.ccu2.alive()


def test_an_interrupted_run_is_cancelled_by_the_one_who_asks(team: Team, laptop: Laptop) -> None:
    """Nobody drives it any more: `cancel` itself ends its tree."""
    team.ccu2.tell({"children": True, "lines": 1000, "seconds": 600})
    name = _kill_mid_log(laptop.start("run", "pipeline.yaml", "--json"))
    done = laptop.run("cancel", name)
    assert [] == team.ccu2.alive(), done
    assert laptop.run("wait", name).code == 130


def test_the_same_pipeline_is_not_run_twice_at_once(team: Team, laptop: Laptop) -> None:
    """A second run of the pipeline, or a second controller of the run, is refused by name."""
    team.ccu2.tell({"seconds": 600})
    run = laptop.start("run", "pipeline.yaml", "--json")
    name = run.until("run_created")["run"]
    run.until("step_started", stage="host-build")
    second = laptop.run("run", "pipeline.yaml")
    assert second.code == 2, second
    assert name in second.err
    assert "ccu2-full-build" in second.err
    controller = laptop.run("resume", name)
    assert controller.code == 2, controller
    assert str(run.process.pid) in controller.err
    assert ["host-build"] == [one.stage for one in team.ccu2.traces]
    run.signal(signal.SIGINT)
    assert run.wait().code == 130
