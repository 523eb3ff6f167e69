"""Where a definition was written, so that a problem can name the place."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import attrs

from buildorch.errors import Problem


@attrs.frozen
class Origin:
    """Where in a file a stage or pipeline was written; line and column count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Origin | None:
        """Return where *function* was written; None where that is no file, or not known."""
        code = getattr(function, "__code__", None)
        if code is None or code.co_filename.startswith("<"):
            return None
        return cls(code.co_filename, code.co_firstlineno)


def problem_at(origin: Origin | None, message: str) -> Problem:
    """Return the problem that *message* is at *origin*, as far as that is known."""
    if origin is None:
        return Problem(message)
    return Problem(message, origin.file or None, origin.line, origin.column)


def raised(error: Exception) -> str:
    """Return what a function of the user raised, and where, in one line."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    text = f"{type(error).__name__}: {error}".strip().splitlines()[0].rstrip(": ")
    return f"raised {text} ({frame.filename}:{frame.lineno})"
