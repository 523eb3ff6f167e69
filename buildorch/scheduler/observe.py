"""What a fact means: the events that it is, given the state; none where it comes too late."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from buildorch import events
from buildorch.events import Event
from buildorch.scheduler import facts
from buildorch.scheduler.facts import Fact
from buildorch.scheduler.fencing import orphans_made
from buildorch.scheduler.stage import StageState
from buildorch.scheduler.state import RunState
from buildorch.scheduler.surroundings import Surroundings
from buildorch.scheduler.table import BY_EVENT, LINKED, WITH_JOB, Phase
from buildorch.scheduler.verdict import function_verdict, said

#: The first try to connect and three more.
CONNECT_TRIES = 4

#: Seconds before the second try; doubles each time, half of it by chance.
CONNECT_DELAY = 1.0

#: Phases in which a stage function may be on its way.
_IN_FUNCTION = WITH_JOB | {Phase.ENDED}

#: Phases in which a stage function asks for its next command.
_ASKING = frozenset({Phase.RUNNING, Phase.ENDED})

#: Phases in which nobody knows yet that the job is there.
_LAUNCHED = frozenset({Phase.LAUNCHING, Phase.CANCELLING})

_SETTLING = frozenset({Phase.SETTLING})


def _connected(fact: facts.Connected, here: Surroundings, _: float) -> Iterable[Event]:
    for state in here.connecting(fact.server):
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


def _not_connected(fact: facts.NotConnected, here: Surroundings, now: float) -> Iterable[Event]:
    for state in here.connecting(fact.server):
        if state.not_before > now:
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


def _link_down(fact: facts.LinkDown, here: Surroundings, _: float) -> Iterable[Event]:
    for state in here.linked(fact.server):
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


def _link_up(fact: facts.LinkUp, here: Surroundings, _: float) -> Iterable[Event]:
    for state in here.linked(fact.server):
        if state.link_down_since is not None:
            yield events.LinkRestored(stage=state.name, attempt=state.attempt, server=fact.server)


def _job_started(fact: facts.JobStarted, here: Surroundings, _: float) -> list[Event]:
    state = here.attempt(fact.stage, fact.attempt, _LAUNCHED)
    step = state.steps.get(fact.step) if state is not None else None
    if step is None or step.started:
        return []
    return [events.StepStarted(stage=fact.stage, attempt=fact.attempt, step=fact.step)]


def _job_waiting(fact: facts.JobWaiting, here: Surroundings, _: float) -> Iterable[Event]:
    state = here.attempt(fact.stage, fact.attempt, LINKED)
    if state is None:
        return
    step = state.steps.get(fact.step)
    if step is None or step.wait == fact.wait:
        return
    if step.finished is None or state.wants_artifacts:
        yield events.StepWaiting(
            stage=state.name, attempt=state.attempt, step=fact.step, wait=fact.wait
        )


def _job_ended(fact: facts.JobEnded, here: Surroundings, _: float) -> list[Event]:
    made: list[Event] = []
    if here.run.orphans:
        # Whoever attended to the job when it became an orphan may be the one to hear of its end.
        index = here.run.stages[fact.stage].stage.index
        made += _gone(here.run, f"{here.id}.{index}.{fact.attempt}.{fact.step}")
    state = here.attempt(fact.stage, fact.attempt, WITH_JOB)
    step = state.steps.get(fact.step) if state is not None else None
    if step is not None and step.finished is None:
        made.append(_step_finished(fact))
    return made


def _step_finished(fact: facts.JobEnded) -> Event:
    return events.StepFinished(
        stage=fact.stage,
        attempt=fact.attempt,
        step=fact.step,
        end=fact.end,
        log_bytes=fact.log.size,
        log_sha256=fact.log.sha256,
        log_complete=fact.log.complete,
        masked=fact.log.masked,
    )


def _orphan_ended(fact: facts.OrphanEnded, here: Surroundings, _: float) -> Iterable[Event]:
    yield from _gone(here.run, fact.job)


def _gone(run: RunState, job: str) -> Iterator[Event]:
    orphan = run.orphans.get(job)
    if orphan is not None and run.finished is None:
        yield events.OrphanGone(
            stage=orphan.stage, attempt=orphan.attempt, server=orphan.server, job=job
        )


def _step_wanted(fact: facts.StepWanted, here: Surroundings, _: float) -> Iterable[Event]:
    state = here.attempt(fact.stage, fact.attempt, _ASKING)
    if state is None:
        return
    if state.kill is None and fact.step == state.step + 1:
        yield _launching(state, here.id, fact.step, fact)


def _value_given(fact: facts.ValueGiven, here: Surroundings, _: float) -> Iterable[Event]:
    state = here.attempt(fact.stage, fact.attempt, _IN_FUNCTION)
    if state is None:
        return
    yield events.ValueRecorded(
        stage=state.name,
        attempt=state.attempt,
        step=fact.step,
        key=fact.key,
        value=fact.value,
    )


def _function_ended(fact: facts.FunctionEnded, here: Surroundings, _: float) -> Iterable[Event]:
    state = here.attempt(fact.stage, fact.attempt, _IN_FUNCTION)
    if state is None:
        return
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
        **said(fact.log),
    )


def _collected(fact: facts.Collected, here: Surroundings, _: float) -> Iterable[Event]:
    state = here.attempt(fact.stage, fact.attempt, _SETTLING)
    if state is None:
        return
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


def _cancel_ordered(fact: facts.CancelOrdered, here: Surroundings, _: float) -> Iterable[Event]:
    if here.run.cancel_requested_at is None and here.run.finished is None:
        yield events.CancelRequested(by=fact.by)


def _abandon_ordered(fact: facts.AbandonOrdered, here: Surroundings, _: float) -> Iterable[Event]:
    if not here.run.abandoned and here.run.finished is None:
        yield events.AbandonRequested(by=fact.by)


def _move_ordered(fact: facts.MoveOrdered, here: Surroundings, _: float) -> Iterable[Event]:
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


def _archived(fact: facts.Archived, _: Surroundings, __: float) -> Iterable[Event]:
    if fact.error is None:
        yield events.ArtifactStored(path=fact.path, size=fact.size, sha256=fact.sha256)


def observe(fact: Fact, here: Surroundings, now: float) -> list[Event]:
    """Return the events that *fact* is.

    Args:
        fact: What was seen to happen.
        here: What it may depend on; only read.
        now: Monotonic time.
    """
    return list(_MEANS[type(fact)](fact, here, now))


#: What each kind of fact means.
_MEANS: Mapping[type[Fact], Callable[[Any, Surroundings, float], Iterable[Event]]] = {
    facts.Connected: _connected,
    facts.NotConnected: _not_connected,
    facts.LinkDown: _link_down,
    facts.LinkUp: _link_up,
    facts.JobStarted: _job_started,
    facts.JobWaiting: _job_waiting,
    facts.JobEnded: _job_ended,
    facts.OrphanEnded: _orphan_ended,
    facts.StepWanted: _step_wanted,
    facts.ValueGiven: _value_given,
    facts.FunctionEnded: _function_ended,
    facts.Collected: _collected,
    facts.CancelOrdered: _cancel_ordered,
    facts.AbandonOrdered: _abandon_ordered,
    facts.MoveOrdered: _move_ordered,
    facts.Archived: _archived,
}
