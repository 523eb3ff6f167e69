"""The checker complains: each promise is broken on purpose, and each excuse is tried."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from buildorch import events
from buildorch.model import RunStatus, StageStatus
from chaos import samples
from chaos.chat import Arrival
from chaos.checker import violations
from chaos.evidence import Evidence
from chaos.samples import end, good, hit, ran, recorded, told
from chaos.story import StageStory, Step

Change = Callable[[Evidence], object]

LOST = {"kind": "lost", "leftovers": ()}
_LOST_STAGE = (StageStatus.LOST, RunStatus.FAILED)
_FAILED_STAGE = (StageStatus.FAILED, RunStatus.FAILED)


def _set(**fields: object) -> Change:
    def change(evidence: Evidence) -> None:
        for name, value in fields.items():
            setattr(evidence, name, value)

    return change


def _all(*changes: Change) -> Change:
    return lambda evidence: [change(evidence) for change in changes]


def _ends(**fields: object) -> list[events.Recorded]:
    """Return the records of a run whose job is told to have ended so."""
    return told(end(**fields), *_FAILED_STAGE)


def _with_steps(*steps: Step) -> Change:
    stage = StageStory(name="s0", server="h1", steps=steps)
    return lambda e: _set(story=attrs.evolve(e.story, stages=(stage,)))(e)


#: What is done to good evidence, and which check has to see it.
BROKEN: dict[str, tuple[str, Change]] = {
    "a command ran twice": ("once", lambda e: e.ran.append(ran(nonce="m"))),
    "a job that nobody knows of": ("once", lambda e: e.ran.append(ran(job="r.0.9.1", attempt=9))),
    "a failure told as success": ("true_ends", lambda e: e.ran.__setitem__(0, ran(end="3"))),
    "a success told as failure": ("true_ends", _set(records=_ends(code=5))),
    "a success told as failed": (
        "true_status",
        _set(records=told(end(), *_FAILED_STAGE)),
    ),
    "a stage succeeded that never ran": ("true_status", _set(ran=[])),
    "a step succeeded that never ran": ("true_ends", _set(ran=[])),
    "another code than planned": ("true_ends", _with_steps(attrs.evolve(samples.STEP, codes=(7,)))),
    "lost without a cause": (
        "true_ends",
        _set(records=told(end(**LOST, reason="rebooted"), *_LOST_STAGE)),
    ),
    "lost by a reboot of another host": (
        "true_ends",
        _set(
            records=told(end(**LOST, reason="rebooted"), *_LOST_STAGE),
            hits=[hit("reboot", host="h2")],
        ),
    ),
    "lost by a reboot of another time": (
        "true_ends",
        _set(
            records=told(end(**LOST, reason="rebooted"), *_LOST_STAGE),
            hits=[hit("reboot", begun=200.0, mended=201.0)],
        ),
    ),
    "lost by another fault": (
        "true_ends",
        _set(
            records=told(end(**LOST, reason="supervisor killed"), *_LOST_STAGE),
            hits=[hit("supervisor killed", jobs=("r.1.1.1",))],
        ),
    ),
    "never started, but it ran": (
        "true_ends",
        _set(records=told(end(**LOST, reason="never started"), *_LOST_STAGE)),
    ),
    "a timeout before its time": (
        "true_ends",
        _set(records=_ends(kind="signal", code=15, reason="timeout")),
    ),
    "cancelled by nobody": (
        "true_ends",
        _set(records=_ends(kind="signal", code=15, reason="cancelled")),
    ),
    "cancelled before it began by nobody": (
        "true_ends",
        _set(records=told(end(**LOST, reason="cancelled"), *_LOST_STAGE), ran=[]),
    ),
    "cancelled before it began, but it ran": (
        "true_ends",
        _set(
            records=told(end(**LOST, reason="cancelled"), *_LOST_STAGE),
            hits=[hit("cancelled", host="")],
        ),
    ),
    "killed by nobody": ("true_ends", _set(records=_ends(kind="signal", code=9))),
    "unreachable with every link up": (
        "true_status",
        _set(records=told(end(), StageStatus.UNREACHABLE, RunStatus.FAILED)),
    ),
    "a failed stage in a run that succeeded": (
        "true_run",
        _set(records=told(end(code=3), StageStatus.FAILED), ran=[ran(end="3")]),
    ),
    "a stage without an end": (
        "true_run",
        lambda e: e.records.remove(
            next(r for r in e.records if isinstance(r.event, events.StageFinished))
        ),
    ),
    "two ends of the run": (
        "true_run",
        lambda e: e.records.extend(
            r for r in list(e.records) if isinstance(r.event, events.RunFinished)
        ),
    ),
    "a byte is missing": ("true_logs", _set(logs={("s0", 1): b"s0/1/1 1\ns0/1/1 2\ns0/1/1 3\n"})),
    "a byte is wrong": (
        "true_logs",
        lambda e: e.logs.update({("s0", 1): e.logs["s0", 1].replace(b"3", b"4")}),
    ),
    "a log is missing": ("true_logs", _set(logs={})),
    "a log is there twice": (
        "true_logs",
        lambda e: e.logs.update({("s0", 1): e.logs["s0", 1] * 20}),
    ),
    "an artifact has other bytes": ("true_artifacts", _set(artifacts={"s0": b"1\n"})),
    "a child is left and not told": (
        "nothing_left",
        _set(records=told(end(leftovers=()))),
    ),
    "a process of nobody is left": (
        "nothing_left",
        _set(left={"h2": ["sh /workspace/program.sh"]}),
    ),
    "a child outlives a cancel": (
        "nothing_left",
        _set(
            records=told(
                end(kind="signal", code=15, reason="cancelled"),
                StageStatus.CANCELLED,
                RunStatus.CANCELLED,
            ),
            hits=[hit("cancelled", host="")],
        ),
    ),
    "what hides from all but its supervisor, which is killed": (
        "nothing_left",
        _all(
            _with_steps(attrs.evolve(samples.STEP, child="hidden")),
            _set(
                records=told(end(**LOST, reason="supervisor killed"), *_LOST_STAGE),
                hits=[hit("supervisor killed", jobs=("r.0.1.1",))],
            ),
        ),
    ),
    "the run does not end": ("it_ends", _set(stuck="waiting")),
    "a message is told as taken and was not": ("told_once", _set(arrivals=[])),
    "a message came twice": ("told_once", lambda e: e.arrivals.extend(e.arrivals[:])),
    "a message of nobody": (
        "told_once",
        lambda e: e.arrivals.append(Arrival("other", "hello", 1.0, answered=True)),
    ),
    "two messages with one key": (
        "told_once",
        lambda e: e.arrivals.append(Arrival("nonce", "another", 1.0, answered=False)),
    ),
    "a message of which nobody knows": ("told_once", lambda e: e.records.pop()),
    "a message given up with the chat there": (
        "told_once",
        lambda e: e.records.append(
            *recorded([events.NotificationResult(key="k", ok=False, message="HTTP 500")])
        ),
    ),
    "a file is touched": ("untouched", _set(touched={"h1": ["/home/build/mine/file 9"]})),
    "the bystander is killed": ("untouched", _set(bystanders={"h1": False})),
    "more attempts than allowed": (
        "within_budget",
        lambda e: e.records.extend(
            recorded(2 * [events.AttemptFinished(stage="s0", attempt=1, status=StageStatus.FAILED)])
        ),
    ),
    "a wrong exit code": ("nothing_odd", _set(odd=["exit code 70"])),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_promise_is_seen(case: str) -> None:
    """Each promise, broken in evidence that is good otherwise, is told by its own check."""
    check, change = BROKEN[case]
    evidence = good()
    assert violations(evidence) == []
    change(evidence)
    assert check in {text.partition(":")[0] for text in violations(evidence)}


_CUT_SHORT = {("s0", 1): b"s0/1/1 1\ns0"}

#: What a fault explains: it is no violation.
EXCUSED: dict[str, Change] = {
    "lost by a reboot": _set(
        records=told(end(**LOST, reason="rebooted"), *_LOST_STAGE),
        hits=[hit("reboot")],
        logs=_CUT_SHORT,
        ran=[ran(end=None)],
        left={},
    ),
    "lost by its supervisor's death": _set(
        records=told(end(**LOST, reason="supervisor killed"), *_LOST_STAGE),
        hits=[hit("supervisor killed", jobs=("r.0.1.1",))],
        logs=_CUT_SHORT,
        ran=[ran(end=None)],
        left={},
    ),
    "never started": _set(
        records=told(end(**LOST, reason="never started"), *_LOST_STAGE), ran=[], logs={}, left={}
    ),
    "killed by a fault": _set(
        records=_ends(kind="signal", code=9),
        hits=[hit("command killed", jobs=("r.0.1.1",))],
        logs=_CUT_SHORT,
        ran=[ran(end=None)],
    ),
    "cancelled": _set(
        records=told(
            end(kind="signal", code=15, reason="cancelled"),
            StageStatus.CANCELLED,
            RunStatus.CANCELLED,
        ),
        hits=[hit("cancelled", host="")],
        logs=_CUT_SHORT,
        ran=[ran(end=None)],
        left={},
    ),
    "cancelled before it began": _set(
        records=told(end(**LOST, reason="cancelled"), StageStatus.CANCELLED, RunStatus.CANCELLED),
        hits=[hit("cancelled", host="")],
        ran=[],
        logs={},
        left={},
    ),
    "a function whose time went by while nobody drove it": _set(
        records=[
            attrs.evolve(record, at=record.at - 1000) if record.seq == 2 else record
            for record in told(
                end(kind="signal", code=15, reason="timeout"),
                StageStatus.TIMED_OUT,
                RunStatus.FAILED,
            )
        ],
        logs=_CUT_SHORT,
        ran=[ran(end=None)],
        left={},
    ),
    "a message given up": _set(
        records=[
            *told(end()),
            *recorded([events.NotificationResult(key="k", ok=False, message="HTTP 503")]),
        ],
        hits=[hit("chat down", host="")],
    ),
    "a message told again after a kill": _set(
        arrivals=2 * [Arrival("nonce", "done", 108.0, answered=True)],
        hits=[hit("controller killed", host="")],
    ),
}


@pytest.mark.parametrize("case", EXCUSED)
def test_what_a_fault_explains_is_no_violation(case: str) -> None:
    """The same facts are fine where a fault bit that very job, host or chat."""
    evidence = good()
    EXCUSED[case](evidence)
    assert violations(evidence) == []
