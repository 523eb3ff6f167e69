"""Every check of the project; `nox` alone runs what has to pass before a commit.

The plain sessions run in the environment that nox itself is installed in, so that they start
at once; `pythons` makes an environment for each supported Python.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["lint", "types", "imports", "tests", "guard"]
nox.options.default_venv_backend = "none"

# The tools stand beside this Python, also where its environment was not activated.
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))

PYTHONS = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))
#: More at once than a small machine has cores: most tests wait for a process or for a clock.
TESTS = ("python", "-m", "pytest", "-n", "4", "--dist", "loadgroup")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting, and the shell code with shellcheck."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, also of the documented forms in tests/typing."""
    session.run("mypy")


@nox.session
def imports(session: nox.Session) -> None:
    """Check that inner layers know nothing of outer ones."""
    session.run("lint-imports", "--no-cache")


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests; those on real hosts need root."""
    session.run(*TESTS, *session.posargs)


@nox.session
def unit(session: nox.Session) -> None:
    """Run the tests that need no host."""
    session.run(*TESTS, "-m", "not hosts and not sshd and not day", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure the core's branches: above 95 %."""
    core = ("scheduler", "planner", "flow", "dsl", "analysis", "view", "messages")
    session.run(*TESTS, "-m", "not hosts and not sshd and not day", "--cov", "--cov-report=")
    include = ",".join(f"buildorch/{name}*" for name in core)
    session.run("coverage", "report", f"--include={include}", "--fail-under=95")


@nox.session
def day(session: nox.Session) -> None:
    """Live the scripted day of a team on real hosts; lists the steps that are missing."""
    session.run("python", "-m", "pytest", "-m", "day", "-v", "tests/day", *session.posargs)


@nox.session
def chaos(session: nox.Session) -> None:
    """Live stories of faults on real hosts: `nox -s chaos -- --seeds 200 --jobs 4`."""
    session.env["PYTHONPATH"] = f"{Path('tests').resolve()}:{Path.cwd()}"
    session.run("python", "-m", "chaos", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Look long at everything that is read from outside."""
    session.run(*TESTS, "tests/fuzz", "--hypothesis-profile=long", "--timeout=0", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Disable the mechanism of each promise: its named test has to notice."""
    session.env["PYTHONPATH"] = f"{Path('tests').resolve()}:{Path.cwd()}"
    session.run("python", "-m", "mutants", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Compare with peers on real hosts, which takes about an hour: `-- --rows chain --times 1`."""
    session.env["PYTHONPATH"] = f"{Path('tests').resolve()}:{Path.cwd()}"
    session.run("python", "-m", "bench", *session.posargs)


@nox.session
def guard(session: nox.Session) -> None:
    """Compare with plain ssh for half a minute: nothing may have become twice as slow."""
    session.env["PYTHONPATH"] = f"{Path('tests').resolve()}:{Path.cwd()}"
    session.run("python", "-m", "bench.guard", *session.posargs)


@nox.session(venv_backend="virtualenv", python=PYTHONS)
def pythons(session: nox.Session) -> None:
    """Run the tests that need no host on each supported Python."""
    session.install("-e", ".[test,lint]")
    session.run(*TESTS, "-m", "not hosts and not sshd and not day", *session.posargs)
