"""Promise 8: what is somebody's alone is one job's at a time, whoever asks from wherever."""

from __future__ import annotations

import secrets
import time

import pytest

from buildorch.errors import UsageError
from buildorch.job import Lock
from contract.locked import Holder, await_run, await_wait, hold, on_folder, on_name, queue
from contract.place import Place
from contract.talk import Talk, talk


def _name() -> str:
    """Return a name that no other test locks: the line is the machine's."""
    return f"rack/{secrets.token_hex(6)}"


def test_one_at_a_time(place: Place, link: Talk) -> None:
    """A second owner waits, is told who has the folder, and starts when it is free, not before."""
    folder = f"{place.folder}/work"
    first = hold(link, on_folder("A", folder))
    with talk(place) as other:
        witness = f"{place.folder}/witness"
        text = f"ls {first.go} >{witness} 2>&1; echo ran"
        job = other.start(text, "second", locks=on_folder("B", folder), timeout=20.0)
        wait = await_wait(other, job)
        assert (wait.kind, wait.name, wait.place) == ("lock", folder, 1)
        assert (wait.run, wait.stage) == (link.run, "first")
        assert str(wait.pid) == link.supervisor(first.job)
        assert wait.user == place.machine.run("id -un").strip()
        assert wait.seconds is not None
        assert 0 <= wait.seconds < 60
        assert not other.heard.logs
        first.finish()
        assert other.heard.end_of(job).ok
        assert other.heard.waits[job.id][-1] is None
        assert place.machine.read(witness).decode().strip() == first.go
    assert first.job.id not in link.heard.waits, "who need not wait is told nothing"


def test_limits_begin_with_the_command(place: Place, link: Talk) -> None:
    """Neither the time limit nor the silence limit counts what a job waits."""
    name = _name()
    first = hold(link, on_name("A", name))
    with talk(place) as other:
        job = other.start("echo ran", "second", locks=on_name("B", name), timeout=1.5)
        quiet = other.start("echo ran", "third", locks=on_name("B", name), idle_timeout=1.5)
        for one in (job, quiet):
            await_wait(other, one)
        time.sleep(3.0)
        first.finish()
        for one in (job, quiet):
            end = other.heard.end_of(one)
            assert end.ok
            assert end.seconds is not None
            assert end.seconds < 1.5


#: Two folders, below the test's own, and whether they are one thing; `link` leads to `real`.
_FOLDERS = {
    "same": ("a", "a", True),
    "slash at the end": ("a/", "a", True),
    "inside": ("a", "a/b/c", True),
    "around": ("a/b/c", "a", True),
    "beginning alike": ("a", "ab", False),
    "side by side": ("a/b", "a/c", False),
    "through a link": ("real", "link", True),
    "inside through a link": ("real", "link/not/yet", True),
    "there, and not yet there": ("real/not/yet", "link/not", True),
    "up and down": ("a", "real/none/../../a", True),
    "a link to nowhere yet": ("later", "dangling/x", True),
    "spaces and more": ("a  b/*'\"\\n", "a  b", True),
}


@pytest.mark.parametrize(("one", "two", "same"), _FOLDERS.values(), ids=_FOLDERS.keys())
def test_folders(place: Place, link: Talk, one: str, two: str, *, same: bool) -> None:
    """Folders are what they really are, there or not; one inside another is one thing."""
    base = place.folder
    place.machine.run(f"cd {base} && mkdir real && ln -s real link && ln -s later dangling")
    first = hold(link, on_folder("A", f"{base}/{one}"))
    with talk(place) as other:
        second = queue(other, on_folder("B", f"{base}/{two}"), "second")
        if same:
            await_wait(other, second.job)
            first.finish()
        await_run(other, second.job)
        second.finish()
    if not same:
        first.finish()


@pytest.mark.parametrize("text", ["~/w{}", "w{}", "$HOME/w{}"])
def test_folders_begin_at_home(place: Place, link: Talk, text: str) -> None:
    """A folder is the account's own however it is written: with a tilde, relative, absolute."""
    number = secrets.token_hex(4)
    home = link.session.facts.home
    first = hold(link, on_folder("A", f"{home}/w{number}/x"))
    with talk(place) as other:
        folder = text.format(number).replace("$HOME", home)
        second = queue(other, on_folder("B", folder), "second")
        await_wait(other, second.job)
        first.finish()
        await_run(other, second.job)
        second.finish()


def test_one_owner_shares(link: Talk) -> None:
    """Jobs of one owner have the same thing side by side; a folder is no name."""
    name = _name()
    first = hold(link, on_name("A", name))
    second = hold(link, on_name("A", name), "second")
    third = hold(link, on_folder("B", f"/{name}"), "third")
    for one in (first, second, third):
        one.finish()
    assert not link.heard.waits


