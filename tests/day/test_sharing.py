"""The day's steps about what people share: a rack that one of them has, and a disk that is full."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.laptop import Command, Laptop, open_laptop
from acceptance.sink import Sink
from hosts.bed import Bed
from hosts.commands import wait_for

from day.crew import Crew

_RACK = "rack/ccu2-01"


@pytest.fixture(name="hers")
def _hers(laptop: Laptop, bed: Bed, sink: Sink, tmp_path: Path) -> Iterator[Laptop]:
    """Give the laptop of dev2: a home and a history of its own."""
    del laptop
    with open_laptop(tmp_path / "dev2", bed.client, sink) as hers:
        hers.variables.update(USER="dev2", LOGNAME="dev2")
        yield hers


def _pipeline(name: str, folder: str) -> str:
    """Return tests on the rack; folders differ, so that nothing but the rack is shared."""
    return f"""\
pipeline:
  name: {name}
  stages:
    - name: rack-test
      server: test-runner
      command: mkdir -p {folder} && cd {folder} && cp ../stub.conf . && pytest -v
      workdir: /workspace/integration-tests
      lock: {name}
      resources: {_RACK}
      timeout: 1h
"""


def _start(laptop: Laptop, name: str, *options: str) -> Command:
    text = _pipeline(name, name)
    return laptop.start("run", laptop.file(f"{name}.yaml", text), "--json", *options)


def _at_the_rack(crew: Crew) -> int:
    return sum(span.what == "pytest" for span in crew.spans())


def _no_clash(crew: Crew) -> None:
    """Nobody took the board while another one had it."""
    assert not (crew.team.tester.home / "witness" / "CLASH").exists()
    spans = sorted((span for span in crew.spans()), key=lambda one: one.start)
    for before, after in itertools.pairwise(spans):
        assert before.end is not None
        assert before.end <= after.start


@pytest.mark.day(step=10)
def test_step_10_rack(crew: Crew, laptop: Laptop, hers: Laptop, sink: Sink) -> None:
    """She has the rack: our stage waits, says for whom and where in line; one message; no clash."""
    crew.turn(crew.team.tester, step="0.4")
    her_run = _start(hers, "hers", "--no-notify")
    wait_for(lambda: _at_the_rack(crew) == 1, "her tests run", 20)
    our_run = _start(laptop, "ours")
    wait = our_run.until("step_waiting", stage="rack-test")["wait"]
    assert (_RACK, 1, "dev2") == (wait["name"], wait["place"], wait["by"])
    shown = laptop.run("status", "--once").out
    assert f"{_RACK}, 1st in line" in shown
    assert f"held by dev2 (account {wait['user']}), run" in shown
    done, her_done = our_run.wait(60), her_run.wait(60)
    assert (0, 0) == (done.code, her_done.code), done
    assert her_done.end["run"].endswith(wait["run"]) or wait["run"] == her_done.end["run"]
    assert 2 == _at_the_rack(crew)
    _no_clash(crew)
    assert 1 == len(sink.about("waits: rack-test"))


@pytest.mark.day(step=11)
def test_step_11_rack_of_the_dead(crew: Crew, laptop: Laptop, hers: Laptop) -> None:
    """Her controller is killed: the rack is hers until her tests end, then ours begin at once."""
    crew.turn(crew.team.tester, step="0.4")
    her_run = _start(hers, "hers", "--no-notify")
    wait_for(lambda: _at_the_rack(crew) == 1, "her tests run", 20)
    our_run = _start(laptop, "ours", "--no-notify")
    our_run.until("step_waiting", stage="rack-test")
    her_run.signal(signal.SIGKILL)
    her_run.wait()
    done = our_run.wait(60)
    assert done.code == 0, done
    first, second = sorted(crew.spans(), key=lambda span: span.start)
    _no_clash(crew)
    assert first.end is not None
    assert 0 == first.code
    assert second.start - first.end < 2


@pytest.mark.day(step=17)
def test_step_17_full_disk(crew: Crew, laptop: Laptop, sink: Sink) -> None:
    """Disk full there: told with GB, not repeated; the next run is refused before its launch."""
    crew.turn(crew.team.yocto, enospc="10", tasks="20")
    done = laptop.run("run", "pipeline.yaml", "--json")
    stage = done.end["stages"]["yocto-image"]
    assert ("no_space", 1) == (stage["status"], stage["attempts"])
    assert " GB" in stage["reason"]
    (told,) = sink.about("NO SPACE: yocto-image")
    assert " GB" in told
    launched = len([span for span in crew.spans() if span.what == "yocto"])
    laptop.set_config(
        lambda text: text.replace("    user: build\n", "    user: build\n    min_free: 900TB\n", 1)
    )
    text = "pipeline: {name: again, stages: [{name: yocto-image, server: yocto-builder, "
    text += "command: ./build.py -ncpb, workdir: /workspace/CCU_GEN2.0.manifest/mobis}]}"
    again = laptop.run("run", laptop.file("again.yaml", text), "--json", "--no-notify")
    assert again.code == 3, again
    stage = again.end["stages"]["yocto-image"]
    assert "no_space" == stage["status"]
    assert " GB" in stage["reason"]
    assert "min_free" in stage["reason"]
    assert launched == len([span for span in crew.spans() if span.what == "yocto"])
