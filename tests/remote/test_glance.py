"""A glance at a server: what it tells, and of whom."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import cast

import attrs
import pytest
from contract.place import PLACES, Place
from contract.ssh_place import SSH_PLACES
from contract.talk import Talk, talk, wait_until
from hypothesis import given
from hypothesis import strategies as st

from buildorch.job import Lock
from buildorch.model import Server
from buildorch.ports import Backend
from buildorch.remote.glance import (
    SCRIPTS,
    ForeignBuild,
    Glance,
    Room,
    ServerJob,
    glance_text,
    is_over,
    read_glance,
    refusal,
)
from buildorch.survey import glance

_ALL = {**PLACES, **SSH_PLACES}
_FAR = [pytest.param(kind, marks=pytest.mark.hosts) for kind in SSH_PLACES]

_ANSWER = (
    b"Welcome to builder-1!\n\nGLANCE n1\nload\t3.10\t16\nmemory\t1000\t4000\n"
    b"job\trun1.a-0.1.1\t61\truns\thost-build, attempt 2\tmina\n"
    b"job\trun1.b-0.1.1\t5\twaits\tflash, attempt 1, step\t\n"
    b"build\tbitbake\t4711\t60\tdev2\t/work/my b\nbuild\tpytest\t4712\t-1\tdev3\t\n"
    b"disk\t2000\t8000\t/work\nend\n"
)


@pytest.fixture(params=[*PLACES, *_FAR], name="place")
def _place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Give a place where jobs run."""
    with _ALL[request.param](request, tmp_path) as place:
        yield place


def _look(place: Place) -> Glance:
    backend = cast("Backend", place.backend)
    (report,) = glance({place.server.name: place.server}, lambda _: backend, 30.0)
    assert report.glance is not None, report
    assert report.glance.whole
    return report.glance


@attrs.frozen
class _Programs:
    """Programs on a place that do nothing until they are ended, by whatever name."""

    place: Place
    pids: list[str] = attrs.field(factory=list)

    def write(self, name: str, text: str = ": <blocked") -> str:
        """Write one, and return its path."""
        path = f"{self.place.folder}/{name}"
        self.place.machine.run(f"printf '#!/bin/sh\\n%s\\n' '{text}' >{path}; chmod +x {path}")
        return path

    def start(self, line: str) -> int:
        """Start one in the folder, and return its number."""
        folder = self.place.folder
        pid = self.place.machine.run(
            f"cd {folder} || exit; {line} >/dev/null 2>&1 </dev/null & echo $!"
        ).strip()
        self.pids.append(pid)
        word = line.rsplit(maxsplit=1)[-1]
        wait_until(
            lambda: word in self.place.machine.run(f"tr '\\0' ' ' </proc/{pid}/cmdline"), line
        )
        return int(pid)

    def end(self) -> None:
        """End them: those started here by their numbers, those of jobs by what they wait for."""
        self.place.machine.run(f"exec 3<>{self.place.folder}/blocked")
        for pid in self.pids:
            with contextlib.suppress(Exception):
                self.place.machine.run(f"kill -KILL {pid}")


@pytest.fixture(name="programs")
def _programs(place: Place) -> Iterator[_Programs]:
    place.machine.run(f"mkfifo {place.folder}/blocked")
    programs = _Programs(place)
    yield programs
    programs.end()


def _at(folder: str, builds: Sequence[ForeignBuild]) -> dict[int, ForeignBuild]:
    """Return those of a folder: on this machine others may build as well."""
    return {build.pid: build for build in builds if build.folder == folder}


def test_a_server_tells_its_room(place: Place) -> None:
    """Load, processors, memory and the disk of the workdir, or of what is there above it."""
    there = attrs.evolve(place.server, workdir=f"{place.folder}/not/there")
    found = _look(attrs.evolve(place, server=there))
    assert found.load is not None
    assert found.processors == int(place.machine.run("nproc"))
    for room in (found.memory, found.disk):
        assert room is not None
        assert 0 <= room.free <= room.total
    assert found.disk is not None
    assert found.disk.place == place.folder


def test_builds_of_others_are_told(place: Place, programs: _Programs) -> None:
    """A build by hand has its tool, number, account and folder, also below an interpreter."""
    for name in ("bitbake", "build.py", "py.test"):
        programs.write(name)
    user = place.machine.run("id -un").strip()
    folder = place.machine.run(f"cd {place.folder}; pwd -P").strip()
    started = {
        programs.start("./bitbake core-image"): "bitbake",
        programs.start("sh ./build.py --module vam"): "build.py",
        programs.start("./py.test -x tests"): "pytest",
    }
    found = _at(folder, _look(place).builds)
    assert started == {pid: build.tool for pid, build in found.items()}
    assert {user} == {build.user for build in found.values()}
    assert all(build.seconds < 60 for build in found.values())


