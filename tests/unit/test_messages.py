"""Laws of messages: what is told of a run, when, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

import attrs
import pytest
from unit.played import (
    CHANNELS,
    CREATED,
    DAY,
    RESULTS,
    RUN,
    STAGES,
    a_server,
    a_stage,
    done,
    ended,
    last,
    plan,
    play,
    retried,
    started,
    texts,
)

from buildorch import events
from buildorch.events import Event, Recorded
from buildorch.job import Wait
from buildorch.messages import link_lost, resend
from buildorch.model import Retry, RunStatus, StageStatus
from buildorch.view import RunView


def test_a_day_in_english() -> None:
    """Started, done, failed, recovered and finished read as people expect them."""
    assert texts(play(DAY)) == dedent(f"""\
        🚀 Pipeline started: ccu2-full-build
        3 stages, container-manager, jobs=8, by dev1
        Run {RUN}
        ❌ Stage 2 FAILED: host-build (4min)
        Error: CMake error in container-manager
        Exit code 2
        Retry 1 of 1 starts now on ccu2-builder
        buildorch logs {RUN} host-build
        ✅ Stage 1/3 complete: yocto-image (45min)
        12 warnings, 1 file, 3.0 GB
        ♻️ Stage 2 RECOVERED: host-build (22min, retry 1)
        Was: CMake error in container-manager
        Next: integration-test
        ✅ Stage 3/3 complete: integration-test (30s)
        🎉 Pipeline complete: ccu2-full-build (2h 15min)
        3/3 stages, 12 warnings, 1 retry
        Results: {RESULTS}""")


def test_a_day_in_korean() -> None:
    """The same facts in Korean."""
    assert texts(play(DAY, "ko")) == dedent(f"""\
        🚀 파이프라인 시작: ccu2-full-build
        3단계, container-manager, jobs=8, 실행자 dev1
        실행 {RUN}
        ❌ 2단계 실패: host-build (4분)
        오류: container-manager CMake 오류
        종료 코드 2
        재시도 1/1 시작: ccu2-builder
        buildorch logs {RUN} host-build
        ✅ 1/3 단계 완료: yocto-image (45분)
        경고 12건, 파일 1개, 3.0 GB
        ♻️ 2단계 복구: host-build (22분, 재시도 1회)
        이전 오류: container-manager CMake 오류
        다음: integration-test
        ✅ 3/3 단계 완료: integration-test (30초)
        🎉 파이프라인 완료: ccu2-full-build (2시간 15분)
        3/3 단계, 경고 12건, 재시도 1회
        결과: {RESULTS}""")


def test_an_unknown_error_is_told_with_the_last_lines_of_the_log() -> None:
    """Without a first error come at most five lines of log, plain, and what is skipped."""
    tail = "\n".join(["one", "", *map(str, range(3)), "\x1b[31mred\x1b[0m\r", "x" * 500])
    facts = [
        *started("host-build"),
        ended("host-build", 59),
        done("host-build", StageStatus.FAILED),
    ]
    assert last(*facts, tail=tail).splitlines() == [
        "❌ Stage 2 FAILED: host-build (59s)",
        *["0", "1", "2", "red", "x" * 159 + "…"],
        "On s",
        "Skipped: integration-test",
        "buildorch logs RUN host-build",
        "buildorch retry RUN",
    ]


@pytest.mark.parametrize(
    ("language", "status", "fields", "lines"),
    [
        (
            "en",
            StageStatus.TIMED_OUT,
            {"reason": "timeout"},
            ["❌ Stage 1 TIMED OUT: yocto-image (3h)", "Longer than its timeout (3h)"],
        ),
        ("en", StageStatus.FAILED, {"signal": 9}, ["FAILED", "Killed by signal 9"]),
        (
            "en",
            StageStatus.FAILED,
            {"exit_code": 3, "reason": "exit code 3"},
            ["FAILED", "Exit code 3"],
        ),
        ("en", StageStatus.FAILED, {"reason": "No such folder"}, ["FAILED", "No such folder"]),
        ("en", StageStatus.LOST, {"reason": "rebooted"}, ["LOST", "The server rebooted"]),
        ("en", StageStatus.NO_SPACE, {"reason": "no_space"}, ["NO SPACE", "The disk is full"]),
        (
            "ko",
            StageStatus.TIMED_OUT,
            {"reason": "idle"},
            ["❌ 1단계 시간 초과: yocto-image (3시간)", "유휴 제한 시간 동안 진행 없음"],
        ),
        ("ko", StageStatus.LOST, {"reason": "rebooted"}, ["유실", "서버가 재부팅됨"]),
    ],
)
def test_the_cause_is_told_in_words(
    language: str, status: StageStatus, fields: Mapping[str, object], lines: list[str]
) -> None:
    """Exit code, signal and reason, each where it is known and once."""
    text = last(
        *started("yocto-image"),
        ended("yocto-image", 10800, status, **{"exit_code": None, **fields}),
        done("yocto-image", status, **fields),
        language=language,
    )
    head, cause, *commands = text.splitlines()
    assert lines[0] in head
    where = "서버 s" if language == "ko" else "on s"
    assert cause == f"{lines[1]}, {where}"
    assert commands == ["buildorch logs RUN yocto-image", "buildorch retry RUN"]


def test_what_a_failure_means_for_the_rest_is_told() -> None:
    """Allowed failures, fail_fast and `always` stages are told as they are."""
    first, second = a_stage("a", 0, "s"), a_stage("b", 1, "s", after=("a",))
    third = a_stage("c", 2, "s", after=("b",), always=True)
    failed = done("a", StageStatus.FAILED, exit_code=1)
    head = "❌ Stage 1 FAILED: a\nExit code 1\n"
    ending = "buildorch logs RUN a\nbuildorch retry RUN"
    some = plan(stages=(first, second, third))
    assert last(failed, of=some) == f"{head}Skipped: b\n{ending}"
    fast = plan(stages=(first, second, third), fail_fast=True)
    assert last(failed, of=fast) == f"{head}The other stages are cancelled (fail_fast)\n{ending}"
    allowed = done("a", StageStatus.FAILED, exit_code=1, allowed=True)
    assert last(allowed, of=some) == (
        f"{head}Allowed to fail: the pipeline goes on\nbuildorch logs RUN a"
    )


def test_retries_of_the_infrastructure_are_counted_apart() -> None:
    """A reboot uses the infrastructure's budget; a job that never started is not told."""
    facts: list[Event | tuple[float, Event]] = [
        *started("host-build"),
        ended("host-build", 5, StageStatus.LOST, reason="never started", exit_code=None),
        retried("host-build", 2, 5, "free"),
        *started("host-build", 2),
        ended("host-build", 5, attempt=2),
        retried("host-build", 3),
        *started("host-build", 3),
        ended("host-build", 5, StageStatus.LOST, attempt=3, reason="rebooted", exit_code=None),
        retried("host-build", 4, 10, "infrastructure"),
    ]
    told = play(facts)[1:]
    assert [message.text.splitlines()[-2] for message in told] == [
        "Retry 1 of 1 starts now on ccu2-builder",
        "Infrastructure retry 1 of 2 starts in 10s on ccu2-builder",
    ]


