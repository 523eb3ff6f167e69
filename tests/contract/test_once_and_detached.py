"""Promises 1 and 2: a launch starts one process, however often; nothing of ours is needed then."""

from __future__ import annotations

from contract.place import Place
from contract.talk import Talk, talk


def test_once(link: Talk) -> None:
    """Two launches of one id start one process; the second attaches to the first."""
    witness = f"{link.place.folder}/witness"
    job = link.job(f"echo $$ >>{witness}; sleep 0.3; echo done")
    link.session.start(job)
    link.session.start(job)
    link.heard.end_of(job)
    assert link.heard.starts == [(job.id, False), (job.id, True)]
    assert len(link.place.machine.read(witness).splitlines()) == 1
    assert link.heard.logs[job.id] == b"done\n"


def test_once_can_fail(link: Talk) -> None:
    """The witness of the law above counts: two ids are two processes."""
    witness = f"{link.place.folder}/witness"
    for name in ("one", "two"):
        link.end(f"echo $$ >>{witness}", name)
    assert len(link.place.machine.read(witness).splitlines()) == 2


def test_once_over_a_new_link(place: Place, link: Talk) -> None:
    """A launch that is repeated after the end, over a new link, tells that end and runs nothing."""
    witness = f"{place.folder}/witness"
    job = link.start(f"echo $$ >>{witness}; exit 4")
    link.heard.end_of(job)
    with talk(place, link) as later:
        later.session.start(job)
        assert later.heard.end_of(job).code == 4
        assert later.heard.start_of(job) is True
    assert len(place.machine.read(witness).splitlines()) == 1


def test_a_launch_cut_short_is_repeated(link: Talk) -> None:
    """A folder in which nothing ran yet is no job: the same id is launched."""
    job = link.job("echo ran")
    link.place.machine.run(f"mkdir {link.path(job)}; : >{link.path(job, 'alive')}")
    link.session.start(job)
    assert link.heard.end_of(job).ok
    assert link.heard.logs[job.id] == b"ran\n"


def test_detached_from_the_agent(place: Place, link: Talk) -> None:
    """The agent is killed: the job goes on, and a new link finds its log and its end."""
    go = f"{place.folder}/go"
    job = link.start(f"echo begin; until [ -e {go} ]; do sleep 0.05; done; echo end; exit 7")
    link.kill_agent()
    place.machine.run(f": >{go}")
    with talk(place, link) as later:
        later.session.follow(job.id, 0)
        assert later.heard.end_of(job).code == 7
        assert later.heard.logs[job.id] == b"begin\nend\n"


def test_detached_from_the_link(place: Place, link: Talk) -> None:
    """The link ends on our side: the job goes on, also when it writes."""
    go = f"{place.folder}/go"
    job = link.start(f"until [ -e {go} ]; do echo tick; sleep 0.02; done; exit 5")
    link.session.close()
    assert link.heard.closings == ["closed"]
    place.machine.run(f"sleep 0.2; : >{go}")
    with talk(place, link) as later:
        later.session.follow(job.id, 0)
        assert later.heard.end_of(job).code == 5


def test_one_agent_per_run(place: Place, link: Talk) -> None:
    """A new link of a run ends the agent of the old one, which a dead client would leave there."""
    job = link.start("sleep 0.1")
    with talk(place, link) as later:
        later.session.follow(job.id, 0)
        later.heard.end_of(job)
        link.heard.wait(lambda: link.heard.closings, "the old link is gone")
        assert "taken over" in link.heard.closings[0]
    with talk(place) as other, talk(place) as another:
        assert other.end("true").ok
        assert another.end("true").ok
        assert not other.heard.closings


def test_many_at_once(link: Talk) -> None:
    """Fifty jobs on one link: each keeps its own log and its own end."""
    jobs = [link.job(f"echo {n}; sleep 1; exit {n}", f"job{n}") for n in range(50)]
    for job in jobs:
        link.session.start(job)
    for number, job in enumerate(jobs):
        assert link.heard.end_of(job, 100).code == number
        assert link.heard.logs[job.id] == f"{number}\n".encode()
