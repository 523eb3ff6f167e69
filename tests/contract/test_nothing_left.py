"""Of a job that has ended no process of ours is left either, however its supervisor ended."""

from __future__ import annotations

from contract.talk import Talk, wait_until


def _watching(link: Talk, job_id: str) -> list[str]:
    """Return the processes whose command line names the job."""
    found = [line for line in link.place.machine.commands() if job_id in line]
    identity = f"{link.session.facts.state_dir}/jobs/{job_id}/id"
    # The python part's name no job in their command lines.
    alive = (
        f"sed -n -E 's/^(supervisor|orders|keeper) ([1-9][0-9]*) .*/\\2/p' {identity} | sort -u |"
        " while read -r pid; do grep -s '^State' /proc/$pid/status || :; done"
    )
    states = link.place.machine.run(alive).splitlines()
    return found + [state for state in states if "zombie" not in state]


def test_nobody_watches_over_a_job_that_has_ended(link: Talk) -> None:
    """Supervisor and watchdog go with the job, or soon after it where no other job follows."""
    job = link.start("true")
    link.heard.end_of(job)
    wait_until(lambda: not _watching(link, job.id), "nobody watches any more", 15)


def test_nobody_stays_behind_without_a_link(link: Talk) -> None:
    """Supervisors that wait for a next job go at once when the link does."""
    job = link.start("true")
    link.heard.end_of(job)
    link.leave()
    wait_until(lambda: not _watching(link, job.id), "nobody watches any more", 3)


def test_nobody_watches_over_a_job_whose_supervisor_was_killed(link: Talk) -> None:
    """The watchdog of a supervisor that was killed goes when the job is swept up."""
    nap = link.nap()
    job = link.start(nap.text, timeout=3600.0, idle_timeout=3600.0)
    nap.await_start()
    link.kill_supervisor(job)
    assert link.heard.end_of(job).kind == "lost"
    wait_until(lambda: not _watching(link, job.id), "nobody watches any more", 5)