def test_with_fallbacks_nobody_is_told_where_the_retry_runs() -> None:
    """The server of the next attempt is not chosen yet where there are several."""
    two = a_stage("a", 0, "s", servers=(a_server("s"), a_server("t")), retry=Retry(1))
    facts = [*started("a"), ended("a", 5), retried("a")]
    assert "Retry 1 of 1 starts now\n" in last(*facts, of=plan(stages=(two,)))


def connect_failed(**fields: object) -> Event:
    values: dict[str, object] = {"attempt": 1, "server": "ccu2-builder", "tries": 4, **fields}
    return events.ConnectFailed(
        stage="host-build",
        reason="refused",
        message="ccu2-builder: port 22\nrefused the connection",
        **values,  # type: ignore[arg-type]
    )


def test_an_unreachable_server_is_told_once_with_its_cause() -> None:
    """Not for each try, and the end of the stage adds no second alert."""
    facts = [connect_failed(retry_in=2.0), connect_failed()]
    told = play([*facts, done("host-build", StageStatus.UNREACHABLE)])[1:]
    assert [message.topic for message in told] == ["unreachable"]
    assert told[0].text.replace(RUN, "RUN") == dedent("""\
        ❌ Stage 2/3 UNREACHABLE: host-build on ccu2-builder
        ccu2-builder: port 22 refused the connection
        Skipped: integration-test
        buildorch retry RUN""")


