"""How runs are begun: options, configuration, a plan, and the right to drive.

The composition root: everything that a run needs is looked up here and passed on.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from buildorch.assembly import Driver, Surroundings
from buildorch.backends.registry import Backends
from buildorch.duration import Duration, parse_duration
from buildorch.engine import new_run, stored_run
from buildorch.errors import DefinitionError, UsageError
from buildorch.model import Channel, Config, Plan, Server
from buildorch.ports import Backend, Notifier
from buildorch.runner.journal import Observer
from buildorch.runner.links import KILL_GRACE
from buildorch.store.codec import plan_from_dict
from buildorch.store.database import Store
from buildorch.store.places import Places, state_places
from buildorch.view import RunView, carried

if TYPE_CHECKING:
    from buildorch.definitions import Pipeline

ConfigLike = Config | str | Path | None
Told = Notifier | Callable[[str], object]


@attrs.frozen(kw_only=True)
class Options:
    """How runs are driven; every field has a default that fits a script.

    Attributes:
        config: A configuration, the path of one, or None to look in the usual places.
        observers: Are shown every event.
        backends: Backends of the caller's own by name, such as a `testing.FakeBackend`.
        notifiers: Notifiers or functions of the caller's own by channel.
        notify: Whether anybody is told.
        results: Folder for results folders.
        home: State folder; None is `BUILDORCH_HOME` or the platform's.
        kill_grace: Seconds that a command has to end by itself when the run is cancelled.
        abandon_after: How long a run waits for a server that does not answer while a job of it
            may live there; None: for ever.
    """

    config: ConfigLike = None
    observers: Sequence[Observer] = ()
    backends: Mapping[str, Backend] = attrs.field(factory=dict)
    notifiers: Mapping[str, Told] = attrs.field(factory=dict)
    notify: bool = True
    results: str | Path = "results"
    home: str | Path | None = None
    kill_grace: float = KILL_GRACE
    abandon_after: Duration | None = None


def configuration(config: ConfigLike) -> Config:
    """Return the configuration that *config* stands for.

    Raises:
        DefinitionError: It has problems, or there is no such file.
    """
    from buildorch.yaml.config import find_config, load_config  # noqa: PLC0415 - YAML only where it is read

    if isinstance(config, Config):
        return config
    path = find_config(str(config) if config is not None else None, os.environ, Path.cwd())
    found = load_config(path) if path is not None else Config()
    language = os.environ.get("BUILDORCH_LANG", found.language)
    if language not in LANGUAGES:
        raise DefinitionError(
            [f"BUILDORCH_LANG is {language!r}; it takes {' or '.join(LANGUAGES)}"]
        )
    return attrs.evolve(found, language=language)


#: Languages of messages.
LANGUAGES = ("en", "ko")


def plan(
    pipeline: Pipeline | Plan,
    *,
    config: ConfigLike = None,
    params: Mapping[str, Any] | None = None,
    only: Sequence[str] = (),
    until: Sequence[str] = (),
    skip: Sequence[str] = (),
) -> Plan:
    """Return *pipeline* bound and validated; no server is touched.

    Raises:
        DefinitionError: Everything that is wrong with it.
    """
    if isinstance(pipeline, Plan):
        return pipeline
    from buildorch.backends.ssh_config import is_ssh_alias  # noqa: PLC0415 - only where servers are named
    from buildorch.planner import make_plan  # noqa: PLC0415 - networkx takes long to import

    made = make_plan(
        pipeline,
        configuration(config),
        params=params,
        only=only,
        until=until,
        skip=skip,
        known_alias=is_ssh_alias,
    )
    return _from_here(made, Path.cwd())


def _from_here(made: Plan, folder: Path) -> Plan:
    """Return the plan with absolute folders for stages on this machine, seen from *folder*.

    Stored, so that a resumed run goes on there wherever it is resumed.
    """
    stages = [
        attrs.evolve(stage, servers=[_placed(server, folder) for server in stage.servers])
        for stage in made.stages
    ]
    return attrs.evolve(made, stages=stages)


def _placed(server: Server, folder: Path) -> Server:
    if server.backend != "local":
        return server
    own = Path(server.workdir or ".").expanduser()
    return attrs.evolve(server, workdir=str(folder / own))


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


def user() -> str:
    """Return the name of the user of this process."""
    try:
        return getuser()
    except (KeyError, OSError):
        return str(os.getuid())


@contextmanager
def history(options: Options) -> Iterator[tuple[Places, Store]]:
    """Open the state folder and the run history in it."""
    environ = dict(os.environ)
    if options.home is not None:
        environ["BUILDORCH_HOME"] = str(options.home)
    places = state_places(environ)
    with Store(places.database) as store:
        yield places, store


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


def abandon_seconds(given: Duration | None, called: str = "abandon_after") -> float | None:
    """Return `Options.abandon_after` in seconds.

    Args:
        given: A duration; None is without limit.
        called: What it is called where it was given, for the message.

    Raises:
        UsageError: It is no duration.
    """
    try:
        return None if given is None else parse_duration(given)
    except ValueError as error:
        raise UsageError(f"{called}: {error}") from error


def _own_channels(options: Options) -> dict[str, Channel]:
    """Return a channel for each notifier of the caller's own, so that messages go there."""
    return {name: Channel(name=name) for name in options.notifiers}
