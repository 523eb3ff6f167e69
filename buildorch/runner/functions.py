"""Stage functions: called in a thread of their own, durable step by step.

Everything that a function asks for becomes a request to the controller, which answers from the
record where there is one. A function that is called again after a crash therefore gets the
recorded results at once, joins the command that is still running, and goes on from there.
"""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from buildorch.errors import StageStopped, StepFailed
from buildorch.model import PlannedStage, Server
from buildorch.runner.requests import Host
from buildorch.runner.stage_context import Context
from buildorch.scheduler import facts


class FunctionCall:
    """One call of a stage function.

    Args:
        stage: The stage.
        params: Its parameters, secrets resolved.
        attempt: Number of its attempt.
        server: Where its commands run.
        run_id: Id of the run.
        deadline: Monotonic time at which the attempt's time is over, or None.
        function: The function; takes the context first, then the stage's parameters.
        host: The controller.
        ended: Called with the outcome, from the function's thread.
    """

    def __init__(
        self,
        *,
        stage: PlannedStage,
        params: Mapping[str, Any],
        attempt: int,
        server: Server,
        run_id: str,
        deadline: float | None,
        function: Callable[..., Any],
        replayed: int,
        host: Host,
        ended: Callable[[facts.FunctionEnded], None],
    ) -> None:
        self._context = Context(
            stage,
            attempt,
            server,
            run_id=run_id,
            deadline=deadline,
            replayed=replayed,
            host=host,
        )
        self._context.params = dict(params)
        self._function = function
        self._host = host
        self._ended = ended
        self._thread = threading.Thread(target=self._call, name=f"stage {stage.name}", daemon=True)

    def start(self) -> None:
        """Call the function in its thread."""
        self._thread.start()

    def stop(self, reason: str) -> None:
        """Let its current or next request raise `StageStopped`."""
        self._context.stop(reason)

    def _call(self) -> None:
        context = self._context
        try:
            output = self._function(context, **context.params)
            self._end(output=context.output(output))
        except StageStopped as stopped:
            self._end(stopped=str(stopped))
        except StepFailed as error:
            self._end(error=str(error), end=context.last_end)
        except BaseException as error:  # noqa: BLE001 - also SystemExit: nobody else would notice
            with contextlib.suppress(OSError):  # a full disk must not leave the run waiting
                self._host.note(context.stage.name, context.attempt, _story(error))
            self._end(error=f"{type(error).__name__}: {error}".strip().splitlines()[0])

    def _end(self, **fields: Any) -> None:  # noqa: ANN401 - the fields of FunctionEnded
        stage = self._context.stage.name
        self._ended(facts.FunctionEnded(stage=stage, attempt=self._context.attempt, **fields))


def _story(error: BaseException) -> str:
    """Return the traceback without the frames of ours, in which no user's mistake can be."""
    package = str(Path(__file__).parents[1])
    told = traceback.TracebackException.from_exception(error)
    own = [index for index, frame in enumerate(told.stack) if frame.filename.startswith(package)]
    inner = [index for index in own if index > 0]
    frames = told.stack[1 if own[:1] == [0] else 0 : inner[0] if inner else None]
    told.stack = traceback.StackSummary.from_list(frames or told.stack)
    return "".join(told.format())
