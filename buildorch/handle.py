"""A run that goes on in a thread of this process."""

from __future__ import annotations

import sys
import threading
from contextlib import AbstractContextManager, ExitStack

from buildorch.assembly import Driver
from buildorch.ordering import check_move
from buildorch.result import RunResult
from buildorch.runner.inbox import Detach, Interrupt
from buildorch.scheduler import facts
from buildorch.view import RunView


class RunHandle:
    """A run that goes on in a thread of this process.

    Args:
        owned: The context in which the run is driven.

    Raises:
        BuildorchError: The run cannot begin.
    """

    def __init__(self, owned: AbstractContextManager[Driver]) -> None:
        with ExitStack() as stack:
            self._driver = stack.enter_context(owned)
            self._stack = stack.pop_all()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._drive, name="buildorch run", daemon=True)
        self._thread.start()

    @property
    def view(self) -> RunView:
        """What is known of it now."""
        return self._driver.controller.view

    @property
    def run_id(self) -> str:
        """Its id."""
        return self.view.run

    def wait(self, timeout: float | None = None) -> RunResult | None:
        """Return the result, or None where it has not ended within *timeout* seconds.

        Raises:
            BuildorchError: What ended the controller.
        """
        self._thread.join(timeout)
        if self._thread.is_alive():
            return None
        if self._error is not None:
            raise self._error
        return RunResult(self.view)

    def cancel(self, by: str = "this program", *, abandon: bool = False) -> None:
        """End the run: every remote tree is killed; `wait` returns when that is confirmed.

        A second call leaves without waiting for that; the cancel stays recorded.

        Args:
            by: Who wants that.
            abandon: Whether it ends without servers that do not answer; jobs may live on there.
        """
        if abandon:
            self._driver.inbox.put(facts.CancelOrdered(by=by))
            self._driver.inbox.put(facts.AbandonOrdered(by=by))
        else:
            self._driver.inbox.put(Interrupt(by))

    def move(self, stage: str, server: str | None = None, by: str = "this program") -> None:
        """Let a stage go on on another server: its job is killed, or fenced where it cannot be.

        Args:
            stage: Name of the stage.
            server: One of the stage's servers; None is its next fallback.
            by: Who wants that.

        Raises:
            UsageError: The stage cannot be moved, or not there.
        """
        check_move(self.view, stage, server)
        self._driver.inbox.put(facts.MoveOrdered(stage=stage, server=server, by=by))

    def detach(self) -> None:
        """Leave the run; jobs go on, and `resume` picks it up."""
        self._driver.inbox.put(Detach("detached"))

    def _drive(self) -> None:
        try:
            with self._stack:
                self._driver.drive()
        except BaseException as error:  # noqa: BLE001 - `wait` raises it where somebody listens
            self._error = error


def finish(handle: RunHandle) -> RunResult:
    """Wait for the end; the first Ctrl-C cancels, the second leaves; in a notebook it detaches."""
    while True:
        try:
            # In steps: a signal that comes just before a wait begins is noticed at its end.
            if (result := handle.wait(1.0)) is not None:
                return result
        except KeyboardInterrupt:
            if "ipykernel" in sys.modules:
                handle.detach()
            else:
                handle.cancel("Ctrl-C")
