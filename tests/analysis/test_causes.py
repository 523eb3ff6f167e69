"""Laws of causes: what may pass is told from what lasts, and what lasts always wins."""

from __future__ import annotations

import itertools

import pytest

from buildorch.analysis import Analyzer
from buildorch.analysis.causes import LASTING, PASSING

_PYTEST = "=" * 28 + " test session starts " + "=" * 29 + "\ncollected 12 items\n\n"

#: Logs, each with one error, by what it is about.
_ERRORS = {
    "network": (
        "ERROR: busybox-1.36.1-r0 do_fetch: Fetcher failure for URL: 'https://x/y.tar.bz2'.\n",
        (
            "fatal: unable to access 'https://git.x/': Could not resolve host: git.x\n"
            "make: *** [Makefile:3: sources] Error 128\n"
        ),
        "curl: (28) Operation timed out after 30001 milliseconds\nmake: *** [get] Error 28\n",
        "E: Failed to fetch http://deb.example/x.deb  503  Service Unavailable [IP: 10.0.0.1]\n",
        "npm ERR! code ECONNRESET\nnpm ERR! network socket hang up\n",
        "error: failed to download from `https://static.crates.io/crates/libc`\n",
        (
            "Traceback (most recent call last):\n"
            '  File "get.py", line 3, in <module>\n    get()\n'
            "requests.exceptions.ConnectionError: HTTPSConnectionPool: Max retries exceeded\n"
        ),
    ),
    "board": (
        (
            f"{_PYTEST}ERROR test_c.py::test_start - OSError: board ccu2-01 does not answer\n"
            f"{'=' * 27} 12 errors in 3.10s {'=' * 27}\n"
        ),
        (
            "Traceback (most recent call last):\n"
            '  File "flash.py", line 3, in <module>\n    go()\n'
            "serial.serialutil.SerialException: [Errno 2] could not open port /dev/ttyUSB0\n"
        ),
        "error: device 'ccu2-01' not found\n",
        "Error: no device found\nmake: *** [flash] Error 1\n",
    ),
    "oom": (
        (
            "c++: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.\n"
            "make: *** [a.o] Error 1\n"
        ),
        "build.sh: line 3:  4711 Killed                  ./generate\n",
        'Exception in thread "m" java.lang.OutOfMemoryError: heap\nmake: *** [j] Error 1\n',
    ),
    "no_space": ("cp: error writing 'x': No space left on device\nmake: *** [x] Error 1\n",),
    "compile": (
        "src/net.c:7:2: error: connection refused was not declared\nmake: *** [net.o] Error 1\n",
        "/usr/bin/ld: cannot find -lfoo\ncollect2: error: ld returned 1 exit status\n",
        "error[E0425]: cannot find value `x` in this scope\n --> src/main.rs:3:5\n",
        (
            "ERROR: linux-s32-6.6-r0 do_compile: oe_runmake failed\n"
            "ERROR: Logfile of failure stored in: /b/work/x/linux-s32/6.6/temp/log.do_compile.7\n"
        ),
        "CMake Error at app/CMakeLists.txt:4 (message):\n  no board\n\n",
    ),
    "test": (
        (
            f"{_PYTEST}FAILED test_c.py::test_restart - AssertionError: board does not answer\n"
            f"{'=' * 20} 1 failed, 11 passed in 6.10s {'=' * 20}\n"
        ),
        (
            "======\nFAIL: test_it (tests.Case)\n------\nTraceback (most recent call last):\n"
            '  File "t.py", line 3, in test_it\n    x\nConnectionError: Connection refused\n\n'
            "FAILED (failures=1)\n"
        ),
    ),
}
_LOGS = [(cause, log) for cause, logs in _ERRORS.items() for log in logs]


def _cause(log: str, pieces: int = 1) -> str | None:
    analyzer = Analyzer()
    data = log.encode()
    for begin in range(0, len(data), max(1, len(data) // pieces)):
        analyzer.feed(data[begin : begin + max(1, len(data) // pieces)])
    return analyzer.finish().cause


@pytest.mark.parametrize(("cause", "log"), _LOGS)
def test_an_error_is_of_its_cause(cause: str, log: str) -> None:
    """However the log comes in."""
    assert (cause, cause) == (_cause(log), _cause(log, pieces=17))


@pytest.mark.parametrize(
    ("passing", "lasting"),
    [
        (one, two)
        for (kind, one), (other, two) in itertools.product(_LOGS, _LOGS)
        if kind in PASSING and other in LASTING and "session" not in one
    ],
)
def test_what_lasts_wins(passing: str, lasting: str) -> None:
    """A build that also does not compile, or fails its tests, is not worth another attempt."""
    assert _cause(lasting + passing) in LASTING
    assert _cause(passing + lasting) in LASTING


@pytest.mark.parametrize(
    "log",
    [
        "",
        "all fine\n",
        "curl: (22) The requested URL returned error: 404\nmake: *** [get] Error 22\n",
        "ERROR: x-1.0-r0 do_fetch: Checksum mismatch! File: '/d/x.tar.gz'\n",
        "remote: Repository not found.\nfatal: Authentication failed for 'https://x/'\n",
        "make: *** No rule to make target 'x'.  Stop.\n",
        "0 errors, connection refused 3 times, retried\n",
        f"{_PYTEST}{'=' * 20} no tests ran in 0.02s {'=' * 20}\n",
    ],
)
def test_what_stays_is_no_cause_that_passes(log: str) -> None:
    """A file that is not there is not there the next time; a log without an error has no cause."""
    assert _cause(log) not in PASSING


def test_a_bitbake_task_is_what_its_log_says() -> None:
    """The copied log of the task that failed tells a compiler that was killed from an error."""
    failed = (
        "ERROR: qt-6-r0 do_compile: oe_runmake failed\n"
        "ERROR: Logfile of failure stored in: /b/tmp/work/x/qt/6-r0/temp/log.do_compile.7\n"
        "Log data follows:\n"
    )
    killed = "| c++: fatal error: Killed signal terminated program cc1plus\n"
    assert _cause(failed + killed) == "oom"
    assert _cause(failed + "| a.cpp:1:2: error: no\n") == "compile"
    fetch = "ERROR: x-1-r0 do_fetch: Fetcher failure for URL: 'y'\n"
    assert _cause(failed + killed + fetch) == "compile"
