"""Real-host tests cannot be lost silently: without hosts they are skipped, in CI they fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import RealHosts

_TEST = Path(__file__).with_name("test_hosts.py")
_NO_HOSTS = ("CI", "BUILDORCH_REQUIRE_HOSTS", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER")


def _run(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one real-host test where none of the programs is that hosts are made of."""
    world = {key: value for key, value in os.environ.items() if key not in _NO_HOSTS}
    world |= {"PATH": str(tmp_path), **variables}
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"{_TEST}::{_NAME}"]
    return subprocess.run(words, env=world, text=True, capture_output=True, check=False)


_NAME = "test_traffic_is_counted_at_the_link"


def test_without_hosts_their_tests_are_skipped_with_the_reason(tmp_path: Path) -> None:
    """A laptop without root or the programs still has a green run, and sees why."""
    done = _run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "1 skipped" in done.stdout
    assert "hosts need" in done.stdout


@pytest.mark.parametrize("variable", [{"CI": "true"}, {"BUILDORCH_REQUIRE_HOSTS": "1"}])
def test_where_hosts_are_required_their_absence_fails(
    tmp_path: Path, variable: dict[str, str]
) -> None:
    """CI is red when the hosts cannot be made."""
    done = _run(tmp_path, **variable)
    assert done.returncode == 1, done.stdout
    assert "hosts are required here" in done.stdout


@pytest.mark.parametrize(
    ("whole_suite", "ran", "required", "good"),
    [(True, 0, "1", False), (True, 1, "1", True), (True, 0, "", True), (False, 0, "1", True)],
)
def test_a_whole_run_without_a_real_host_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, ran: int, required: str, *, whole_suite: bool, good: bool
) -> None:
    """Where hosts are required, a whole run counts at least one test that ran on them."""
    monkeypatch.setenv("BUILDORCH_REQUIRE_HOSTS", required)
    monkeypatch.delenv("CI", raising=False)
    counted = RealHosts(whole_suite=whole_suite)
    counted.ran = ran
    assert good == (counted.problem is None)
