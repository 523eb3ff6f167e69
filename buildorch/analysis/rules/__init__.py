"""The rules that are built in, one module for each tool; the first that matches wins."""

from __future__ import annotations

from buildorch.analysis.rule import Rule
from buildorch.analysis.rules import (
    bitbake,
    cargo,
    cmake,
    compilers,
    jvm,
    linkers,
    make,
    ninja,
    npm,
    programs,
    pytest,
    python,
    system,
)

#: All built-in rules, in the order in which they are tried.
RULES: tuple[Rule, ...] = (
    *linkers.RULES,
    *compilers.RULES,
    *make.RULES,
    *ninja.RULES,
    *cmake.RULES,
    *pytest.RULES,
    *bitbake.RULES,
    *npm.RULES,
    *cargo.RULES,
    *jvm.RULES,
    *python.RULES,
    *system.RULES,
    *programs.RULES,
)

#: Main tools first: the one that runs the others names the log.
TOOLS: tuple[str, ...] = (
    "bitbake",
    "gradle",
    "maven",
    "sbt",
    "cargo",
    "npm",
    "pytest",
    "ninja",
    "cmake",
    "make",
    "go",
    "unittest",
    "tsc",
    "javac",
    "gcc",
    "python",
)


def better(known: str | None, other: str | None) -> str | None:
    """Return which of two tools names the log.

    Example:
        >>> better("make", "ninja")
        'ninja'
    """
    if other is None or known is None:
        return known or other
    return min(known, other, key=lambda t: TOOLS.index(t) if t in TOOLS else len(TOOLS))
