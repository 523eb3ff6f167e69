"""The facts of a run as a whole: it begins, is driven, is to end, has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from buildorch.model import JSON, RunStatus


@attrs.frozen(kw_only=True)
class RunCreated:
    """A run exists; holds all that resume needs, so that no user code is imported for it."""

    kind: ClassVar[str] = "run_created"
    pipeline: str
    plan: Mapping[str, Any]
    nonce: str
    results: str
    by: str
    params: Mapping[str, JSON] = attrs.field(factory=dict)
    parent: str | None = None
    source: str | None = None
    allow_parallel: bool = False


@attrs.frozen(kw_only=True)
class ControllerAttached:
    """A controller drives the run from now on; its epoch is the number in the envelope."""

    kind: ClassVar[str] = "controller_attached"
    pid: int
    host: str
    boot_id: str = ""


@attrs.frozen(kw_only=True)
class ControllerDetached:
    """The controller left on purpose; jobs go on."""

    kind: ClassVar[str] = "controller_detached"
    reason: str


@attrs.frozen(kw_only=True)
class CancelRequested:
    """Somebody wants the run to end; never undone."""

    kind: ClassVar[str] = "cancel_requested"
    by: str


@attrs.frozen(kw_only=True)
class AbandonRequested:
    """Nobody is to wait any more for servers that do not answer; never undone."""

    kind: ClassVar[str] = "abandon_requested"
    by: str


@attrs.frozen(kw_only=True)
class RunFinished:
    """The run is over; stored exactly once."""

    kind: ClassVar[str] = "run_finished"
    status: RunStatus
    seconds: float
    results: str
    reason: str | None = None
