"""A supervisor sees to one job after the other (python), and to each as if it were its only one."""

from __future__ import annotations

from buildorch.job import Job
from contract.talk import Talk, wait_until

_HIDDEN = "(env -i PATH=\"$PATH\" setsid sh -c '{nap}' </dev/null >/dev/null 2>&1 &) ; {rest}"


def _ended(link: Talk, name: str, command: str = "true") -> Job:
    """Have a job end well."""
    job = link.start(command, name)
    assert link.heard.end_of(job).ok
    return job


def _living(link: Talk, *pids: str) -> list[str]:
    """Return those that still run."""
    return link.place.machine.run(
        f"for pid in {' '.join(pids)}; do grep -sq '^State:.[^ZX]' /proc/$pid/status && echo $pid;"
        " done; :"
    ).split()


def test_a_next_job_has_the_same_supervisor(link: Talk) -> None:
    """A supervisor whose job has left nothing takes a next; the sh part makes one for each."""
    pids = {link.supervisor(_ended(link, f"s{number}")) for number in range(5)}
    # One that is about to be free is not waited for.
    assert (len(pids) < 5) == (link.place.part == "python")


def test_nothing_of_a_job_is_seen_by_the_next(link: Talk) -> None:
    """Folder, mask, variables, limits, traps: the second job finds what the first one found."""
    look = "pwd; umask; ulimit -a; env | grep -v '^BUILDORCH\\|^_=' | sort; trap; ls /proc/$$/fd"
    first = link.output(look, "first")
    _ended(
        link,
        "between",
        "cd /; umask 0; ulimit -c 0 -n 64; export LEFT=1; trap '' TERM INT; exec 9</dev/null",
    )
    assert first == link.output(look, "second")


def test_what_a_job_left_on_purpose_survives_the_next(link: Talk) -> None:
    """The next job's supervisor is killed: what an earlier job had left is nobody's to end."""
    left = link.nap()
    _ended(link, "before", _HIDDEN.format(nap=left.text, rest="true"))
    left.await_start()
    job = link.start("sleep 60", kill_grace=0.5)
    link.wait_for_file(link.path(job, "id"))
    link.kill_supervisor(job)
    assert link.heard.end_of(job).reason == "supervisor killed"
    assert left.running
    left.end()


def test_a_later_job_whose_supervisor_is_killed(link: Talk) -> None:
    """The keeper ends the job that its supervisor had then, and the ends before it stay."""
    before = _ended(link, "before")
    nap = link.nap()
    job = link.start(nap.text, kill_grace=0.5)
    nap.await_start()
    link.kill_supervisor(job)
    assert link.heard.end_of(job).reason == "supervisor killed"
    assert not nap.running
    assert b"kind exit" in link.place.machine.read(link.path(before, "exit"))


def test_a_free_supervisor_that_is_killed(link: Talk) -> None:
    """The next job gets another one."""
    job = _ended(link, "first")
    pids = link.supervisor(job), link.keeper(job) or "0"
    link.place.machine.run(f"kill -9 {pids[0]} 2>/dev/null || :")
    wait_until(lambda: not _living(link, *pids), "supervisor and keeper are gone")
    assert link.supervisor(_ended(link, "second")) != pids[0]


def test_more_jobs_than_supervisors_are_kept(link: Talk) -> None:
    """Fifty at once all have their ends, and nobody who watched them stays without the link."""
    jobs = [link.start("sleep 0.5", f"s{number}") for number in range(50)]
    assert all(link.heard.end_of(job).ok for job in jobs)
    pids = [pid for job in jobs for pid in (link.supervisor(job), link.keeper(job)) if pid]
    link.leave()
    wait_until(lambda: not _living(link, *pids), "all supervisors and keepers are gone")


#: Makes it impossible to record the end of the job.
_UNRECORDED = 'rm -f "${0%/*}/exit.new"; mkdir "${0%/*}/exit"'


def test_a_job_whose_end_cannot_be_recorded(link: Talk) -> None:
    """Whoever looks ends all that it may have left: the next job is not below its keeper."""
    lost = link.start(_UNRECORDED, "lost")
    link.heard.start_of(lost)
    made = f"test -d {link.path(lost, 'exit')} && echo made || :"
    wait_until(lambda: link.place.machine.run(made), "it is in the way")
    later = _ended(link, "later", "sleep 1")
    assert link.heard.end_of(lost).kind == "lost"
    assert link.supervisor(later) != link.supervisor(lost)
