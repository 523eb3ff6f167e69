"""Commands that drive a run: run, resume, retry, demo."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import attrs

from buildorch import api
from buildorch.assembly import Driver
from buildorch.cli.aside import prints_aside
from buildorch.cli.command import CONFIG, PARAM, PLACE, RUN, command
from buildorch.cli.detaching import detached
from buildorch.cli.driving import Opened, drive
from buildorch.definitions import Pipeline
from buildorch.errors import UsageError
from buildorch.job import KILL_GRACE
from buildorch.loading import load_pipeline, parse_parameters
from buildorch.model import Config, Plan
from buildorch.runner.journal import Observer
from buildorch.settings import abandon_seconds

_SELECTION = {
    "only": "a stage to run, with nothing but it and what lies between (may be repeated)",
    "until": "a stage to run with everything before it (may be repeated)",
    "skip": "a stage to leave out (may be repeated)",
}
#: Help of the options of every command that drives a run.
DRIVING = {
    "detach": "leave the terminal; the run goes on, and its id is printed",
    "json": "write one event a line on stdout; with --detach one object with the run's id",
    "quiet": "say only what goes wrong, and the end",
    "verbose": "say connections, commands and files as well",
    "no_notify": "tell nobody",
    "ci": "SIGTERM cancels the run, as build services expect",
    "config": CONFIG,
}
ABANDON = "how long to wait for a server that does not answer while a job may live there (1h)"
_FUNCTIONS = "FILE.py[:NAME] with stage functions that no import finds"
PARALLEL = "run although the same pipeline is running"

#: Seconds between TERM and KILL with `--ci`: build services kill us 10 s after their SIGTERM.
_CI_GRACE = 4.0


@command(
    positional=["file"],
    iterable=["param", "only", "until", "skip"],
    help={
        "file": PLACE,
        "param": PARAM,
        "dry_run": "say what would run, and run nothing",
        "results": "folder for results folders",
        "allow_parallel": PARALLEL,
        "yes": "ask nothing",
        "abandon_after": ABANDON,
        **_SELECTION,
        **DRIVING,
    },
)
def run(
    file: str,
    param: Sequence[str] = (),
    only: Sequence[str] = (),
    until: Sequence[str] = (),
    skip: Sequence[str] = (),
    dry_run: bool = False,
    detach: bool = False,
    json: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    results: str = "results",
    no_notify: bool = False,
    allow_parallel: bool = False,
    ci: bool = False,
    yes: bool = False,
    abandon_after: str | None = None,
    config: str | None = None,
) -> int:
    """Run a pipeline and show it until it has ended.

    Ctrl-C cancels it and kills every remote tree; a second Ctrl-C leaves at once. `d` on the
    board, SIGTERM and SIGHUP leave it running: `buildorch resume RUN` picks it up.
    """
    del yes
    if dry_run and json:
        raise UsageError("--dry-run says in words what would run; `check --json` answers in JSON")
    settings = api.configuration(config)
    options = driving_options(settings, no_notify=no_notify, ci=ci, abandon_after=abandon_after)
    options = attrs.evolve(options, results=results)
    with prints_aside():
        pipeline = load_pipeline(file)
        params = parse_parameters(pipeline, param)
        plan = api.plan(pipeline, config=settings, params=params, only=only, until=until, skip=skip)
    if dry_run:
        from buildorch.explaining import explain  # noqa: PLC0415 - only where a plan is explained

        print(explain(plan, settings))
        return 0

    return begun(
        plan,
        pipeline,
        options,
        allow_parallel=allow_parallel,
        detach=detach,
        json=json,
        quiet=quiet,
        verbose=verbose,
        ci=ci,
    )


def begun(
    plan: Plan,
    pipeline: Pipeline,
    options: api.Options,
    *,
    allow_parallel: bool,
    **how: bool,
) -> int:
    """Warn of what is odd about *plan*, then drive a new run of it; *how* is that of `driven`."""

    def opened(observers: Sequence[Observer]) -> AbstractContextManager[Driver]:
        shown = attrs.evolve(options, observers=observers)
        return api.opened(plan, shown, functions=pipeline, allow_parallel=allow_parallel)

    for warning in (*plan.warnings, *left_jobs(plan, options)):
        print(f"warning: {warning}", file=sys.stderr)
    return driven(opened, options, **how)


@command(
    positional=["run"],
    help={"run": RUN, "pipeline": _FUNCTIONS, "abandon_after": ABANDON, **DRIVING},
)
def resume(
    run: str = "last",
    pipeline: str | None = None,
    detach: bool = False,
    json: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    no_notify: bool = False,
    ci: bool = False,
    abandon_after: str | None = None,
    config: str | None = None,
) -> int:
    """Drive a run on whose controller has died or left; nothing runs twice."""
    functions = _functions(pipeline)
    options = driving_options(config, no_notify=no_notify, ci=ci, abandon_after=abandon_after)

    def opened(observers: Sequence[Observer]) -> AbstractContextManager[Driver]:
        return api.reopened(run, attrs.evolve(options, observers=observers), functions)

    return driven(
        opened,
        options,
        detach=detach,
        json=json,
        quiet=quiet,
        verbose=verbose,
        ci=ci,
        resumed=True,
    )


@command(
    positional=["run"],
    help={
        "run": RUN,
        "pipeline": _FUNCTIONS,
        "allow_parallel": PARALLEL,
        "abandon_after": ABANDON,
        **DRIVING,
    },
)
def retry(
    run: str = "last",
    pipeline: str | None = None,
    detach: bool = False,
    json: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    no_notify: bool = False,
    allow_parallel: bool = False,
    ci: bool = False,
    abandon_after: str | None = None,
    config: str | None = None,
) -> int:
    """Run the failed stages of a run and what follows from them again, as a new run.

    The plan is the stored one: for a definition that has changed since, start a new run. What
    went well counts as up to date.
    """
    functions = _functions(pipeline)
    options = driving_options(config, no_notify=no_notify, ci=ci, abandon_after=abandon_after)

    def opened(observers: Sequence[Observer]) -> AbstractContextManager[Driver]:
        shown = attrs.evolve(options, observers=observers)
        return api.retried(run, shown, functions, allow_parallel=allow_parallel)

    return driven(opened, options, detach=detach, json=json, quiet=quiet, verbose=verbose, ci=ci)


@command(help={"results": "folder for results folders", **DRIVING})
def demo(
    detach: bool = False,
    json: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    results: str = "results",
    no_notify: bool = False,
    ci: bool = False,
    config: str | None = None,
) -> int:
    """Run a three-stage pipeline on this machine: real processes, nothing to set up."""
    del config, no_notify  # the demo needs nothing but this machine, and tells nobody
    from buildorch.demo import demo_pipeline  # noqa: PLC0415 - only for the demo

    options = api.Options(
        config=Config(), notify=False, results=Path(results), kill_grace=_grace(ci=ci)
    )
    pipeline = demo_pipeline()
    plan = api.plan(pipeline, config=options.config)

    def opened(observers: Sequence[Observer]) -> AbstractContextManager[Driver]:
        shown = attrs.evolve(options, observers=observers)
        return api.opened(plan, shown, functions=pipeline, allow_parallel=True)

    return driven(opened, options, detach=detach, json=json, quiet=quiet, verbose=verbose, ci=ci)


def left_jobs(plan: Plan, options: api.Options) -> Iterator[str]:
    """Say which jobs of other runs may still be on the plan's servers, holding no slot."""
    used = {server.name for stage in plan.stages for server in stage.servers}
    with api.history(options) as (places, store):
        left = api.undriven(places, store)
    for server in sorted(used & left.keys()):
        for job in left[server]:
            run = job.split(" ", 1)[0]
            yield (
                f"{job} may still run on {server}, and nobody drives it: "
                f"`buildorch resume {run}` or `buildorch cancel {run}` first"
            )


def _functions(place: str | None) -> Pipeline | None:
    if place is None:
        return None
    with prints_aside():
        return load_pipeline(place)


def driving_options(
    config: api.ConfigLike, *, no_notify: bool, ci: bool, abandon_after: str | None
) -> api.Options:
    """Return how a run is driven, by the options that run, resume and retry share."""
    return api.Options(
        config=config,
        notify=not no_notify,
        kill_grace=_grace(ci=ci),
        abandon_after=abandon_seconds(abandon_after, "--abandon-after"),
    )


def _grace(*, ci: bool) -> float:
    return _CI_GRACE if ci else KILL_GRACE


def driven(
    opened: Opened,
    options: api.Options,
    *,
    detach: bool,
    json: bool,
    quiet: bool,
    verbose: bool,
    ci: bool,
    resumed: bool = False,
) -> int:
    """Drive a run here, or let a controller of its own do it."""
    if not detach:
        return drive(opened, json=json, quiet=quiet, verbose=verbose, ci=ci, resumed=resumed)
    if ci:
        raise UsageError("--detach leaves the run at once, --ci stays with it: take one of them")
    return detached(opened, options, json=json)
