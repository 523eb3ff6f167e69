"""Fixtures and rules of all tests: real hosts, one loopback sshd, and proof that they ran."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hosts.bed import Bed, why_not
from hosts.host import Host
from hosts.loopback import Loopback

#: A report says so of a test that uses hosts: a folder has the marker's name as well.
_ON_HOSTS = ("machines", "hosts")
_BED: pytest.StashKey[Bed] = pytest.StashKey()


def _hosts_required() -> bool:
    """Tell whether a machine without hosts is an error: else CI would be green without them."""
    return os.environ.get("CI") == "true" or os.environ.get("BUILDORCH_REQUIRE_HOSTS") == "1"


def _bed(config: pytest.Config) -> Bed:
    """Return the hosts of this test process, made when first asked for."""
    if _BED not in config.stash:
        bed = Bed()
        try:
            bed.make(3)
        except BaseException:
            bed.remove()
            raise
        config.stash[_BED] = bed
    return config.stash[_BED]


@pytest.fixture(scope="session", name="bed")
def _make_bed(pytestconfig: pytest.Config) -> Iterator[Bed]:
    """Give the bed that the hosts stand in: cables between hosts, the client's files."""
    reason = why_not()
    if reason and _hosts_required():
        pytest.fail(f"{reason}, and hosts are required here")
    if reason:
        pytest.skip(reason)
    bed = _bed(pytestconfig)
    try:
        yield bed
    finally:
        del pytestconfig.stash[_BED]
        bed.remove()


@pytest.fixture(scope="session", name="hosts")
def _hosts(bed: Bed) -> tuple[Host, ...]:
    """Give three real hosts of this test process; whatever a test breaks is mended after it."""
    return bed.hosts


@pytest.fixture(autouse=True)
def _mended_hosts(pytestconfig: pytest.Config) -> Iterator[None]:
    yield
    if _BED in pytestconfig.stash:
        for host in pytestconfig.stash[_BED].hosts:
            host.restore()


@pytest.fixture(scope="session", name="sshd")
def _sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """Give one sshd of this account on a loopback port; sessions have a home of their own."""
    loopback = Loopback(tmp_path_factory.mktemp("sshd"))
    try:
        loopback.make()
        yield loopback
    finally:
        loopback.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the machines that they use."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        if "hosts" in names or "bed" in names or item.get_closest_marker("hosts"):
            item.add_marker("hosts")
            item.user_properties.append(_ON_HOSTS)
        if "sshd" in names:
            item.add_marker("sshd")


class RealHosts:
    """Counts the tests that really ran on hosts, over all workers, and demands some in CI."""

    def __init__(self, *, whole_suite: bool) -> None:
        self.ran = 0
        self.selected = whole_suite

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note whether any test that needs hosts was asked for."""
        self.selected |= any(_ON_HOSTS in item.user_properties for item in items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test whose body ran."""
        if (
            report.when == "call"
            and not report.skipped
            and _ON_HOSTS in map(tuple, report.user_properties)
        ):
            self.ran += 1

    @property
    def problem(self) -> str | None:
        """What is wrong with the run, if hosts are required."""
        if self.ran or not self.selected or not _hosts_required():
            return None
        return "no test ran on real hosts, which are required here"

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run when it proves nothing about real hosts."""
        if self.problem and session.exitstatus in {
            pytest.ExitCode.OK,
            pytest.ExitCode.TESTS_FAILED,
        }:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how many tests ran on hosts."""
        if self.ran:
            terminalreporter.write_line(f"{self.ran} tests ran on real hosts")
        if self.problem:
            terminalreporter.write_line(f"FAILED: {self.problem}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to count, in the process that hears of every worker's tests."""
    if not hasattr(config, "workerinput"):
        whole_suite = not config.getoption("file_or_dir")
        config.pluginmanager.register(RealHosts(whole_suite=whole_suite), "real-hosts")