def test_each_server_of_a_stage_has_its_own_alert() -> None:
    """A fallback is named, and its own failure is another message."""
    facts = [connect_failed(fallback="ccu2-b"), connect_failed(server="ccu2-b")]
    first, second = play(facts)[1:]
    assert first.text.endswith("\nFallback: goes on ccu2-b now")
    assert first.key != second.key


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "en",
            (
                "⚠️ Stage 1/3: yocto-image, no answer from yocto-builder for 10min\n"
                "keepalive timed out\n"
                "The build goes on there; reconnecting"
            ),
        ),
        (
            "ko",
            (
                "⚠️ 1/3 단계: yocto-image, 10분 동안 yocto-builder 응답 없음\n"
                "keepalive timed out\n"
                "빌드는 서버에서 계속 진행 중, 재연결 시도 중"
            ),
        ),
    ],
)
def test_a_lost_link_is_told_with_the_comfort_that_the_build_goes_on(
    language: str, text: str
) -> None:
    """The alert says which stage, which server, for how long and why; once a loss."""
    view = RunView.start(plan(), Recorded(run=RUN, seq=1, at=0, epoch=1, event=CREATED))
    lost = events.LinkLost(
        stage="yocto-image", attempt=1, server="yocto-builder", reason="keepalive timed out"
    )
    facts = [event for _, event in started("yocto-image", server="yocto-builder")]
    for seq, event in enumerate([*facts, lost], start=2):
        view.apply(Recorded(run=RUN, seq=seq, at=60.0, epoch=1, event=event))
    told = link_lost(CHANNELS, view, "yocto-image", after=600, language=language)
    assert [message.text for message in told] == [text]
    assert told[0].key == f"{RUN}/link_lost/yocto-image/1@60/discord"
    view.apply(Recorded(run=RUN, seq=view.seq + 1, at=60.0, epoch=1, event=told[0]))
    again = link_lost(CHANNELS, view, "yocto-image", after=600, language=language)
    assert [] == again


def test_a_missing_login_is_told_once_a_server() -> None:
    """Many stages of a server lose its link: somebody has to log in once; elsewhere once more."""
    lost = [
        events.LinkLost(
            stage=stage, attempt=1, server=server, reason="no key", barred="login refused"
        )
        for stage, server in (("host-build", "s"), ("yocto-image", "s"), ("integration-test", "t"))
    ]
    begun = [*started("host-build"), *started("yocto-image"), *started("integration-test", 1, "t")]
    told = play([*begun, *lost])[1:]
    assert ["barred", "barred"] == [message.topic for message in told]
    assert ["host-build", "integration-test"] == [message.stage for message in told]


_RACK = Wait(
    kind="lock", name="rack/ccu2-01", user="dev2", run="0714-1", stage="tests", seconds=720.0
)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "en",
            (
                "⏳ Stage 3/3 waits: integration-test, for rack/ccu2-01, 1st in line\n"
                "held by dev2, run 0714-1 tests, for 12min"
            ),
        ),
        (
            "ko",
            (
                "⏳ 3/3 단계 대기: integration-test, rack/ccu2-01, 대기 순서 1번째\n"
                "사용 중: dev2, 실행 0714-1 tests, 12분 동안"
            ),
        ),
    ],
)
def test_a_wait_is_told_once_with_place_and_holder(language: str, text: str) -> None:
    """However often the holder changes; and the next command's wait is another message."""
    other = attrs.evolve(_RACK, user="dev3", place=2)
    waits = [
        events.StepWaiting(stage="integration-test", attempt=1, step=step, wait=wait)
        for step, wait in ((1, _RACK), (1, other), (1, None), (1, _RACK), (2, other))
    ]
    told = play([*started("integration-test"), *waits], language)[1:]
    assert ["waiting", "waiting"] == [message.topic for message in told]
    assert text == told[0].text
    assert told[0].key != told[1].key


def test_a_failed_run_is_summed_up() -> None:
    """Stages by how they ended, and how to go on."""
    facts = [
        done("yocto-image", warnings=1),
        done("host-build", StageStatus.FAILED),
        done("integration-test", StageStatus.SKIPPED),
        events.RunFinished(status=RunStatus.FAILED, seconds=61.0, results="/r"),
    ]
    assert last(*facts) == dedent("""\
        ❌ Pipeline FAILED: ccu2-full-build (1min)
        1/3 stages, 1 warning
        Failed: host-build
        Skipped: integration-test
        Results: /r
        buildorch retry RUN""")


def test_a_cancelled_run_is_told_once() -> None:
    """The stages that a cancel ends are no failures and no messages."""
    facts = [done(stage.name, StageStatus.CANCELLED) for stage in STAGES]
    end = events.RunFinished(status=RunStatus.CANCELLED, seconds=5.0, results="/r")
    told = play([*facts, end])[1:]
    assert texts(told) == dedent("""\
        🛑 Pipeline cancelled: ccu2-full-build (5s)
        0/3 stages
        Cancelled: yocto-image, host-build, integration-test
        Results: /r""")


