"""The transition table of a stage: phase -> what happened -> next phase.

Two kinds of moves, as in any sans-I/O protocol machine: `BY_EVENT` are caused by a stored
event about the stage itself; `BY_STATE` follow from the state of its predecessors, without an
event of their own. A pair that is not in the table is not possible; `docs/states.md` is drawn
from it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from buildorch import events
from buildorch.events import Event


class Phase(enum.StrEnum):
    """Where a stage is on its way to one of the final statuses; `MEANING` says each in words."""

    WAITING = "waiting"
    QUEUED = "queued"
    CONNECTING = "connecting"
    LAUNCHING = "launching"
    RUNNING = "running"
    CANCELLING = "cancelling"
    ENDED = "ended"
    SETTLING = "settling"
    BACKOFF = "backoff"
    FINISHED = "finished"

    # Equal to its text, hence hashed like it: Enum's own hash is slow, and every move takes two.
    __hash__ = str.__hash__


MEANING: Mapping[Phase, str] = {
    Phase.WAITING: "some predecessor has not ended",
    Phase.QUEUED: "only limits are in the way: the run's, or the server's slots",
    Phase.CONNECTING: "it holds its slot; the server is being connected, or tried again",
    Phase.LAUNCHING: "the launch of a job is stored and sent; the server has not answered",
    Phase.RUNNING: "the job runs, or the stage function does",
    Phase.CANCELLING: "the job is to be killed; the server has not confirmed that it is gone",
    Phase.ENDED: "the job ended; the verdict follows at once, or the stage function goes on",
    Phase.SETTLING: "its verdict is known; artifacts are collected, then it ends or is repeated",
    Phase.BACKOFF: "another attempt follows when its time has come and limits allow",
    Phase.FINISHED: "it has its final status",
}

BY_EVENT: Mapping[Phase, Mapping[type[Event], Phase]] = {
    Phase.WAITING: {events.StageFinished: Phase.FINISHED},
    Phase.QUEUED: {
        events.MoveRequested: Phase.QUEUED,
        events.AttemptStarted: Phase.CONNECTING,
        events.StageFinished: Phase.FINISHED,
    },
    Phase.CONNECTING: {
        events.ConnectFailed: Phase.CONNECTING,
        events.MoveRequested: Phase.QUEUED,
        events.AttemptStarted: Phase.CONNECTING,
        events.StepLaunching: Phase.LAUNCHING,
        events.StepStarted: Phase.RUNNING,
        events.AttemptFinished: Phase.SETTLING,
        events.StageFinished: Phase.FINISHED,
    },
    Phase.LAUNCHING: {
        events.MoveRequested: Phase.LAUNCHING,
        events.StepStarted: Phase.RUNNING,
        events.StepWaiting: Phase.LAUNCHING,
        events.StepFinished: Phase.ENDED,
        events.ValueRecorded: Phase.LAUNCHING,
        events.KillRequested: Phase.CANCELLING,
        events.LinkLost: Phase.LAUNCHING,
        events.LinkRestored: Phase.LAUNCHING,
        events.AttemptFinished: Phase.SETTLING,
    },
    Phase.RUNNING: {
        events.MoveRequested: Phase.RUNNING,
        events.StepLaunching: Phase.LAUNCHING,
        events.StepWaiting: Phase.RUNNING,
        events.StepFinished: Phase.ENDED,
        events.ValueRecorded: Phase.RUNNING,
        events.KillRequested: Phase.CANCELLING,
        events.LinkLost: Phase.RUNNING,
        events.LinkRestored: Phase.RUNNING,
        events.AttemptFinished: Phase.SETTLING,
    },
    Phase.CANCELLING: {
        events.StepStarted: Phase.CANCELLING,
        events.StepWaiting: Phase.CANCELLING,
        events.StepFinished: Phase.ENDED,
        events.ValueRecorded: Phase.CANCELLING,
        events.LinkLost: Phase.CANCELLING,
        events.LinkRestored: Phase.CANCELLING,
        events.AttemptFinished: Phase.SETTLING,
    },
    Phase.ENDED: {
        events.MoveRequested: Phase.ENDED,
        events.StepLaunching: Phase.LAUNCHING,
        events.ValueRecorded: Phase.ENDED,
        events.KillRequested: Phase.CANCELLING,
        events.AttemptFinished: Phase.SETTLING,
    },
    Phase.SETTLING: {
        events.ArtifactsCollected: Phase.SETTLING,
        events.StepWaiting: Phase.SETTLING,
        events.LinkLost: Phase.SETTLING,
        events.LinkRestored: Phase.SETTLING,
        events.RetryScheduled: Phase.BACKOFF,
        events.StageFinished: Phase.FINISHED,
    },
    Phase.BACKOFF: {
        events.MoveRequested: Phase.BACKOFF,
        events.AttemptStarted: Phase.CONNECTING,
        events.StageFinished: Phase.FINISHED,
    },
    Phase.FINISHED: {},
}

#: Phases in which a stage holds a slot.
ACTIVE = frozenset(
    {
        Phase.CONNECTING,
        Phase.LAUNCHING,
        Phase.RUNNING,
        Phase.CANCELLING,
        Phase.ENDED,
        Phase.SETTLING,
    }
)

#: Phases between which a stage moves unseen by the others: its slot and its link stay.
INSIDE = ACTIVE - {Phase.CONNECTING}

#: Phases in which a stage waits for one, unless another time or an orphan is in the way.
QUEUEING = frozenset({Phase.QUEUED, Phase.BACKOFF})

#: Phases in which a job of the stage may be alive on a server.
WITH_JOB = frozenset({Phase.LAUNCHING, Phase.RUNNING, Phase.CANCELLING})

#: Phases in which a stage may need its server's link.
LINKED = WITH_JOB | {Phase.SETTLING}

BY_STATE: Mapping[Phase, Mapping[str, Phase]] = {
    Phase.WAITING: {"predecessors ended": Phase.QUEUED},
    Phase.CONNECTING: {"unreachable, but has a fallback": Phase.QUEUED},
}


def next_phase(phase: Phase, event: Event) -> Phase | None:
    """Return the phase that *event* leads to, or None where the table has no such move.

    Example:
        >>> next_phase(Phase.SETTLING, events.RetryScheduled(
        ...     stage="a", attempt=2, delay=0.0, cause="failure"))
        <Phase.BACKOFF: 'backoff'>
    """
    return BY_EVENT[phase].get(type(event))
