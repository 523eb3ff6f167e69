"""Rules for linkers: GNU ld, gold, lld, mold, Apple's ld."""

from __future__ import annotations

from buildorch.analysis.rule import Details, Kind, Rule

_LINKER = r"(?:\S*/)?(?:[\w.+]+-)*ld(?:\.\w+|64)?(?:\.exe)?: "
# Up to the message everything is a place: an object, an archive's member, a source line.
_PLACE = (
    rf"(?:{_LINKER})?(?:(?P<file>(?:/|\.\.?/)[^\n]*?|\S+?)"
    r"(?::(?P<line>\d+))?(?::?\(\.[^)]*\))?: )?"
)

RULES = (
    Rule(
        name="ld.undefined",
        kind=Kind.ERROR,
        pattern=_PLACE + r"undefined reference to (?:symbol )?[`'\u2018\"]",
        hints=("undefined reference to",),
    ),
    Rule(
        name="ld.multiple",
        kind=Kind.ERROR,
        pattern=_PLACE + r"multiple definition of [`'\u2018\"]",
        hints=("multiple definition of",),
    ),
    Rule(
        name="ld.cannot_find",
        kind=Kind.ERROR,
        pattern=_LINKER + r"cannot find \S",
        hints=(": cannot find",),
    ),
    Rule(
        name="lld.error",
        kind=Kind.ERROR,
        pattern=r"(?:\S*/)?(?:ld\.lld|ld64\.lld|wasm-ld|lld-link|mold|[\w-]*ld\.gold): error: ",
        hints=("rror:",),
        details=Details.PLACE,
    ),
    Rule(
        name="apple.undefined",
        kind=Kind.ERROR,
        pattern=r"Undefined symbols for architecture |duplicate symbol '",
        starts=("Undefined symbols for", "duplicate symbol "),
    ),
    Rule(
        name="apple.library",
        kind=Kind.ERROR,
        pattern=r"ld: (?:library|framework) (?:not found for|'.*' not found)",
        starts=("ld: library ", "ld: framework "),
    ),
    Rule(
        name="ld.other",
        kind=Kind.COMPLAINT,
        pattern=_LINKER + r"(?!.*(?:in function|skipping incompatible|[Ww]arning:)).*\S",
    ),
)
