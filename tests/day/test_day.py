"""The day, step by step; `steps` says what each is about, and which are missing."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest
from acceptance.laptop import SEED, Laptop
from acceptance.sink import Sink
from hosts.commands import wait_for
from hosts.host import Host

from day.crew import Crew
from day.steps import STEPS, missing

_STAGES = ("yocto-image", "host-build", "integration-test")
_SUCCEEDED = dict.fromkeys(_STAGES, "succeeded")
_RAN = ["host:container-manager", "pytest", "yocto"]

#: The users' first stage alone.
_YOCTO = SEED[: SEED.index("    - name: host-build")]


def _wait_for_log(results: str, stage: str, size: int) -> Path:
    """Return the collected log of a stage, as soon as it has *size* bytes."""
    log = Path(results, stage, "attempt-1.log")
    wait_for(lambda: log.exists() and log.stat().st_size > size, f"{size} bytes of {log}", 30)
    return log


def test_every_step_has_its_line() -> None:
    """The day has 25 steps, and what no test lives is listed."""
    assert [*range(1, 26)] == list(STEPS)
    assert [25] == [int(line.split()[0]) for line in missing(set(range(1, 25)))]


@pytest.mark.day(step=1)
def test_step_01_check(hosts: tuple[Host, ...], laptop: Laptop) -> None:
    """`check` of the users' own file: exit 0, and no sshd hears of it."""
    for host in hosts:
        host.stop_sshd()
        host.run("/usr/sbin/sshd -E /workspace/sshd.log")
    done = laptop.run("check", "pipeline.yaml")
    assert done.code == 0, done
    assert all(stage in done.out for stage in _STAGES)
    logs = [(host.folder / "workspace/sshd.log").read_text() for host in hosts]
    assert not any("Accepted" in log or "Connection" in log for log in logs)


@pytest.mark.day(step=2)
def test_step_02_servers(hosts: tuple[Host, ...], laptop: Laptop) -> None:
    """Three servers are asked at once: within 2.5 s two are OK, one is refused."""
    hosts[2].stop_sshd()
    begun = time.monotonic()
    laptop.run("--version")  # what this machine takes to start the program at all, now
    started = time.monotonic()
    done = laptop.run("servers")
    took = time.monotonic() - started - (started - begun)
    assert done.code == 0, done
    lines = {line.split()[0]: line.split(None, 1)[1] for line in done.out.splitlines()}
    assert lines["yocto-builder"].startswith("OK")
    assert lines["ccu2-builder"].startswith("OK")
    assert "OFFLINE (refused)" == lines["test-runner"]
    assert took < 2.5


@pytest.mark.day(step=3)
def test_step_03_idle_server(crew: Crew, laptop: Laptop) -> None:
    """An idle server of somebody is no error, and is named; one that builds is named with when."""
    server = crew.leave_server()
    done = laptop.run("doctor")
    assert done.code == 0, done
    assert f"yocto-builder: idle bitbake server {server} of build in " in done.out
    assert "will be used" in done.out
    crew.turn(crew.team.yocto, tasksecs="60")
    crew.by_hand("bitbake ccu-image")
    wait_for(lambda: crew.tasks() > 10, "somebody builds", 20)
    since = time.strftime("%H:%M")
    done = laptop.run("doctor")
    assert done.code == 0, done
    told = rf"- yocto-builder: bitbake of build \(pid {server}\) builds in \S+ since (\d\d:\d\d): "
    (found,) = re.findall(told + "a build of ours will wait", done.out)
    assert found in {since, time.strftime("%H:%M", time.localtime(time.time() - 60))}
    assert server == crew.lock_holder()


@pytest.mark.day(step=4)
def test_step_04_detach(crew: Crew, laptop: Laptop, sink: Sink) -> None:
    """The run's id is there within 3 s; the started message comes once, after a 429."""
    begun = time.monotonic()
    done = laptop.run("run", "pipeline.yaml", "--detach")
    took = time.monotonic() - begun
    assert done.code == 0, done
    assert took < 3
    run = done.out.strip()
    assert laptop.run("wait", run).code == 0
    assert _RAN == sorted(span.what for span in crew.spans())
    assert 1 == len(sink.refused)
    assert "Pipeline started" in sink.refused[0].body["content"]
    (started,) = sink.about("Pipeline started")
    assert run in started
    sink.wait_for("Pipeline complete")


