"""What the scheduler wants done: derived from the state, so that a resumed run wants it again.

An action says what should be so (this job attended to, that tree killed), not what to do next;
carrying one out twice does no harm.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs


@attrs.frozen
class TakeSlot:
    """Try to take a slot of the server; answer `SlotTaken` or `SlotBusy`."""

    stage: str
    server: str


@attrs.frozen
class Connect:
    """Link the server; answer `Connected` or `NotConnected`."""

    stage: str
    server: str
    tries: int


@attrs.frozen
class Attend:
    """Have the job launched, unless it was, and followed to its end."""

    stage: str
    attempt: int
    step: int
    server: str
    job: str


@attrs.frozen
class Call:
    """Call the stage function, whose finished steps return what is recorded.

    It asks for its jobs itself, also for one that is running already.
    """

    stage: str
    attempt: int
    server: str


@attrs.frozen
class Kill:
    """Kill the tree of the job (step 0: stop the stage function)."""

    stage: str
    attempt: int
    step: int
    server: str
    job: str | None
    reason: str


@attrs.frozen
class Fence:
    """See to the end of a job whose attempt is over; answer `OrphanEnded` once it is dead.

    `kill`: not only wait for its end, but bring it about, as soon as its server answers.
    """

    stage: str
    attempt: int
    server: str
    job: str
    kill: bool = True


@attrs.frozen
class Collect:
    """Bring the artifacts of the successful attempt here; answer `Collected`."""

    stage: str
    attempt: int
    server: str


@attrs.frozen
class AlertLinkLost:
    """Tell people that the link of a running stage has been gone for long."""

    stage: str
    attempt: int
    server: str


@attrs.frozen
class WriteArchive:
    """Keep the results as one archive; answer `Archived`."""


Action: TypeAlias = (
    TakeSlot | Connect | Attend | Call | Kill | Fence | Collect | AlertLinkLost | WriteArchive
)
