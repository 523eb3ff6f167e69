"""Promise 7 for a supervisor that is killed: its keeper finds what hides from everybody else."""

from __future__ import annotations

from buildorch.job import Job, JobEnd
from contract.talk import Nap, Talk, talk, wait_until

#: A child in its own session, of no living parent, with nothing in its environment.
_HIDDEN = "(env -i PATH=\"$PATH\" setsid sh -c '{nap}' </dev/null >/dev/null 2>&1 &) ; {rest}"
_ALL = "what was left of the job was ended"
_FOUND = "what could be found of the job was ended"


def _start(link: Talk, rest: str = "sleep 60") -> tuple[Job, Nap]:
    """Launch a job with a child that hides; return both once the child runs."""
    nap = link.nap()
    job = link.start(_HIDDEN.format(nap=nap.text, rest=rest), kill_grace=0.5)
    nap.await_start()
    return job, nap


def _is_gone(link: Talk, pid: str) -> bool:
    """Tell whether a process has gone; one that is called nothing was never there."""
    command = f"cut -d ' ' -f 3 /proc/{pid or 0}/stat 2>/dev/null || :"
    return link.place.machine.run(command).strip() in ("", "Z")


def _judge(link: Talk, end: JobEnd, nap: Nap) -> None:
    """Insist that the child is gone, or that the record claims no such thing."""
    assert ("lost", "supervisor killed") == (end.kind, end.reason)
    if link.place.part == "python":
        assert _ALL in (end.detail or "")
        assert not nap.running
    else:
        assert _FOUND in (end.detail or "")
        nap.end()


def test_a_hidden_child_does_not_outlive_its_supervisor(link: Talk) -> None:
    """The supervisor is killed: what only descent tells is ended, or not claimed to be."""
    job, nap = _start(link)
    keeper = link.keeper(job)
    link.kill_supervisor(job)
    _judge(link, link.heard.end_of(job), nap)
    wait_until(lambda: _is_gone(link, keeper), "the keeper leaves", 5)


def test_a_hidden_child_is_ended_while_nobody_looks(link: Talk) -> None:
    """No link is there: the child is ended at once all the same, and the end recorded."""
    job, nap = _start(link)
    keeper = link.keeper(job)
    link.leave()
    link.kill_supervisor(job)
    if keeper:
        wait_until(lambda: not nap.running, "the child is ended", 5)
        wait_until(lambda: _is_gone(link, keeper), "the keeper leaves", 5)
        assert _ALL in link.place.machine.read(link.path(job, "exit")).decode()
    with talk(link.place, link) as later:
        later.session.follow(job.id, 0)
        _judge(link, later.heard.end_of(job), nap)


def test_what_a_command_leaves_on_purpose_keeps_nobody(link: Talk) -> None:
    """After a good end a hidden child lives on, and the keeper does not wait for it."""
    go = f"{link.place.folder}/go"
    job, nap = _start(link, f"until [ -e {go} ]; do sleep 0.05; done")
    watchers = link.keeper(job), link.supervisor(job)
    link.place.machine.run(f": >{go}")
    assert link.heard.end_of(job).ok
    for pid in watchers:
        wait_until(lambda pid=pid: _is_gone(link, pid), f"{pid} leaves", 5)  # type: ignore[misc] # a default is how a loop's value is kept
    assert nap.running
    nap.end()


def test_a_keeper_that_is_killed(link: Talk) -> None:
    """Nothing depends on the keeper: its job goes on, and has its own end."""
    go = f"{link.place.folder}/go"
    job, nap = _start(link, f"until [ -e {go} ]; do sleep 0.05; done; exit 3")
    link.place.machine.run(f"kill -9 {link.keeper(job)} || :; sleep 0.1; : >{go}")
    assert link.heard.end_of(job).code == 3
    nap.end()


def test_keeper_and_supervisor_killed_at_once(link: Talk) -> None:
    """Descent is lost: what can be found is ended, and the record claims no more."""
    plain = link.nap()
    job, hidden = _start(link, plain.text)
    plain.await_start()
    link.kill_watchers(job)
    end = link.heard.end_of(job)
    assert ("lost", "supervisor killed") == (end.kind, end.reason)
    assert _FOUND in (end.detail or "")
    assert not plain.running
    hidden.end()


def test_a_keeper_holds_nothing(link: Talk) -> None:
    """Neither the log nor a lock nor the link is open in it, and it is in no session of the job."""
    job, nap = _start(link)
    keeper = link.keeper(job)
    if keeper:
        run = link.place.machine.run
        held, its = (
            set(run(f"readlink /proc/{pid}/fd/*").split()) for pid in (keeper, link.supervisor(job))
        )
        (note,) = held - {"/dev/null"}  # what the two know of each other
        assert note.startswith("pipe:")
        assert note in its
        assert "4" == run(f"ls -l /proc/[0-9]*/fd | grep -cF '{note}'").strip()  # nobody else
        fields = run(f"cat /proc/{keeper}/stat /proc/{link.supervisor(job)}/stat").splitlines()
        sessions = {line.rpartition(")")[2].split()[3] for line in fields}
        assert 1 == len(sessions)
        assert not sessions & set(run(f"sed -n 's/^session //p' {link.path(job, 'id')}").split())
    link.session.cancel(job.id, "cancelled", 0.5)
    assert link.heard.end_of(job).reason == "cancelled"
    if nap.running:
        assert link.place.part == "sh"
        nap.end()
