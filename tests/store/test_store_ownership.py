"""Laws of who drives a run, of slots, and of waking a controller."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from store.store_samples import RUN, home_of

from buildorch.errors import RunOwned, StoreUnwritable
from buildorch.store.control import ControlSocket, poke
from buildorch.store.locks import FileLock, held_line
from buildorch.store.ownership import RunLock, boot_id, holder, pipeline_lock
from buildorch.store.places import Places
from buildorch.store.slots import Slots

HOLDING = """
import os, sys, time
from store.store_samples import RUN, home_of
from pathlib import Path
from buildorch.store.ownership import RunLock, pipeline_lock
from buildorch.store.slots import Slots
places = home_of(Path(sys.argv[1]))
kept = [RunLock.acquire(places, RUN), pipeline_lock(places, "full-build", RUN)]
kept.append(Slots(places).try_take("yocto", 1, "other stage"))
reading, writing = os.pipe()
child = os.fork() if "fork" in sys.argv else 0
if child == 0:
    os.write(writing, b"!")  # the child has run by now, not only been made
if child or "fork" not in sys.argv:
    os.read(reading, 1)
    print(os.getpid(), child, flush=True)
time.sleep(60)
"""


@pytest.fixture(name="places")
def _places(tmp_path: Path) -> Places:
    return home_of(tmp_path)


@contextlib.contextmanager
def holding(path: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a process that holds run, pipeline and slot; give it and the pid of its child."""
    command = [sys.executable, "-c", HOLDING, str(path), *arguments]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        child = 0
        try:
            assert process.stdout is not None
            pid, child = map(int, process.stdout.readline().split())
            assert pid == process.pid
            yield process, child
        finally:
            process.kill()
            if child:
                os.kill(child, 9)


def test_a_run_has_one_controller(places: Places, tmp_path: Path) -> None:
    """A second controller is refused, by pid, host and time, until the first dies in any way."""
    with holding(tmp_path) as (process, _):
        with pytest.raises(RunOwned, match=f"{RUN} is driven by process {process.pid} on .* since"):
            RunLock.acquire(places, RUN)
        found = holder(places, RUN)
        assert found is not None
        assert (found.pid, found.run, found.epoch) == (process.pid, RUN, 1)
        assert found.boot_id == boot_id() != ""
        process.kill()
        process.wait()
        assert holder(places, RUN) is None
        with RunLock.acquire(places, RUN) as lock:
            assert lock.epoch == 2
            mine = holder(places, RUN)
            assert mine is not None
            assert (mine.pid, mine.epoch) == (os.getpid(), 2)
            assert mine.started > 0


def test_a_child_that_was_forked_does_not_keep_what_its_parent_held(
    places: Places, tmp_path: Path
) -> None:
    """A notifier's process that outlives a killed controller keeps neither run nor slot."""
    with holding(tmp_path, "fork") as (process, child):
        process.kill()
        process.wait()
        os.kill(child, 0)  # raises where the child is gone
        RunLock.acquire(places, RUN).release()
        pipeline_lock(places, "full-build", RUN).release()
        lease = Slots(places).try_take("yocto", 1, "mine")
        assert lease is not None
        lease.release()


def test_epochs_only_grow(places: Places) -> None:
    """Each controller has a higher number, also after the lock file was lost or torn."""
    seen = []
    for after_epoch in (0, 0, 7, 3):
        with RunLock.acquire(places, RUN, after_epoch=after_epoch) as lock:
            seen.append(lock.epoch)
    path = places.locks / f"{RUN}.lock"
    path.write_text('{"run": "2026')
    with RunLock.acquire(places, RUN, after_epoch=9) as lock:
        seen.append(lock.epoch)
    path.unlink()
    with RunLock.acquire(places, RUN, after_epoch=10) as lock:
        seen.append(lock.epoch)
    assert seen == [1, 2, 8, 9, 10, 11]


