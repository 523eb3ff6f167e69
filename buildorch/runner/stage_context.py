"""The context of a stage function: each request goes to the controller and waits for its answer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NoReturn

from buildorch.context import StepResult
from buildorch.duration import Duration
from buildorch.errors import ReplayMismatch, StageStopped, StepFailed, UsageError
from buildorch.job import JobEnd
from buildorch.model import JSON, Command, PlannedStage, Server
from buildorch.runner.asked import asked, duration
from buildorch.runner.handed import Inputs, Outputs
from buildorch.runner.requests import Host, StepEnd, StepRequest, ValueMade, ValueRequest
from buildorch.scheduler import facts

#: Bytes of output that a step can give back.
CAPTURE_LIMIT = 1 << 20


class Context:
    """The context of one call; `buildorch.StageContext` describes its members."""

    def __init__(
        self,
        stage: PlannedStage,
        attempt: int,
        server: Server,
        *,
        run_id: str,
        deadline: float | None,
        replayed: int,
        host: Host,
    ) -> None:
        self.stage = stage
        self.params: dict[str, Any] = {}
        self.name = stage.name
        self.run_id = run_id
        self.attempt = attempt
        self.server = server.name
        self.workdir = server.workdir
        self.outputs = Outputs(self._record_output)
        self.last_end: JobEnd | None = None
        self._place = server
        self._deadline = deadline
        self._replayed = replayed
        self._host = host
        self._steps = 0
        self._sleeps = 0
        self._transfers = 0
        self._stopped: str | None = None
        self._waiting: Future[Any] | None = None
        self._lock = threading.Lock()

    def run(
        self,
        command: Command | list[str],
        *,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        timeout: Duration | None = None,
        shell: tuple[str, ...] | None = None,
        warn: bool = False,
        capture: bool = False,
        hide: bool = False,
        **unknown: object,
    ) -> StepResult:
        """Run a command as the next durable step."""
        del hide  # Invoke's word; a stage's output is in its log, and never on the terminal
        spec = asked(
            command, name=name, env=env, cwd=cwd, timeout=timeout, shell=shell, unknown=unknown
        )
        self._steps += 1
        limits = [limit for limit in (spec.timeout, self._left()) if limit is not None]
        request = StepRequest(
            self.name, self.attempt, self._steps, spec, min(limits) if limits else None
        )
        found = self._ask(request, request.reply)
        self.last_end = found.end
        self._deadline = found.deadline
        result = _result(spec.command, found, capture=capture)
        if found.end.reason in ("timeout", "idle", "cancelled", "moved", "lease"):
            raise StageStopped(found.end.reason)
        if not found.end.ok and (not warn or found.end.kind == "lost"):
            raise StepFailed(f"{_words(spec.command)}: {found.end.detail or found.end.how}", result)
        return result

    def once(self, key: str, make: Callable[[], JSON]) -> JSON:
        """Return the recorded value of *key*, or record what *make* returns."""
        request = ValueRequest(self.name, self.attempt, self._steps, key)
        recorded: tuple[bool, JSON] = self._ask(request, request.reply)
        known, value = recorded
        if not known:
            value = make()
            self._record(self._steps, key, value)
        return value

    def sleep(self, seconds: Duration) -> None:
        """Wait; a function that is called again waits only for the rest."""
        wanted = 0.0 if seconds in (0, 0.0) else duration("c.sleep", seconds)
        self._sleeps += 1
        until = self.once(f"sleep-{self._sleeps}", lambda: time.time() + wanted)
        if not isinstance(until, float | int):
            raise ReplayMismatch(f"sleep {self._sleeps} of {self.name} was recorded as {until!r}")
        rest = until - time.time()
        if rest > 0:
            left = self.remaining()
            self._wait(Future(), rest if left is None else min(rest, left))
            self.remaining()

    def put(self, local: str | Path, remote: str) -> None:
        """Copy a file to the server, once."""
        self._transfer("put", str(local), remote)

    def get(self, remote: str, local: str | Path) -> None:
        """Copy a file from the server, once."""
        self._transfer("get", remote, str(local))

    def log(self, text: str) -> None:
        """Write a line into the stage's log; not written again at replay."""
        self._check()
        if self._steps < self._replayed:
            return  # an earlier controller has written it, and the next step's log lies behind it
        self._host.note(self.name, self.attempt, text)

    def _left(self) -> float | None:
        """Return the seconds that the next command has.

        One that was launched before has a limit of its own on its server: it is waited for, however
        late it is here.
        """
        if self._deadline is not None and self._steps <= self._replayed:
            return max(self._deadline - time.monotonic(), 1.0)
        return self.remaining()

    def remaining(self) -> float | None:
        """Return the seconds that are left of the attempt, or None where there is no limit."""
        if self._deadline is None:
            return None
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise StageStopped("timeout")
        return left

    @property
    def connection(self) -> Any:  # noqa: ANN401 - a fabric.Connection; fabric has no types
        """Return a plain fabric.Connection; what goes through it is not durable."""
        self._check()
        return self._host.connection(self._place)

    @property
    def inputs(self) -> Mapping[str, Mapping[str, JSON]]:
        """Return the outputs of all stages before this one, by name."""
        return Inputs(self.name, self._host.inputs(self.name))

    def output(self, returned: JSON) -> JSON:
        """Return what the stage hands on: its outputs, with what the function returned."""
        _refuse_foreign(returned)
        values = dict(self.outputs)
        if isinstance(returned, dict):
            return {**values, **returned}
        return returned if returned is not None else values or None

    def stop(self, reason: str) -> None:
        """Let the function's current or next request raise `StageStopped`."""
        with self._lock:
            self._stopped = reason
            waiting = self._waiting
        if waiting is not None and not waiting.done():
            waiting.set_exception(StageStopped(reason))

    def _transfer(self, kind: str, source: str, target: str) -> None:
        self._transfers += 1

        def copy() -> JSON:
            self._host.transfer(self._place, kind, source, target)
            return [source, target]

        self.once(f"{kind}-{self._transfers}", copy)

    def _record_output(self, key: str, value: JSON) -> None:
        self._record(0, f"output.{key}", value)

    def _record(self, step: int, key: str, value: JSON) -> None:
        _refuse_foreign(value)
        made = ValueMade(
            facts.ValueGiven(stage=self.name, attempt=self.attempt, step=step, key=key, value=value)
        )
        self._ask(made, made.reply)

    def _ask(self, request: Any, reply: Future[Any]) -> Any:  # noqa: ANN401 - as the request says
        self._check()
        self._host.ask(request)
        return self._wait(reply, None)

    def _wait(self, reply: Future[Any], seconds: float | None) -> Any:  # noqa: ANN401 - likewise
        with self._lock:
            self._waiting = reply
        self._check()
        try:
            return reply.result(seconds)
        except TimeoutError:
            return None
        finally:
            with self._lock:
                self._waiting = None

    def _check(self) -> None:
        if self._stopped is not None:
            raise StageStopped(self._stopped)


