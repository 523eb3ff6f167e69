"""Launches that are refused: nothing runs, and the reason is told."""

from __future__ import annotations

import attrs

from contract.talk import Talk


def _never_ran(link: Talk, witness: str) -> bool:
    return not link.place.machine.run(f"ls {link.place.folder}").split().count(witness)


def test_cancelled_before_the_launch(link: Talk) -> None:
    """A cancel that overtakes its launch leaves a tombstone: the late launch is refused."""
    job = link.job(f": >{link.place.folder}/witness")
    link.session.cancel(job.id, "cancelled", 1.0)
    end = link.heard.end_of(job)
    assert (end.kind, end.reason) == ("lost", "never started")
    link.session.start(job)
    assert link.heard.refusal_of(job)[0] == "tombstone"
    assert _never_ran(link, "witness")


def test_an_older_controller(link: Talk) -> None:
    """A launch of a lower epoch than one that was seen is refused; the newer one's job lives."""
    witness = f"{link.place.folder}/witness"
    newer = link.start("sleep 0.3; exit 3", "newer", epoch=2)
    older = link.job(f": >{witness}", "older", epoch=1)
    link.session.start(older)
    assert link.heard.refusal_of(older)[0] == "epoch"
    assert link.heard.end_of(newer).code == 3
    assert _never_ran(link, "witness")


def test_an_older_controller_again(link: Talk) -> None:
    """The older controller does not get the newer one's job either."""
    newer = link.start("true", epoch=2)
    link.heard.end_of(newer)
    link.session.start(attrs.evolve(newer, epoch=1))
    assert link.heard.refusal_of(newer)[0] == "epoch"


def test_another_run_of_the_same_id(link: Talk) -> None:
    """A run with the same id and another nonce gets nothing of ours."""
    ours = link.start("true", "ours")
    link.heard.end_of(ours)
    for job in (link.job("true", "ours", nonce="f" * 32), link.job("true", "new", nonce="f" * 32)):
        link.session.start(job)
        assert link.heard.refusal_of(job)[0] == "nonce"


def test_too_little_room(link: Talk) -> None:
    """Less free space than min_free: refused with the numbers; with room the same id runs."""
    job = link.job(f": >{link.place.folder}/witness", min_free=10**17)
    link.session.start(job)
    reason, detail = link.heard.refusal_of(job)
    assert reason == "no_space"
    assert " GB are free, and 100000000.0 GB are required (min_free)" in detail
    assert _never_ran(link, "witness")
    assert link.end("true", min_free=1024).ok


def test_a_refusal_leaves_the_link_usable(link: Talk) -> None:
    """After a refusal the next launch is as good as the first."""
    refused = link.job("x" * 300_000, "refused", min_free=10**17)
    link.session.start(refused)
    link.heard.refusal_of(refused)
    assert link.output("echo fine") == b"fine\n"
