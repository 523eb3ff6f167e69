"""The words of messages, in English and Korean; knows nothing of who is told what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import attrs

from buildorch.events import AttemptFinished, StageFinished
from buildorch.model import PlannedStage

_ENGLISH: Mapping[str, str] = {
    "started": "🚀 Pipeline started: {pipeline}",
    "by": "by {by}",
    "run": "Run {run}",
    "stage_done": "✅ Stage {number}/{total} complete: {stage}",
    "up_to_date": "✅ Stage {number}/{total} up to date: {stage}",
    "failed": "❌ Stage {number}/{total} FAILED: {stage}",
    "timed_out": "❌ Stage {number}/{total} TIMED OUT: {stage}",
    "lost": "❌ Stage {number}/{total} LOST: {stage}",
    "no_space": "❌ Stage {number}/{total} NO SPACE: {stage}",
    "unreachable": "❌ Stage {number}/{total} UNREACHABLE: {stage} on {server}",
    "link_lost": "⚠️ Stage {number}/{total}: {stage}, no answer from {server} for {time}",
    "goes_on": "The build goes on there; reconnecting",
    "fetched_later": "The build is done; its artifacts are fetched once there is an answer",
    "barred": "⚠️ Stage {number}/{total}: {stage}, no way back to {server}",
    "log_in_again": "Log in again: the build goes on there, and the run goes on by itself",
    "mend_it": "The build goes on there; once that is mended, the run goes on by itself",
    "waits": "⏳ Stage {number}/{total} waits: {stage}, for {what}",
    "wait_lock": "{name}, {place} in line",
    "ordinals": "st nd rd th",
    "wait_bitbake": "another bitbake build of {name}",
    "wait_account": "{by} (account {account})",
    "wait_run": "run {run}",
    "wait_pid": "pid {pid}",
    "wait_since": "since {since}",
    "wait_for": "for {time}",
    "held_by": "held by {who}",
    "error": "Error: {error}",
    "exit_code": "Exit code {code}",
    "signal": "Killed by signal {code}",
    "retry": "Retry {number} of {times} {when}{where}",
    "infra_retry": "Infrastructure retry {number} of {times} {when}{where}",
    "now": "starts now",
    "in": "starts in {time}",
    "on": " on {server}",
    "fallback": "Fallback: goes on {server} now",
    "skipped": "Skipped: {stages}",
    "allowed": "Allowed to fail: the pipeline goes on",
    "fail_fast": "The other stages are cancelled (fail_fast)",
    "recovered": "♻️ Stage {number}/{total} RECOVERED: {stage}",
    "was": "Was: {error}",
    "next": "Next: {stages}",
    "run_succeeded": "🎉 Pipeline complete: {pipeline}",
    "run_failed": "❌ Pipeline FAILED: {pipeline}",
    "run_cancelled": "🛑 Pipeline cancelled: {pipeline}",
    "run_interrupted": "⚠️ Pipeline interrupted: {pipeline}",
    "of_stages": "{good}/{total} stages",
    "list_failed": "Failed: {stages}",
    "list_timed_out": "Timed out: {stages}",
    "list_cancelled": "Cancelled: {stages}",
    "list_skipped": "Skipped: {stages}",
    "list_unreachable": "Unreachable: {stages}",
    "list_lost": "Lost: {stages}",
    "list_no_space": "No space: {stages}",
    "results": "Results: {path}",
    "may_repeat": "(may repeat)",
    "stages": "{count} stages|{count} stage",
    "warnings": "{count} warnings|{count} warning",
    "retries": "{count} retries|{count} retry",
    "retry_number": "retry {count}",
    "files": "{count} files,|{count} file,",
    "day": "{count}d",
    "hour": "{count}h",
    "minute": "{count}min",
    "second": "{count}s",
    "reason timeout": "Longer than its timeout{limit}",
    "reason idle": "No progress for its idle_timeout{limit}",
    "reason no_space": "The disk is full",
    "reason log_limit": "Its log grew past log_limit",
    "reason setup": "Its setup failed",
    "reason workdir": "Its workdir is missing",
    "reason shell": "Its shell is missing",
    "reason rebooted": "The server rebooted",
    "reason supervisor killed": "Its supervisor on the server was killed",
    "reason folder removed": "Its job folder on the server was removed",
    "reason never started": "It never started",
    "reason moved": "Moved to another server",
    "reason lease": "No controller renewed its lease",
    "reason abandoned": "Its server does not answer, and nobody waits for it",
}

_KOREAN: Mapping[str, str] = {
    "started": "🚀 파이프라인 시작: {pipeline}",
    "by": "실행자 {by}",
    "run": "실행 {run}",
    "stage_done": "✅ {number}/{total} 단계 완료: {stage}",
    "up_to_date": "✅ {number}/{total} 단계 최신 상태: {stage}",
    "failed": "❌ {number}/{total} 단계 실패: {stage}",
    "timed_out": "❌ {number}/{total} 단계 시간 초과: {stage}",
    "lost": "❌ {number}/{total} 단계 유실: {stage}",
    "no_space": "❌ {number}/{total} 단계 공간 부족: {stage}",
    "unreachable": "❌ {number}/{total} 단계 연결 불가: {stage}, 서버 {server}",
    "link_lost": "⚠️ {number}/{total} 단계: {stage}, {time} 동안 {server} 응답 없음",
    "goes_on": "빌드는 서버에서 계속 진행 중, 재연결 시도 중",
    "fetched_later": "빌드는 완료됨, 서버가 응답하면 산출물을 가져옴",
    "barred": "⚠️ {number}/{total} 단계: {stage}, {server}에 다시 연결할 수 없음",
    "log_in_again": "다시 로그인 필요: 빌드는 서버에서 계속 진행 중, 로그인하면 자동으로 이어짐",
    "mend_it": "빌드는 서버에서 계속 진행 중, 문제가 해결되면 실행이 자동으로 이어짐",
    "waits": "⏳ {number}/{total} 단계 대기: {stage}, {what}",
    "wait_lock": "{name}, 대기 순서 {place}번째",
    "ordinals": "",
    "wait_bitbake": "{name}의 다른 bitbake 빌드",
    "wait_account": "{by} (계정 {account})",
    "wait_run": "실행 {run}",
    "wait_pid": "pid {pid}",
    "wait_since": "{since}부터",
    "wait_for": "{time} 동안",
    "held_by": "사용 중: {who}",
    "error": "오류: {error}",
    "exit_code": "종료 코드 {code}",
    "signal": "시그널 {code}(으)로 종료됨",
    "retry": "재시도 {number}/{times} {when}{where}",
    "infra_retry": "인프라 재시도 {number}/{times} {when}{where}",
    "now": "시작",
    "in": "{time} 후 시작",
    "on": ": {server}",
    "fallback": "대체 서버: {server}에서 계속",
    "skipped": "건너뜀: {stages}",
    "allowed": "실패 허용: 파이프라인은 계속 진행",
    "fail_fast": "나머지 단계 취소 (fail_fast)",
    "recovered": "♻️ {number}/{total} 단계 복구: {stage}",
    "was": "이전 오류: {error}",
    "next": "다음: {stages}",
    "run_succeeded": "🎉 파이프라인 완료: {pipeline}",
    "run_failed": "❌ 파이프라인 실패: {pipeline}",
    "run_cancelled": "🛑 파이프라인 취소: {pipeline}",
    "run_interrupted": "⚠️ 파이프라인 중단: {pipeline}",
    "of_stages": "{good}/{total} 단계",
    "list_failed": "실패: {stages}",
    "list_timed_out": "시간 초과: {stages}",
    "list_cancelled": "취소: {stages}",
    "list_skipped": "건너뜀: {stages}",
    "list_unreachable": "연결 불가: {stages}",
    "list_lost": "유실: {stages}",
    "list_no_space": "공간 부족: {stages}",
    "results": "결과: {path}",
    "may_repeat": "(중복일 수 있음)",
    "stages": "{count}단계",
    "warnings": "경고 {count}건",
    "retries": "재시도 {count}회",
    "retry_number": "재시도 {count}회",
    "files": "파일 {count}개,",
    "day": "{count}일",
    "hour": "{count}시간",
    "minute": "{count}분",
    "second": "{count}초",
    "reason timeout": "제한 시간{limit} 초과",
    "reason idle": "유휴 제한 시간{limit} 동안 진행 없음",
    "reason no_space": "디스크 공간 없음",
    "reason log_limit": "로그가 log_limit을 넘음",
    "reason setup": "setup 실패",
    "reason workdir": "작업 폴더 없음",
    "reason shell": "셸 없음",
    "reason rebooted": "서버가 재부팅됨",
    "reason supervisor killed": "서버의 감독 프로세스가 종료됨",
    "reason folder removed": "서버의 작업 기록 폴더가 삭제됨",
    "reason never started": "시작되지 않음",
    "reason moved": "다른 서버로 이동됨",
    "reason lease": "lease가 갱신되지 않음",
    "reason abandoned": "서버가 응답하지 않아 더 기다리지 않음",
}

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
    """

    table: Mapping[str, str]

    @classmethod
    def of(cls, language: str) -> Words:
        """Return the words of *language*: `ko`, or English."""
        return cls(_KOREAN if language.startswith("ko") else _ENGLISH)

    def say(self, phrase: str, **values: object) -> str:
        """Return *phrase* with *values* in it."""
        return self.table[phrase].format(**values)

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
