"""The stage functions of a run: called, answered from the record, stopped.

Lives in the controller's thread but for the `Host` methods, which the functions call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from buildorch import events
from buildorch.errors import BuildorchError, ReplayMismatch, StageStopped, UsageError
from buildorch.events import Event
from buildorch.model import JSON, PlannedStage, Secret, Server
from buildorch.ports import Backend
from buildorch.runner.functions import FunctionCall
from buildorch.runner.jobs import parameters
from buildorch.runner.links import Links
from buildorch.runner.logs import Logs
from buildorch.runner.masking import hidden, holds
from buildorch.runner.requests import (
    Request,
    StepEnd,
    StepRequest,
    ValueMade,
    ValueRequest,
    answer,
    refuse,
)
from buildorch.runner.stage_context import mismatch
from buildorch.scheduler import Scheduler, facts
from buildorch.scheduler.facts import Fact
from buildorch.scheduler.stage import StageState, StepState

_STORED = "{what} a secret, and what a stage hands on is stored; hand on where it comes from"
_SHOWN = (
    "the command has a secret in its words, which ps would show; give it with env= and write the "
    "variable into the command"
)


class Calls:
    """Calls stage functions and answers what they ask.

    Args:
        scheduler: The run's state.
        run_id: Id of the run.
        links: Runs their commands.
        logs: Where they write.
        backends: By name.
        find: Returns the function of a stage, or raises a `BuildorchError` that says why not.
        put: Hands facts and requests to the controller.
        secrets: Values of all secrets.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        run_id: str,
        *,
        links: Links,
        logs: Logs,
        backends: Callable[[str], Backend],
        find: Callable[[PlannedStage], Callable[..., Any]],
        put: Callable[[Fact | Request], None],
        secrets: Mapping[Secret, str],
    ) -> None:
        self._scheduler = scheduler
        self._run_id = run_id
        self._links = links
        self._logs = logs
        self._backends = backends
        self._find = find
        self._put = put
        self._secrets = secrets
        self._calls: dict[tuple[str, int], FunctionCall] = {}
        self._steps: dict[tuple[str, int, int], StepRequest] = {}
        self._values: dict[tuple[str, int, int, str], ValueMade] = {}

    # What the controller does.

    def call(self, stage: str, attempt: int) -> None:
        """Call the function of *stage*, unless it is on its way already."""
        if (stage, attempt) in self._calls:
            return
        state = self._state(stage)
        try:
            function = self._find(state.stage)
        except BuildorchError as error:
            self._put(facts.FunctionEnded(stage=stage, attempt=attempt, error=str(error)))
            return
        call = FunctionCall(
            stage=state.stage,
            params=parameters(state.stage, self._secrets),
            attempt=attempt,
            server=state.server,
            run_id=self._run_id,
            deadline=state.deadline,
            replayed=state.step,
            function=function,
            host=self,
            ended=self._ended,
        )
        self._calls[stage, attempt] = call
        call.start()

    def serve(self, request: Request, now: float) -> list[Event]:
        """Answer a function, at once or when its command has ended or its value is stored."""
        try:
            return self._serve(request, now)
        except OSError as error:
            self._put(facts.DiskTrouble(path=str(error.filename), error=str(error)))
            return []

    def _serve(self, request: Request, now: float) -> list[Event]:
        if isinstance(request, ValueMade):
            return self._keep(request, now)
        state = self._state(request.stage)
        if state.attempt != request.attempt:
            refuse(request.reply, StageStopped("its attempt is over"))
            return []
        if isinstance(request, ValueRequest):
            place = (request.step, request.key)
            answer(request.reply, (place in state.values, state.values.get(place)))
            return []
        return self._step(state, request, now)

    def stored(self, event: Event) -> None:
        """Carry on what waited for *event* to be stored."""
        match event:
            case events.StepLaunching(stage=stage, attempt=attempt, step=step):
                request = self._steps.get((stage, attempt, step))
                if request is not None:
                    self._links.attend(stage, step, request.spec, request.timeout)
            case events.StepFinished(stage=stage, attempt=attempt, step=step):
                request = self._steps.pop((stage, attempt, step), None)
                if request is not None:
                    state = self._state(stage)
                    answer(request.reply, self._end_of(state, state.steps[step]))
            case events.ValueRecorded(stage=stage, attempt=attempt, step=step, key=key):
                made = self._values.pop((stage, attempt, step, key), None)
                if made is not None:
                    answer(made.reply, None)
            case _:
                pass

    def stop(self, stage: str, attempt: int, reason: str) -> None:
        """Let a function stop at its next request; one that is not on its way has stopped."""
        state = self._state(stage)
        if state.stage.function is None:
            return
        call = self._calls.get((stage, attempt))
        if call is not None:
            call.stop(reason)
        elif all(step.finished is not None for step in state.steps.values()):
            self._put(facts.FunctionEnded(stage=stage, attempt=attempt, stopped=reason))

    def end(self, stage: str, reason: str) -> None:
        """Forget the calls of a stage whose attempt has ended; one that goes on is stopped."""
        for key in [key for key in self._calls if key[0] == stage]:
            self._calls.pop(key).stop(reason)
        for step in [step for step in self._steps if step[0] == stage]:
            del self._steps[step]

    def stop_all(self, reason: str) -> None:
        """Let every function stop."""
        for call in self._calls.values():
            call.stop(reason)

    # What the functions call, from their threads.

    def ask(self, request: Request) -> None:
        """Hand a request to the controller's thread."""
        self._put(request)

    def note(self, stage: str, attempt: int, text: str) -> None:
        """Append lines to the log of the attempt, unless it is over."""
        state = self._state(stage)
        if state.attempt == attempt and state.verdict is None:
            self._logs.of(stage, attempt).note(text)

    def transfer(self, server: Server, kind: str, source: str, target: str) -> None:
        """Copy a file to (`put`) or from (`get`) the server."""
        backend = self._backends(server.backend)
        if kind == "put":
            backend.put(server, source, target)
        else:
            backend.get(server, source, target)

    def connection(self, server: Server) -> Any:  # noqa: ANN401 - a fabric.Connection; fabric has no types
        """Return a plain connection to the server."""
        return self._backends(server.backend).connection(server)

    def inputs(self, stage: str) -> Mapping[str, Mapping[str, JSON]]:
        """Return the outputs of the stage's ancestors by name."""
        found: dict[str, Mapping[str, JSON]] = {}
        todo = list(self._state(stage).stage.after)
        while todo:
            name = todo.pop()
            if name in found:
                continue
            before = self._state(name)
            output = before.finished.output if before.finished is not None else None
            found[name] = output if isinstance(output, dict) else {"result": output}
            todo += before.stage.after
        return found

    # Inner workings.

    def _state(self, stage: str) -> StageState:
        return self._scheduler.state.stages[stage]

    def _holds_secret(self, value: object) -> bool:
        """Tell whether a secret would be stored, or shown by `ps`, with *value*."""
        return holds(json.dumps(value, ensure_ascii=False), self._secrets.values())

    def _keep(self, made: ValueMade, now: float) -> list[Event]:
        fact = made.fact
        if self._holds_secret([fact.key, fact.value]):
            refuse(made.reply, UsageError(_STORED.format(what=f"the value {fact.key!r} holds")))
            return []
        recorded = self._scheduler.observe(fact, now)
        if recorded:
            self._values[fact.stage, fact.attempt, fact.step, fact.key] = made
        else:
            refuse(made.reply, StageStopped("its attempt is over"))
        return recorded

    def _step(self, state: StageState, request: StepRequest, now: float) -> list[Event]:
        known = state.steps.get(request.step)
        if known is None:
            return self._new_step(state, request, now)
        if known.digest != request.spec.digest(self._secrets.values()):
            try:
                mismatch(request, known.name)
            except ReplayMismatch as error:
                refuse(request.reply, error)
        elif known.finished is not None:
            answer(request.reply, self._end_of(state, known))
        else:
            self._steps[state.name, state.attempt, request.step] = request
            self._links.attend(state.name, request.step, request.spec, request.timeout)
        return []

    def _new_step(self, state: StageState, request: StepRequest, now: float) -> list[Event]:
        spec = request.spec
        if self._holds_secret([spec.command, spec.name, spec.cwd, spec.shell, [*spec.env]]):
            refuse(request.reply, UsageError(_SHOWN))
            return []
        log = self._logs.of(state.name, state.attempt)
        wanted = facts.StepWanted(
            stage=state.name,
            attempt=state.attempt,
            step=request.step,
            digest=request.spec.digest(self._secrets.values()),
            name=request.spec.name,
            log_base=log.size,
        )
        made = self._scheduler.observe(wanted, now)
        if made:
            self._steps[state.name, state.attempt, request.step] = request
        else:
            refuse(request.reply, StageStopped(state.kill or "its attempt is over"))
        return made

    def _end_of(self, state: StageState, step: StepState) -> StepEnd:
        finished = step.finished
        if finished is None:
            raise AssertionError(step.job)
        path = self._logs.of(state.name, state.attempt).path
        return StepEnd(finished.end, path, step.log_base, finished.log_bytes, state.deadline)

    def _ended(self, fact: facts.FunctionEnded) -> None:
        if self._holds_secret(fact.output):
            told = _STORED.format(what="its output holds")
            fact = attrs.evolve(fact, output=None, error=told)
        if fact.error is not None:
            fact = attrs.evolve(fact, error=hidden(fact.error, self._secrets.values()))
        log = self._logs.current(fact.stage)
        if log is not None:
            fact = attrs.evolve(fact, log=log.report())
        self._put(fact)
