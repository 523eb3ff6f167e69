"""Running pipelines from Python: `run`, `start`, `resume`, and what is known of a run.

Everything here is a function of its arguments: nothing is remembered between calls but what
the store of this user holds.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from buildorch.assembly import Driver, Surroundings
from buildorch.backends.registry import Backends
from buildorch.engine import new_run, stored_run
from buildorch.errors import DefinitionError, RunOwned, UsageError
from buildorch.model import Channel, Config, Plan, Server
from buildorch.ports import Backend, Notifier
from buildorch.result import RunResult
from buildorch.runner.controller import Detach, Interrupt
from buildorch.runner.journal import Observer
from buildorch.store.codec import plan_from_dict
from buildorch.store.control import poke
from buildorch.store.database import Store
from buildorch.store.ownership import holder
from buildorch.store.places import Places, state_places
from buildorch.view import RunView, carried

__all__ = [
    "ConfigLike",
    "Options",
    "RunHandle",
    "RunResult",
    "cancel",
    "configuration",
    "history",
    "opened",
    "order_cancel",
    "plan",
    "reopened",
    "resume",
    "retried",
    "retry",
    "run",
    "start",
    "status",
    "user",
    "wait",
]

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
    """

    config: ConfigLike = None
    observers: Sequence[Observer] = ()
    backends: Mapping[str, Backend] = attrs.field(factory=dict)
    notifiers: Mapping[str, Told] = attrs.field(factory=dict)
    notify: bool = True
    results: str | Path = "results"
    home: str | Path | None = None


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

    def cancel(self, by: str = "this program") -> None:
        """End the run: every remote tree is killed; `wait` returns when that is confirmed.

        A second call leaves without waiting for that; the cancel stays recorded.
        """
        self._driver.inbox.put(Interrupt(by))

    def detach(self) -> None:
        """Leave the run; jobs go on, and `resume` picks it up."""
        self._driver.inbox.put(Detach("detached"))

    def _drive(self) -> None:
        try:
            with self._stack:
                self._driver.drive()
        except BaseException as error:  # noqa: BLE001 - `wait` raises it where somebody listens
            self._error = error


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
    return _finish(start(pipeline, options, **more))


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
    return _finish(RunHandle(reopened(run, options or Options(), pipeline)))


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
    return _finish(RunHandle(owned))


def _finish(handle: RunHandle) -> RunResult:
    """Wait for the end; the first Ctrl-C cancels, the second leaves; in a notebook it detaches."""
    while True:
        try:
            if (result := handle.wait()) is not None:
                return result
        except KeyboardInterrupt:
            if "ipykernel" in sys.modules:
                handle.detach()
            else:
                handle.cancel("Ctrl-C")


def cancel(
    run: str, options: Options | None = None, *, by: str = "another program"
) -> RunResult | None:
    """End a run: by its controller where one lives, else by ourselves.

    Args:
        run: Its id, a unique prefix of it, or `last`.
        options: How it is driven where nobody drives it.
        by: Who wants that.

    Returns:
        The result where we ended it; None where its controller was asked to.

    Raises:
        UsageError: It has ended.
    """
    options = options or Options()
    found, heard = order_cancel(run, options, by=by)
    if heard:
        return None
    try:
        return _finish(RunHandle(reopened(found, options)))
    except RunOwned:
        return None  # its controller begins just now, and finds the order


def order_cancel(run: str, options: Options, *, by: str) -> tuple[str, bool]:
    """Store the wish that *run* ends, which is never undone.

    Returns:
        Its id, and whether a controller has heard the wish; else whoever drives it next does.

    Raises:
        UsageError: It has ended.
    """
    with history(options) as (places, store):
        found = store.find(run)
        if store.run(found).status is not None:
            raise UsageError(f"run {found} has ended already: {store.run(found).status}")
        store.order(found, "cancel", by, at=time.time())
        return found, poke(places, found)


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
        found = store.find(run)
        while store.run(found).status is None:
            if holder(places, found) is None and store.run(found).status is None:
                raise UsageError(
                    f"nobody drives run {found}: it is interrupted; "
                    f"`buildorch resume {found}` goes on with it"
                )
            time.sleep(WAIT_INTERVAL)
        return RunView.of(store.read(found), plan_from_dict)


#: Seconds between two looks at a run that another process drives.
WAIT_INTERVAL = 0.2


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
        )


def _own_channels(options: Options) -> dict[str, Channel]:
    """Return a channel for each notifier of the caller's own, so that messages go there."""
    return {name: Channel(name=name) for name in options.notifiers}
