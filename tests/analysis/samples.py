"""Logs for the tests of the analysis: real shapes of many tools, with what they amount to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

CASES = Path(__file__).parent / "cases"
_NUMBERS = b"".join(b"0x%04x," % (number % 65536) for number in range(190_000))


def case_names() -> list[str]:
    """Return the names of all recorded cases."""
    return sorted(path.stem for path in CASES.glob("*.json"))


def case_log(name: str) -> bytes:
    """Return the log of a case; a marked place stands for more than a megabyte of numbers."""
    return (CASES / f"{name}.log").read_bytes().replace(b"@NUMBERS@", _NUMBERS)


def case_facts(name: str) -> dict[str, Any]:
    """Return what is known of a case."""
    facts: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text("utf-8"))
    return facts


@attrs.frozen
class Sample:
    """A few lines of a log, and what they amount to.

    Attributes:
        name: What they show.
        log: The lines.
        errors: Errors that the tools report.
        warnings: Warnings that the tools report.
        progress: Percent of the main build.
        first: Part of the text of the first error.
        tool: The tool that names the log.
    """

    name: str
    log: str
    errors: int = 0
    warnings: int = 0
    progress: float | None = None
    first: str | None = None
    tool: str | None = None


_HEADER = "============================= test session starts ==============================\n"
_LIST = "=========================== short test summary info ============================\n"

SAMPLES = (
    # -- bitbake -------------------------------------------------------------------------
    Sample(
        "bitbake's footer counts, one task's own bar and the setscene counter do not",
        "Parsing recipes: 100% |####| Time: 0:00:01\r\n"
        "NOTE: Executing Tasks\r\nSetscene tasks: 8 of 8\r\n"
        "Currently  2 running tasks (12 of 400)   3% |#      |\r\n"
        "0: linux-1.0-r0 do_compile - 12s (pid 123)\r\n"
        "\x1b[3A\x1b[KCurrently  2 running tasks (200 of 400)  50% |###    |\r\n"
        "1: zlib-1.0-r0 do_fetch -  99% |####     | 1.2M/s\r\n",
        progress=50.0,
        tool="bitbake",
    ),
    Sample(
        "a footer that is redrawn in one line is read, whole or not",
        "Loading cache...done.\nNOTE: Executing Tasks\n"
        "\r\x1b[KCurrently  4 running tasks (1 of 4)  25% |##"
        "\r\x1b[KCurrently  4 running tasks (3 of 4)  75% |######",
        progress=75.0,
        tool="bitbake",
    ),
    Sample(
        "setscene tasks are no progress",
        "NOTE: Running setscene task 811 of 812 (/a/b.bb:do_x_setscene)\n",
    ),
    Sample(
        "a full disk is bitbake's own errors",
        "NOTE: Running task 200 of 400 (/w/meta/recipes/zlib.bb:do_fetch)\n"
        "WARNING: The free space of /w/tmp (/dev/sdb2) is running low (0.090GB left)\n"
        "ERROR: No new tasks can be executed since the disk space monitor action is "
        '"STOPTASKS"!\n'
        'ERROR: Immediately halt since the disk space monitor action is "HALT"!\n',
        errors=2,
        warnings=1,
        progress=50.0,
        first="No new tasks can be executed",
        tool="bitbake",
    ),
    Sample(
        "a recipe that cannot be parsed",
        "ERROR: ParseError at /srv/a/x.bb:12: unparsed line: 'foo'\n\n"
        "Summary: There was 1 ERROR message, returning a non-zero exit code.\n",
        errors=1,
        first="ParseError at /srv/a/x.bb:12",
        tool="bitbake",
    ),
    Sample(
        "a copied log explains only the task that failed first",
        "ERROR: a-1.0-r0 do_compile: oe_runmake failed\n"
        "ERROR: b-1.0-r0 do_compile: oe_runmake failed\n"
        "ERROR: Logfile of failure stored in: /w/b/1.0/temp/log.do_compile.7\n"
        "Log data follows:\n| b.c:1:1: error: wrong one\n"
        "ERROR: Logfile of failure stored in: /w/a/1.0/temp/log.do_compile.8\n"
        "Log data follows:\n| a.c:2:2: error: right one\n",
        errors=4,
        first="a.c:2:2: error: right one",
        tool="bitbake",
    ),
    Sample(
        "a message of CMake in a copied log",
        "ERROR: a-1.0-r0 do_configure: ExecutionError('x', 1, None, None)\n"
        "ERROR: Logfile of failure stored in: /w/a/1.0/temp/log.do_configure.7\n"
        "Log data follows:\n| CMake Error at CMakeLists.txt:3 (message):\n|   no board\n|\n"
        "| WARNING: exit code 1 from a shell command.\n"
        "NOTE: recipe a-1.0-r0: task do_configure: Failed\n",
        errors=2,
        first="CMake Error at CMakeLists.txt:3 (message):",
        tool="bitbake",
    ),
    Sample(
        "without an error in the copied log its last complaint is shown",
        "ERROR: a-1.0-r0 do_install: ExecutionError('x', 1, None, None)\n"
        "Log data follows:\n| DEBUG: Executing shell function do_install\n"
        "| install: cannot stat 'x.conf': No such file or directory\n"
        "| WARNING: exit code 1 from a shell command.\nNOTE: more\n",
        errors=1,
        first="install: cannot stat 'x.conf'",
        tool="bitbake",
    ),
    # -- ninja ---------------------------------------------------------------------------
    Sample(
        "a command that says nothing is an error of ninja's",
        "[1/3] Generating x\nFAILED: gen/x.h \ncd /b && python3 gen.py\nsomething odd\n"
        "[2/3] Building C object a.o\nninja: build stopped: subcommand failed.\n",
        errors=1,
        progress=66.7,
        first="FAILED: gen/x.h",
        tool="ninja",
    ),
    Sample(
        "two of them are two",
        "[1/3] a\nFAILED: x \ncmd\nodd\n[2/3] b\nFAILED: [code=3] y \ncmd\nodd\n[3/3] z\n",
        errors=2,
        progress=100.0,
        first="FAILED: x",
        tool="ninja",
    ),
    Sample(
        "what the shell says is the reason",
        "[1/3] Generating x\nFAILED: gen/x.h \ncd /b && protoc x\n"
        "/bin/sh: 1: protoc: not found\nninja: build stopped: subcommand failed.\n",
        errors=1,
        progress=33.3,
        first="protoc: not found",
        tool="ninja",
    ),
    Sample(
        "a command that had the terminal said it before it failed",
        "[0/1] Re-running CMake...\nCMake Error at CMakeLists.txt:8 (message):\n  no\n\n\n"
        "-- Configuring incomplete, errors occurred!\nFAILED: build.ninja \n/usr/bin/cmake -B/y\n"
        "ninja: error: rebuilding 'build.ninja': subcommand failed\n",
        errors=1,
        progress=0.0,
        first="CMake Error at CMakeLists.txt:8",
        tool="ninja",
    ),
    Sample(
        "ninja's own trouble",
        "ninja: error: loading 'build.ninja': No such file or directory\n",
        errors=1,
        first="ninja: error: loading",
        tool="ninja",
    ),
    Sample(
        "yarn's phases are no progress",
        "[1/4] Resolving packages...\n[2/4] Fetching packages...\n"
        "[3/4] Linking dependencies...\n[4/4] Building fresh packages...\n",
    ),
    Sample("more done than there is cannot be progress", "[7/3] Building a\n"),
    # -- make ----------------------------------------------------------------------------
    Sample(
        "no rule to make a target",
        "make: *** No rule to make target 'x.c', needed by 'x.o'.  Stop.\n",
        errors=1,
        first="No rule to make target",
        tool="make",
    ),
    Sample(
        "a makefile's own error",
        "Makefile:3: *** missing separator.  Stop.\n",
        errors=1,
        first="missing separator",
        tool="make",
    ),
    Sample(
        "consequences of one compiler error",
        "cc x.c\nx.c:1:2: error: boo\nmake[1]: *** [Makefile:3: x.o] Error 1\n"
        "make[1]: *** Waiting for unfinished jobs....\nmake: *** [all] Error 2\n",
        errors=1,
        first="x.c:1:2: error: boo",
        tool="make",
    ),
    Sample(
        "a missing program is the reason",
        "make: protoc: No such file or directory\nmake[1]: *** [Makefile:3: gen] Error 127\n"
        "make: *** [Makefile:9: all] Error 2\n",
        errors=1,
        first="make: protoc: No such file or directory",
        tool="make",
    ),
    Sample(
        "a recipe without a word is shown, not counted",
        "./check\nmake: *** [Makefile:3: gen] Error 1\n",
        first="make: *** [Makefile:3: gen] Error 1",
        tool="make",
    ),
    Sample(
        "a killed recipe is a cause",
        "make[2]: *** [x/build.make:76: x/a.o] Killed\nmake[1]: *** [Makefile:3: all] Error 2\n",
        errors=1,
        first="Killed",
        tool="make",
    ),
    Sample(
        "an interrupt is one error on all levels",
        "make[1]: *** [Makefile:3: x] Interrupt\nmake: *** [Makefile:9: all] Interrupt\n",
        errors=1,
        first="Makefile:3",
        tool="make",
    ),
    Sample(
        "warnings of make",
        "make: Warning: File 'x' has modification time 3 s in the future\n"
        "make[1]: warning: jobserver unavailable: using -j1.\n"
        "Makefile:12: warning: overriding recipe for target 'x'\n",
        warnings=3,
        tool="make",
    ),
    # -- compilers -----------------------------------------------------------------------
    Sample(
        "out of memory",
        "[ 10%] Building CXX object a.o\n"
        "c++: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.\n"
        "make[2]: *** [x/build.make:76: x/a.o] Error 1\nmake: *** [Makefile:9: all] Error 2\n",
        errors=1,
        progress=10.0,
        first="Killed signal terminated program cc1plus",
        tool="cmake",
    ),
    Sample(
        "a missing header",
        "a.c:1:10: fatal error: foo.h: No such file or directory\n"
        "    1 | #include <foo.h>\ncompilation terminated.\n",
        errors=1,
        first="a.c:1:10: fatal error",
        tool="gcc",
    ),
    Sample(
        "the compiler's totals are none",
        "a.c:1:2: error: x [-Werror=y]\ncc1: all warnings being treated as errors\n"
        "cc1plus: warning: unrecognized command line option\n3 warnings and 1 error generated.\n",
        errors=1,
        warnings=1,
        first="a.c:1:2: error: x",
        tool="gcc",
    ),
    Sample(
        "an assembler",
        "{standard input}: Assembler messages:\n"
        "{standard input}:12: Error: no such instruction: `x'\n",
        errors=1,
        first="no such instruction",
        tool="gcc",
    ),
    Sample(
        "paths with spaces are believed where they are plainly paths",
        "/srv/my build/a.c:1:2: error: x\nC:\\src\\a.c:3:4: warning: y\n",
        errors=1,
        warnings=1,
        first="/srv/my build/a.c:1:2: error: x",
        tool="gcc",
    ),
    Sample(
        "tsc's coloured form",
        "\x1b[96msrc/index.ts\x1b[0m:\x1b[93m12\x1b[0m:\x1b[93m5\x1b[0m - \x1b[91merror\x1b[0m"
        "\x1b[90m TS2322: \x1b[0mType 'string' is not\n\n\x1b[7m12\x1b[0m   x\n"
        "Found 1 error in src/index.ts:12\n",
        errors=1,
        first="src/index.ts:12:5 - error TS2322",
        tool="tsc",
    ),
    Sample(
        "javac",
        "A.java:1: error: ';' expected\n  int x\n       ^\nA.java:2: warning: [x] y\n1 error\n",
        errors=1,
        warnings=1,
        first="A.java:1: error: ';' expected",
        tool="javac",
    ),
    Sample(
        "javac without a place",
        "warning: [options] bootstrap class path not set\n"
        "error: release version 21 not supported\n1 error\n1 warning\n",
        errors=1,
        warnings=1,
        first="release version 21",
    ),
    Sample(
        "links in colours are no text",
        "\x1b]8;;file:///a.c\x07a.c\x1b]8;;\x07:1:2: \x1b[01;35m\x1b[Kwarning: \x1b[m\x1b[Kx "
        "[\x1b]8;;https://gcc.example/\x1b\\-Wx\x1b]8;;\x1b\\]\n",
        warnings=1,
        tool="gcc",
    ),
    Sample(
        "configure gives up",
        "checking for gcc... no\nconfigure: error: no acceptable C compiler found in $PATH\n",
        errors=1,
        first="no acceptable C compiler",
    ),
    # -- linkers -------------------------------------------------------------------------
    Sample(
        "a missing library",
        "/usr/bin/ld: cannot find -lmosquitto: No such file or directory\n"
        "/usr/bin/ld: a.o: in function `main':\n"
        "a.c:(.text+0x1): more undefined references to `x' follow\n"
        "collect2: error: ld returned 1 exit status\nmake: *** [Makefile:2: a] Error 1\n",
        errors=1,
        first="cannot find -lmosquitto",
        tool="make",
    ),
    Sample(
        "a symbol twice",
        "/usr/bin/ld: b.o:(.bss+0x0): multiple definition of `counter'; "
        "a.o:(.bss+0x0): first defined here\ncollect2: error: ld returned 1 exit status\n",
        errors=1,
        first="multiple definition of `counter'",
        tool="gcc",
    ),
    Sample(
        "what ld says in other words counts once it has failed",
        "/usr/bin/ld: a.o: relocation R_X86_64_32 against `.data' can not be used when making "
        "a PIE object; recompile with -fPIE\ncollect2: error: ld returned 1 exit status\n",
        errors=1,
        first="relocation R_X86_64_32",
        tool="gcc",
    ),
    # -- cmake ---------------------------------------------------------------------------
    Sample(
        "probes are no errors",
        "-- Looking for error.h - not found\n-- Performing Test HAVE_ERRORS - Failed\n"
        "-- Could NOT find Foo (missing: FOO_LIBRARY)\n-- Configuring done\n",
        tool="cmake",
    ),
    Sample(
        "one message, one error",
        "CMake Error at modules/container-manager/CMakeLists.txt:41 (find_package):\n"
        '  Could not find a package configuration file provided by "SntCommon" with any\n'
        "  of the following names:\n\n    SntCommonConfig.cmake\n\n"
        "-- Configuring incomplete, errors occurred!\nBUILD FAILED\n",
        errors=1,
        first="container-manager/CMakeLists.txt:41",
        tool="cmake",
    ),
    # -- tests ---------------------------------------------------------------------------
    Sample(
        "pytest -q, with a traceback and an ERROR line that a test printed",
        ".F.E                                                                     [100%]\n"
        "==================================== ERRORS ====================================\n"
        "ERROR: disk\nTraceback (most recent call last):\n"
        '  File "x", line 1, in y\nValueError: q\n' + _LIST + "FAILED a.py::b - assert 0\n"
        "ERROR a.py::c - boom\n1 failed, 2 passed, 3 warnings, 1 error in 0.12s\n",
        errors=2,
        warnings=3,
        progress=100.0,
        first="FAILED a.py::b - assert 0",
        tool="pytest",
    ),
    Sample(
        "a module that cannot be imported",
        _HEADER
        + "collected 0 items / 1 error\n\nE   ModuleNotFoundError: No module named 'x'\n"
        + _LIST
        + "ERROR tests/test_x.py\n"
        "!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!\n"
        "=============================== 1 error in 0.10s ===============================\n",
        errors=1,
        first="ERROR tests/test_x.py",
        tool="pytest",
    ),
    Sample(
        "a session that is still running",
        _HEADER + "test_c.py::test_a PASSED    [  8%]\ntest_c.py::test_b FAILED    [ 16%]\n"
        "test_c.py::test_c ERROR     [ 25%]\n",
        errors=2,
        progress=25.0,
        first="test_b FAILED",
        tool="pytest",
    ),
    Sample(
        "a session on several workers",
        _HEADER
        + "[gw0] [ 50%] PASSED a.py::t \n[gw1] [100%] FAILED a.py::u \n"
        + _LIST
        + "FAILED a.py::u - assert 0\n"
        "========================= 1 failed, 1 passed in 6.10s =========================\n",
        errors=1,
        progress=100.0,
        first="FAILED a.py::u",
        tool="pytest",
    ),
    Sample(
        "without a list the closing line counts",
        _HEADER + "===================== 4 failed, 1 passed in 6.10s =====================\n",
        errors=4,
        first="4 failed",
        tool="pytest",
    ),
    Sample(
        "make ends a session that was killed",
        _HEADER + "a.py::t PASSED [ 50%]\nKilled\nmake: *** [Makefile:3: check] Error 137\n",
        errors=1,
        progress=50.0,
        first="Killed",
        tool="pytest",
    ),
    Sample(
        "unittest's header and its traceback are one failure",
        "======================================================================\n"
        "FAIL: test_x (mod.T.test_x)\n"
        "----------------------------------------------------------------------\n"
        'Traceback (most recent call last):\n  File "a", line 1, in test_x\n'
        "AssertionError: 1 != 2\n\nRan 2 tests in 0.001s\n\nFAILED (failures=1)\n",
        errors=1,
        first="FAIL: test_x",
        tool="unittest",
    ),
    # -- cargo ---------------------------------------------------------------------------
    Sample(
        "a linker's words inside a note are rustc's one error",
        "error: linking with `cc` failed: exit status: 1\n  |\n"
        "  = note: /usr/bin/ld: a.o: undefined reference to `x'\n\n"
        'error: could not compile `a` (bin "a") due to 1 previous error\n',
        errors=1,
        first="linking with `cc` failed",
        tool="cargo",
    ),
    Sample(
        "a failing test of cargo's",
        "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\n"
        "test result: FAILED. 1 passed; 1 failed; 0 ignored\n\n"
        "error: test failed, to rerun pass `--lib`\n",
        errors=1,
        first="test b ... FAILED",
        tool="cargo",
    ),
    Sample(
        "cargo's bar is progress",
        "   Compiling a v0.1.0 (/a)\r    Building [=====>      ] 34/120: foo, bar\r",
        progress=28.3,
        tool="cargo",
    ),
    # -- gradle, maven -------------------------------------------------------------------
    Sample(
        "gradle's own reason where nobody else gave one",
        "> Task :app:lint FAILED\n\nFAILURE: Build failed with an exception.\n\n"
        "* What went wrong:\nExecution failed for task ':app:lint'.\n\nBUILD FAILED in 3s\n",
        errors=1,
        first="What went wrong",
        tool="gradle",
    ),
    Sample(
        "a failing test of gradle's",
        "> Task :app:test FAILED\n\nSyncTest > test_errors() FAILED\n"
        "    java.lang.AssertionError at SyncTest.java:12\n\nSyncTest > ok() PASSED\n\n"
        "* What went wrong:\nExecution failed for task ':app:test'.\n",
        errors=1,
        first="SyncTest > test_errors() FAILED",
        tool="gradle",
    ),
    Sample(
        "maven says it twice",
        "[WARNING] /a/X.java:[3,4] deprecated\n[ERROR] COMPILATION ERROR : \n"
        "[ERROR] /a/X.java:[12,5] cannot find symbol\n[INFO] BUILD FAILURE\n"
        "[ERROR] Failed to execute goal org:compile on project a: Compilation failure\n"
        "[ERROR] /a/X.java:[12,5] cannot find symbol\n[ERROR] -> [Help 1]\n",
        errors=1,
        warnings=1,
        first="/a/X.java:[12,5]",
        tool="maven",
    ),
    # -- npm -----------------------------------------------------------------------------
    Sample(
        "a package that is not there",
        "npm warn deprecated a@1: no\nnpm error code E404\n"
        "npm error 404 Not Found - GET https://r.example/x - Not found\n"
        "npm error A complete log of this run can be found in: /x/y.log\n",
        errors=1,
        warnings=1,
        first="npm error code E404",
        tool="npm",
    ),
    Sample(
        "a script that failed without a word",
        "> x@1 test\n> ./run.sh\n\nnpm ERR! code ELIFECYCLE\nnpm ERR! errno 1\n",
        errors=1,
        first="npm ERR! code ELIFECYCLE",
        tool="npm",
    ),
    # -- python --------------------------------------------------------------------------
    Sample(
        "an exception that caused another is one error",
        'Traceback (most recent call last):\n  File "a", line 1, in x\nKeyError: 1\n\n'
        "The above exception was the direct cause of the following exception:\n\n"
        'Traceback (most recent call last):\n  File "b", line 2, in y\n    f()\n'
        "acme.flash.FlashError: cannot flash\n",
        errors=1,
        first="acme.flash.FlashError: cannot flash",
        tool="python",
    ),
    Sample(
        "two tracebacks that have nothing to do with each other are two",
        'Traceback (most recent call last):\n  File "a", line 1, in x\nKeyError: 1\n'
        'Traceback (most recent call last):\n  File "b", line 2, in y\nValueError: x\n',
        errors=2,
        first="KeyError: 1",
        tool="python",
    ),
    Sample(
        "an exception that Python ignores is none",
        "Exception ignored in: <function x>\nTraceback (most recent call last):\n"
        '  File "a", line 1, in x\nValueError: x\nok\n',
        tool="python",
    ),
    Sample(
        "a script that is no Python has no traceback",
        "  File \"/srv/x.py\", line 3\n    foo(\n       ^\nSyntaxError: '(' was never closed\n",
        errors=1,
        first="SyntaxError",
    ),
    # -- shells and the machine ----------------------------------------------------------
    Sample(
        "a log that ends with a complaint",
        "sudo: a terminal is required to read the password\n",
        errors=1,
        first="sudo: a terminal is required",
    ),
    Sample(
        "a complaint that nobody minded",
        "./configure: line 12: foo: command not found\nchecking for a... yes\n"
        "checking for b... yes\nchecking for c... yes\nchecking for d... yes\n",
    ),
    Sample(
        "a full disk explains more than what came after it",
        "tar: x: Cannot write: No space left on device\n"
        "gzip: stdout: Broken pipe\ncp: cannot stat 'x.tar': No such file or directory\n"
        "make: *** [Makefile:2: dist] Error 2\n",
        errors=1,
        first="No space left on device",
        tool="make",
    ),
    Sample(
        "the kernel killed it",
        "[12345.678901] Out of memory: Killed process 77 (cc1plus) total-vm:1kB\n"
        "Killed\nmake: *** [Makefile:2: x] Error 137\n",
        errors=1,
        first="Out of memory",
        tool="make",
    ),
    # -- words and lines -----------------------------------------------------------------
    Sample(
        "traced, copied and quoted lines report nothing",
        "+ echo 'error: x'\n++ error: no\n| x.c:1:2: error: y\n   12 | x.c:1:2: error: y\n"
        "      | error: no\nHEAD is now at 9f3c2ab Fix src/a.c:12: error: handling\n"
        "* 9f3c2ab a.c:12: error: x\nerror_handler.c:12: note: x\nError: 0\nwarning: 0\n",
    ),
    Sample(
        "times before the lines change nothing",
        "2026-01-09T01:18:59.931Z [1/2] cc a\n2026-01-09T01:18:59.931Z a.c:1:2: error: x\n"
        "[01:18:59] a.c:1:3: error: y\n#12 3.456 a.c:1:4: error: z\n",
        errors=3,
        progress=50.0,
        first="a.c:1:2: error: x",
        tool="ninja",
    ),
    Sample("an overwritten line is gone", "error: x\rok    \nerror: y\x1b[1Gok    \n"),
    Sample(
        "carriage returns at the end overwrite nothing",
        "a.c:1:2: error: x\r\r\n",
        errors=1,
        first="a.c:1:2: error: x",
        tool="gcc",
    ),
    Sample(
        "the last line needs no line feed",
        "a.c:1:2: error: x",
        errors=1,
        first="a.c:1:2: error: x",
        tool="gcc",
    ),
)
