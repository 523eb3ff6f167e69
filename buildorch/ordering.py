"""Orders to the controller of a run: what anybody can want of it from another process.

An order is stored and stays until a controller has answered it, so that none is lost; whoever
drives the run next finds it where nobody drives the run now.
"""

from __future__ import annotations

import time

import attrs

from buildorch.errors import UsageError
from buildorch.model import JSON
from buildorch.names import nearest, quoted
from buildorch.settings import Options, history
from buildorch.store.codec import plan_from_dict
from buildorch.store.control import poke
from buildorch.view import RunView, StageView


@attrs.frozen
class Ordered:
    """An order that is stored.

    Attributes:
        run: Id of the run.
        number: The order's.
        heard: Whether a controller has heard of it; else whoever drives the run next does.
    """

    run: str
    number: int
    heard: bool


def order_cancel(run: str, options: Options, *, by: str, abandon: bool = False) -> Ordered:
    """Store the wish that *run* ends, which is never undone.

    Args:
        run: Its id, a unique prefix of it, or `last`.
        options: Where the state folder is.
        by: Who wants that.
        abandon: Whether it ends without servers that do not answer.

    Returns:
        The stored order.

    Raises:
        UsageError: It has ended.
    """
    with history(options) as (places, store):
        found = store.find(run)
        if store.run(found).status is not None:
            raise UsageError(f"run {found} has ended already: {store.run(found).status}")
        payload: JSON = {"by": by, "abandon": abandon}
        number = store.order(found, "cancel", payload, at=time.time())
        return Ordered(found, number, poke(places, found))


def order_move(run: str, stage: str, server: str | None, options: Options, *, by: str) -> Ordered:
    """Store the wish that *stage* of *run* goes on on another server.

    Args:
        run: Its id, a unique prefix of it, or `last`.
        stage: Name of the stage.
        server: One of the stage's servers; None is its next fallback.
        options: Where the state folder is.
        by: Who wants that.

    Returns:
        The stored order.

    Raises:
        UsageError: The stage cannot be moved, or not there.
    """
    with history(options) as (places, store):
        found = store.find(run)
        check_move(RunView.of(store.read(found), plan_from_dict), stage, server)
        payload: JSON = {"stage": stage, "server": server, "by": by}
        number = store.order(found, "move", payload, at=time.time())
        return Ordered(found, number, poke(places, found))


def check_move(view: RunView, stage: str, server: str | None) -> str:
    """Return where a stage would be moved to, as far as is known.

    Args:
        view: The run.
        stage: Name of the stage.
        server: One of the stage's servers; None is its next fallback.

    Raises:
        UsageError: It cannot be moved, or not there.
    """
    if view.status is not None or view.cancel_requested is not None:
        raise UsageError(f"run {view.run} has ended or is being cancelled: nothing is moved in it")
    if stage not in view.stages:
        near = nearest(stage, view.stages)
        hint = f"; did you mean {quoted(near)}?" if near else ""
        raise UsageError(f"run {view.run} has no stage {quoted(stage)}{hint}")
    return _target(view.stages[stage], server)


def _target(stage: StageView, server: str | None) -> str:
    if stage.finished is not None:
        raise UsageError(f"stage {stage.name} has ended: {stage.finished.status}")
    names = [one.name for one in stage.stage.servers]
    here = stage.server or names[0]
    if server == here:
        raise UsageError(f"stage {stage.name} is on {server} already")
    after = names[names.index(here) + 1 :]
    if server is None and not after:
        others = ", ".join(name for name in names if name != here)
        how = f"name one of {others} with --to" if others else "give it a `fallback`"
        raise UsageError(f"stage {stage.name} has no server after {here}: {how}")
    if server is not None and server not in names:
        raise UsageError(
            f"stage {stage.name} runs on {', '.join(names)}, not on {quoted(server)}: its plan was "
            "made with these servers"
        )
    return server or after[0]
