"""What every command and call begins with: options, configuration, a plan, the run history.

Needs no controller: looking at a run, or checking a definition, loads nothing that drives one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from buildorch.duration import Duration, parse_duration
from buildorch.errors import DefinitionError, UsageError
from buildorch.job import KILL_GRACE
from buildorch.model import Config, Plan, PlannedStage, Server

if TYPE_CHECKING:
    from buildorch.definitions import Pipeline
    from buildorch.ports import Backend, Notifier
    from buildorch.runner.journal import Observer
    from buildorch.store.database import Store
    from buildorch.store.places import Places

ConfigLike: TypeAlias = Config | str | Path | None
Told: TypeAlias = "Notifier | Callable[[str], object]"

#: Languages of messages.
LANGUAGES = ("en", "ko")


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
    if isinstance(config, Config):
        return config
    from buildorch.yaml.config import find_config, load_config  # noqa: PLC0415 - YAML only where it is read

    path = find_config(str(config) if config is not None else None, os.environ, Path.cwd())
    found = load_config(path) if path is not None else Config()
    language = os.environ.get("BUILDORCH_LANG", found.language)
    if language not in LANGUAGES:
        raise DefinitionError(
            [f"BUILDORCH_LANG is {language!r}; it takes {' or '.join(LANGUAGES)}"]
        )
    return attrs.evolve(found, language=language)


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
    from buildorch.planner import make_plan  # noqa: PLC0415 - only where a plan is made

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
    stages = [_moored(stage, folder) for stage in made.stages]
    return attrs.evolve(made, stages=stages)


def _moored(stage: PlannedStage, folder: Path) -> PlannedStage:
    if all(server.backend != "local" for server in stage.servers):
        return stage
    return attrs.evolve(stage, servers=[_placed(server, folder) for server in stage.servers])


def _placed(server: Server, folder: Path) -> Server:
    if server.backend != "local":
        return server
    own = Path(server.workdir or ".").expanduser()
    return attrs.evolve(server, workdir=str(folder / own))


def user() -> str:
    """Return the name of the user of this process."""
    try:
        return getuser()
    except (KeyError, OSError):
        return str(os.getuid())


@contextmanager
def history(options: Options) -> Iterator[tuple[Places, Store]]:
    """Open the state folder and the run history in it."""
    from buildorch.store.database import Store  # noqa: PLC0415 - only where runs are looked at
    from buildorch.store.places import state_places  # noqa: PLC0415 - likewise

    environ = dict(os.environ)
    if options.home is not None:
        environ["BUILDORCH_HOME"] = str(options.home)
    places = state_places(environ)
    with Store(places.database) as store:
        yield places, store


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
