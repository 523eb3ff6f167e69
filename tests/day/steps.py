"""The 25 steps of the day, each in one line; a test that lives one is marked `day(step=N)`."""

from __future__ import annotations

from collections.abc import Mapping

STEPS: Mapping[int, str] = {
    1: "check of the users' own pipeline file: exit 0, no login in any sshd log",
    2: "sshd of h3 down: `servers` within 2.5 s, two OK, test-runner OFFLINE (refused)",
    3: "an idle bitbake server of somebody: `doctor` says that it will be used, no error",
    4: "run --detach: its id within 3 s, exactly one started message despite the 429",
    5: "laptop asleep for 60 s: retry and the next stage happen meanwhile, messages leave on time",
    6: "failed message within 5 s of the end, with the CMake error; then one recovered message",
    7: "progress follows task N of M and never goes back; unflushed output is line 1 of the log",
    8: "h1 cut 20 s in mid-log: the board says so, the build goes on, the log is whole",
    9: "kill -9 of the controller, resume: every command has one start in runs.log",
    10: "another user holds the rack: our stage waits, holder and place shown, no clash",
    11: "her controller killed: the rack stays hers until her tests end, then ours begin",
    12: "image from h1 to h3: sparse, checked, little traffic, little disk here",
    13: "plain sudo: failed within 2 s, its line is the first error",
    14: "cancel during bitbake: no task left, somebody's idle server lives; ours is gone",
    15: "somebody builds by hand: our stage waits and names pid, user, since when",
    16: "timeout with long tasks: whole tree gone, the bitbake server too; one alert, no retry",
    17: "disk full there: no_space with GB, no retry; the next run is refused before launch",
    18: "bitbake hangs: killed by idle_timeout although it prints that it is alive",
    19: "controller umask 077, h1 with LANG=ko_KR.EUC-KR: the build sees 022 and UTF-8",
    20: "a build that lies: succeeded with a warning; with success_if failed",
    21: "docker run -t is explained before launch; without -t and cancelled nothing is left",
    22: "two modules side by side: their times overlap by 3 s or more",
    23: "a failing test is named, its report is here, rack-off ran, after cancel and kill -9 too",
    24: "schedule each minute: runs, skips overlaps with a reason, tells what did not run",
    25: "--ci and SIGTERM: exit within 9 s, trees gone; without --ci detached, resumable",
}


def missing(lived: set[int]) -> list[str]:
    """Return a line for each step that no test lives.

    Args:
        lived: Numbers of the steps that tests live.

    Example:
        >>> missing(set(STEPS) - {25})[0].partition(" ")[0]
        '25'
    """
    return [f"{number:2} {what}" for number, what in STEPS.items() if number not in lived]
