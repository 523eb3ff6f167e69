"""Why a build failed, as far as its errors say: what may pass by itself, and what never will.

A network, a board or memory that was gone for a while is worth another attempt. Source that does
not compile and a test that fails are not: one of them decides, whatever else went wrong.
"""

from __future__ import annotations

import attrs

from buildorch.analysis import signs
from buildorch.analysis.finding import Finding
from buildorch.analysis.reader import Reader
from buildorch.analysis.reasons import disk_full
from buildorch.analysis.rule import Kind, Rule, compiled

#: Causes that another attempt may not have.
PASSING = ("network", "board", "oom", "no_space")

#: Causes that every attempt would have.
LASTING = ("compile", "test")

#: The task of another tool failed; what is copied of its log may say why.
_TASK = "task"

_MEMORY, _REFUSED, _NETWORK, _BOARD = (
    "|".join(patterns) for patterns in (signs.MEMORY, signs.REFUSED, signs.NETWORK, signs.BOARD)
)

#: Beginnings of the names of rules whose findings are about source.
_SOURCE = ("gcc.", "javac.", "tsc.", "nvcc.", "kotlin.", "go.", "ld.", "lld.", "apple.")
_SOURCE_RULES = frozenset({"rustc.error", "python.syntax", "make.error", "bitbake.parse_error"})
#: Likewise about tests.
_TESTS = ("pytest.fail", "unittest.", "gtest.", "jest.", "cargo.test", "cargo.panic")

#: Beginnings of the names of all rules whose findings may be about what lasts.
_MAY_LAST = (*_SOURCE, *_SOURCE_RULES, *_TESTS, "rustc.", "cmake.", "bitbake.")


def cause_of(found: Finding) -> str | None:
    """Return what a finding is about: one of `PASSING`, `LASTING`, or None for anything else.

    Example:
        >>> cause_of(Finding(line=1, offset=0, text="curl: (6) Could not resolve host: x"))
        'network'
        >>> text = "net.c:3:1: error: connection refused"
        >>> cause_of(Finding(line=1, offset=0, text=text, rule="gcc.error"))
        'compile'
    """
    found_cause = _cause(found)
    return "compile" if found_cause == _TASK else found_cause


def _cause(found: Finding) -> str | None:
    text = f"{found.text} {found.detail or ''}"
    if found.rule.startswith(_TESTS):
        # A test that could not begin for want of its board says nothing of what it tests.
        return "board" if text.startswith("ERROR ") and _says(_BOARD, text) else "test"
    if disk_full(text):
        return "no_space"
    if _says(_MEMORY, text):
        return "oom"
    if found.rule.startswith(_SOURCE) or found.rule in _SOURCE_RULES:
        return "compile"
    return _outside(text) or _own(found)


def _outside(text: str) -> str | None:
    if _says(_BOARD, text):
        return "board"
    return "network" if _says(_NETWORK, text) and not _says(_REFUSED, text) else None


def _says(pattern: str, text: str) -> bool:
    return compiled(pattern).search(text) is not None


def _own(found: Finding) -> str | None:
    """Return the cause of what names no reason from outside."""
    if found.rule in ("bitbake.task_error", "bitbake.log_file"):
        return None if "do_fetch" in found.text else _TASK
    return "compile" if found.rule.startswith(("cmake.", "rustc.")) else None


@attrs.define
class CausesReader(Reader):
    """Notes the cause of every error that counts, not only of the first.

    Attributes:
        causes: What the errors are about, up to now.
    """

    causes: frozenset[str | None] = frozenset()

    @property
    def cause(self) -> str | None:
        """Why it failed: what lasts before what may pass; None where nobody can say."""
        for cause in LASTING:
            if cause in self.causes:
                return cause
        first = self.result()
        if _TASK in self.causes:
            alone = first is not None and self.causes <= {_TASK, None}
            return cause_of(first) if alone and first is not None else "compile"
        known = [cause for cause in PASSING if cause in self.causes]
        told = cause_of(first) if first is not None else None
        return told or next(iter(known), None)

    def _count(self, found: Finding) -> None:
        super()._count(found)
        if self.causes.isdisjoint(LASTING) and (
            self.causes.isdisjoint(PASSING) or found.rule.startswith(_MAY_LAST)
        ):  # else nothing that it is about can change what all comes to
            self.causes |= {_cause(found)}

    def _amend(self, found: Finding) -> None:
        """Take the cause again: what follows the line may name it."""
        first = self.first
        super()._amend(found)
        if first is not None and self.first is found and self.errors == 1:
            self.causes = frozenset({_cause(found)})

    def _test(self, rule: Rule, found: Finding, groups: dict[str, str | None]) -> None:
        if rule.kind is Kind.TEST_FAILURE:
            self.causes |= {_cause(found)}
        elif rule.kind is Kind.TEST_PROGRESS and " FAILED" in found.text:
            self.causes |= {"test"}
        super()._test(rule, found, groups)