def test_odd_successes_are_told_as_they_are() -> None:
    """A stage that was up to date, and one whose log contradicts its exit code."""
    assert last(done("host-build", StageStatus.UP_TO_DATE)) == (
        "✅ Stage 2/3 up to date: host-build"
    )
    odd = done("host-build", warning="exit code 0, but the last line says 'FAILED'")
    assert last(odd).splitlines() == [
        "✅ Stage 2/3 complete: host-build",
        "exit code 0, but the last line says 'FAILED'",
    ]


def test_titles_are_shown_and_names_are_typed() -> None:
    """People read the title; the command to copy has the name."""
    some = plan(title="CCU2 빌드", stages=(a_stage("a", 0, "s", title="Image"),))
    told = play([done("a", StageStatus.FAILED)], of=some)
    assert told[0].text.startswith("🚀 Pipeline started: CCU2 빌드\n1 stage, ")
    assert told[1].text.startswith("❌ Stage 1 FAILED: Image\n")
    assert f"buildorch logs {RUN} a" in told[1].text


def test_a_move_is_no_failure_of_the_stage() -> None:
    """It counts as no retry, and a stage that succeeds elsewhere has not recovered."""
    moved = [
        *started("host-build"),
        ended("host-build", 5, StageStatus.LOST, reason="moved", exit_code=None),
        retried("host-build", cause="moved"),
        *started("host-build", 2, "other"),
    ]
    won = ended("host-build", 5, StageStatus.SUCCEEDED, attempt=2, exit_code=0)
    good = play([*moved, won, done("host-build", attempts=2, seconds=10.0)])
    assert ["started", "stage_done"] == [message.topic for message in good]
    lost = ended("host-build", 5, StageStatus.LOST, attempt=2, reason="rebooted", exit_code=None)
    bad = play([*moved, lost, retried("host-build", 3, 10.0, "infrastructure")])
    assert "Infrastructure retry 1 of 2" in bad[-1].text


def test_a_retry_on_another_server_says_where() -> None:
    """A stage whose lease is over goes on elsewhere, and people are told on which server."""
    lost = ended("host-build", 5, StageStatus.LOST, reason="lease", exit_code=None)
    again = events.RetryScheduled(
        stage="host-build", attempt=2, delay=5.0, cause="infrastructure", server="other"
    )
    told = play([*started("host-build"), lost, again])
    assert "Infrastructure retry 1 of 2 starts in 5s on other" in told[-1].text


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.FAILED])
def test_what_is_odd_about_the_end_of_a_run_is_told(status: RunStatus) -> None:
    """A job that may still live, or an archive that is not there, also after a success."""
    odd = "build1 has not confirmed that job 1.0.1.1 is dead"
    end = events.RunFinished(status=status, seconds=60.0, results=RESULTS, reason=odd)
    assert odd in play([end])[-1].text


def test_keys_are_the_same_whenever_the_fact_is() -> None:
    """A replay makes the same keys; run, topic, stage, attempt and channel tell them apart."""
    keys = [message.key for message in play(DAY)]
    assert keys == [message.key for message in play(DAY, "ko")]
    assert len(set(keys)) == len(keys)
    assert keys[1] == f"{RUN}/failed/host-build/1/discord"
    assert keys[3] == f"{RUN}/recovered/host-build/2/discord"


def test_what_nobody_answered_is_told_once_more_if_it_matters() -> None:
    """After a crash failed and finished may repeat, after more crashes too; the rest is dropped."""
    told = {message.topic: message for message in play(DAY)}
    assert {topic for topic, message in told.items() if resend(message, "en")} == {
        "failed",
        "finished",
    }
    again = resend(told["finished"], "ko")
    assert again is not None
    assert again.text == told["finished"].text + "\n(중복일 수 있음)"
    assert again.key != told["finished"].key
    assert resend(again, "en") == again


def test_messages_fit_a_phone() -> None:
    """Whatever a build writes, a message stays short and is plain text."""
    huge = "\x1b[31m" + "x" * 10000 + "\n\x00" * 50
    facts = [
        *started("host-build"),
        ended("host-build", 1, first_error=huge),
        retried("host-build"),
    ]
    text = play(facts, tail=huge)[-1].text
    assert len(text) < 1000
    assert "\x1b" not in text
    assert "\x00" not in text
