"""What is known of a lived story, from its witnesses and from buildorch's own records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from buildorch.events import Recorded
from chaos.chat import Arrival
from chaos.story import Story


@attrs.frozen(kw_only=True)
class Ran:
    """One start of a command, in its own words.

    Attributes:
        nonce: Its own.
        host: Where.
        job: Id of the job.
        stage: The stage.
        attempt: The attempt.
        step: The step.
        pid: Its process there.
        at: Unix time of its start.
        end: What it said before it ended: an exit code, `kill`, or None.
        ended_at: Unix time of that.
    """

    nonce: str
    host: str
    job: str
    stage: str
    attempt: int
    step: int
    pid: int
    at: float
    end: str | None = None
    ended_at: float | None = None


@attrs.frozen(kw_only=True)
class Hit:
    """A fault that bit.

    Attributes:
        kind: Which.
        host: Where; empty on this machine.
        begun: Unix time of its beginning.
        mended: Unix time of its end.
        phase: What the stages there were doing.
        proof: What shows that it bit.
        jobs: The jobs that it was aimed at.
    """

    kind: str
    host: str
    begun: float
    mended: float
    phase: str
    proof: str
    jobs: tuple[str, ...] = ()


@attrs.define(kw_only=True)
class Evidence:
    """All that the checker looks at.

    Attributes:
        story: What was to happen.
        records: The events of the run.
        ran: What the commands wrote down.
        logs: The collected logs by stage and attempt.
        artifacts: The collected artifact by stage.
        hits: The faults that bit.
        left: Processes that are left on a host.
        touched: Files of the account that are not as before, by host.
        bystanders: Whether the account's own process still lives, by host.
        arrivals: What the chat took.
        keys: The nonces by which the chat knows the parts of each message, by its key.
        stuck: What `status` said of a run that did not end.
        odd: What the driver saw that may not be: wrong exit codes, a second controller.
        seconds: How long it took.
        timeline: What happened, in lines.
    """

    story: Story
    records: list[Recorded] = attrs.field(factory=list)
    ran: list[Ran] = attrs.field(factory=list)
    logs: dict[tuple[str, int], bytes] = attrs.field(factory=dict)
    artifacts: dict[str, bytes] = attrs.field(factory=dict)
    hits: list[Hit] = attrs.field(factory=list)
    left: dict[str, list[str]] = attrs.field(factory=dict)
    touched: dict[str, list[str]] = attrs.field(factory=dict)
    bystanders: dict[str, bool] = attrs.field(factory=dict)
    arrivals: list[Arrival] = attrs.field(factory=list)
    keys: dict[str, set[str]] = attrs.field(factory=dict)
    stuck: str | None = None
    odd: list[str] = attrs.field(factory=list)
    seconds: float = 0.0
    timeline: list[str] = attrs.field(factory=list)

    def hit(self, *kinds: str) -> Iterator[Hit]:
        """Yield the hits of these kinds."""
        return (hit for hit in self.hits if hit.kind in kinds)


def read_witness(host: str, text: str) -> list[Ran]:
    r"""Return what a host's witness file says; a line that was cut short counts for nothing.

    Example:
        >>> read_witness("h1", "start n r.0.1.1 a 7 10.0\nend n 3 11.0\nsta")[0].end
        '3'
    """
    lines = [line.split() for line in text.splitlines()]
    ends = {line[1]: (line[2], float(line[3])) for line in lines if line[:1] == ["end"]}
    starts = [line for line in lines if line[:1] == ["start"] and len(line) == 6]
    return list(_ran(host, starts, ends))


def _ran(
    host: str, starts: Iterable[list[str]], ends: dict[str, tuple[str, float]]
) -> Iterator[Ran]:
    for _, nonce, job, stage, pid, at in starts:
        _, _, attempt, step = job.split(".")
        end, ended_at = ends.get(nonce, (None, None))
        yield Ran(
            nonce=nonce,
            host=host,
            job=job,
            stage=stage,
            attempt=int(attempt),
            step=int(step),
            pid=int(pid),
            at=float(at),
            end=end,
            ended_at=ended_at,
        )