@pytest.mark.day(step=6)
def test_step_06_messages(crew: Crew, laptop: Laptop, sink: Sink) -> None:
    """A build that fails once is told in time, with its first error; then that it recovered."""
    crew.turn(crew.team.ccu2, **{"fail.container-manager": "once:cmake"})
    done = laptop.run("run", "pipeline.yaml", "--json")
    assert done.code == 0, done
    (failed,) = sink.about("FAILED: host-build")
    assert "Error: CMake error in container-manager" in failed
    assert "CMakeLists.txt:41" in failed
    (told,) = [one.at for one in sink.taken if "FAILED" in one.body["content"]]
    (ended,) = [span.end for span in crew.spans() if span.code == 1]
    assert ended is not None
    assert told - ended < 5
    assert 1 == len(sink.about("RECOVERED: host-build"))


_TASK = re.compile(rb"Running task (\d+) of (\d+)")


def _percent(log: Path) -> float:
    """Return how far bitbake is, as its own last line says."""
    found = _TASK.findall(log.read_bytes()) if log.exists() else []
    return min(99.0, 100 * int(found[-1][0]) / int(found[-1][1])) if found else 0.0


@pytest.mark.day(step=7)
def test_step_07_progress(crew: Crew, laptop: Laptop) -> None:
    """Progress is bitbake's own, never goes back, and is below 100 until the end."""
    crew.turn(crew.team.yocto, tasks="150", tasksecs="0.2")
    run = laptop.start("run", "pipeline.yaml", "--json", "--no-notify")
    created = run.until("run_created")
    log = _wait_for_log(created["results"], "yocto-image", 1)
    shown: list[float] = []
    while run.process.poll() is None:
        before = _percent(log)
        (status,) = laptop.run("status", created["run"], "--json").lines
        stage = status["stages"]["yocto-image"]
        if stage["status"] == "running" and stage["progress"] is not None:
            shown.append(stage["progress"])
            assert before - 0.1 <= shown[-1] <= _percent(log) + 0.1
    assert len(set(shown)) >= 3, shown
    assert shown == sorted(shown)
    assert max(shown) < 100
    assert 0 == run.wait().code
    assert log.read_bytes().startswith(b"[build.py] machine ccu2")


@pytest.mark.day(step=8)
def test_step_08_cut(hosts: tuple[Host, ...], crew: Crew, laptop: Laptop) -> None:
    """20 s without network to h1: the board says so, bitbake goes on, no byte is lost."""
    crew.turn(crew.team.yocto, tasks="500", tasksecs="0.1")
    run = laptop.start("run", "pipeline.yaml", "--json")
    created = run.until("run_created")
    _wait_for_log(created["results"], "yocto-image", 2000)
    hosts[0].network.cut()
    begun = time.monotonic()
    run.until("link_lost", 20, stage="yocto-image")
    shown = laptop.watch("status", created["run"], "--follow", until="reconnecting")
    assert "yocto-image" in shown
    wait_for(lambda: time.monotonic() - begun >= 20, "20 s have passed", 30)
    assert hosts[0].network.dropped() > 0
    hosts[0].network.heal()
    done = run.wait(60)
    assert done.code == 0, done
    assert done.of("link_restored")
    assert _SUCCEEDED == done.statuses
    assert _RAN == sorted(span.what for span in crew.spans())
    crew.team.assert_logs_equal(done.lines, done.end["results"])


