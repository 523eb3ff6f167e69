"""Rules for CMake: messages of the configure step, percents of its makefiles."""

from __future__ import annotations

from buildorch.analysis.rule import Details, Kind, Rule

_PLACE = (
    r"(?: at (?P<file>.+?):(?P<line>\d+)(?: \((?P<command>[^)]+)\))?"
    r"|.*?): ?"
)

RULES = (
    Rule(
        name="cmake.error",
        kind=Kind.ERROR,
        pattern=r"CMake (?:Internal |Deprecation )?Error(?: \([^)]*\))?" + _PLACE,
        tool="cmake",
        starts=(r"CMake (?:Internal |Deprecation )?Error",),
        details=Details.INDENTED,
    ),
    Rule(
        name="cmake.warning",
        kind=Kind.WARNING,
        pattern=r"CMake (?:Deprecation |Author )?Warning(?: \([^)]*\))?" + _PLACE,
        tool="cmake",
        starts=(r"CMake (?:Deprecation |Author )?Warning",),
    ),
    Rule(
        name="cmake.incomplete",
        kind=Kind.CONSEQUENCE,
        pattern=r"-- Configuring incomplete, errors occurred"
        r"|CMake (?:Generate|Configure) step fail",
        tool="cmake",
        starts=("-- Configuring", "CMake Generate", "CMake Configure"),
        summary=True,
    ),
    Rule(
        name="cmake.configured",
        kind=Kind.NOTHING,
        pattern=r"-- Configuring done|-- The (?:C|CXX) compiler identification",
        tool="cmake",
        starts=("-- Configuring", "-- The C"),
    ),
    Rule(
        name="cmake.progress",
        kind=Kind.PROGRESS,
        pattern=r"\[ *(?P<percent>\d+)%\] (?P<unit>\S.*)",
        tool="cmake",
        starts=(r"\[ *\d+%\] ",),
    ),
)