def test_all_or_none(place: Place, link: Talk) -> None:
    """A job that waits for one of two things does not keep the other from anybody."""
    one, two = _name(), _name()
    first = hold(link, on_name("A", one))
    with talk(place) as other:
        both = queue(other, on_name("B", two, one), "both")
        assert await_wait(other, both.job).name == one
        # Behind it in the line, but of the owner of what it waits for: that must not wait.
        mine = hold(link, on_name("A", two, one), "mine")
        mine.finish()
        first.finish()
        await_run(other, both.job)
        both.finish()


def test_first_come_first_served(link: Talk) -> None:
    """The line goes by who came first; each is told its place, also when somebody leaves."""
    name = _name()
    first = hold(link, on_name("A", name))
    jobs = [queue(link, on_name(f"B{n}", name), f"next{n}") for n in range(4)]
    for number, one in enumerate(jobs):
        assert await_wait(link, one.job, number + 1).run == link.run
    link.session.cancel(jobs[1].job.id, "cancelled", 5.0)
    assert link.heard.end_of(jobs[1].job).reason == "cancelled"
    del jobs[1]
    for number, one in enumerate(jobs):
        await_wait(link, one.job, number + 1)
    first.finish()
    for number, one in enumerate(jobs):
        await_run(link, one.job)
        for place_, later in enumerate(jobs[number + 1 :]):
            wait = await_wait(link, later.job, place_ + 1)
            assert later.job.id not in link.heard.logs, wait
        one.finish()


def test_the_next_holder_is_told(place: Place, link: Talk) -> None:
    """Who waits is told anew when another has what it waits for."""
    name = _name()
    first = hold(link, on_name("A", name))
    with talk(place) as other:
        second = queue(link, on_name("B", name), "second")
        await_wait(link, second.job)
        third = queue(other, on_name("C", name), "third")
        assert await_wait(other, third.job, 2).stage == "first"
        first.finish()
        await_run(link, second.job)
        wait = await_wait(other, third.job, 1)
        other.heard.wait(
            lambda: getattr(other.heard.waits[third.job.id][-1], "seconds", None) is not None,
            "the holder is told",
        )
        assert wait.stage == "second"
        second.finish()
        await_run(other, third.job)
        third.finish()


def test_cancelled_while_it_waits(link: Talk) -> None:
    """A job that is cancelled while it waits ends at once, and its command never runs."""
    name = _name()
    first = hold(link, on_name("A", name))
    witness = f"{link.place.folder}/witness"
    job = link.start(f": >{witness}", "second", locks=on_name("B", name), hold=60.0)
    await_wait(link, job)
    begin = time.monotonic()
    link.session.cancel(job.id, "cancelled", 20.0)
    end = link.heard.end_of(job)
    assert (end.kind, end.code, end.reason) == ("lost", 0, "cancelled")
    assert end.detail == "cancelled before it began"
    assert time.monotonic() - begin < 5
    first.finish()
    third = hold(link, on_name("C", name), "third")
    third.finish()
    assert not link.place.machine.run(f"ls {witness} 2>/dev/null || :")


def test_free_when_the_job_has_ended(link: Talk) -> None:
    """Nothing is kept after the end of a job that keeps nothing, whatever its build left."""
    name = _name()
    nap = link.nap()
    job = link.start(f"setsid sh -c '{nap.text}' & exit 3", "first", locks=on_name("A", name))
    assert link.heard.end_of(job).code == 3
    nap.await_start()
    begin = time.monotonic()
    assert link.end("true", "second", locks=on_name("B", name)).ok
    assert time.monotonic() - begin < 5
    nap.end()


def test_supervisor_of_the_holder_killed(place: Place, link: Talk) -> None:
    """A killed supervisor gives nothing free while its job lives; then the next has it."""
    name = _name()
    nap = link.nap()
    text = f"trap '' TERM; {nap.text}"
    job = link.start(text, "first", locks=on_name("A", name), kill_grace=1.0)
    nap.await_start()
    with talk(place) as other:
        second = queue(other, on_name("B", name), "second")
        await_wait(other, second.job)
        # Nobody follows the first one: who waits for it has to end what is left.
        link.leave()
        link.kill_watchers(job)
        await_run(other, second.job)
        assert not nap.running
        second.finish()
    with talk(place, link) as later:
        later.session.follow(job.id, 0)
        assert later.heard.end_of(job).reason == "supervisor killed"


