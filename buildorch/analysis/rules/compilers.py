"""Rules for compilers: gcc, clang, javac, tsc, kotlinc, go, nvcc, assemblers, mypy.

One diagnostic is one line that names a place or the program itself; excerpts of the source,
notes and totals are none.
"""

from __future__ import annotations

from buildorch.analysis.rule import Kind, Rule

# A path with spaces is only believed when it is plainly a path: prose has places too.
_FILE = (
    r"(?P<file>(?:/|\.\.?/|[A-Za-z]:[\\/])[^:\n]*?|\{standard input\}|<[\w -]+>"
    r"|(?![A-Za-z]:[\\/])[^\s:+|>'\"`#$=(\[-][^\s:('\"`]*)"
)
_PLACE = _FILE + r":(?P<line>\d+)(?:[:.]\d+(?:-\d+(?:\.\d+)?)?)?: "
_PLACE_IN_BRACKETS = _FILE + r"\((?P<line>\d+)(?:,\d+(?:,\d+,\d+)?)?\)\s?: "
#: The program that speaks, as `cc1plus` or `/usr/bin/aarch64-linux-gnu-gcc`.
PROGRAM = r"(?:/[^\s:]*/)?[A-Za-z][\w.+-]*(?:\[\d+\])?"
_ERROR = r"(?:fatal |internal compiler )?(?:[Ee]rror|ERROR): "
_WARNING = r"[Ww]arning: "

RULES = (
    Rule(
        name="javac.error",
        kind=Kind.ERROR,
        pattern=r"(?P<file>[^\n:]+\.java):(?P<line>\d+): error: ",
        tool="javac",
        hints=("rror:",),
    ),
    Rule(
        name="javac.warning",
        kind=Kind.WARNING,
        pattern=r"(?P<file>[^\n:]+\.java):(?P<line>\d+): warning: ",
        tool="javac",
        hints=("arning:",),
    ),
    Rule(
        name="gcc.warning",
        kind=Kind.WARNING,
        pattern=_PLACE + _WARNING,
        tool="gcc",
        hints=("arning:",),
    ),
    Rule(
        name="gcc.too_many",
        kind=Kind.CONSEQUENCE,
        pattern=r"(?:\S+: )?(?:fatal )?error: too many errors emitted",
        hints=("rror:",),
    ),
    Rule(
        name="clang.linker_failed",
        kind=Kind.CONSEQUENCE,
        pattern=r"(?:\S+: )?error: (?:linker command failed|clang frontend command failed)",
        tool="gcc",
        hints=("rror:",),
    ),
    Rule(
        name="gcc.linker_failed",
        kind=Kind.CONSEQUENCE,
        pattern=r"\S*collect2(?:\.exe)?: error: ld returned",
        tool="gcc",
        hints=("rror:",),
    ),
    Rule(
        name="gcc.error",
        kind=Kind.ERROR,
        pattern=_PLACE + _ERROR + "(?P<text>.*)",
        tool="gcc",
        hints=("rror:", "meson.build:"),
    ),
    Rule(
        name="tsc.error",
        kind=Kind.ERROR,
        pattern=_FILE + r"(?:\((?P<line>\d+),\d+\): |:\d+:\d+ - )error TS\d+: ",
        tool="tsc",
        hints=("rror TS",),
    ),
    Rule(
        name="nvcc.error",
        kind=Kind.ERROR,
        pattern=_PLACE_IN_BRACKETS + r"(?:fatal )?error: ",
        hints=("rror:",),
    ),
    Rule(
        name="nvcc.warning",
        kind=Kind.WARNING,
        pattern=_PLACE_IN_BRACKETS + r"warning(?: #\S+)?: ",
        hints=("arning:",),
    ),
    Rule(
        name="kotlin.error",
        kind=Kind.ERROR,
        pattern=r"e: (?:file://)?(?P<file>/[^:\n]+|\S[^:\n]*\.kts?):(?: ?\(|)(?P<line>\d+)",
        starts=("e: ",),
    ),
    Rule(
        name="kotlin.warning",
        kind=Kind.WARNING,
        pattern=r"w: (?:file://)?\S+\.kts?:",
        starts=("w: ",),
    ),
    Rule(
        name="go.error",
        kind=Kind.ERROR,
        pattern=r"(?:vet: )?(?P<file>\./[^\s:()]+\.go):(?P<line>\d+):\d+: ",
        tool="go",
        starts=(r"\./[^\s:()]{1,300}\.go:\d", r"vet: \S"),
    ),
    Rule(
        name="compiler.totals",
        kind=Kind.SUMMARY,
        pattern=r"\d+ (?:error|warning)s?(?: and \d+ errors?)?(?: generated\.)?$"
        r"|Found \d+ errors? in \d+ files?",
        starts=(r"\d+ error", r"\d+ warning", r"Found \d"),
    ),
    Rule(
        name="python.warning",
        kind=Kind.WARNING,
        pattern=r"(?P<file>[^\s:]+):(?P<line>\d+): \w*Warning: ",
        hints=("arning:",),
    ),
)
