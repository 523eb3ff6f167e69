"""What a seed makes: a pipeline, and the faults that come over it. Pure values, no clock."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import attrs
import cattrs

HOSTS = ("h1", "h2", "h3")


@attrs.frozen(kw_only=True)
class Step:
    """One command: what it writes and how it ends, a pure function of these numbers.

    Attributes:
        batches: How often it writes.
        size: Lines that it writes at once.
        pause: Seconds between two batches.
        codes: Its exit code by attempt; the last repeats.
        end: `exit`, `kill` (it kills itself), or `hang` (it never ends).
        child: What it leaves behind: `none`, `plain`, `setsid`, or `hidden` (a session of its
            own, no parent and no environment).
    """

    batches: int = 3
    size: int = 1
    pause: float = 0.2
    codes: tuple[int, ...] = (0,)
    end: str = "exit"
    child: str = "none"

    def code(self, attempt: int) -> int:
        """Return its exit code in an attempt."""
        return self.codes[min(attempt, len(self.codes)) - 1]


@attrs.frozen(kw_only=True)
class StageStory:
    """One stage of the pipeline.

    Attributes:
        name: Its name.
        server: The host.
        fallback: Another host, or empty.
        after: Numbers of the stages before it.
        steps: Its commands; several make it a stage function.
        function: Whether it is a stage function.
        retry: Extra attempts.
        timeout: Seconds of an attempt.
        always: Whether it runs whatever happened before.
        allow_failure: Whether those after it go on.
        artifacts: Lines of the file that it makes, which is collected.
    """

    name: str
    server: str
    fallback: str = ""
    after: tuple[int, ...] = ()
    steps: tuple[Step, ...] = (Step(),)
    function: bool = False
    retry: int = 0
    timeout: float = 90.0
    always: bool = False
    allow_failure: bool = False
    artifacts: int = 0


@attrs.frozen(kw_only=True)
class FaultStory:
    """One fault and its moment.

    Attributes:
        kind: A name in `faults.KINDS`.
        host: Which host it hits; empty for those of this machine.
        event: It comes after an event of this kind; empty: after the start of the run.
        number: After the how many-th of these events.
        delay: Seconds after that.
        seconds: How long it lasts.
        amount: How hard it is: milliseconds, ways, or choices.
    """

    kind: str
    host: str = ""
    event: str = ""
    number: int = 1
    delay: float = 0.0
    seconds: float = 1.0
    amount: int = 0

    def __str__(self) -> str:
        """Return it in a line."""
        moment = f"{self.event} #{self.number} + " if self.event else ""
        where = f" on {self.host}" if self.host else ""
        return (
            f"{self.kind}{where} at {moment}{self.delay:.2f} s for {self.seconds:.1f} s "
            f"({self.amount})"
        )


@attrs.frozen(kw_only=True)
class Story:
    """A pipeline, its servers and its faults.

    Attributes:
        seed: What it was made of.
        parts: The server part of each host: `python` or `sh`.
        stages: The stages, each after those that it waits for.
        faults: The faults in no order: each has its moment.
        parallel: Stages at once.
        latency: Milliseconds that a packet takes to or from each host.
    """

    seed: int
    parts: dict[str, str]
    stages: tuple[StageStory, ...]
    faults: tuple[FaultStory, ...]
    parallel: int = 3
    latency: dict[str, int] = attrs.field(factory=dict)

    def stage(self, name: str) -> StageStory:
        """Return the stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)

    @property
    def text(self) -> str:
        """The story as JSON, for the pipeline file."""
        return json.dumps(cattrs.unstructure(self))

    @property
    def small_disk(self) -> str:
        """The host whose state is on a small disk, or empty."""
        return next((one.host for one in self.faults if one.kind == "host disk full"), "")


#: Faults by how often they come.
WEIGHTS = {
    "cut": 10,
    "reset": 7,
    "flap": 7,
    "delay": 5,
    "sshd stopped": 6,
    "sshd restarted": 6,
    "reboot": 5,
    "freeze": 5,
    "supervisor killed": 6,
    "agent killed": 6,
    "command killed": 6,
    "folder removed": 4,
    "host disk full": 4,
    "controller killed": 14,
    "controller killed twice": 6,
    "second controller": 4,
    "detached": 6,
    "chat down": 6,
    "cancelled": 4,
}

