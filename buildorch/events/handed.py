"""The facts of what a run hands out: files, and messages to people."""

from __future__ import annotations

from typing import ClassVar

import attrs


@attrs.frozen(kw_only=True)
class ArtifactStored:
    """A file was collected into the results folder; the archive of the run has no stage."""

    kind: ClassVar[str] = "artifact_stored"
    path: str
    size: int
    sha256: str
    stage: str | None = None


@attrs.frozen(kw_only=True)
class ArtifactsCollected:
    """All that matched the stage's artifacts is in the results folder, or why some is not."""

    kind: ClassVar[str] = "artifacts_collected"
    stage: str
    attempt: int
    count: int
    warning: str | None = None


@attrs.frozen(kw_only=True)
class NotificationDue:
    """Intent: a channel is to be told; stored together with the fact that it tells.

    It continues the message with the key `follows`, of this run or of the one that it repeats:
    services that can answer a message answer that one, those that can only change it add `note`.
    `attach` is the path of a log for services that take files.
    """

    kind: ClassVar[str] = "notification_due"
    key: str
    channel: str
    topic: str
    text: str
    stage: str | None = None
    follows: str | None = None
    note: str | None = None
    attach: str | None = None


@attrs.frozen(kw_only=True)
class NotificationResult:
    """The channel took the message, or why not; `receipt` is the service's id of it."""

    kind: ClassVar[str] = "notification_result"
    key: str
    ok: bool
    message: str | None = None
    receipt: str | None = None
