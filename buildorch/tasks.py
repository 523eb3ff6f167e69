"""Pipelines as Invoke tasks, to mount in a `tasks.py`: `invoke full-build --module vam`."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import TYPE_CHECKING, Any

import attrs
from invoke import Collection, Context, Exit, Task

from buildorch.definitions import Pipeline
from buildorch.errors import BuildorchError, DefinitionError, InfrastructureError, StoreError
from buildorch.names import shown_name
from buildorch.parameters import convert
from buildorch.signatures import Parameter

if TYPE_CHECKING:
    from buildorch.assembly import Driver
    from buildorch.runner.journal import Observer

_USAGE, _INFRASTRUCTURE = 2, 3

#: What of a docstring is for programmers: each parameter's help stands with its option.
_SECTIONS = re.compile(r"^(?:Args|Arguments|Returns|Raises|Examples?):", re.MULTILINE)

#: Options of every pipeline; no parameter can have one of these names.
_OPTIONS: Mapping[str, tuple[Any, str]] = {
    "config": (None, "configuration file"),
    "dry_run": (False, "say what would run, and run nothing"),
    "detach": (False, "leave the terminal; the run goes on"),
    "json": (False, "write one event a line on stdout"),
}


def collection(module: ModuleType) -> Collection:
    """Return a collection with a task for each pipeline of *module*, a module or package.

    A task has the Python name of its pipeline (`full_build` is `full-build`), the pipeline's
    parameters as options and its docstring as help. It runs the pipeline, shows it live, and
    ends with the exit code of the run.

    Args:
        module: A module, or a package whose modules have pipelines.

    Raises:
        DefinitionError: Two pipelines have one name.
    """
    tasks = Collection()
    for name, pipeline in pipelines_in(module).items():
        tasks.add_task(task_of(name, pipeline), name=name)
    return tasks


def pipelines_in(module: ModuleType) -> dict[str, Pipeline]:
    """Return the pipelines of *module* and, where it is a package, of the modules in it.

    Returns:
        Pipelines by the name of their task; one with several Python names is there once.

    Raises:
        DefinitionError: Two pipelines have one name.
    """
    found: dict[str, Pipeline] = {}
    for one in _modules(module):
        for name, value in vars(one).items():
            if not isinstance(value, Pipeline) or value in found.values():
                continue
            if shown_name(name) in found:
                raise DefinitionError(
                    [f"two pipelines in {module.__name__} have the name {shown_name(name)!r}"]
                )
            found[shown_name(name)] = value
    return found


def task_of(name: str, pipeline: Pipeline) -> Task[Callable[..., None]]:
    """Return the task *name*, which runs *pipeline*."""
    parameters = {one.name: one for one in pipeline.parameters()}

    def body(c: Context, **given: Any) -> None:  # noqa: ANN401 - options as Invoke parsed them
        del c
        options = {name: given.pop(name) for name in _OPTIONS}
        try:
            code = _run(pipeline, _values(parameters, given), **options)
        except BuildorchError as error:
            broken = isinstance(error, InfrastructureError | StoreError)
            raise Exit(str(error), code=_INFRASTRUCTURE if broken else _USAGE) from None
        if code:
            raise Exit(code=code)

    doc = inspect.getdoc(pipeline.function) if pipeline.function is not None else None
    body.__doc__ = _SECTIONS.split(doc or pipeline.description or "")[0].strip()
    body.__signature__ = _signature(parameters.values())  # type: ignore[attr-defined]
    helps = {name: _help(one) for name, one in parameters.items()}
    helps |= {name: text for name, (_, text) in _OPTIONS.items()}
    return Task(body, name=name, help=helps)


def _modules(module: ModuleType) -> Iterator[ModuleType]:
    yield module
    for info in pkgutil.iter_modules(getattr(module, "__path__", ())):
        yield importlib.import_module(f"{module.__name__}.{info.name}")


def _signature(parameters: Iterable[Parameter]) -> inspect.Signature:
    """Return what Invoke makes options of: flags for yes or no, text for everything else."""
    defaults: dict[str, Any] = {
        one.name: one.default if isinstance(one.default, bool) else None for one in parameters
    }
    defaults |= {name: default for name, (default, _) in _OPTIONS.items()}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    options = [inspect.Parameter(name, kind, default=one) for name, one in defaults.items()]
    return inspect.Signature([inspect.Parameter("c", kind), *options])


def _help(parameter: Parameter) -> str:
    if parameter.required:
        return f"{parameter.help} (required)".strip()
    return f"{parameter.help} (default: {parameter.default})".strip()


def _values(parameters: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given options as values of the parameters; those not given are left out."""
    return {
        name: convert(parameters[name], value) if isinstance(value, str) else value
        for name, value in given.items()
        if value is not None
    }


def _run(
    pipeline: Pipeline,
    params: Mapping[str, Any],
    *,
    config: str | None,
    dry_run: bool,
    detach: bool,
    json: bool,
) -> int:
    """Run *pipeline* and return the exit code of the run."""
    from buildorch import api  # noqa: PLC0415 - `invoke --list` needs none of this
    from buildorch.cli.detaching import detached  # noqa: PLC0415 - likewise
    from buildorch.cli.driving import drive  # noqa: PLC0415 - likewise
    from buildorch.explaining import explain  # noqa: PLC0415 - likewise

    settings = api.configuration(config)
    plan = api.plan(pipeline, config=settings, params=params)
    if dry_run:
        print(explain(plan, settings))  # noqa: T201 - what was asked for
        return 0
    for warning in plan.warnings:
        print(f"warning: {warning}", file=sys.stderr)  # noqa: T201 - a command line's task
    options = api.Options(config=settings)

    def opened(observers: Sequence[Observer]) -> AbstractContextManager[Driver]:
        shown = attrs.evolve(options, observers=observers)
        return api.opened(plan, shown, functions=pipeline(**params))

    if detach:
        return detached(opened, options)
    return drive(opened, json=json, quiet=False, verbose=False)