def test_supervisor_killed_while_it_waits(place: Place, link: Talk) -> None:
    """A place in the line is gone with its supervisor, and the job never runs."""
    name = _name()
    first = hold(link, on_name("A", name))
    with talk(place) as other:
        second = queue(other, on_name("B", name), "second")
        third = queue(link, on_name("C", name), "third")
        await_wait(other, second.job)
        await_wait(link, third.job, 2)
        other.kill_supervisor(second.job)
        assert other.heard.end_of(second.job).reason == "supervisor killed"
        await_wait(link, third.job, 1)
        first.finish()
        await_run(link, third.job)
        third.finish()
        assert second.job.id not in other.heard.logs


def _ended(link: Talk, name: str, seconds: float) -> Holder:
    """End a job that keeps its locks for so long."""
    first = hold(link, on_name("A", name), hold=seconds)
    first.finish()
    return first


def test_kept_for_a_while(place: Place, link: Talk) -> None:
    """A job with a hold keeps its locks after its end, which is told at once; then they go."""
    name = _name()
    begin = time.monotonic()
    _ended(link, name, 3.0)
    with talk(place) as other:
        second = queue(other, on_name("B", name), "second")
        wait = await_wait(other, second.job)
        assert wait.stage == "first"
        await_run(other, second.job)
        assert time.monotonic() - begin > 2.5
        second.finish()


def test_taken_over(place: Place, link: Talk) -> None:
    """The next job of the owner takes the locks over before others, and then they end with it."""
    name = _name()
    _ended(link, name, 60.0)
    with talk(place) as other:
        stranger = queue(other, on_name("B", name), "stranger")
        await_wait(other, stranger.job)
        second = hold(link, on_name("A", name), "second")
        assert stranger.job.id not in other.heard.logs
        second.finish()
        await_run(other, stranger.job)
        stranger.finish()


def test_released(place: Place, link: Talk) -> None:
    """A release frees what is kept."""
    name = _name()
    first = _ended(link, name, 60.0)
    with talk(place) as other:
        second = queue(other, on_name("B", name), "second")
        await_wait(other, second.job)
        link.session.release(first.job.id)
        await_run(other, second.job)
        second.finish()
    link.session.release("no.such.job")
    assert link.end("true", "alive").ok


@pytest.mark.parametrize("ended", [False, True], ids=["running", "kept"])
def test_the_controller_is_killed(place: Place, link: Talk, *, ended: bool) -> None:
    """A lock is the job's: it stays without any controller, and is free 2 s after the end."""
    name = _name()
    first = hold(link, on_name("A", name), hold=60.0)
    with talk(place) as other:
        second = queue(other, on_name("B", name), "second")
        await_wait(other, second.job)
        if ended:
            first.finish()
        link.leave()
        if not ended:
            time.sleep(1.0)
            assert second.job.id not in other.heard.logs
            first.let_go()
        begin = time.monotonic()
        await_run(other, second.job)
        assert time.monotonic() - begin < 4
        second.finish()


def test_waiting_over_a_new_link(place: Place, link: Talk) -> None:
    """A job waits on without a link; who follows it then is told what it waits for."""
    name = _name()
    first = hold(link, on_name("A", name))
    with talk(place) as other:
        second = queue(other, on_name("B", name), "second")
        await_wait(other, second.job)
        other.leave()
        with talk(place, other) as later:
            later.session.follow(second.job.id, 0)
            assert await_wait(later, second.job).run == link.run
            later.session.follow(second.job.id, 0)
            later.heard.wait(lambda: len(later.heard.waits[second.job.id]) > 1, "told again")
            first.finish()
            await_run(later, second.job)
            Holder(later, second.job, second.go).finish()


def test_launched_again_while_it_waits(place: Place, link: Talk) -> None:
    """A launch that is repeated while the job waits stands in the line once."""
    name = _name()
    first = hold(link, on_name("A", name))
    witness = f"{place.folder}/witness"
    job = link.start(f"echo $$ >>{witness}", "second", locks=on_name("B", name))
    await_wait(link, job)
    link.session.start(job)
    link.heard.wait(lambda: (job.id, True) in link.heard.starts, "it is there")
    first.finish()
    assert link.heard.end_of(job).ok
    assert len(place.machine.read(witness).splitlines()) == 1


def test_what_cannot_be_locked(link: Talk) -> None:
    """A lock that could not be written as one line is refused before anything is sent."""
    for lock in (
        Lock(owner="A", folder="/a\nname B x"),
        Lock(owner="A B", name="x"),
        Lock(owner="A"),
    ):
        with pytest.raises(UsageError, match="cannot be locked"):
            link.session.start(link.job("true", locks=(lock,)))
