"""The promise that what is collected is what was written, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chaos.evidence import Evidence
from chaos.story import Step
from chaos.told import Told, aimed, during, planned, ran_of, told_steps

#: Bytes that a shell may say about a command that was killed.
_LAST_WORDS = 300


def true_output(stage: str, attempt: int, number: int, step: Step) -> bytes:
    r"""Return what a step's command writes.

    Example:
        >>> true_output("s0", 1, 2, Step(batches=2, size=1))
        b's0/1/2 1\ns0/1/2 2\n'
    """
    lines = range(1, step.batches * step.size + 1)
    return "".join(f"{stage}/{attempt}/{number} {line}\n" for line in lines).encode()


def true_logs(evidence: Evidence) -> Iterator[str]:
    """Collected logs are the true bytes, those of jobs that were ended early a part of them."""
    attempts: dict[tuple[str, int], list[Told]] = {}
    for told in told_steps(evidence):
        if told.finished is not None and ran_of(evidence, told) is not None:
            attempts.setdefault((told.stage, told.attempt), []).append(told)
    for key, steps in attempts.items():
        steps.sort(key=lambda told: told.step)
        if any(during(evidence, told, "host disk full") for told in steps):
            continue  # a command whose output no disk takes has another output
        problem = _wrong_log(evidence, evidence.logs.get(key, b""), steps)
        if problem:
            yield f"{key[0]} attempt {key[1]}: {problem}"


def _wrong_log(evidence: Evidence, log: bytes, steps: Sequence[Told]) -> str | None:
    for told in steps:
        assert told.finished is not None
        truth = true_output(told.stage, told.attempt, told.step, planned(evidence, told))
        whole = told.finished.end.kind == "exit" and told.finished.end.reason is None
        complete = told.finished.log_complete
        if whole and complete and not aimed(evidence, told, "command killed"):
            if not log.startswith(truth):
                return f"step {told.step} should have {len(truth)} bytes like {truth[-20:]!r}"
            log = log[len(truth) :]
            continue
        if not complete and not _may_be_cut(evidence, told):
            return f"step {told.step} has no whole log, and no fault explains that"
        log = log[_common(log, truth) :]
        if told is not steps[-1]:
            return None  # what was ended early may have had last words
    return f"{len(log)} bytes too many: {log[:60]!r}" if len(log) > _LAST_WORDS else None


def _may_be_cut(evidence: Evidence, told: Told) -> bool:
    lost = told.finished is not None and told.finished.end.kind == "lost"
    hits = aimed(evidence, told, "folder removed", "supervisor killed", "reboot")
    return lost or bool(hits) or bool(during(evidence, told, "reboot", "host disk full"))


def _common(first: bytes, second: bytes) -> int:
    """Return how many bytes two texts have in common at their beginning."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[:middle] == second[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def true_artifacts(evidence: Evidence) -> Iterator[str]:
    """What was collected is what the command made."""
    for name, content in evidence.artifacts.items():
        count = evidence.story.stage(name).artifacts
        if content != "".join(f"{line}\n" for line in range(1, count + 1)).encode():
            yield f"the artifact of {name} has {len(content)} other bytes"
