"""Where a stage function is found again by a process that resumes its run."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from buildorch.flow import Stage
from buildorch.model import FunctionRef


def reference(function: Callable[..., Any]) -> FunctionRef:
    """Return where *function* is: by its module's name, or by the file that it stands in.

    A function that cannot be found there again (a lambda, one of a notebook, one made inside
    another function) is not importable.
    """
    qualname = getattr(function, "__qualname__", type(function).__qualname__)
    place = _place(function, qualname)
    return FunctionRef(
        module=place or getattr(function, "__module__", None) or "?",
        qualname=qualname,
        digest=_digest(function),
        importable=place is not None,
    )


def _place(function: Callable[..., Any], qualname: str) -> str | None:
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    if module is None or not _leads_to(module, qualname, function):
        return None
    spec, file = getattr(module, "__spec__", None), getattr(module, "__file__", None)
    if spec is not None and _is_found(spec.name, spec.origin):
        return str(spec.name)
    return str(Path(file).resolve()) if file is not None and Path(file).is_file() else None


def _leads_to(module: object, qualname: str, function: Callable[..., Any]) -> bool:
    """Tell whether *qualname* in *module* is the function, or a stage made of it."""
    found = functools.reduce(
        lambda owner, name: getattr(owner, name, None), qualname.split("."), module
    )
    return function in (found, found.function if isinstance(found, Stage) else None)


def _is_found(name: str, origin: str | None) -> bool:
    """Tell whether importing *name* gives the module of that file."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):  # no such parent, or a module without a spec
        return False
    return spec is not None and origin is not None and spec.origin == origin


def _digest(function: Callable[..., Any]) -> str:
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return ""
    return hashlib.sha256(source.encode()).hexdigest()[:16]
