"""The table of faults: how often each bit, in which phase, and what the stages came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import attrs

from buildorch.events import AttemptFinished, AttemptStarted, StageFinished
from buildorch.model import StageStatus
from chaos.evidence import Evidence, Hit


@attrs.frozen
class Bite:
    """One fault that bit: what it is, when, and what the stages that it met came to."""

    kind: str
    phase: str
    outcomes: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Result:
    """What became of one story.

    Attributes:
        seed: Its seed.
        seconds: How long the run took.
        commands: Commands that began.
        tried: Faults of the story.
        bites: Those that bit.
        violations: Promises that were broken, in words.
        story: The faults in lines.
        timeline: What happened, in lines.
    """

    seed: int
    seconds: float = 0.0
    commands: int = 0
    tried: int = 0
    bites: tuple[Bite, ...] = ()
    violations: tuple[str, ...] = ()
    story: tuple[str, ...] = ()
    timeline: tuple[str, ...] = ()

    @property
    def report(self) -> str:
        """What is wrong, how to see it again, and what happened."""
        lines = [
            *(f"seed {self.seed}: {one}" for one in self.violations),
            f"to live it again: nox -s chaos -- --from {self.seed} --seeds 1",
            *("faults:", *(f"    {one}" for one in self.story)),
            *("timeline:", *(f"    {one}" for one in self.timeline)),
        ]
        return "\n".join(lines)


def result_of(evidence: Evidence, violations: Sequence[str]) -> Result:
    """Return what became of a story."""
    story = evidence.story
    return Result(
        seed=story.seed,
        seconds=evidence.seconds,
        commands=len(evidence.ran),
        tried=len(story.faults),
        bites=tuple(Bite(h.kind, h.phase, tuple(_outcomes(evidence, h))) for h in evidence.hits),
        violations=tuple(violations),
        story=tuple(map(str, story.faults)),
        timeline=tuple(evidence.timeline) if violations else (),
    )


@attrs.define
class _Attempt:
    """An attempt, or a stage that ended without one."""

    stage: str
    number: int
    server: str
    begun: float
    ended: float = float("inf")
    status: StageStatus | None = None


def _attempts(evidence: Evidence) -> list[_Attempt]:
    found: list[_Attempt] = []
    for record in evidence.records:
        event = record.event
        if isinstance(event, AttemptStarted):
            found.append(_Attempt(event.stage, event.attempt, event.server, record.at))
        if isinstance(event, AttemptFinished | StageFinished):
            for one in found:
                if one.stage == event.stage and one.status is None:
                    one.ended, one.status = record.at, event.status
    return found


def _outcomes(evidence: Evidence, hit: Hit) -> Iterator[str]:
    """Yield what each attempt came to that the fault met."""
    attempts = _attempts(evidence)
    for one in attempts:
        met = one.begun <= hit.mended and one.ended >= hit.begun
        if met and hit.host in ("", one.server):
            repeated = any(o.stage == one.stage and o.number > one.number for o in attempts)
            yield _outcome(evidence, one, repeated=repeated)


def _outcome(evidence: Evidence, attempt: _Attempt, *, repeated: bool) -> str:
    status = str(attempt.status or "not ended")
    if attempt.status is StageStatus.FAILED:
        steps = evidence.story.stage(attempt.stage).steps
        planned = any(step.code(attempt.number) or step.end == "kill" for step in steps)
        status = "failed as planned" if planned else "failed by it"
    return f"{status}, repeated" if repeated else status


# The table.


def rows(results: Sequence[Result]) -> list[tuple[str, str, str, str]]:
    """Return fault, times that it bit, phases and outcomes, for each fault."""
    bites = [bite for result in results for bite in result.bites]
    found = []
    for kind in sorted({bite.kind for bite in bites}):
        own = [bite for bite in bites if bite.kind == kind]
        phases = Counter(bite.phase for bite in own)
        outcomes = Counter(outcome for bite in own for outcome in bite.outcomes)
        found.append((kind, str(len(own)), _counts(phases), _counts(outcomes)))
    return found


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common()) or "-"


def totals(results: Sequence[Result]) -> str:
    """Return a sentence on all stories together."""
    bites = sum(len(result.bites) for result in results)
    bad = [result for result in results if result.violations]
    return (
        f"{len(results)} stories, {sum(r.commands for r in results)} commands, "
        f"{sum(r.tried for r in results)} faults of which {bites} bit, "
        f"{sum(len(r.violations) for r in bad)} violations"
        + (f" in the seeds {', '.join(str(r.seed) for r in bad)}" if bad else "")
    )


#: How often each fault has to bite in a long run, and from how many stories on a run is long.
LEAST, LONG = 3, 200


def missing(results: Sequence[Result], kinds: Iterable[str]) -> list[str]:
    """Return the faults that bit too seldom in a long run for it to prove anything of them.

    Example:
        >>> missing([], ["cut"])
        []
    """
    bites = Counter(bite.kind for result in results for bite in result.bites)
    return [kind for kind in kinds if len(results) >= LONG and bites[kind] < LEAST]


_HEAD = ("fault", "bit", "phase", "what the stages came to")


def text(results: Sequence[Result]) -> str:
    """Return the table for a terminal."""
    lines = [_HEAD, *rows(results)]
    first, second = (max(len(line[column]) for line in lines) for column in (0, 1))
    shown = [
        f"{a:<{first}}  {b:>{second}}  {c}\n{'':{first + second + 4}}{d}" for a, b, c, d in lines
    ]
    return "\n".join([*shown, totals(results)])


def markdown(results: Sequence[Result], day: str) -> str:
    """Return the table for a page.

    Args:
        results: What became of the stories.
        day: When they were lived, as YYYY-MM-DD.
    """
    lines = [_HEAD, ("---", "--:", "---", "---"), *rows(results)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{day}, seeds {_span(results)}: {totals(results)}.\n\n{table}\n"


def _span(results: Sequence[Result]) -> str:
    seeds = sorted(result.seed for result in results)
    return f"{seeds[0]} to {seeds[-1]}" if seeds else "none"
