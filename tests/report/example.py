"""Runs to be told of: a good one, then one in which much goes wrong, of real processes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from buildorch import api
from buildorch.dsl import Pipeline
from buildorch.flow import Stage, parallel
from buildorch.model import Config, Server
from buildorch.report import Report, read_report
from buildorch.result import RunResult
from buildorch.store.database import Store

#: What a log may do to whoever shows it.
HOSTILE = (
    b"</script><script>document.title='owned'</script>\n"
    b"</pre><img src=http://127.0.0.1:9/x onerror=\"document.title='owned'\">\n"
    b"\x1b[31mred\x1b[0m \x1b]0;title\x07 \x00 NUL \xff\xfe no UTF-8 \xe2\x80\xae reversed\n"
    b" 10%\r 50%\r100%\n" + "한국어 로그: 빌드가 실패했습니다\n".encode() + b"x" * 300_000 + b"\n"
    b"src/main.c:7:3: warning: unused variable 'a'\n"
    b"src/main.c:9:3: error: <b>'foo' & \"bar\"</b> undeclared\n"
    b"make: *** [all] Error 1\n"
)

CMAKE = """\
-- Found Threads: TRUE
CMake Error at container-manager/CMakeLists.txt:41 (find_package):
  Could not find a package configuration file provided by "SntCommon" with
  any of the following names:

    SntCommonConfig.cmake
    sntcommon-config.cmake

-- Configuring incomplete, errors occurred!
"""

#: Where each stage runs: a server for each kind of work, all of them this machine.
PLACES = ("yocto-builder", "ccu2-builder", "test-runner")


def compiler_log(path: Path, size: int) -> int:
    """Write a compiler's log of about *size* bytes with two errors; returns how many lines."""
    command = b"[%d/999] g++ -O2 -Wall -Werror -c src/part_%d.cpp -o obj/%08x.o\n"
    block = b"".join(command % (n, n, n * 2654435761) for n in range(500))
    count = size // len(block)
    with path.open("wb") as log:
        for number in range(count):
            log.write(block)
            if number in (count // 2, count - 2):
                log.write(b"src/needle_%d.cpp:12:5: error: 'frob' was not declared\n" % number)
    return count * 500 + 2


@attrs.frozen
class Example:
    """A team's folder with two runs of a pipeline.

    Attributes:
        folder: Where everything is.
        good: The run that succeeded.
        bad: The run that failed.
    """

    folder: Path
    good: RunResult
    bad: RunResult

    @classmethod
    def made(cls, folder: Path) -> Example:
        """Run both."""
        (folder / "cmake.txt").write_text(CMAKE)
        (folder / "hostile.log").write_bytes(HOSTILE)
        (folder / "units.log").touch()
        good = run(folder, _pipeline(folder, fails=False))
        compiler_log(folder / "units.log", 300_000)
        bad = run(folder, _pipeline(folder, fails=True))
        assert (good.ok, bad.ok) == (True, False)
        return cls(folder, good, bad)

    def report(self, result: RunResult) -> Report:
        """Return what is to be told of one of the runs."""
        with Store(self.folder / "state" / "runs.db") as store:
            return read_report(store, result.run_id)


def options(folder: Path) -> api.Options:
    """Return how runs of *folder* are driven."""
    servers = {
        name: Server(name=name, backend="local", workdir=str(folder), state_dir=str(folder / name))
        for name in PLACES
    }
    config = Config(servers=servers)
    return api.Options(config=config, home=folder / "state", results=folder / "results")


def run(folder: Path, pipeline: Pipeline) -> RunResult:
    """Run a pipeline in *folder*."""
    return api.run(pipeline, options(folder), by="민아")


def _pipeline(folder: Path, *, fails: bool) -> Pipeline:
    end = "exit 1" if fails else "true"
    once = f"[ -e once ] || {{ touch once; cat cmake.txt; {end}; }}"
    image = _stage("yocto-image", 0, _bitbake(fails), artifacts=["out/*"])
    host = _stage("host-build", 1, f"{once}; echo '[100%] Built target cm'; sleep 0.3", retry=1)
    checks = _stage("정적-분석", 1, f"cat hostile.log; {end}", allow_failure=True)
    units = _stage("unit-tests", 2, f"cat units.log; {end}")
    test = _stage("integration-test", 2, "echo '12 passed'")
    cleanup = _stage("rack-off", 2, "echo off", always=True)
    (folder / "once").unlink(missing_ok=True)
    flow = parallel(image, host, checks) >> units >> test >> cleanup
    return Pipeline("ccu2-full-build", flow, title="CCU2 전체 빌드")


def _bitbake(fails: bool) -> Sequence[str] | str:
    made = "echo two > out/core.wic; echo more > out/new.txt" if fails else "echo 1 > out/core.wic"
    return f"mkdir -p out; {made}; echo kept > out/kept.txt; sleep 0.6"


def _stage(name: str, place: int, command: Sequence[str] | str, **more: object) -> Stage:
    return Stage(name=name, server=PLACES[place], command=command, **more)  # type: ignore[arg-type]
