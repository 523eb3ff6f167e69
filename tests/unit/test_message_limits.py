"""Laws of what a phone shows: any message is short, plain, and says what to do."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.played import CREATED, RUN, a_stage, done, ended, plan, play, retried, started

from buildorch import events
from buildorch.events import AttemptFinished, Event
from buildorch.messages import Background, Before
from buildorch.model import Retry, RunStatus, StageStatus
from buildorch.notifiers.parts import units

_TEXT = st.text(max_size=3000) | st.text("x\n\x1b[ 한🚀", max_size=3000)
_FIELDS = st.fixed_dictionaries(
    {
        "first_error": st.none() | _TEXT,
        "alert": st.none() | _TEXT,
        "excerpt": st.none() | _TEXT,
        "reason": st.none() | _TEXT,
        "exit_code": st.none() | st.integers(1, 255),
    }
)
_STATUS = st.sampled_from(
    [StageStatus.FAILED, StageStatus.TIMED_OUT, StageStatus.NO_SPACE, StageStatus.LOST]
)


def _many(count: int) -> list[Event | tuple[float, Event]]:
    """Return how many stages end that depend on one that failed."""
    return [done(f"stage-{number}", StageStatus.SKIPPED) for number in range(1, count)]


@given(_FIELDS, _STATUS, _TEXT, st.integers(1, 60), st.sampled_from(["en", "ko"]))
def test_every_message_is_short(
    fields: dict[str, object], status: StageStatus, tail: str, count: int, language: str
) -> None:
    """However long errors, logs and names are: it fits a phone, and one message of a service."""
    stages = tuple(
        a_stage(f"stage-{number}", number, "s", after=("stage-0",) if number else ())
        for number in range(count)
    )
    whole = {key: value for key, value in fields.items() if key != "excerpt"}
    told = play(
        [
            *started("stage-0"),
            ended("stage-0", 5, status, **fields),
            retried("stage-0"),
            *started("stage-0", 2),
            ended("stage-0", 5, status, attempt=2, **fields),
            done("stage-0", status, attempts=2, **whole),
            *_many(count),
            events.RunFinished(
                status=RunStatus.FAILED, seconds=9.0, results="/r", reason=tail[:500]
            ),
        ],
        language,
        of=plan(stages=stages),
        tail=tail,
    )
    for message in told:
        assert units(message.text) <= 1700
        assert len(message.text.splitlines()) <= 16
        assert message.text.isprintable() or "\n" in message.text
        assert "\x1b" not in message.text
    alerts = [one for one in told if one.topic == "failed"]
    assert len(alerts) == 2
    assert all(f"buildorch logs {RUN} stage-0" in one.text for one in alerts)
    assert f"buildorch retry {RUN}" in alerts[-1].text


def _failed(number: int) -> tuple[float, Event]:
    return ended("host-build", 60, attempt=number, first_error="x")


def test_what_follows_a_failure_names_it() -> None:
    """A second failure and the recovery continue the first alert; other messages nothing."""
    told = play(
        [
            *started("host-build"),
            _failed(1),
            retried("host-build"),
            *started("host-build", 2),
            _failed(2),
            retried("host-build", 3),
            *started("host-build", 3),
            ended("host-build", 60, StageStatus.SUCCEEDED, attempt=3, exit_code=0),
            done("host-build", attempts=3),
        ]
    )
    first, again = [one for one in told if one.topic == "failed"]
    (recovered,) = [one for one in told if one.topic == "recovered"]
    assert first.follows is None
    assert again.follows == recovered.follows == first.key
    assert again.note == "❌ Attempt 2 failed too (1min)"
    assert recovered.note == "♻️ Recovered with attempt 3 (1min)"
    assert first.attach is not None
    assert first.attach.endswith("/host-build/attempt-1.log")
    assert {one.follows for one in told} == {None, first.key}


def test_a_run_that_repeats_another_continues_its_end() -> None:
    """Its beginning and its end are told with the end of the run that failed."""
    created = attrs.evolve(CREATED, parent="older")
    end = events.RunFinished(status=RunStatus.SUCCEEDED, seconds=60.0, results="/r")
    told = play([end], created=created)
    assert [one.follows for one in told] == ["older/finished/-/0/discord"] * 2
    assert [one.note for one in told] == [
        f"♻️ Retried by dev1: run {RUN}",
        f"🎉 Run {RUN} is complete (1min)",
    ]


@pytest.mark.parametrize(
    ("status", "said"),
    [(StageStatus.SUCCEEDED, True), (StageStatus.UP_TO_DATE, False)],
)
def test_fixed_is_what_failed_and_succeeds_now(status: StageStatus, *, said: bool) -> None:
    """A stage that did not run has fixed nothing, nor has a run that failed."""
    background = Background(
        run="0714-2",
        usual=7800.0,
        due="15:12",
        before=lambda: Before("0714-1", {"host-build": "CMake error in x", "gone": "y"}),
    )
    end = events.RunFinished(status=RunStatus.SUCCEEDED, seconds=60.0, results="/r")
    first, *_, last = play([done("host-build", status), end], background=background)
    assert f"Usually 2h 10min: done about 15:12. Run 0714-2 ({RUN})" in first.text
    fixed = "Fixed since run 0714-1: host-build\nWas: CMake error in x"
    assert (fixed in last.text) is said
    bad = attrs.evolve(end, status=RunStatus.FAILED)
    assert "Fixed" not in play([done("host-build"), bad], background=background)[-1].text


def test_tests_and_shared_state_are_told() -> None:
    """How many tests passed, and how much of the image was not built anew."""
    result = AttemptFinished(
        stage="yocto-image",
        attempt=1,
        status=StageStatus.SUCCEEDED,
        sstate=97,
        tests_passed=11,
        tests_total=12,
    )
    end = events.RunFinished(status=RunStatus.SUCCEEDED, seconds=60.0, results="/r")
    told = play([*started("yocto-image"), result, done("yocto-image"), end])
    assert "11/12 tests, sstate 97%" in told[1].text
    assert "11/12 tests" in told[2].text


def test_a_policy_by_cause_is_a_policy() -> None:
    """A retry that another cause brings is told as any other."""
    stage = a_stage("a", 0, "s", retry=Retry(2, on=("network",)))
    told = play(
        [*started("a"), ended("a", 1, cause="network"), retried("a", delay=5.0)],
        of=plan(stages=(stage,)),
    )
    assert "Retry 1 of 2 starts in 5s" in told[-1].text