def test_looking_is_never_in_the_way(places: Places) -> None:
    """However often others look who holds a run, whoever takes it gets it."""
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            holder(places, RUN)

    watchers = [threading.Thread(target=look) for _ in range(3)]
    for watcher in watchers:
        watcher.start()
    try:
        for _ in range(200):
            RunLock.acquire(places, RUN).release()
    finally:
        stop.set()
        for watcher in watchers:
            watcher.join()


def test_one_of_many_gets_the_run(places: Places) -> None:
    """Of controllers that start at once exactly one drives the run."""
    barrier = threading.Barrier(8)
    results: queue.Queue[RunLock | None] = queue.Queue()

    def start() -> None:
        barrier.wait()
        try:
            results.put(RunLock.acquire(places, RUN))
        except RunOwned:
            results.put(None)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [lock for lock in (results.get() for _ in range(8)) if lock]
    assert len(won) == 1
    won[0].release()


def test_a_pipeline_runs_once_and_the_other_run_is_named(places: Places, tmp_path: Path) -> None:
    """A pipeline that is driven is refused with its run's id; another pipeline is not."""
    with holding(tmp_path):
        with pytest.raises(RunOwned, match=f"'full-build' is already running as {RUN}.*--allow-pa"):
            pipeline_lock(places, "full-build", "other")
        pipeline_lock(places, "시험" * 50, "other").release()
    pipeline_lock(places, "full-build", "other").release()


def test_a_removed_lock_file_is_not_what_is_locked(places: Places) -> None:
    """Whoever cleans the folder cannot make two controllers of one run out of a late opener."""
    path = places.locks / "x.lock"
    first = FileLock.take(path)
    assert first is not None
    first.write("first\nline")
    assert held_line(path) == "first line"
    first.discard()
    assert not path.exists()
    second = FileLock.take(path)
    assert second is not None
    assert FileLock.take(path) is None
    second.release()
    second.release()
    with pytest.raises(ValueError, match="released"):
        second.read()


def test_taking_and_removing_at_once_never_lets_two_in(places: Places) -> None:
    """However openers and removers of a lock file meet, one at a time holds it."""
    path = places.locks / "x.lock"
    inside: list[int] = []
    crowds: list[list[int]] = []

    def work(me: int) -> None:
        for _ in range(400):
            lock = FileLock.take(path)
            if lock is not None:
                inside.append(me)
                if len(inside) > 1:
                    crowds.append(list(inside))
                lock.read()
                inside.remove(me)
                lock.discard()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert crowds == []


def test_a_lock_in_a_missing_folder_is_told(tmp_path: Path) -> None:
    """The error names the file and the variable that chooses another folder."""
    with pytest.raises(StoreUnwritable, match=r"x\.lock.*BUILDORCH_HOME"):
        FileLock.take(tmp_path / "missing" / "x.lock")


def test_a_lock_that_cannot_be_written_is_free_again(places: Places, tmp_path: Path) -> None:
    """On a full disk (here: the file size limit) nobody keeps a lock that names nobody."""
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from store.store_samples import RUN, home_of\n"
        "from buildorch.errors import StoreUnwritable\n"
        "from buildorch.store.ownership import RunLock\n"
        "places = home_of(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, -1))\n"
        "try:\n"
        "    RunLock.acquire(places, RUN)\n"
        "except StoreUnwritable as error:\n"
        "    print(error, flush=True)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))\n"
        "print(RunLock.acquire(places, RUN).epoch)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "File too large" in told.stdout
    assert told.stdout.endswith("\n1\n")
    assert holder(places, RUN) is None


def test_slots_are_as_many_as_the_server_has(places: Places, tmp_path: Path) -> None:
    """No more than the server's slots are taken over all processes; a death gives them back."""
    slots = Slots(places)
    with holding(tmp_path) as (process, _):
        second = slots.try_take("yocto", 2, "0714-2 image")
        assert second is not None
        assert slots.try_take("yocto", 2, "third") is None
        assert set(slots.holders("yocto")) == {"other stage", "0714-2 image"}
        other = slots.try_take("tests", 1, "elsewhere")
        assert other is not None
        process.kill()
        process.wait()
        with second, other:
            third = slots.try_take("yocto", 2, "third")
            assert third is not None
            third.release()
            third.release()
    assert slots.holders("yocto") == ()


