"""The pipeline file that users have runs on three servers as it stands."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pytest
from hosts.commands import wait_for

from acceptance.laptop import SEED, Laptop
from acceptance.sink import Sink
from acceptance.team import Team

_STAGES = ("yocto-image", "host-build", "integration-test")
_PYTHON = Path(__file__).parents[2] / "pipelines/ccu2_full_build.py"

#: What a host build says whose CMake does not find a package.
_NO_PACKAGE = [
    "CMake Error at modules/container-manager/CMakeLists.txt:41 (find_package):",
    '  Could not find a package configuration file provided by "SntCommon" with any',
    "  of the following names:",
    "",
    "    SntCommonConfig.cmake",
    "",
    "-- Configuring incomplete, errors occurred!",
]
_FAILS = {"code": 1, "said": _NO_PACKAGE}


def _contents(archive: Path) -> dict[str, str]:
    """Return the SHA-256 of each file in an archive, by name."""
    with tarfile.open(archive) as tar:
        files = [(entry, tar.extractfile(entry)) for entry in tar if entry.isfile()]
        return {
            entry.name: hashlib.sha256(file.read()).hexdigest() for entry, file in files if file
        }


def test_it_succeeds(team: Team, laptop: Laptop, sink: Sink) -> None:
    """Every stage runs once where it belongs, its log is here whole, and people are told."""
    done = laptop.run("run", "pipeline.yaml", "--json")
    assert done.code == 0, done
    assert dict.fromkeys(_STAGES, "succeeded") == done.statuses
    assert "succeeded" == done.end["status"]
    team.assert_once(*_STAGES)
    assert list(_STAGES) == [one.stage for place in team.places for one in place.traces]
    team.assert_logs_equal(done.lines, done.end["results"])
    first, *stages, last = (text.partition("\n")[0] for text in sink.texts)
    assert "🚀 Pipeline started: ccu2-full-build" == first
    assert 3 == len([one for one in stages if one.startswith("✅ Stage ")])
    assert last.startswith("🎉 Pipeline complete: ccu2-full-build")


def test_its_archive_holds_every_log(laptop: Laptop) -> None:
    """`archive: true` leaves one file with all logs, whose manifest tells their checksums."""
    done = laptop.run("run", "pipeline.yaml", "--json")
    assert done.code == 0, done
    (stored,) = done.of("artifact_stored")
    results = Path(done.end["results"])
    assert f"{results}.tar.gz" == stored["path"]
    contents = _contents(Path(stored["path"]))
    for stage in _STAGES:
        log = (results / stage / "attempt-1.log").read_bytes()
        name = f"{results.name}/{stage}/attempt-1.log"
        assert hashlib.sha256(log).hexdigest() == contents[name]
    with tarfile.open(stored["path"]) as tar:
        manifest = tar.extractfile(f"{results.name}/MANIFEST.sha256")
        assert manifest is not None
        lines = dict(line.split("  ")[::-1] for line in manifest.read().decode().splitlines())
    assert {f"{results.name}/{name}": digest for name, digest in lines.items()}.items() <= (
        contents.items()
    )


def test_a_failing_build_is_retried_once_and_told(team: Team, laptop: Laptop, sink: Sink) -> None:
    """Two attempts, the test skipped, the other branch done, the first error told, exit 1."""
    team.ccu2.tell(_FAILS)
    done = laptop.run("run", "pipeline.yaml", "--json")
    assert done.code == 1, done
    expected = {"yocto-image": "succeeded", "host-build": "failed", "integration-test": "skipped"}
    assert expected == done.statuses
    assert ["1", "2"] == [one.attempt for one in team.ccu2.traces]
    assert [] == team.tester.traces
    stage = done.end["stages"]["host-build"]
    assert (2, 1) == (stage["attempts"], stage["exit_code"])
    assert "host-build failed" == done.end["stages"]["integration-test"]["reason"]
    first, second = sink.about("FAILED: host-build")
    for alert in (first, second):
        assert "Error: CMake error in container-manager" in alert
        assert "CMakeLists.txt:41 find_package: SntCommon not found" in alert
    assert "Retry 1 of 1 starts now on ccu2-builder" in first
    assert "Skipped: integration-test" in second
    assert sink.about("Pipeline FAILED: ccu2-full-build")
    team.assert_logs_equal(done.lines, done.end["results"])


def test_a_build_that_fails_once_recovers(team: Team, laptop: Laptop, sink: Sink) -> None:
    """The second attempt succeeds: so does the run, and people hear that it recovered."""
    team.ccu2.tell(_FAILS, {})
    done = laptop.run("run", "pipeline.yaml", "--json")
    assert done.code == 0, done
    assert 2 == done.end["stages"]["host-build"]["attempts"]
    recovered = sink.about("RECOVERED: host-build")
    assert 1 == len(recovered)
    assert "Was: CMake error in container-manager" in recovered[0]


def test_an_alert_goes_through_openclaw(team: Team, laptop: Laptop, sink: Sink) -> None:
    """Without a webhook of its own the channel goes through OpenClaw's gateway, to its target."""
    del laptop.variables["BUILDORCH_DISCORD_WEBHOOK"]
    laptop.variables |= {"BUILDORCH_OPENCLAW_URL": sink.url, "OPENCLAW_GATEWAY_TOKEN": "t" * 20}
    team.ccu2.tell(_FAILS)
    done = laptop.run("run", "pipeline.yaml", "--json")
    assert done.code == 1, done
    assert {"/tools/invoke"} == {one.path for one in sink.taken}
    sent = [one.body["args"] for one in sink.taken]
    assert {("discord", "build_channel")} == {(one["channel"], one["target"]) for one in sent}
    failed = [one["message"] for one in sent if "FAILED: host-build" in one["message"]]
    assert 2 == len(failed)
    assert "SntCommon" in failed[0]