def _refuse_foreign(value: object) -> None:
    """Raise here, in the function, where *value* cannot be stored."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"a stage can keep and return JSON values only: {error}") from error


def _result(command: Command, found: StepEnd, *, capture: bool) -> StepResult:
    text = None
    if capture:
        with found.log.open("rb") as log:
            log.seek(found.base)
            text = log.read(min(found.size, CAPTURE_LIMIT)).decode("utf-8", "replace")
    return StepResult(
        command=command,
        end=found.end,
        log=str(found.log),
        log_base=found.base,
        log_size=found.size,
        output=text,
        truncated=found.size > CAPTURE_LIMIT,
    )


def _words(command: Command) -> str:
    text = command if isinstance(command, str) else " ".join(command)
    first = text.strip().splitlines()[0] if text.strip() else text
    return first if len(first) <= _WORDS else f"{first[: _WORDS - 1]}…"


_WORDS = 60


def mismatch(request: StepRequest, recorded: str | None) -> NoReturn:
    """Raise the error of a function that takes another step than the record says."""
    raise ReplayMismatch(
        f"step {request.step} of stage {request.stage} is {_words(request.spec.command)!r} now, "
        f"but attempt {request.attempt} recorded another command"
        f"{f' ({recorded})' if recorded else ''}: the function or its inputs changed since. "
        "Put time, random numbers and what is read from outside into c.once, or retry the stage"
    )
