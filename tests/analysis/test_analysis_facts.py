from __future__ import annotations

from pathlib import Path

import pytest
from analysis.samples import case_log

from buildorch.analysis import Analysis, Analyzer, Finding, Kind, Rule, alert, analyze_file
from buildorch.errors import DefinitionError, UsageError


def analyse(log: bytes, tool: str | None = None, rules: tuple[Rule, ...] = ()) -> Analysis:
    analyzer = Analyzer(tool, rules)
    analyzer.feed(log)
    return analyzer.finish()


def first(log: bytes) -> Finding:
    found = analyse(log).first_error
    assert found is not None
    return found


_CMAKE = (
    b"CMake Error at modules/container-manager/CMakeLists.txt:41 (find_package):\n"
    b'  Could not find a package configuration file provided by "SntCommon" with any\n'
    b"  of the following names:\n\n    SntCommonConfig.cmake\n\n"
    b"-- Configuring incomplete, errors occurred!\n"
)


_CMAKE_ALERT = """\
CMake error in container-manager
CMakeLists.txt:41 find_package: SntCommon not found"""


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (_CMAKE, _CMAKE_ALERT),
        (
            b"CMake Error at x.cmake:3 (message):\n  no board: pass\n  -DBOARD\n\n",
            "CMake error\nx.cmake:3 no board: pass -DBOARD",
        ),
        (
            b'CMake Error: The source directory "/x" does not exist.\n',
            'CMake error\nCMake Error: The source directory "/x" does not exist.',
        ),
        (
            b"CMake Error at x/CMakeLists.txt:2:\n  Parse error.  Function missing\n\n",
            "CMake error in x\nCMakeLists.txt:2 Parse error.  Function missing",
        ),
        (
            b"npm ERR! code ERESOLVE\nnpm ERR! ERESOLVE unable to resolve dependency tree\n",
            "npm ERR! code ERESOLVE ERESOLVE unable to resolve dependency tree",
        ),
        (
            b"* What went wrong:\nExecution failed for task ':a'.\n> Could not resolve b.\n\nx\n",
            "What went wrong: Execution failed for task ':a'. > Could not resolve b.",
        ),
        (
            b'Traceback (most recent call last):\n  File "/s/fl.py", line 7, in x\nOSError: no\n',
            "OSError: no (fl.py:7)",
        ),
        (b"all is well\n", ""),
    ],
)
def test_alerts(log: bytes, expected: str) -> None:
    """An alert says what failed and where, in the tool's own words."""
    assert expected == alert(analyse(log))


def test_an_alert_stays_short() -> None:
    """A line of any length makes an alert of at most 300 characters."""
    assert len(alert(analyse(b"a.c:1:2: error: " + b"x" * 50_000))) == 300


def test_places_below_the_message() -> None:
    """Rustc and lld tell the place in a line below."""
    rust = first(b"error[E0425]: cannot find value\n --> src/main.rs:6:20\n  |\n")
    assert ("src/main.rs", 6) == (rust.file, rust.source_line)
    lld = first(b"ld.lld: error: undefined symbol: x\n>>> referenced by tool.c:17\n")
    assert ("tool.c", 17) == (lld.file, lld.source_line)
    none = first(b"error: bad flag\nmore\n --> src/main.rs:6:20\n")
    assert none.file is None


def test_unit_of_a_failed_task() -> None:
    """A cause in a copied log is told with the recipe and task that failed."""
    found = analyse(case_log("A01-bitbake-fail-noninteractive")).first_error
    assert found is not None
    assert "sensord-2.3-r0 do_compile" == found.unit
    assert ("parser.c", 41) == (found.file, found.source_line)


def test_what_the_board_shows() -> None:
    """Bitbake's steps, what it builds and its shared state; a test runner's numbers."""
    found = analyse(
        b"Sstate summary: Wanted 8 Local 7 Mirrors 0 Missed 1 Current 9 (97% match, 99% complete)\n"
        b"NOTE: Running task 3293 of 4116 (/w/meta/recipes/linux-s32_6.1.bb:do_compile)\n"
    )
    assert (3293, 4116, "linux-s32 do_compile", 97) == (
        found.done,
        found.total,
        found.unit,
        found.sstate,
    )
    tests = analyse(b"=== 1 failed, 11 passed, 2 skipped in 6.10s ===\n")
    assert (11, 12) == (tests.tests_passed, tests.tests_total)


def test_rules_of_the_users_own() -> None:
    """A user's rule comes first; it needs no hints."""
    rules = (
        Rule(name="rack.error", kind=Kind.ERROR, pattern=r".*RACK!! (?P<unit>\w+)"),
        Rule(name="rack.calm", kind=Kind.NOTHING, pattern="error: harmless"),
        Rule(name="rack.unit", kind=Kind.UNIT, pattern=r"board (?P<unit>\w+)", starts=("board ",)),
        Rule(name="rack.summary", kind=Kind.SUMMARY, pattern="rack done", hints=("rack done",)),
        Rule(
            name="rack.progress",
            kind=Kind.PROGRESS,
            pattern=r"flashed (?P<percent>\d+) percent",
            starts=("flashed ",),
        ),
    )
    found = analyse(
        b"board b7\nflashed 10 percent\n12:00:01 RACK!! b7 is gone\nerror: harmless\nrack done\n",
        "rack",
        rules,
    )
    assert (1, 10.0, "b7", "rack done", "rack") == (
        found.errors,
        found.progress,
        found.unit,
        found.summary,
        found.tool,
    )
    assert found.first_error is not None
    assert (3, "b7") == (found.first_error.line, found.first_error.unit)


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": Kind.ERROR, "pattern": "(unclosed"},
        {"kind": Kind.ERROR, "pattern": "x", "starts": ("[x",)},
        {"kind": Kind.PROGRESS, "pattern": r"(?P<percent>\d+)%"},
    ],
)
def test_a_rule_that_cannot_work_is_refused(rule: dict[str, object]) -> None:
    """A wrong rule is told by name before a log is read."""
    with pytest.raises(DefinitionError, match=r"rule mine\.wrong"):
        Analyzer(rules=[Rule(name="mine.wrong", **rule)])  # type: ignore[arg-type]


def test_a_file(tmp_path: Path) -> None:
    """A whole file is analysed; one that cannot be read is the caller's error."""
    log = tmp_path / "log"
    log.write_bytes(b"a.c:1:2: error: x\n" * 3)
    assert 3 == analyze_file(log).errors
    with pytest.raises(UsageError, match="cannot read the log"):
        analyze_file(tmp_path / "none")
