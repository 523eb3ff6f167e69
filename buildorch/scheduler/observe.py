"""What a fact means: the events that it is, given the state; none where it comes too late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import singledispatch

from buildorch import events
from buildorch.events import Event
from buildorch.scheduler import facts
from buildorch.scheduler.facts import Fact
from buildorch.scheduler.fencing import orphans_made
from buildorch.scheduler.stage import StageState
from buildorch.scheduler.state import RunState
from buildorch.scheduler.surroundings import Surroundings
from buildorch.scheduler.table import BY_EVENT, LINKED, WITH_JOB, Phase
from buildorch.scheduler.verdict import function_verdict

#: The first try to connect and three more.
CONNECT_TRIES = 4

#: Seconds before the second try; doubles each time, half of it by chance.
CONNECT_DELAY = 1.0

#: Phases in which a stage function may be on its way.
_IN_FUNCTION = (*WITH_JOB, Phase.ENDED)


@singledispatch
def observe(fact: Fact, _: Surroundings) -> Iterable[Event]:
    """Return the events that *fact* is."""
    raise NotImplementedError(type(fact).__name__)


@observe.register
def _(fact: facts.Connected, here: Surroundings) -> Iterable[Event]:
    for state in here.on_server(fact.server, (Phase.CONNECTING,)):
        if state.stage.function is not None:
            yield events.StepStarted(stage=state.name, attempt=state.attempt, step=0)
        else:
            yield _launching(state, here.id, 1)


def _launching(
    state: StageState, run: str, step: int, wanted: facts.StepWanted | None = None
) -> Event:
    return events.StepLaunching(
        stage=state.name,
        attempt=state.attempt,
        step=step,
        server=state.server.name,
        job=f"{run}.{state.stage.index}.{state.attempt}.{step}",
        digest=wanted.digest if wanted is not None else "",
        name=wanted.name if wanted is not None else None,
        log_base=wanted.log_base if wanted is not None else 0,
    )


@observe.register
def _(fact: facts.NotConnected, here: Surroundings) -> Iterable[Event]:
    for state in here.on_server(fact.server, (Phase.CONNECTING,)):
        if state.not_before > here.now:
            continue  # it waits for its own next try; this one was another stage's
        tries = state.tries + 1
        again = fact.transient and tries < CONNECT_TRIES
        more = state.stage.servers[state.candidate + 1 :]
        yield events.ConnectFailed(
            stage=state.name,
            attempt=state.attempt,
            server=fact.server,
            reason=fact.reason,
            message=fact.message,
            tries=tries,
            retry_in=_connect_delay(tries, here.chance()) if again else None,
            fallback=more[0].name if fact.transient and not again and more else None,
        )


def _connect_delay(tries: int, chance: float) -> float:
    return round(float(CONNECT_DELAY * 2 ** (tries - 1) * (0.75 + 0.5 * chance)), 3)


@observe.register
def _(fact: facts.LinkDown, here: Surroundings) -> Iterable[Event]:
    for state in here.on_server(fact.server, LINKED):
        if not state.needs_link:
            continue
        if state.link_down_since is None or (fact.barred and state.barred is None):
            yield events.LinkLost(
                stage=state.name,
                attempt=state.attempt,
                server=fact.server,
                reason=fact.reason,
                barred=fact.barred,
            )


@observe.register
def _(fact: facts.LinkUp, here: Surroundings) -> Iterable[Event]:
    for state in here.on_server(fact.server, LINKED):
        if state.link_down_since is not None:
            yield events.LinkRestored(stage=state.name, attempt=state.attempt, server=fact.server)


@observe.register
def _(fact: facts.JobStarted, here: Surroundings) -> Iterable[Event]:
    for state in here.attempt(fact.stage, fact.attempt, (Phase.LAUNCHING, Phase.CANCELLING)):
        step = state.steps.get(fact.step)
        if step is not None and not step.started:
            yield events.StepStarted(stage=state.name, attempt=state.attempt, step=fact.step)


@observe.register
def _(fact: facts.JobWaiting, here: Surroundings) -> Iterable[Event]:
    for state in here.attempt(fact.stage, fact.attempt, LINKED):
        step = state.steps.get(fact.step)
        if step is None or step.wait == fact.wait:
            continue
        if step.finished is None or state.wants_artifacts:
            yield events.StepWaiting(
                stage=state.name, attempt=state.attempt, step=fact.step, wait=fact.wait
            )


@observe.register
def _(fact: facts.JobEnded, here: Surroundings) -> Iterable[Event]:
    # Whoever attended to the job when it became an orphan may be the one to hear of its end.
    index = here.run.stages[fact.stage].stage.index
    yield from _gone(here.run, f"{here.id}.{index}.{fact.attempt}.{fact.step}")
    for state in here.attempt(fact.stage, fact.attempt, WITH_JOB):
        step = state.steps.get(fact.step)
        if step is not None and step.finished is None:
            yield events.StepFinished(
                stage=state.name,
                attempt=state.attempt,
                step=fact.step,
                end=fact.end,
                log_bytes=fact.log.size,
                log_sha256=fact.log.sha256,
                log_complete=fact.log.complete,
                masked=fact.log.masked,
            )


@observe.register
def _(fact: facts.OrphanEnded, here: Surroundings) -> Iterable[Event]:
    yield from _gone(here.run, fact.job)


def _gone(run: RunState, job: str) -> Iterator[Event]:
    orphan = run.orphans.get(job)
    if orphan is not None and run.finished is None:
        yield events.OrphanGone(
            stage=orphan.stage, attempt=orphan.attempt, server=orphan.server, job=job
        )


@observe.register
def _(fact: facts.StepWanted, here: Surroundings) -> Iterable[Event]:
    for state in here.attempt(fact.stage, fact.attempt, (Phase.RUNNING, Phase.ENDED)):
        if state.kill is None and fact.step == state.step + 1:
            yield _launching(state, here.id, fact.step, fact)


@observe.register
def _(fact: facts.ValueGiven, here: Surroundings) -> Iterable[Event]:
    for state in here.attempt(fact.stage, fact.attempt, _IN_FUNCTION):
        yield events.ValueRecorded(
            stage=state.name,
            attempt=state.attempt,
            step=fact.step,
            key=fact.key,
            value=fact.value,
        )


@observe.register
def _(fact: facts.FunctionEnded, here: Surroundings) -> Iterable[Event]:
    for state in here.attempt(fact.stage, fact.attempt, _IN_FUNCTION):
        if fact.output is not None:
            yield events.ValueRecorded(
                stage=state.name, attempt=state.attempt, step=0, key="output", value=fact.output
            )
        # A command that it did not wait for is not the recorded one: that may live on by itself.
        yield from orphans_made(state, spared=state.kill is None and fact.stopped is None)
        found = function_verdict(state.stage, fact, state.kill)
        end = fact.end
        yield events.AttemptFinished(
            stage=state.name,
            attempt=state.attempt,
            status=found.status,
            reason=found.reason,
            warning=found.warning,
            exit_code=end.code if end is not None and end.kind == "exit" else None,
            signal=end.code if end is not None and end.kind == "signal" else None,
            errors=fact.log.errors,
            warnings=fact.log.warnings,
            first_error=fact.log.first_error or fact.error,
            alert=fact.log.alert,
        )


@observe.register
def _(fact: facts.Collected, here: Surroundings) -> Iterable[Event]:
    for state in here.attempt(fact.stage, fact.attempt, (Phase.SETTLING,)):
        for file in fact.files:
            yield events.ArtifactStored(
                stage=state.name, path=file.path, size=file.size, sha256=file.sha256
            )
        yield events.ArtifactsCollected(
            stage=state.name,
            attempt=state.attempt,
            count=len(fact.files),
            warning=fact.warning,
        )


@observe.register
def _(fact: facts.CancelOrdered, here: Surroundings) -> Iterable[Event]:
    if here.run.cancel_requested_at is None and here.run.finished is None:
        yield events.CancelRequested(by=fact.by)


@observe.register
def _(fact: facts.AbandonOrdered, here: Surroundings) -> Iterable[Event]:
    if not here.run.abandoned and here.run.finished is None:
        yield events.AbandonRequested(by=fact.by)


@observe.register
def _(fact: facts.MoveOrdered, here: Surroundings) -> Iterable[Event]:
    state = here.run.stages.get(fact.stage)
    if state is None or not _movable(here.run, state):
        return
    more = state.stage.servers[state.candidate + 1 :]
    names = [one.name for one in (state.stage.servers if fact.server is not None else more)]
    server = fact.server or next(iter(names), None)
    if server in names and server != state.server.name:
        yield events.MoveRequested(
            stage=state.name, attempt=state.attempt, server=server, by=fact.by
        )


def _movable(run: RunState, state: StageState) -> bool:
    """Tell whether the stage can still go on elsewhere: not where its end is near or wanted."""
    if run.cancel_requested_at is not None or run.finished is not None:
        return False
    if state.phase is Phase.ENDED and state.stage.function is None:
        return False
    return state.kill is None and events.MoveRequested in BY_EVENT[state.phase]


@observe.register
def _(fact: facts.Archived, _: Surroundings) -> Iterable[Event]:
    if fact.error is None:
        yield events.ArtifactStored(path=fact.path, size=fact.size, sha256=fact.sha256)