#: Those that happen on this machine, or at the chat.
_HERE = {
    "controller killed",
    "controller killed twice",
    "second controller",
    "detached",
    "chat down",
    "cancelled",
}

#: Events that faults follow, by how often.
_MOMENTS = {
    "attempt_started": 3,
    "step_launching": 3,
    "step_started": 4,
    "step_finished": 3,
    "attempt_finished": 3,
    "controller_attached": 1,
    "artifacts_collected": 1,
    "retry_scheduled": 1,
    "stage_finished": 1,
    "link_lost": 1,
    "notification_due": 1,
}


def make_story(seed: int) -> Story:
    """Return the story of *seed*, always the same one."""
    chance = random.Random(seed)  # noqa: S311 - a story has to come again
    parts = {name: chance.choice(("python", "python", "sh")) for name in HOSTS}
    stages = tuple(_stages(chance, parts))
    faults = tuple(_faults(chance, {stage.server for stage in stages}))
    return Story(
        seed=seed,
        parts=parts,
        stages=stages,
        faults=faults,
        parallel=chance.randint(1, 4),
        latency={name: chance.choice((0, 0, 40, 150)) for name in HOSTS},
    )


def _stages(chance: random.Random, parts: dict[str, str]) -> Iterator[StageStory]:
    for number in range(chance.randint(1, 7)):
        server = chance.choice(HOSTS)
        others = [name for name in HOSTS if name != server]
        function = chance.random() < 0.35
        count = chance.randint(1, 4) if function else 1
        hides = parts[server] == "python"
        fallback = chance.choice(others) if chance.random() < 0.15 else ""
        steps = [_step(chance, hides=hides and not fallback) for _ in range(count)]
        if chance.random() < 0.08:  # its last command hangs, and ends by the timeout
            steps[-1] = attrs.evolve(steps[-1], end="hang")
        elif chance.random() < 0.07:
            steps[-1] = attrs.evolve(steps[-1], end="kill")
        yield StageStory(
            name=f"s{number}",
            server=server,
            fallback=fallback,
            after=tuple(one for one in range(number) if chance.random() < 0.3),
            steps=tuple(steps),
            function=function,
            retry=chance.choice((0, 0, 1, 2)),
            timeout=4.0 if steps[-1].end == "hang" else 90.0,
            always=chance.random() < 0.15,
            allow_failure=chance.random() < 0.15,
            artifacts=chance.choice((0, 0, 10, 20000)),
        )


def _step(chance: random.Random, *, hides: bool) -> Step:
    batches = chance.choice((1, 3, 8, 20))
    child = chance.choice(("none", "none", "none", "plain", "setsid", "hidden"))
    return Step(
        batches=batches,
        size=chance.choice((1, 1, 50, 4000)),
        pause=round(chance.uniform(0.02, 2.0) / batches, 3),
        codes=chance.choice(((0,), (0,), (0,), (0,), (3, 0), (1, 1, 0), (7,))),
        child="setsid" if child == "hidden" and not hides else child,
    )


def _faults(chance: random.Random, hosts: set[str]) -> Iterator[FaultStory]:
    kinds = list(WEIGHTS)
    used = sorted(hosts)
    small = chance.choice(used)
    for _ in range(chance.choice((1, 2, 2, 3, 3, 4))):
        (kind,) = chance.choices(kinds, [WEIGHTS[one] for one in kinds])
        host = "" if kind in _HERE else chance.choice(used)
        (event,) = chance.choices(list(_MOMENTS), list(_MOMENTS.values()))
        at_event = chance.random() < 0.7
        longest = chance.choice((0.02, 0.15, 0.6)) if at_event else 4.0
        yield FaultStory(
            kind=kind,
            host=small if kind == "host disk full" else host,
            event=event if at_event else "",
            number=chance.choice((1, 1, 2, 3)) if _MOMENTS[event] > 1 else 1,
            delay=round(chance.uniform(0, longest), 3),
            seconds=_seconds(chance),
            amount=chance.randint(0, 99),
        )


def _seconds(chance: random.Random) -> float:
    """Return how long a fault lasts: seldom longer than a silent link is believed in."""
    return round(chance.uniform(13, 17) if chance.random() < 0.12 else chance.uniform(0.2, 3), 2)
