"""Promises 4 and 5: the log arrives byte for byte, and the end is known at once."""

from __future__ import annotations

import hashlib

from contract.place import Place
from contract.talk import Talk, talk


def test_every_byte(link: Talk) -> None:
    """Three million random bytes arrive as they were written, and their checksum says so."""
    source = f"{link.place.folder}/source"
    link.place.machine.run(f"head -c 3000000 /dev/urandom >{source}")
    wanted = link.place.machine.run(f"sha256sum <{source}").split()[0]
    job = link.start(f"cat {source}")
    end = link.heard.end_of(job)
    assert hashlib.sha256(link.heard.logs[job.id]).hexdigest() == wanted
    assert end.log_bytes == 3_000_000
    assert end.log_sha256 in ({wanted} if link.session.facts.agent == "python" else {None})
    assert link.session.checksum(job.id) == (3_000_000, wanted)


def test_small_log_has_its_checksum_with_the_end(link: Talk) -> None:
    """The end of a job with a small log tells size and checksum; no newline is added."""
    end = link.end("printf 'no newline'")
    assert end.log_bytes == 10
    assert end.log_sha256 == hashlib.sha256(b"no newline").hexdigest()


def test_reconnected_in_the_middle(place: Place, link: Talk) -> None:
    """A link that ends in the middle of the log and a new one give the log without gap or copy."""
    job = link.start("for n in $(seq 1 300); do echo line $n of the log; sleep 0.003; done")
    link.heard.wait(lambda: len(link.heard.logs.get(job.id, b"")) > 1000, "some of the log")
    link.session.close()
    first = bytes(link.heard.logs[job.id])
    with talk(place, link) as later:
        later.session.follow(job.id, len(first))
        end = later.heard.end_of(job)
        log = first + bytes(later.heard.logs[job.id])
        assert later.heard.begins[job.id] == len(first)
    assert log == b"".join(b"line %d of the log\n" % n for n in range(1, 301))
    assert end.log_sha256 == hashlib.sha256(log).hexdigest()


def test_followed_anew_from_the_beginning(link: Talk) -> None:
    """A job that is followed again in the middle begins again where it is asked to."""
    job = link.start("for n in $(seq 1 100); do echo $n; sleep 0.005; done")
    link.heard.wait(lambda: len(link.heard.logs.get(job.id, b"")) > 20, "some of the log")
    # What is on its way belongs to the older question and is dropped from now on.
    link.session.follow(job.id, 0)
    link.heard.logs.pop(job.id)
    link.heard.begins.pop(job.id)
    link.heard.end_of(job)
    log = link.heard.logs[job.id]
    assert log.endswith(b"99\n100\n")
    if link.heard.begins[job.id] == 0:
        assert log.startswith(b"1\n2\n")


def test_known_at_once(link: Talk) -> None:
    """The end is pushed: it is known within 200 ms of the job's last instruction."""
    delays = []
    for number in range(5):
        job = link.start("sleep 0.2; date +%s.%N", f"job{number}")
        link.heard.end_of(job)
        delays.append(link.heard.ended_at[job.id] - float(link.heard.logs[job.id]))
    assert min(delays) < 0.2


def test_log_lines_are_pushed(link: Talk) -> None:
    """A line is here soon after it was written, while the job runs on."""
    go = f"{link.place.folder}/go"
    job = link.start(f"until [ -e {go} ]; do sleep 0.02; done; echo now; sleep 30")
    link.place.machine.run(f": >{go}")
    link.heard.wait(lambda: bytes(link.heard.logs.get(job.id, b"")) == b"now\n", "the line", 5)
    link.session.cancel(job.id, "cancelled", 1.0)
    link.heard.end_of(job)
