"""The words of messages, in English and Korean; knows nothing of who is told what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import attrs

from buildorch.events import AttemptFinished, StageFinished
from buildorch.messages.phrases import ENGLISH, KOREAN, KOREAN_ERRORS
from buildorch.model import PlannedStage

#: Escape sequences of terminals, and what else has no place in a message.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def clean(text: str) -> str:
    r"""Return *text* as one line without escape sequences and controls.

    Example:
        >>> clean("\x1b[31mred\x1b[0m 10%\r20%")
        'red 10% 20%'
    """
    plain = _CONTROLS.sub(" ", _ESCAPES.sub("", text))
    return " ".join(plain.split())


def cut(text: str, longest: int = 160) -> str:
    """Return *text*, at most *longest* characters of it.

    Example:
        >>> cut("abcdef", 4)
        'abc…'
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"


@attrs.frozen
class Words:
    """One language.

    Attributes:
        table: Its phrases by name.
        errors: What it makes of errors that the analysis of logs words, by pattern.
    """

    table: Mapping[str, str]
    errors: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def of(cls, language: str) -> Words:
        """Return the words of *language*: `ko`, or English."""
        return cls(KOREAN, KOREAN_ERRORS) if language.startswith("ko") else cls(ENGLISH)

    def say(self, phrase: str, **values: object) -> str:
        """Return *phrase* with *values* in it."""
        return self.table[phrase].format(**values)

    def error(self, text: str) -> str:
        """Return an error as this language says it, where it is one of our wording.

        Example:
            >>> Words.of("ko").error("CMake error in container-manager")
            'container-manager CMake 오류'
        """
        for pattern, said in self.errors.items():
            if found := re.match(pattern, text):
                return found.expand(said)
        return text

    def count(self, phrase: str, count: int) -> str:
        """Return *phrase* with a number; its second form, where it has one, for 1.

        Example:
            >>> Words.of("en").count("stages", 1)
            '1 stage'
        """
        forms = self.table[phrase].split("|")
        return forms[-1 if count == 1 else 0].format(count=count)

    def time(self, seconds: float) -> str:
        """Return a duration in its two largest units.

        Example:
            >>> Words.of("en").time(8100), Words.of("ko").time(8100)
            ('2h 15min', '2시간 15분')
        """
        left = _rounded(seconds)
        found = []
        for unit, size in _UNITS:
            number, left = divmod(left, size)
            if number:
                found.append(self.say(unit, count=number))
        return " ".join(found[:2]) or self.say("second", count=0)

    def took(self, seconds: float | None) -> list[str]:
        """Return the duration as the only part of a list; an empty one where it is unknown."""
        return [] if seconds is None else [self.time(seconds)]

    def inside(self, parts: Iterable[str]) -> str:
        """Return *parts* in parentheses behind a space; nothing where there are none."""
        joined = ", ".join(parts)
        return f" ({joined})" if joined else ""

    def size(self, count: int) -> str:
        """Return a number of bytes as people say it.

        Example:
            >>> Words.of("en").size(3_000_000_000)
            '3.0 GB'
        """
        for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
            if count >= size:
                return f"{count / size:.1f} {unit}"
        return f"{count} B"

    def reason(self, end: AttemptFinished | StageFinished, stage: PlannedStage) -> str:
        """Return why an attempt of *stage* ended badly, as far as it is known.

        That is its exit code or signal, and the reason; the empty string where nothing is known.
        """
        known = [self._how(end), self._why(end.reason, stage)]
        return ", ".join(part for part in known if part)

    def _how(self, end: AttemptFinished | StageFinished) -> str:
        if end.signal is not None:
            return self.say("signal", code=end.signal)
        return self.say("exit_code", code=end.exit_code) if end.exit_code else ""

    def _why(self, reason: str | None, stage: PlannedStage) -> str:
        if reason is None or reason.startswith(("exit code ", "killed by signal ")):
            return ""  # `_how` says it
        limits = {"timeout": stage.timeout, "idle": stage.idle_timeout}
        limit = self.inside(self.took(limits.get(reason)))
        phrase = self.table.get(f"reason {reason}")
        return clean(reason) if phrase is None else phrase.format(limit=limit)


def _rounded(seconds: float) -> int:
    """Return whole seconds below a minute, whole minutes below a day, else whole hours."""
    for limit, step in ((59.5, 1), (86400, 60)):
        if seconds < limit:
            return round(seconds / step) * step
    return round(seconds / 3600) * 3600
