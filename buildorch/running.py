"""How runs are begun: the right to drive a new run, one that was left, or one that is repeated.

The composition root: everything that a run needs is looked up here and passed on.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildorch.assembly import Driver, Surroundings
from buildorch.backends.registry import Backends
from buildorch.engine import new_run, stored_run
from buildorch.errors import UsageError
from buildorch.model import Channel, Config, Plan
from buildorch.settings import Options, abandon_seconds, configuration, history, plan, user
from buildorch.store.codec import plan_from_dict
from buildorch.view import RunView, carried

if TYPE_CHECKING:
    from buildorch.definitions import Pipeline


@contextmanager
def opened(
    pipeline: Pipeline | Plan,
    options: Options,
    *,
    params: Mapping[str, Any] | None = None,
    only: Sequence[str] = (),
    until: Sequence[str] = (),
    skip: Sequence[str] = (),
    functions: Pipeline | None = None,
    allow_parallel: bool = False,
    by: str | None = None,
    parent: str | None = None,
) -> Iterator[Driver]:
    """Own a new run; the command line drives it in its main thread.

    Arguments as for `start`; *functions* is the pipeline that the plan *pipeline* was made of.
    """
    config = configuration(options.config)
    bound = plan(pipeline, config=config, params=params, only=only, until=until, skip=skip)
    with (
        _surroundings(options, config, functions or pipeline) as here,
        new_run(
            bound,
            here,
            results=Path(options.results),
            allow_parallel=allow_parallel,
            by=by or user(),
            parent=parent,
        ) as driver,
    ):
        yield driver


@contextmanager
def reopened(run: str, options: Options, pipeline: Pipeline | None = None) -> Iterator[Driver]:
    """Own a run whose controller has died or left.

    Args:
        run: Its id, a unique prefix of it, or `last`.
        options: How it is driven.
        pipeline: Its pipeline, for stage functions that no import finds (lambdas, notebooks).
    """
    config = configuration(options.config)
    with (
        _surroundings(options, config, pipeline) as here,
        stored_run(here.store.find(run), here) as driver,
    ):
        yield driver


@contextmanager
def retried(
    run: str,
    options: Options,
    pipeline: Pipeline | None = None,
    *,
    allow_parallel: bool = False,
    by: str | None = None,
) -> Iterator[Driver]:
    """Own a new run of the same plan; what went well in *run* counts as done.

    Its results folder is made beside that of *run*.

    Arguments as for `retry`; *by* is who wants it.
    """
    config = configuration(options.config)
    with _surroundings(options, config, pipeline) as here:
        before = RunView.of(here.store.read(here.store.find(run)), plan_from_dict)
        done = carried(before)
        _refuse_retry(before, done)
        with new_run(
            before.plan,
            here,
            results=Path(before.results).parent,
            by=by or user(),
            parent=before.run,
            carried=done,
            allow_parallel=allow_parallel,
        ) as driver:
            yield driver


def _refuse_retry(before: RunView, done: Sequence[object]) -> None:
    """Raise where a run has not ended, or where nothing is left to do again."""
    if before.status is None:
        raise UsageError(
            f"run {before.run} has not ended; `buildorch resume {before.run}` goes on with it, "
            f"`buildorch cancel {before.run}` ends it"
        )
    if len(done) == len(before.plan.stages):
        raise UsageError(f"run {before.run} {before.status}: there is nothing to try again")


@contextmanager
def _surroundings(
    options: Options, config: Config, pipeline: Pipeline | Plan | None
) -> Iterator[Surroundings]:
    from buildorch.loading import find_function  # noqa: PLC0415 - only where functions are called

    with history(options) as (places, store):
        yield Surroundings(
            config=config,
            places=places,
            store=store,
            backends=Backends(options.backends, places.home),
            find=functools.partial(find_function, None if isinstance(pipeline, Plan) else pipeline),
            observers=options.observers,
            channels={**_own_channels(options), **config.channels} if options.notify else {},
            notifiers=options.notifiers if options.notify else {},
            kill_grace=options.kill_grace,
            abandon_after=abandon_seconds(options.abandon_after),
        )


def _own_channels(options: Options) -> dict[str, Channel]:
    """Return a channel for each notifier of the caller's own, so that messages go there."""
    return {name: Channel(name=name) for name in options.notifiers}