@pytest.mark.day(step=9)
def test_step_09_killed(crew: Crew, laptop: Laptop) -> None:
    """Kill -9 of the controller in mid-build, then resume: every command has one start."""
    crew.turn(crew.team.yocto, tasks="80", tasksecs="0.1")
    crew.turn(crew.team.ccu2, steps="40", step="0.05")
    run = laptop.start("run", "pipeline.yaml", "--json")
    created = run.until("run_created")
    _wait_for_log(created["results"], "yocto-image", 2000)
    run.signal(signal.SIGKILL)
    assert -signal.SIGKILL == run.wait().code
    assert crew.at_work()
    done = laptop.run("resume", created["run"], "--json")
    assert done.code == 0, done
    assert _SUCCEEDED == done.statuses
    assert _RAN == sorted(span.what for span in crew.spans())
    assert {0} == {span.code for span in crew.spans()}
    crew.team.assert_logs_equal(done.lines, done.end["results"])


@pytest.mark.day(step=13)
def test_step_13_sudo(laptop: Laptop) -> None:
    """A command that would ask for a password fails at once, and its line is the first error."""
    text = "pipeline: {name: one, stages: [{name: flash, server: test-runner, retry: 0, "
    text += "command: sudo rack flash image}]}"
    done = laptop.run("run", laptop.file("one.yaml", text), "--json", "--no-notify")
    assert done.code == 1, done
    stage = done.end["stages"]["flash"]
    assert stage["seconds"] < 2
    assert "sudo: a terminal is required to read the password" == stage["first_error"]


@pytest.mark.day(step=14)
def test_step_14_cancel(crew: Crew, laptop: Laptop) -> None:
    """Cancelled: no task is left, somebody's idle server lives and is used again at once."""
    server = crew.leave_server()
    crew.turn(crew.team.yocto, tasksecs="60")
    _cancel_a_build(crew, laptop)
    assert (0, server) == (crew.tasks(), crew.lock_holder())
    crew.turn(crew.team.yocto)
    done = laptop.run("run", laptop.file("yocto.yaml", _YOCTO), "--json", "--no-notify")
    assert done.code == 0, done
    assert [server] == [note["pid"] for note in crew.bitbake("server-start")]
    assert done.end["stages"]["yocto-image"]["seconds"] < 20


@pytest.mark.day(step=14)
def test_step_14_cancel_ours(crew: Crew, laptop: Laptop) -> None:
    """Cancelled without a server before: nothing is left, and the lock is free."""
    crew.turn(crew.team.yocto, tasksecs="60")
    _cancel_a_build(crew, laptop)
    assert [] == crew.at_work()
    assert crew.lock_holder() is None


def _cancel_a_build(crew: Crew, laptop: Laptop) -> None:
    run = laptop.start("run", laptop.file("yocto.yaml", _YOCTO), "--json", "--no-notify")
    wait_for(lambda: crew.tasks() > 10, "tasks run", 20)
    begun = time.monotonic()
    assert laptop.run("cancel").code == 0
    done = run.wait(40)
    assert time.monotonic() - begun < 40
    assert "cancelled" == done.statuses["yocto-image"]
    log = Path(done.end["stages"]["yocto-image"]["log"]).read_bytes()
    assert b"Second Keyboard Interrupt" in log


@pytest.mark.day(step=15)
def test_step_15_by_hand(crew: Crew, laptop: Laptop) -> None:
    """Somebody builds by hand: our stage waits, says for whom and since when, and then builds."""
    crew.turn(crew.team.yocto, tasksecs="20", noreply="1")
    begun = time.time()
    crew.by_hand("bitbake ccu-image")
    wait_for(lambda: crew.tasks() > 10, "somebody builds", 20)
    server = crew.lock_holder()
    crew.turn(crew.team.yocto, noreply="1", wic_bytes="1")
    text = _YOCTO.replace("timeout: 3h", "idle_timeout: 5s")
    run = laptop.start("run", laptop.file("yocto.yaml", text), "--json", "--no-notify")
    event = run.until("step_waiting", 30, stage="yocto-image")
    wait = event["wait"]
    assert ("bitbake", "build", server) == (wait["kind"], wait["user"], wait["pid"])
    assert wait["name"].endswith("/CCU_GEN2.0.manifest/build")
    assert 0 <= wait["seconds"] <= time.time() - begun + 1
    shown = laptop.run("status").out
    assert re.search(rf"held by build, pid {server}, since \d\d:\d\d", shown), shown
    (status,) = laptop.run("status", "--json").lines or [{}]
    assert server == status["stages"]["yocto-image"]["wait"]["pid"]
    done = run.wait(60)
    assert done.code == 0, done
    assert [None] == [one.get("wait") for one in done.of("step_waiting")[1:]]
    assert {0} == {note["rc"] for note in crew.bitbake("client-end")}


