"""Laws of retries by cause: what may pass is tried again, after a while; what lasts never is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.job import JobEnd
from buildorch.model import PlannedStage, Retry, StageStatus
from buildorch.model.policies import CAUSES, OUTCOMES, RETRIED
from buildorch.scheduler.facts import LogReport
from buildorch.scheduler.verdict import LONGEST_DELAY, PYTEST_ENDS, Budget, retry, verdict

_FAILED = StageStatus.FAILED


def _stage(times: int, *on: str) -> PlannedStage:
    return PlannedStage(name="a", index=0, servers=(), infra_retry=1, retry=Retry(times, on=on))


@given(st.lists(st.sampled_from(CAUSES)), st.sampled_from(["compile", "test", None]))
def test_a_list_of_causes_never_repeats_what_lasts(on: list[str], cause: str | None) -> None:
    """Neither compile and test failures, nor those whose cause nobody knows."""
    for listed in (on, [*on, "lost"], [*on, "timed_out"]):
        assert retry(_stage(9, *listed), _FAILED, None, Budget(), cause) is None


@given(st.sampled_from(CAUSES), st.lists(st.sampled_from(CAUSES)), st.integers(0, 12))
def test_a_listed_cause_is_repeated_after_growing_delays(
    cause: str, on: list[str], used: int
) -> None:
    """As often as it says, each time after twice the time, up to five minutes."""
    again = retry(_stage(used + 1, *on), _FAILED, None, Budget(failures=used), cause)
    assert again == (("failures", min(LONGEST_DELAY, 5.0 * 2**used)) if cause in on else None)
    assert retry(_stage(used, *on), _FAILED, None, Budget(failures=used), cause) is None


@pytest.mark.parametrize("reason", [None, "rebooted", "never started", "lease"])
def test_lost_adds_to_what_the_infrastructure_has(reason: str | None) -> None:
    """`lost` is for builds that are worth more attempts than infra_retry."""
    budget = Budget(infrastructure=1, free=9)
    assert retry(_stage(2, "failed"), StageStatus.LOST, reason, budget) is None
    assert retry(_stage(2, "lost"), StageStatus.LOST, reason, budget) == ("failures", 5.0)
    first = retry(_stage(2, "lost"), StageStatus.LOST, reason, Budget(free=9))
    assert first == ("infrastructure", 5.0)


@pytest.mark.parametrize("on", RETRIED)
def test_nothing_repeats_what_nobody_can_run(on: str) -> None:
    """A server that refuses, a folder that is missing: a person has to mend that first."""
    assert retry(_stage(2, on), StageStatus.LOST, "refused: no", Budget()) is None
    for reason in ("workdir", "shell"):
        assert retry(_stage(2, on), _FAILED, reason, Budget(), "network") is None


@pytest.mark.parametrize("status", OUTCOMES)
def test_outcomes_are_repeated_as_before(status: str) -> None:
    """An outcome that is listed is repeated at once, whatever its cause."""
    known = StageStatus(status)
    budget = Budget(infrastructure=1)
    delay = 5.0 if known is StageStatus.LOST else 0.0
    for cause in ("compile", "test", None):
        assert retry(_stage(1, status), known, None, budget, cause) == ("failures", delay)


@pytest.mark.parametrize("code", [*range(1, 8), 137])
def test_the_exit_codes_of_pytest_are_told_apart(code: int) -> None:
    """Tests that failed, tests that never ran, and none at all; of other tools it is a number."""
    end = JobEnd(kind="exit", code=code)
    said = {
        tool: verdict(_stage(0), end, LogReport(tool=tool)).reason for tool in ("pytest", "make")
    }
    assert said == {
        "pytest": PYTEST_ENDS.get(code, f"exit code {code}"),
        "make": f"exit code {code}",
    }
    assert len(set(PYTEST_ENDS.values())) == len(PYTEST_ENDS)