def test_what_only_names_a_build_is_none(place: Place, programs: _Programs) -> None:
    """An editor of build.py, a shell with bitbake in its text and the question are no builds."""
    for name in ("vim", "build.py", "not-bitbake"):
        programs.write(name)
    programs.start("./vim build.py")
    programs.start("./not-bitbake x")
    programs.start("sh -c ': <blocked; bitbake core-image' pytest")
    folder = place.machine.run(f"cd {place.folder}; pwd -P").strip()
    assert {} == _at(folder, _look(place).builds)


def test_a_build_is_told_once(place: Place, programs: _Programs) -> None:
    """What a build starts is a part of it."""
    programs.write("bitbake")
    programs.write("build.py", "./bitbake x & echo $! >inner; wait")
    outer = programs.start("./build.py --all")
    wait_until(lambda: place.machine.run(f"cat {place.folder}/inner || true").strip(), "it builds")
    programs.pids.append(place.machine.run(f"cat {place.folder}/inner").strip())
    folder = place.machine.run(f"cd {place.folder}; pwd -P").strip()
    assert [outer] == list(_at(folder, _look(place).builds))


@pytest.fixture(name="link")
def _link(place: Place) -> Iterator[Talk]:
    with talk(place) as link:
        yield link


def _lock(place: Place, owner: str) -> dict[str, object]:
    return {"locks": (Lock(owner=owner, folder=place.folder),), "by": "mina@laptop"}


def test_jobs_of_ours_are_told(place: Place, link: Talk, programs: _Programs) -> None:
    """Run, stage, starter, and who waits; their builds are none of others; ended ones are gone."""
    program = programs.write("bitbake")
    line = f"cd {place.folder}; ./{Path(program).name} x"
    title = "host-build, attempt 2, compile"
    first = link.start(line, "first", title=title, **_lock(place, "run-a"))
    second = link.start("true", "second", title="flash, attempt 1", **_lock(place, "run-b"))
    link.heard.wait(lambda: link.heard.waits.get(second.id), "it waits")
    wait_until(lambda: "/bitbake x" in "\n".join(place.machine.commands()), "it builds")
    found = _look(place)
    jobs = {job.id: job for job in found.jobs}
    assert {first.id, second.id} == set(jobs)
    assert {job.run for job in found.jobs} == {link.run}
    told = [(jobs[one.id].stage, jobs[one.id].by, jobs[one.id].waits) for one in (first, second)]
    assert [("host-build", "mina@laptop", False), ("flash", "mina@laptop", True)] == told
    assert all(0 <= job.seconds < 60 for job in found.jobs)
    folder = place.machine.run(f"cd {place.folder}; pwd -P").strip()
    assert {} == _at(folder, found.builds)
    for job in (second, first):
        link.session.cancel(job.id, "cancelled", 1.0)
        link.heard.end_of(job)
    assert () == _look(place).jobs


# Not on this machine: there all of it is below pytest, which is a build.
@pytest.mark.parametrize("place", _FAR, indirect=True)
def test_what_a_job_has_let_go_is_ours_in_its_state_folder(
    place: Place, link: Talk, programs: _Programs
) -> None:
    """A build in a session of its own is still its job's; another state folder knows no job."""
    programs.write("bitbake")
    line = f"cd {place.folder}; setsid ./bitbake x & wait"
    job = link.start(line)
    wait_until(lambda: "/bitbake x" in "\n".join(place.machine.commands()), "it builds")
    folder = place.machine.run(f"cd {place.folder}; pwd -P").strip()
    ours = _look(place)
    assert ([job.id], {}) == ([one.id for one in ours.jobs], _at(folder, ours.builds))
    other = attrs.evolve(place.server, state_dir=f"{place.folder}/other")
    theirs = _look(attrs.evolve(place, server=other))
    assert () == theirs.jobs
    assert ["bitbake"] == [one.tool for one in _at(folder, theirs.builds).values()]
    link.session.cancel(job.id, "cancelled", 1.0)
    link.heard.end_of(job)


def test_a_job_whose_supervisor_is_gone_is_none(place: Place, link: Talk) -> None:
    """What nobody supervises does not run."""
    nap = link.nap()
    job = link.start(nap.text)
    nap.await_start()
    assert [job.id] == [one.id for one in _look(place).jobs]
    link.kill_watchers(job) if place.part == "python" else link.kill_supervisor(job)
    link.heard.end_of(job)
    assert () == _look(place).jobs


def test_nothing_is_left_by_a_glance(place: Place) -> None:
    """Neither a file nor a process: a glance may be had each second."""
    with talk(place) as link:
        link.output("true")
        state = link.session.facts.state_dir
        link.leave()
    before = place.machine.run(f"ls -lR --time-style=full-iso {state}")
    _look(place)
    assert before == place.machine.run(f"ls -lR --time-style=full-iso {state}")