@pytest.mark.parametrize("server", ["build@10.0.0.7:22", "서버" * 60, "../up", ".", "a/b", "a_b"])
def test_any_name_of_a_server_has_slots_of_its_own(places: Places, server: str) -> None:
    """Names of any script and length stay inside the folder and do not meet each other."""
    slots = Slots(places)
    with contextlib.ExitStack() as stack:
        for name in (server, "a", "a b"):
            lease = slots.try_take(name, 1, name)
            assert lease is not None
            stack.enter_context(lease)
            assert slots.holders(name) == (name,)
    assert len(list(places.slots.iterdir())) == 3


def test_no_slots_are_none(places: Places) -> None:
    """A server that nobody used has no holders, and one without slots gives none."""
    assert Slots(places).holders("never") == ()
    assert Slots(places).try_take("none", 0, "x") is None


def test_a_poke_wakes_the_controller(places: Places) -> None:
    """Each poke is heard while the controller listens; before and after nobody is there."""
    heard: queue.Queue[str] = queue.Queue()
    assert not poke(places, RUN)
    with ControlSocket(places, RUN, lambda: heard.put("poke")):
        for _ in range(3):
            assert poke(places, RUN)
            assert heard.get(timeout=10) == "poke"
        assert not poke(places, "other")
    assert not poke(places, RUN)
    assert not list(places.sockets.iterdir())


def test_a_socket_of_a_dead_controller_is_replaced(places: Places) -> None:
    """What a killed controller left is in nobody's way."""
    heard = threading.Event()
    (places.sockets / f"{RUN}.sock").touch()
    assert not poke(places, RUN)
    with ControlSocket(places, RUN, heard.set):
        assert poke(places, RUN)
        assert heard.wait(timeout=10)


def test_pokes_never_block(places: Places) -> None:
    """A controller that is busy for long does not stop those who poke it."""
    go_on = threading.Event()

    def busy() -> None:
        go_on.wait(timeout=30)

    with ControlSocket(places, RUN, busy):
        assert all(poke(places, RUN) for _ in range(2000))
        go_on.set()


def test_a_deep_state_folder_has_a_socket_too(tmp_path: Path) -> None:
    """A path longer than a socket address may be is no obstacle."""
    places = home_of(tmp_path / ("d" * 120) / ("e" * 120))
    heard = threading.Event()
    with ControlSocket(places, RUN, heard.set):
        assert poke(places, RUN)
        assert heard.wait(timeout=10)


def test_a_socket_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The error names the socket and the variable that chooses another folder."""
    with pytest.raises(StoreUnwritable, match=r"control socket.*BUILDORCH_HOME"):
        ControlSocket(Places(tmp_path / "missing"), RUN, lambda: None)


_DIES = """
import os, subprocess, sys
from pathlib import Path
from buildorch.store.ownership import RunLock
from buildorch.store.places import Places
lock = RunLock.acquire(Places(Path(sys.argv[1])), "r")
held = [int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")
        and os.readlink(f"/proc/self/fd/{fd}").endswith(".lock")]
left = subprocess.Popen(["sleep", sys.argv[2]], pass_fds=held, stdout=subprocess.DEVNULL)
print(left.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_dead_controller_whose_child_has_its_lock_for_a_moment(tmp_path: Path) -> None:
    """Killed while it starts a process it leaves that its lock: whoever comes next waits for it."""
    places = home_of(tmp_path)
    words = [sys.executable, "-c", _DIES, str(places.home), "1"]
    dead = subprocess.run(words, capture_output=True, text=True, check=False)
    assert dead.returncode == -9, dead.stderr
    assert Path(f"/proc/{dead.stdout.strip()}").exists(), "nobody has the lock any more"
    with RunLock.acquire(places, "r") as lock:
        assert lock.epoch == 2
