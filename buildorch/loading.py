"""Pipelines from files and modules, and stage functions from where a plan says they are."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from buildorch.definitions import Pipeline
from buildorch.errors import BuildorchError, DefinitionError, Problem, UsageError
from buildorch.flow import Stage
from buildorch.model import JSON, FunctionRef, PlannedStage
from buildorch.names import nearest
from buildorch.parameters import convert, decode
from buildorch.signatures import Parameter

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

        return load_yaml(_existing(Path(place)))
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


def _existing(path: Path) -> Path:
    """Return *path* where a file is there, or raise with the nearest name beside it."""
    if path.is_file():
        return path
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name the file in it that has the pipeline")
    near = nearest(path.name, [one.name for one in path.parent.glob(f"*{path.suffix}")])
    hint = f"; did you mean {path.with_name(near)}?" if near else ""
    raise UsageError(f"there is no file {path}{hint}")


def _import_file(path: Path) -> ModuleType:
    """Import a file, so that it finds what lies beside it as with `python FILE`."""
    absolute = _existing(path).resolve()
    name = _module_name(absolute)
    known = sys.modules.get(name)
    if known is not None:
        return known
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
    # As of a script: another process finds its functions by the file, not by a module's name.
    module.__spec__ = None
    return module


def _module_name(file: Path) -> str:
    """Return a name that is no other module's, here or in what is imported later."""
    taken = sys.modules.get(file.stem)
    if taken is not None and getattr(taken, "__file__", None) == str(file):
        return file.stem
    if taken is None and file.stem.isidentifier() and importlib.util.find_spec(file.stem) is None:
        return file.stem
    return f"{file.stem}_{_digest(str(file))}"


def _import(name: str) -> ModuleType:
    """Import a module; what is in the working folder comes first for it, and last afterwards."""
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise
        raise _import_problem(error, name) from error
    except (Exception, SystemExit) as error:
        raise _import_problem(error, name) from error
    finally:
        if added:  # a file of the user's must not stand for a library of ours
            sys.path.remove(here)
            sys.path.append(here)


def _import_problem(error: BaseException, source: str) -> BaseException:
    """Return what tells a user of a definition that cannot be imported, and where it broke."""
    if isinstance(error, BuildorchError | KeyboardInterrupt):
        return error
    file, line = source, None
    for frame in traceback.extract_tb(error.__traceback__):
        if _is_users(frame.filename):
            file, line = frame.filename, frame.lineno
    if isinstance(error, SyntaxError):
        place = Problem(f"SyntaxError: {error.msg}", file, error.lineno, error.offset)
        return DefinitionError([attrs.evolve(place, file=_shown(error.filename or file))])
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, SystemExit):
        text = f"it ends the program when it is imported: exit({error.code!r})"
    return DefinitionError([Problem(text.rstrip(": "), _shown(file), line)])


def _is_users(file: str) -> bool:
    """Tell whether code is the user's own, rather than ours, Python's or a library's."""
    libraries = (__file__, "<", *sysconfig.get_paths().values())
    return not file.startswith(libraries)


def _shown(file: str) -> str:
    """Return a path as short as it can be written here."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def _pipelines(module: ModuleType) -> Mapping[str, Pipeline]:
    return {name: one for name, one in vars(module).items() if isinstance(one, Pipeline)}


def _choose(found: Mapping[str, Pipeline], name: str | None, source: str) -> Pipeline:
    distinct = {id(one): one for one in found.values()}
    if name is None and len(distinct) == 1:
        return next(iter(distinct.values()))
    names = _names(found)
    if name is None:
        if not found:
            raise UsageError(f"{source} has no pipeline: make one with @pipeline or Pipeline(...)")
        raise UsageError(
            f"{source} has {len(distinct)} pipelines: {', '.join(names)}; name one, as in "
            f"{source}:{names[0]}"
        )
    if name in found:
        return found[name]
    for one in found.values():
        if one.name == name:
            return one
    near = nearest(name, {*found, *(one.name for one in found.values())})
    hint = f"did you mean {near}?" if near else f"it has {', '.join(names) or 'none'}"
    raise UsageError(f"{source} has no pipeline {name!r}; {hint}")


def _names(found: Mapping[str, Pipeline]) -> list[str]:
    """Return one name for each pipeline: the Python name that was bound first."""
    first: dict[int, str] = {}
    for name, one in found.items():
        first.setdefault(id(one), name)
    return sorted(first.values())


def parse_parameters(pipeline: Pipeline, given: Sequence[str]) -> dict[str, Any]:
    """Return parameters from `NAME=VALUE` words.

    Raises:
        UsageError: A word has no `=`, its value does not fit, or the pipeline has no such
            parameter; says so of all of them, and names the nearest.
    """
    known = {one.name: one for one in pipeline.parameters()}
    found: dict[str, Any] = {}
    wrong: list[str] = []
    for word in given:
        try:
            name, value = _parameter(pipeline, known, word)
            found[name] = value
        except UsageError as error:
            wrong.append(str(error))
    missing = [one.name for one in known.values() if one.required and one.name not in found]
    if missing and not wrong:
        words = " ".join(f"--param {name}=..." for name in missing)
        wrong.append(f"pipeline {pipeline.name} needs {words}")
    if wrong:
        raise UsageError("\n".join(wrong))
    return found


def _parameter(pipeline: Pipeline, known: Mapping[str, Parameter], word: str) -> tuple[str, Any]:
    """Return name and value that *word* gives."""
    name, equals, text = word.partition("=")
    name = name.strip().replace("-", "_")
    if not equals:
        raise UsageError(f"--param takes NAME=VALUE, not {word!r}")
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near}?" if near else f"it has {', '.join(known) or 'none'}"
        raise UsageError(f"pipeline {pipeline.name} has no parameter {name!r}; {hint}")
    return name, convert(known[name], text)


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
    try:
        module = _import_file(Path(ref.module)) if is_file else _import(ref.module)
    except ModuleNotFoundError as error:
        raise UsageError(f"stage {stage.name}: its function is gone: {error}") from error
    found: Any = module
    for name in ref.qualname.split("."):
        found = getattr(found, name, None)
    function = found.function if isinstance(found, Stage) else found
    if not callable(function):
        raise UsageError(f"stage {stage.name}: {ref.module} has no {ref.qualname} any more")
    return function


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
