"""Running pipelines from Python: `run`, `start`, `resume`, and what is known of a run.

Everything here is a function of its arguments: nothing is remembered between calls but what
the store of this user holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildorch.errors import RunOwned, UsageError
from buildorch.handle import RunHandle, finish
from buildorch.model import Plan
from buildorch.ordering import Ordered, order_cancel, order_move
from buildorch.result import RunResult
from buildorch.running import opened, reopened, retried
from buildorch.settings import ConfigLike, Options, configuration, history, plan, user
from buildorch.store.codec import plan_from_dict
from buildorch.store.ownership import holder
from buildorch.view import RunView
from buildorch.watched import Watched, left_alone, undriven

__all__ = [
    "ConfigLike",
    "Options",
    "RunHandle",
    "RunResult",
    "cancel",
    "configuration",
    "history",
    "move",
    "opened",
    "order_cancel",
    "order_move",
    "plan",
    "reopened",
    "report",
    "resume",
    "retried",
    "retry",
    "run",
    "servers",
    "start",
    "status",
    "undriven",
    "user",
    "wait",
]

if TYPE_CHECKING:
    from buildorch.definitions import Pipeline
    from buildorch.report import Written
    from buildorch.standing import ServerStanding


def start(
    pipeline: Pipeline | Plan,
    options: Options | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    only: Sequence[str] = (),
    until: Sequence[str] = (),
    skip: Sequence[str] = (),
    allow_parallel: bool = False,
    by: str | None = None,
    parent: str | None = None,
) -> RunHandle:
    """Run *pipeline* in the background of this process.

    Args:
        pipeline: A pipeline or a plan.
        options: How it is driven.
        params: Parameters of the pipeline.
        only: Names of the only stages to run.
        until: Names of stages after which to stop.
        skip: Names of stages to leave out.
        allow_parallel: Whether another run of it may be under way.
        by: Who starts it, for messages and history.
        parent: Id of the run that this one repeats.

    Raises:
        DefinitionError: What is wrong with it; no server was touched.
        RunOwned: The same pipeline is already running.
        StoreError: The run cannot be stored.
    """
    return RunHandle(
        opened(
            pipeline,
            options or Options(),
            params=params,
            only=only,
            until=until,
            skip=skip,
            allow_parallel=allow_parallel,
            by=by,
            parent=parent,
        )
    )


def run(
    pipeline: Pipeline | Plan,
    options: Options | None = None,
    **more: Any,  # noqa: ANN401 - as `start` takes them
) -> RunResult:
    """Run *pipeline* and return its result; Ctrl-C cancels it.

    Args:
        pipeline: A pipeline or a plan.
        options: How it is driven.
        more: As for `start`.

    Returns:
        The result, also of a run that failed: `.check()` raises then.
    """
    return finish(start(pipeline, options, **more))


def resume(run: str, pipeline: Pipeline | None = None, options: Options | None = None) -> RunResult:
    """Drive a run on whose controller has died or left; nothing runs twice.

    Args:
        run: Its id, a unique prefix of it, or `last`.
        pipeline: Its pipeline, where its functions cannot be imported.
        options: How it is driven.

    Raises:
        UsageError: It has ended.
        RunOwned: A controller drives it.
        RunNotFound: There is no such run.
    """
    return finish(RunHandle(reopened(run, options or Options(), pipeline)))


def retry(
    run: str,
    pipeline: Pipeline | None = None,
    options: Options | None = None,
    *,
    allow_parallel: bool = False,
) -> RunResult:
    """Run again what went wrong in *run*, and what follows from it, as a new run.

    Args:
        run: Its id, a unique prefix of it, or `last`.
        pipeline: Its pipeline, where its functions cannot be imported.
        options: How the new run is driven.
        allow_parallel: Whether another run of the pipeline may be under way.

    Raises:
        UsageError: It has not ended, or all went well.
        RunOwned: The same pipeline is already running.
        RunNotFound: There is no such run.
    """
    owned = retried(run, options or Options(), pipeline, allow_parallel=allow_parallel)
    return finish(RunHandle(owned))


def cancel(
    run: str,
    options: Options | None = None,
    *,
    by: str = "another program",
    abandon: bool = False,
) -> RunResult | None:
    """End a run: by its controller where one lives, else by ourselves.

    Args:
        run: Its id, a unique prefix of it, or `last`.
        options: How it is driven where nobody drives it.
        by: Who wants that.
        abandon: Whether it ends without servers that do not answer; jobs may live on there.

    Returns:
        The result where we ended it; None where its controller was asked to.

    Raises:
        UsageError: It has ended.
    """
    options = options or Options()
    return _obeyed(order_cancel(run, options, by=by, abandon=abandon), options)


def move(
    run: str,
    stage: str,
    server: str | None = None,
    options: Options | None = None,
    *,
    by: str = "another program",
) -> RunResult | None:
    """Let a stage go on on another server: its job is killed, or fenced where it cannot be.

    Args:
        run: Id of the run, a unique prefix of it, or `last`.
        stage: Name of the stage.
        server: One of the stage's servers; None is its next fallback.
        options: How the run is driven where nobody drives it.
        by: Who wants that.

    Returns:
        The result of the run where we drove it to its end; None where its controller was asked.

    Raises:
        UsageError: The stage cannot be moved, or not there.
    """
    options = options or Options()
    return _obeyed(order_move(run, stage, server, options, by=by), options)


def _obeyed(order: Ordered, options: Options) -> RunResult | None:
    """Drive the run that nobody drives, so that the order is obeyed."""
    if order.heard:
        return None
    try:
        return finish(RunHandle(reopened(order.run, options)))
    except RunOwned:
        return None  # its controller begins just now, and finds the order


def status(run: str = "last", options: Options | None = None) -> RunView:
    """Return what is known of a run, live or past.

    Args:
        run: Its id, a unique prefix of it, or `last`.
        options: Where the state folder is.

    Raises:
        RunNotFound: There is no such run.
    """
    with history(options or Options()) as (_, store):
        return RunView.of(store.read(store.find(run)), plan_from_dict)


def wait(run: str = "last", options: Options | None = None) -> RunView:
    """Return a run once it has ended.

    Raises:
        UsageError: Nobody drives it, so it would never end.
    """
    with history(options or Options()) as (places, store):
        watched = Watched(places, store, store.find(run))
        view = watched.to_the_end()
    if not watched.over:
        raise UsageError(left_alone(view.run))
    return view


def report(
    run: str = "last", out: str | Path | None = None, options: Options | None = None
) -> Written:
    """Write a run as one HTML page, and beside it as JUnit XML and as Markdown.

    Args:
        run: Its id, a unique prefix of it, or `last`.
        out: The page; None is `report.html` in the results folder.
        options: Where the state folder is.

    Returns:
        Where they are.

    Raises:
        RunNotFound: There is no such run.
        UsageError: They cannot be written.
    """
    from buildorch.report import read_report, write_report  # noqa: PLC0415 - only where one is made

    with history(options or Options()) as (places, store):
        found = store.find(run)
        known = read_report(store, found, alive=holder(places, found) is not None)
    return write_report(known, Path(out) if out is not None else None)


def servers(options: Options | None = None, limit: float = 2.0) -> tuple[ServerStanding, ...]:
    """Ask all servers of the configuration at once how they stand; nothing is changed there.

    Args:
        options: The configuration, the backends, and where the state folder is.
        limit: Seconds in which a server has to be reached; one that is has another to answer.

    Returns:
        One for each, in their order: whether it is there or why not, its load and room, jobs of
        ours, builds of others, slots.
    """
    from buildorch.standing import standings  # noqa: PLC0415 - only where servers are asked

    options = options or Options()
    settings = configuration(options.config)
    with history(options) as (places, store):
        return standings(settings, places, store, options.backends, limit)