@pytest.mark.day(step=16)
def test_step_16_timeout(crew: Crew, laptop: Laptop, sink: Sink) -> None:
    """Tasks of 60 s against 10 s: all of it is gone, with the server that our build started."""
    crew.turn(crew.team.yocto, tasksecs="60")
    text = SEED.replace("timeout: 3h", "timeout: 10s")
    run = laptop.start("run", laptop.file("short.yaml", text), "--json")
    wait_for(lambda: sum("sleep" in one for one in crew.at_work()) > 10, "tasks run", 10)
    assert any("bitbake_server" in one for one in crew.at_work())
    done = run.wait(60)
    assert done.code == 1, done
    assert [] == crew.at_work()
    stage = done.end["stages"]["yocto-image"]
    assert ("timed_out", 1) == (stage["status"], stage["attempts"])
    assert 10 <= stage["seconds"] < 25
    assert 1 == len(sink.about("TIMED OUT: yocto-image"))
    assert 1 == len(crew.bitbake("server-start"))
    assert "succeeded" == done.statuses["integration-test"]


@pytest.mark.day(step=18)
def test_step_18_hang(crew: Crew, laptop: Laptop) -> None:
    """Bitbake starts nothing any more: "still alive" is no progress, so idle_timeout ends it."""
    crew.turn(crew.team.yocto, hang="10", alive="1")
    text = SEED.replace("timeout: 3h", "idle_timeout: 5s")
    done = laptop.run("run", laptop.file("idle.yaml", text), "--json", "--no-notify")
    assert done.code == 1, done
    stage = done.end["stages"]["yocto-image"]
    assert ("timed_out", "idle") == (stage["status"], stage["reason"])
    assert b"Bitbake still alive" in Path(stage["log"]).read_bytes()
    assert [] == crew.at_work()


@pytest.mark.day(step=19)
def test_step_19_world(hosts: tuple[Host, ...], crew: Crew, laptop: Laptop) -> None:
    """The controller's umask and the account's odd locale do not reach the build."""
    hosts[0].configure_sshd(SetEnv="LANG=ko_KR.EUC-KR LC_ALL=ko_KR.EUC-KR", AcceptEnv="")
    launcher = ("sh", "-c", 'umask 077; exec "$@"', "sh")
    done = laptop.start("run", "pipeline.yaml", "--json", launcher=launcher).wait()
    assert done.code == 0, done
    (client,) = crew.bitbake("client-start")
    assert ("022", "utf8") == (client["umask"], client["charset"].replace("-", "").lower())
    assert "/dev/null" == client["stdin"]
    assert "" == client["agent"]


@pytest.mark.day(step=20)
def test_step_20_liar(crew: Crew, laptop: Laptop) -> None:
    """FAILED with exit code 0 is a success with a warning, and a failure with success_if."""
    crew.turn(crew.team.ccu2, **{"fail.container-manager": "liar"})
    done = laptop.run("run", "pipeline.yaml", "--json", "--no-notify")
    assert done.code == 0, done
    (end,) = [one for one in done.of("stage_finished") if one["stage"] == "host-build"]
    assert "the last line says 'BUILD FAILED'" in end["warning"]
    text = SEED.replace("timeout: 30m", "success_if: BUILD SUCCESS")
    done = laptop.run("run", laptop.file("strict.yaml", text), "--json", "--no-notify")
    assert done.code == 1, done
    assert "failed" == done.statuses["host-build"]