@pytest.mark.parametrize("shell", ["dash", "bash", "bash --posix", "busybox sh"])
def test_the_question_runs_in_every_shell(shell: str, tmp_path: Path) -> None:
    """Whatever sh a server has, it answers, and has nothing to complain of."""
    answer, complaints = _ask_here(shell.split(), os.environ["PATH"], tmp_path)
    assert "" == complaints
    _assert_whole(answer)


def test_the_question_runs_with_busybox_alone(tmp_path: Path) -> None:
    """A server may have no other programs."""
    busybox = shutil.which("busybox")
    assert busybox is not None
    programs = tmp_path / "bin"
    programs.mkdir()
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        (programs / name).symlink_to(busybox)
    answer, complaints = _ask_here([busybox, "sh"], str(programs), tmp_path)
    assert "" == complaints
    _assert_whole(answer)


def _ask_here(words: list[str], path: str, home: Path) -> tuple[bytes, str]:
    _, _, text = glance_text("n1", Server(name="here")).partition(b"\n")
    environment = {"PATH": path, "HOME": str(home)}
    done = subprocess.run(
        [*words, "-c", 'eval "$0"', text.decode()],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    return done.stdout, done.stderr.decode()


def _assert_whole(answer: bytes) -> None:
    found = read_glance("n1", answer)
    assert found is not None
    assert found.whole
    assert None not in (found.load, found.memory, found.disk)
    assert found.processors > 0


def test_the_question_is_clean_shell() -> None:
    """What is asked is free of what shellcheck finds."""
    assert shutil.which("shellcheck")
    files = resources.files("buildorch.remote")
    text = "".join(files.joinpath(name).read_text("utf-8") for name in SCRIPTS)
    # What a session needs of the shared files is not used here, and what the client sets is.
    words = ["shellcheck", "--exclude=SC2034,SC2154,SC2317,SC2329", "-"]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    assert "" == done.stdout


def test_an_answer_is_read() -> None:
    """Each record has its meaning; a login's words mean nothing."""
    kib = 1024
    assert read_glance("n1", _ANSWER) == Glance(
        load=3.1,
        processors=16,
        memory=Room(free=1000 * kib, total=4000 * kib),
        disk=Room(free=2000 * kib, total=8000 * kib, place="/work"),
        jobs=(
            ServerJob(id="run1.a-0.1.1", stage="host-build", by="mina", seconds=61),
            ServerJob(id="run1.b-0.1.1", stage="flash", by="", seconds=5, waits=True),
        ),
        builds=(
            ForeignBuild(tool="bitbake", pid=4711, user="dev2", seconds=60, folder="/work/my b"),
            ForeignBuild(tool="pytest", pid=4712, user="dev3", seconds=0),
        ),
        whole=True,
    )
    assert read_glance("n2", _ANSWER) is None


@given(st.integers(0, len(_ANSWER)))
def test_half_an_answer_is_half_a_glance(size: int) -> None:
    """What is cut anywhere says nothing that is not in the whole, and says that it is cut."""
    whole = read_glance("n1", _ANSWER)
    assert whole is not None
    heard = _ANSWER[:size]
    part = read_glance("n1", heard)
    assert is_over("n1", heard) == (size == len(_ANSWER))
    if part is None:
        assert size < _ANSWER.index(b"load")
        return
    assert part.whole == (size == len(_ANSWER))
    assert part.jobs == whole.jobs[: len(part.jobs)]
    assert part.builds == whole.builds[: len(part.builds)]
    assert part.load in (None, whole.load)
    assert part.disk in (None, whole.disk)
    assert part.memory in (None, whole.memory)


_LINES = st.lists(st.one_of(st.sampled_from(_ANSWER.split(b"\n")), st.binary(max_size=30)))
_MIXED = st.builds(
    lambda kind, fields: b"\t".join([kind, *fields]),
    st.sampled_from([b"load", b"memory", b"disk", b"job", b"build", b"jobs"]),
    st.lists(st.one_of(st.sampled_from([b"1", b"-1", b"9" * 40, b"runs", b"a.b"]), st.binary())),
)


@given(st.lists(st.one_of(_MIXED, st.binary(max_size=20)), max_size=8), _LINES)
def test_no_answer_can_do_harm(records: list[bytes], lines: list[bytes]) -> None:
    """Whatever a server sends, there is a glance, and no text in it moves a terminal."""
    heard = b"\n".join([b"", b"GLANCE n1", *records, *lines, b""])
    found = read_glance("n1", heard)
    assert found is not None
    texts = [text for job in found.jobs for text in (job.id, job.stage, job.by)]
    texts += [text for one in found.builds for text in (one.tool, one.user, one.folder)]
    texts += [found.disk.place] if found.disk else []
    assert all(text.isprintable() for text in texts)
    assert read_glance("n1", b"\n".join(lines)) is None or b"GLANCE n1" in lines
    refusal("n1", heard)
    is_over("n1", heard)
