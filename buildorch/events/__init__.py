"""The facts of a run: frozen, append-only, and the only thing that is ever stored.

State, JSON lines, board, report and messages are all derived from these. Progress, log
lines and ETA are no events: they are read from the collected log whenever somebody looks.

Four events are *intents* (`StepLaunching`, `KillRequested`, `NotificationDue` and
`AttemptStarted` for a stage function): they are stored before their effect, and the effect is
done again, under the same id, when a controller finds one without an answer.

All names are imported from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, get_args

import attrs

from buildorch.events.attempts import (
    AttemptFinished,
    AttemptStarted,
    ConnectFailed,
    KillRequested,
    LinkLost,
    LinkRestored,
    MoveRequested,
    RetryScheduled,
    StageFinished,
)
from buildorch.events.handed import (
    ArtifactsCollected,
    ArtifactStored,
    NotificationDue,
    NotificationResult,
)
from buildorch.events.jobs import (
    OrphanGone,
    OrphanNoted,
    StepFinished,
    StepLaunching,
    StepStarted,
    StepWaiting,
    ValueRecorded,
)
from buildorch.events.run import (
    AbandonRequested,
    CancelRequested,
    ControllerAttached,
    ControllerDetached,
    RunCreated,
    RunFinished,
)

__all__ = [
    "KINDS",
    "VERSION",
    "AbandonRequested",
    "ArtifactStored",
    "ArtifactsCollected",
    "AttemptFinished",
    "AttemptStarted",
    "CancelRequested",
    "ConnectFailed",
    "ControllerAttached",
    "ControllerDetached",
    "Event",
    "KillRequested",
    "LinkLost",
    "LinkRestored",
    "MoveRequested",
    "NotificationDue",
    "NotificationResult",
    "OrphanGone",
    "OrphanNoted",
    "Recorded",
    "RetryScheduled",
    "RunCreated",
    "RunFinished",
    "StageFinished",
    "StepFinished",
    "StepLaunching",
    "StepStarted",
    "StepWaiting",
    "ValueRecorded",
]

#: Version of the events' fields; readers upgrade older ones, and refuse newer ones.
VERSION = 1

Event: TypeAlias = (
    RunCreated
    | ControllerAttached
    | ControllerDetached
    | CancelRequested
    | AbandonRequested
    | MoveRequested
    | AttemptStarted
    | ConnectFailed
    | StepLaunching
    | StepStarted
    | StepWaiting
    | LinkLost
    | LinkRestored
    | KillRequested
    | ValueRecorded
    | StepFinished
    | AttemptFinished
    | RetryScheduled
    | OrphanNoted
    | OrphanGone
    | ArtifactStored
    | ArtifactsCollected
    | NotificationDue
    | NotificationResult
    | StageFinished
    | RunFinished
)

#: Every kind of event by its name in the store.
KINDS: Mapping[str, type[Event]] = {cls.kind: cls for cls in get_args(Event)}


@attrs.frozen(kw_only=True)
class Recorded:
    """An event as it is stored and shown: with its place in the run.

    Attributes:
        run: Id of the run.
        seq: Its number in the run, from 1, without gaps.
        at: Unix time in seconds, by the clock of the controller's machine.
        epoch: Number of the controller that recorded it, from 1.
        event: The fact itself.
    """

    run: str
    seq: int
    at: float
    epoch: int
    event: Event
