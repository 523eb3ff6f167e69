"""Pipelines from files and modules, and stage functions from where a plan says they are."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from buildorch.definitions import Pipeline
from buildorch.errors import BuildorchError, DefinitionError, Problem, UsageError
from buildorch.flow import Stage
from buildorch.model import JSON, FunctionRef, PlannedStage
from buildorch.names import nearest
from buildorch.parameters import convert, decode

_YAML = (".yaml", ".yml")


def load_pipeline(place: str) -> Pipeline:
    """Return the pipeline at *place*.

    Args:
        place: `FILE.yaml`, `FILE.py`, `FILE.py:NAME` or `module:NAME`. NAME is the pipeline's
            Python name or its own; it may be left out where the file has only one.

    Raises:
        DefinitionError: The definition is wrong, or its Python code cannot be imported.
        UsageError: There is no such file, module or pipeline.
    """
    if place.lower().endswith(_YAML):
        from buildorch.yaml import load_pipeline as load_yaml  # noqa: PLC0415 - YAML only where it is read

        return load_yaml(Path(place))
    source, name = _split(place)
    module = _module_at(source, place)
    return _choose(_pipelines(module), name, source)


def _split(place: str) -> tuple[str, str | None]:
    source, colon, name = place.rpartition(":")
    return (source, name) if colon and os.sep not in name else (place, None)


def _module_at(source: str, place: str) -> ModuleType:
    if source.endswith(".py"):
        return _import_file(Path(source))
    if Path(source).exists() or os.sep in source:
        raise UsageError(f"{source} is no pipeline: give FILE.yaml, FILE.py[:NAME] or module:NAME")
    try:
        return _import(source)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"there is no file and no module {source!r}, which {place!r} names: {error}"
        ) from error


def _import_file(path: Path) -> ModuleType:
    """Import a file under its stem, as `python FILE` would find what lies beside it."""
    if not path.is_file():
        near = nearest(path.name, [one.name for one in path.parent.glob("*.py")])
        hint = f"; did you mean {path.with_name(near)}?" if near else ""
        raise UsageError(f"there is no file {path}{hint}")
    absolute = path.resolve()
    known = sys.modules.get(absolute.stem)
    if known is not None and getattr(known, "__file__", None) == str(absolute):
        return known
    name = absolute.stem if known is None else f"{absolute.stem}_{_digest(str(absolute))}"
    spec = importlib.util.spec_from_file_location(name, absolute)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if str(absolute.parent) not in sys.path:
        sys.path.append(str(absolute.parent))
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        raise _import_problem(error, str(path)) from error
    return module


def _import(name: str) -> ModuleType:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and name.startswith(error.name):
            raise
        raise _import_problem(error, name) from error
    except Exception as error:
        raise _import_problem(error, name) from error


def _import_problem(error: BaseException, source: str) -> BaseException:
    """Return what tells a user of a definition that cannot be imported."""
    if isinstance(error, BuildorchError) or not isinstance(error, Exception):
        return error
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(source):
            line = trace.tb_lineno
        trace = trace.tb_next
    line = getattr(error, "lineno", None) or line
    return DefinitionError([Problem(f"{type(error).__name__}: {error}", source, line)])


def _pipelines(module: ModuleType) -> Mapping[str, Pipeline]:
    return {name: one for name, one in vars(module).items() if isinstance(one, Pipeline)}


def _choose(found: Mapping[str, Pipeline], name: str | None, source: str) -> Pipeline:
    distinct = {id(one): one for one in found.values()}
    if name is None and len(distinct) == 1:
        return next(iter(distinct.values()))
    names = sorted({*found, *(one.name for one in found.values())})
    if name is None:
        what = f"{len(distinct)} pipelines; name one: {', '.join(names)}" if found else "none"
        raise UsageError(f"{source} has {what}" if found else f"{source} has no pipeline")
    if name in found:
        return found[name]
    for one in found.values():
        if one.name == name:
            return one
    near = nearest(name, names)
    hint = f"did you mean {near}?" if near else f"it has {', '.join(names) or 'none'}"
    raise UsageError(f"{source} has no pipeline {name!r}; {hint}")


def parse_parameters(pipeline: Pipeline, given: Sequence[str]) -> dict[str, Any]:
    """Return parameters from `NAME=VALUE` words.

    Raises:
        UsageError: A word has no `=`, or the pipeline has no such parameter; names the nearest.
    """
    known = {one.name: one for one in pipeline.parameters()}
    found: dict[str, Any] = {}
    for word in given:
        name, equals, text = word.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise UsageError(f"--param takes NAME=VALUE, not {word!r}")
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near}?" if near else f"it has {', '.join(known) or 'none'}"
            raise UsageError(f"pipeline {pipeline.name} has no parameter {name!r}; {hint}")
        found[name] = convert(known[name], text)
    missing = [one.name for one in known.values() if one.required and one.name not in found]
    if missing:
        words = " ".join(f"--param {name}=..." for name in missing)
        raise UsageError(f"pipeline {pipeline.name} needs {words}")
    return found


def find_function(
    pipeline: Pipeline | None, params: Mapping[str, JSON], stage: PlannedStage
) -> Callable[..., Any]:
    """Return the function of *stage*, from *pipeline* or from where its plan says.

    Args:
        pipeline: The pipeline, where the caller has it.
        params: The parameters of the run, as they are stored.
        stage: The stage.

    Raises:
        UsageError: The function is not there any more.
    """
    ref = stage.function
    if ref is None:
        raise UsageError(f"stage {stage.name} has no function")
    if pipeline is not None:
        known = {one.name for one in pipeline.parameters()}
        given = {name: decode(value) for name, value in params.items() if name in known}
        for one in pipeline.flow(**given).stages:
            if one.name == stage.name and one.function is not None:
                return one.function
    if not ref.importable:
        raise UsageError(
            f"the function of stage {stage.name} ({ref.module}.{ref.qualname}) cannot be imported; "
            "resume from Python with buildorch.resume(RUN, pipeline)"
        )
    return _imported(stage, ref)


def _imported(stage: PlannedStage, ref: FunctionRef) -> Callable[..., Any]:
    is_file = ref.module.endswith(".py")
    module = _import_file(Path(ref.module)) if is_file else _import(ref.module)
    found: Any = module
    for name in ref.qualname.split("."):
        found = getattr(found, name, None)
    function = found.function if isinstance(found, Stage) else found
    if not callable(function):
        raise UsageError(f"stage {stage.name}: {ref.module} has no {ref.qualname} any more")
    return function


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
