"""Promises 6 and 7: killed means gone, and the deadline holds when nobody is connected."""

from __future__ import annotations

import pytest

from contract.place import Place
from contract.talk import Nap, Talk, talk, wait_until

#: How a child hides, as shell text around what it does.
_FORMS = {
    "plain": "sh -c '{nap}' & wait",
    "deaf to TERM": "trap '' TERM; sh -c '{nap}'",
    "own session": "setsid sh -c '{nap}' & wait",
    "double fork": "(setsid sh -c '{nap}' &) ; sleep 60",
    "double fork, deaf to TERM": "(trap '' TERM; setsid sh -c '{nap}' &) ; sleep 60",
    "stopped": "sh -c '{nap}' & sleep 0.2; kill -STOP $!; wait",
}
_CLEARED = "(env -i setsid sh -c '{nap}' </dev/null >/dev/null 2>&1 &) ; sleep 60"


def _cancelled(link: Talk, form: str) -> Nap:
    """Cancel a job that started a child of that form; return the child."""
    nap = link.nap()
    job = link.start(form.format(nap=nap.text), kill_grace=1.0)
    nap.await_start()
    link.session.cancel(job.id, "cancelled", 1.0)
    end = link.heard.end_of(job)
    assert (end.reason, end.leftovers) == ("cancelled", ())
    return nap


@pytest.mark.parametrize("form", _FORMS.values(), ids=_FORMS.keys())
def test_killed_means_gone(link: Talk, form: str) -> None:
    """Once the end of a cancelled job is told, no process of it is there; strangers live."""
    stranger = link.nap()
    link.place.machine.run(f"sh -c '{stranger.text}' >/dev/null 2>&1 &")
    stranger.await_start()
    assert not _cancelled(link, form).running
    stranger.end()


def test_a_child_that_clears_its_environment(link: Talk) -> None:
    """A child in its own session with nothing in its environment is gone, or the facts say so."""
    nap = _cancelled(link, _CLEARED)
    if link.place.part == "python":
        assert not nap.running
    else:
        assert any("clears its environment" in text for text in link.session.facts.missing)
        nap.end()


def test_a_child_that_forks_all_the_time(link: Talk) -> None:
    """A tree that grows while it is killed is gone as well."""
    nap = link.nap()
    script = f"trap '' TERM; while :; do {nap.command} & sleep 0.01; done"
    job = link.start(script)
    nap.await_start()
    link.session.cancel(job.id, "cancelled", 0.5)
    link.heard.end_of(job, 60)
    assert not nap.running


def test_traps_run(link: Talk) -> None:
    """TERM comes first, and the grace is long enough to clean up."""
    witness = f"{link.place.folder}/witness"
    trap = f"trap 'sleep 0.3; : >{witness}; exit 0' TERM"
    job = link.start(f"{trap}; echo on; while :; do sleep 0.05 || :; done")
    link.heard.wait(lambda: link.heard.logs.get(job.id), "the trap is set")
    link.session.cancel(job.id, "cancelled", 20.0)
    assert link.heard.end_of(job).reason == "cancelled"
    assert link.place.machine.run(f"ls {witness}").strip() == witness


def test_the_deadline_holds_without_us(place: Place, link: Talk) -> None:
    """The agent is killed; the timeout fires all the same, and is told later."""
    nap = link.nap()
    job = link.start(f"{nap.text}", timeout=1.0)
    nap.await_start()
    link.kill_agent()
    wait_until(lambda: not nap.running, "the deadline has fired", 15)
    with talk(place, link) as later:
        later.session.follow(job.id, 0)
        end = later.heard.end_of(job)
    assert end.reason == "timeout"
    assert end.seconds is not None
    assert 1.0 <= end.seconds < 10


def test_cancelled_over_a_new_link(place: Place, link: Talk) -> None:
    """A job is cancelled by a link that did not launch it."""
    nap = link.nap()
    job = link.start(nap.text)
    nap.await_start()
    link.session.close()
    with talk(place, link) as later:
        later.session.cancel(job.id, "cancelled", 1.0)
        later.session.follow(job.id, 0)
        assert later.heard.end_of(job).reason == "cancelled"
    assert not nap.running