@pytest.mark.day(step=22)
def test_step_22_side_by_side(crew: Crew, laptop: Laptop) -> None:
    """Two modules of one folder are built at the same time."""
    crew.turn(crew.team.ccu2, steps="40", step="0.1")
    text = "pipeline:\n  name: two\n  stages:\n" + "".join(
        f"    - {{name: {name}, server: ccu2-builder, command: ./build.py --module {name}}}\n"
        for name in ("vam", "dpm")
    )
    done = laptop.run("run", laptop.file("two.yaml", text), "--json")
    assert done.code == 0, done
    first, second = crew.spans()
    assert first.end is not None
    assert second.end is not None
    assert min(first.end, second.end) - max(first.start, second.start) >= 3


_RACK_TESTS = """\
pipeline:
  name: rack-tests
  stages:
    - name: integration-test
      server: test-runner
      command: pytest -v test_container.py
      workdir: /workspace/integration-tests
      artifacts: report.xml
      retry: 0
    - name: rack-off
      server: test-runner
      command: rack off
      depends_on: integration-test
      always: true
  on_failure: {notify: discord}
"""


def _rack_is_off(crew: Crew) -> bool:
    rack = crew.team.tester.home / "rack"
    return (rack / "power").read_text().strip() == "off" and not (rack / "in-use").exists()


@pytest.mark.day(step=23)
def test_step_23_failing_test(crew: Crew, laptop: Laptop, sink: Sink) -> None:
    """The test that fails is named, its report is here with the log, and the rack is off."""
    crew.turn(crew.team.tester, fail="test_restart")
    done = laptop.run("run", laptop.file("rack.yaml", _RACK_TESTS), "--json")
    assert done.code == 1, done
    assert {"integration-test": "failed", "rack-off": "succeeded"} == done.statuses
    (told,) = sink.about("FAILED: integration-test")
    assert "test_container.py::test_restart" in told
    assert "pytest: tests failed" in told
    artifacts = Path(done.end["results"], "integration-test", "artifacts")
    assert 'failures="1"' in (artifacts / "report.xml").read_text()
    (attached,) = [one.body["files[0]"] for one in sink.changed if "files[0]" in one.body]
    assert "integration-test-attempt-1.txt" == attached["name"]
    assert "FAILED test_container.py::test_restart" in attached["text"]
    assert _rack_is_off(crew)


@pytest.mark.day(step=23)
@pytest.mark.parametrize("end", ["cancelled", "killed"])
def test_step_23_rack_off(crew: Crew, laptop: Laptop, end: str) -> None:
    """The rack goes off whatever ends the tests: a cancel, or a controller that is gone."""
    crew.turn(crew.team.tester, fail="test_restart", step="0.3")
    run = laptop.start("run", laptop.file("rack.yaml", _RACK_TESTS), "--json", "--no-notify")
    power = crew.team.tester.home / "rack" / "power"
    wait_for(lambda: power.exists() and power.read_text() == "on", "the board is on", 20)
    if end == "cancelled":
        assert laptop.run("cancel").code == 0
        done = run.wait(40)
        assert "cancelled" == done.statuses["integration-test"]
    else:
        run.signal(signal.SIGKILL)
        run.wait()
        done = laptop.run("resume", "--json", "--no-notify")
        assert "failed" == done.statuses["integration-test"]
    assert "succeeded" == done.statuses["rack-off"]
    assert _rack_is_off(crew)


@pytest.mark.day(step=25)
@pytest.mark.parametrize("ci", [True, False])
def test_step_25_term(crew: Crew, laptop: Laptop, *, ci: bool) -> None:
    """With --ci SIGTERM ends all within 9 s; without it the build goes on, and can be ended."""
    crew.turn(crew.team.yocto, tasksecs="60")
    run = laptop.start("run", "pipeline.yaml", "--json", "--no-notify", *["--ci"] * ci)
    wait_for(lambda: sum("sleep" in one for one in crew.at_work()) > 10, "tasks run", 20)
    run.signal(signal.SIGTERM)
    done = run.wait(9)
    if ci:
        assert done.code == 130, done
    else:
        assert done.code == 75, done
        assert crew.at_work()
        assert laptop.run("cancel").code == 0
    assert [] == crew.at_work()
