"""From an analysis to the words of an alert: what failed, and where."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from buildorch.analysis.finding import Analysis, Finding

_NOT_FOUND = (
    re.compile(r'package configuration file provided by "(?P<what>[^"]+)"'),
    re.compile(r"Could NOT find (?P<what>\w+)"),
    re.compile(r"Could not find (?P<what>\w+) using the following names"),
)
_LIMIT = 300


def alert(analysis: Analysis) -> str:
    """Return what went wrong in one line, and the place in a second one where it is known.

    Args:
        analysis: What a log says.

    Returns:
        At most two lines; empty where the log reports no error.

    Example:
        >>> found = Finding(
        ...     line=9, offset=80, text="CMake Error at app/CMakeLists.txt:4 (message):",
        ...     file="app/CMakeLists.txt", source_line=4, command="message",
        ...     detail="no board", rule="cmake.error",
        ... )
        >>> print(alert(Analysis(errors=1, first_error=found)))
        CMake error in app
        CMakeLists.txt:4 no board
    """
    found = analysis.first_error
    if found is None:
        return ""
    if found.rule == "cmake.error":
        return "\n".join(line for line in (_cmake_headline(found), _cmake_place(found)) if line)
    return _cut(_headline(found))


def _headline(found: Finding) -> str:
    if found.detail and (found.text.endswith(":") or found.rule.startswith("npm.")):
        return f"{found.text.lstrip('* ')} {found.detail}"
    if found.unit and " do_" in found.unit and found.unit not in found.text:
        return f"{found.unit}: {found.text}"
    if found.rule == "python.traceback" and found.file:
        return f"{found.text} ({PurePosixPath(found.file).name}:{found.source_line})"
    return found.text


def _cmake_headline(found: Finding) -> str:
    module = cmake_module(found)
    where = found.unit if found.unit and " do_" in found.unit else module
    return f"CMake error in {where}" if where else "CMake error"


def cmake_module(found: Finding) -> str | None:
    """Return the folder whose CMakeLists.txt failed: the module's name."""
    if found.file is None or not found.file.endswith("CMakeLists.txt"):
        return None
    return PurePosixPath(found.file).parent.name or None


def _cmake_place(found: Finding) -> str:
    if found.file is None:
        return _cut(f"{found.text} {found.detail or ''}".strip())
    place = PurePosixPath(found.file).name
    if found.source_line:
        place = f"{place}:{found.source_line}"
    return _cut(f"{place} {_cmake_reason(found)}".strip())


def _cmake_reason(found: Finding) -> str:
    detail = found.detail or ""
    for pattern in _NOT_FOUND:
        if missing := pattern.search(detail):
            return f"{found.command or 'find_package'}: {missing['what']} not found"
    if found.command in {None, "message"}:
        return detail
    return f"{found.command}: {detail}"


def _cut(text: str) -> str:
    return text if len(text) <= _LIMIT else text[: _LIMIT - 1] + "…"
