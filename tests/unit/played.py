"""A run that is played, and the messages that people get of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from buildorch import events
from buildorch.events import Event, NotificationDue, Recorded
from buildorch.messages import NO_BACKGROUND, Background, due
from buildorch.model import Channel, Plan, PlannedStage, Retry, RunStatus, Server, StageStatus
from buildorch.view import RunView

RUN = "20260714-133820-a1b2c3"
RESULTS = "/home/dev1/results/20260714-133820-a1b2c3"

CHANNELS = {name: Channel(name=name) for name in ("discord", "telegram", "mail")} | {
    "off": Channel(name="off", enabled=False)
}


def a_server(name: str) -> Server:
    return Server(name=name, host=name)


def a_stage(name: str, index: int, server: str, **options: object) -> PlannedStage:
    values: dict[str, object] = {"command": "make", "servers": (a_server(server),), **options}
    return PlannedStage(name=name, index=index, **values)  # type: ignore[arg-type]


STAGES = (
    a_stage("yocto-image", 0, "yocto-builder", timeout=10800.0),
    a_stage("host-build", 1, "ccu2-builder", retry=Retry(1)),
    a_stage("integration-test", 2, "test-runner", after=("host-build",)),
)


def plan(**options: object) -> Plan:
    values: dict[str, object] = {
        "name": "ccu2-full-build",
        "stages": STAGES,
        "notify_failure": ("discord",),
        "notify_success": ("discord",),
        **options,
    }
    return Plan(**values)  # type: ignore[arg-type]


CREATED = events.RunCreated(
    pipeline="ccu2-full-build",
    plan={},
    nonce="n",
    results=RESULTS,
    by="dev1",
    params={"module": "container-manager", "jobs": 8},
)


def started(stage: str, attempt: int = 1, server: str = "s") -> list[tuple[float, Event]]:
    return [
        (0, events.AttemptStarted(stage=stage, attempt=attempt, server=server)),
        (
            0,
            events.StepLaunching(
                stage=stage, attempt=attempt, step=1, server=server, job="j", digest="d"
            ),
        ),
        (0, events.StepStarted(stage=stage, attempt=attempt, step=1)),
    ]


def ended(
    stage: str, seconds: float, status: StageStatus = StageStatus.FAILED, **fields: object
) -> tuple[float, Event]:
    values: dict[str, object] = {"attempt": 1, "exit_code": 2, **fields}
    return seconds, events.AttemptFinished(stage=stage, status=status, **values)  # type: ignore[arg-type]


def retried(stage: str, attempt: int = 2, delay: float = 0, cause: str = "failures") -> Event:
    return events.RetryScheduled(stage=stage, attempt=attempt, delay=delay, cause=cause)


def done(stage: str, status: StageStatus = StageStatus.SUCCEEDED, **fields: object) -> Event:
    values: dict[str, object] = {"attempts": 1, **fields}
    return events.StageFinished(stage=stage, status=status, **values)  # type: ignore[arg-type]


def play(
    facts: Iterable[Event | tuple[float, Event]],
    language: str = "en",
    *,
    of: Plan | None = None,
    tail: str = "",
    channels: Mapping[str, Channel] = CHANNELS,
    background: Background = NO_BACKGROUND,
    created: events.RunCreated = CREATED,
) -> list[NotificationDue]:
    """Return all messages of a run in which *facts* happen, with seconds between them."""
    the_plan = plan() if of is None else of
    first = Recorded(run=RUN, seq=1, at=1000.0, epoch=1, event=created)
    view = RunView.start(the_plan, first)
    told: list[NotificationDue] = []

    def take(event: Event, after: float) -> Recorded:
        at = view.updated_at + after
        record = Recorded(run=RUN, seq=view.seq + 1, at=at, epoch=1, event=event)
        view.apply(record)
        return record

    def tell(record: Recorded) -> None:
        found = due(
            channels,
            view,
            record,
            language=language,
            tails=lambda _: tail,
            background=background,
        )
        for message in found:
            take(message, 0.0)
        told.extend(found)

    tell(first)
    for fact in facts:
        after, event = fact if isinstance(fact, tuple) else (0.0, fact)
        tell(take(event, after))
    return told


def texts(told: Iterable[NotificationDue]) -> str:
    return "\n".join(message.text for message in told)


def last(*facts: Event | tuple[float, Event], **options: object) -> str:
    """Return the text of the last message after *facts*, the run's id as RUN."""
    return play(facts, **options)[-1].text.replace(RUN, "RUN")  # type: ignore[arg-type]


DAY: list[Event | tuple[float, Event]] = [
    *started("yocto-image"),
    *started("host-build"),
    ended("host-build", 240, first_error="CMake error in container-manager", errors=1),
    retried("host-build"),
    *started("host-build", 2),
    events.ArtifactStored(stage="yocto-image", path="a.wic", size=3_000_000_000, sha256="x"),
    done("yocto-image", seconds=2700.0, warnings=12),
    ended("host-build", 1320, StageStatus.SUCCEEDED, attempt=2, exit_code=0),
    done("host-build", seconds=1320.0, attempts=2),
    *started("integration-test"),
    done("integration-test", seconds=30.0),
    events.RunFinished(status=RunStatus.SUCCEEDED, seconds=8100.0, results=RESULTS),
]