def test_a_stage_that_sleeps_is_killed_at_its_timeout(
    team: Team, laptop: Laptop, sink: Sink
) -> None:
    """Its whole tree is gone, also a child that left its session, parent and environment."""
    text = SEED.replace("timeout: 30m", "timeout: 3s")
    team.ccu2.tell({"children": True, "seconds": 600})
    run = laptop.start("run", laptop.file("short.yaml", text), "--json")
    wait_for(lambda: "sleep 3602" in team.ccu2.alive(), "the hidden child runs", 20)
    assert "sleep 3601" in team.ccu2.alive()
    done = run.wait()
    assert [] == team.ccu2.alive()
    assert done.code == 1, done
    stage = done.end["stages"]["host-build"]
    assert ("timed_out", 1, "timeout") == (stage["status"], stage["attempts"], stage["reason"])
    assert 3 <= stage["seconds"] < 8
    assert 1 == len(sink.about("TIMED OUT: host-build"))
    assert "skipped" == done.statuses["integration-test"]


@pytest.mark.parametrize("target", ["ccu2_full_build.py", "ccu2_full_build.py:full_build"])
def test_the_same_pipeline_in_python(team: Team, laptop: Laptop, sink: Sink, target: str) -> None:
    """The pipeline written in Python does the same, with its parameter in its place."""
    laptop.file("ccu2_full_build.py", _PYTHON.read_text(encoding="utf-8"))
    team.ccu2.tell({"show": []})
    done = laptop.run("run", target, "--json", "--param", "module=vam")
    assert done.code == 0, done
    assert dict.fromkeys(_STAGES, "succeeded") == done.statuses
    team.assert_once(*_STAGES)
    team.assert_logs_equal(done.lines, done.end["results"])
    shown = team.ccu2.path("/workspace/ccu-2.0/shown.json").read_text(encoding="utf-8")
    assert '["--module", "vam"]' in shown
    assert sink.about("Pipeline complete: ccu2-full-build")
