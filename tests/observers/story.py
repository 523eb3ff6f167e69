"""A run told by hand: events with times, and the view that they add up to."""

from __future__ import annotations

import datetime as dt
from typing import Any

from buildorch import events
from buildorch.events import Event, Recorded
from buildorch.model import Plan, PlannedStage, Retry, Server, StageStatus
from buildorch.view import RunView

#: 2026-07-14 13:00:00 UTC.
START = 1784034000.0

KOREA = dt.timezone(dt.timedelta(hours=9))


def planned(name: str, index: int, server: str, **options: Any) -> PlannedStage:
    """Return a stage of a plan on one server."""
    return PlannedStage(
        name=name, index=index, servers=(Server(name=server),), command="true", **options
    )


def full_build() -> Plan:
    """Return the pipeline of the day: an image, a host build and integration tests."""
    return Plan(
        name="ccu2-full-build",
        title="CCU2 Full Build Pipeline",
        stages=(
            planned("yocto-image", 0, "yocto-builder"),
            planned("host-build", 1, "ccu2-builder", retry=Retry(1), timeout=1800.0),
            planned("integration-test", 2, "test-runner", after=("yocto-image", "host-build")),
        ),
    )


class Story:
    """A run whose clock moves as the story says."""

    def __init__(self, plan: Plan | None = None, **created: Any) -> None:
        self.at = START
        self.records: list[Recorded] = []
        self.view: RunView | None = None
        self.plan = plan or full_build()
        fields = {"results": "/home/dev1/results/0714-2", "by": "dev1"} | created
        self.tell(events.RunCreated(pipeline=self.plan.name, plan={}, nonce="0" * 32, **fields))
        self.tell(events.ControllerAttached(pid=4711, host="laptop"))

    def tell(self, event: Event, after: float = 0.0) -> Recorded:
        """Record *event*, *after* seconds later."""
        self.at += after
        number = len(self.records) + 1
        record = Recorded(run="0714-2", seq=number, at=self.at, epoch=1, event=event)
        self.records.append(record)
        if self.view is None:
            self.view = RunView.start(self.plan, record)
        else:
            self.view.apply(record)
        return record

    @property
    def seen(self) -> RunView:
        """The view so far."""
        assert self.view is not None
        return self.view

    def launch(self, stage: str, attempt: int = 1, after: float = 0.0) -> Story:
        """Let an attempt of *stage* run."""
        server = self.seen.stages[stage].stage.servers[0].name
        self.tell(events.AttemptStarted(stage=stage, attempt=attempt, server=server), after)
        self.tell(
            events.StepLaunching(stage=stage, attempt=attempt, step=1, server=server, job="j")
        )
        self.tell(events.StepStarted(stage=stage, attempt=attempt, step=1))
        return self

    def attempt_ends(
        self, stage: str, status: StageStatus, after: float = 0.0, **fields: Any
    ) -> Story:
        """Let the running attempt of *stage* end."""
        attempt = self.seen.stages[stage].attempt
        ended = events.AttemptFinished(stage=stage, attempt=attempt, status=status, **fields)
        self.tell(ended, after)
        return self

    def stage_ends(
        self, stage: str, status: StageStatus, after: float = 0.0, **fields: Any
    ) -> Story:
        """Let *stage* end, with its running attempt where there is one."""
        view = self.seen.stages[stage]
        if view.history and view.history[-1].result is None:
            whole = ("allowed", "log_complete")
            known = {key: value for key, value in fields.items() if key not in whole}
            self.attempt_ends(stage, status, after, **known)
            after = 0.0
        began = view.first_started_at
        self.tell(
            events.StageFinished(
                stage=stage,
                status=status,
                attempts=view.attempt,
                seconds=None if began is None else self.at + after - began,
                server=view.server,
                log=f"{stage}/attempt-{view.attempt}.log" if began is not None else None,
                **fields,
            ),
            after,
        )
        return self

    def retries(self, stage: str, delay: float = 0.0) -> Story:
        """Schedule the next attempt of *stage*."""
        number = self.seen.stages[stage].attempt + 1
        self.tell(events.RetryScheduled(stage=stage, attempt=number, delay=delay, cause="failures"))
        return self


def half_way() -> Story:
    """Return the day's run in the middle: one stage runs, one has recovered, one waits."""
    story = Story().launch("yocto-image").launch("host-build")
    story.attempt_ends(
        "host-build",
        StageStatus.FAILED,
        240,
        exit_code=1,
        errors=1,
        first_error="CMake error in container-manager (SntCommon not found)",
    )
    story.retries("host-build").launch("host-build", 2)
    return story.stage_ends("host-build", StageStatus.SUCCEEDED, 1080, warnings=2)
