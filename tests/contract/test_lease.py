"""A lease: a server ends a job by itself once no controller has renewed it for so long."""

from __future__ import annotations

from buildorch.job import Lock
from contract.talk import Talk, talk, wait_until

#: Longer than two signs of life are apart: what one of them tells the next one renews.
RENEWED = 12.0


def test_a_lease_that_nobody_renews_ends_the_tree(link: Talk) -> None:
    """The link is gone: the server kills by its own clock, says why, and leaves nothing."""
    nap = link.nap()
    job = link.start(f"sh -c '{nap.text}' & wait", lease=1.0)
    nap.await_start()
    link.leave()
    wait_until(lambda: not nap.running, "the tree is gone", 15)
    with talk(link.place, link) as again:
        again.session.follow(job.id, 0)
        end = again.heard.end_of(job)
    assert ("signal", "lease", ()) == (end.kind, end.reason, end.leftovers)


def test_a_lease_is_renewed_while_the_link_is_up(link: Talk) -> None:
    """A job lives longer than its lease; after the link its supervisor counts from the last."""
    job = link.start(f"sleep {RENEWED + 3}; echo done", lease=RENEWED)
    assert link.heard.end_of(job, 60).ok
    assert b"done\n" == bytes(link.heard.logs[job.id])


def test_a_launch_whose_lease_is_over_runs_nothing(link: Talk) -> None:
    """It was long on its way: by the server's clock its time is over before it comes."""
    file = f"{link.place.folder}/began"
    end = link.end(f"echo >{file}", lease=0.001)
    assert "lease" == end.reason
    assert "" == link.place.machine.run(f"ls {file} 2>/dev/null || :")


def test_a_lease_counts_while_its_job_waits_for_a_lock(link: Talk) -> None:
    """It must not begin later, when another server may have its stage."""
    lock = {"locks": (Lock(owner="one", name="rack"),)}
    other = {"locks": (Lock(owner="two", name="rack"),), "lease": 1.0}
    nap = link.nap()
    holder = link.start(nap.text, "holder", **lock)
    nap.await_start()
    file = f"{link.place.folder}/began"
    waiter = link.start(f"echo >{file}", "waiter", **other)
    assert "lease" == link.heard.end_of(waiter).reason
    link.session.cancel(holder.id, "cancelled", 0.5)
    link.heard.end_of(holder)
    assert "" == link.place.machine.run(f"ls {file} 2>/dev/null || :")
