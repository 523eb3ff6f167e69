"""Gathers what is left behind by a story that is over: logs, processes, files, messages."""

from __future__ import annotations

import contextlib
import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from buildorch.events import NotificationDue, RunCreated
from chaos.evidence import Evidence
from chaos.marks import is_child
from chaos.place import Place

if TYPE_CHECKING:
    from chaos.driver import Driver

#: Seconds that the processes of an ended run may take to be gone: a lock that could not be given
#: back over a cut link is kept for a minute.
_LEAVING = 75.0

#: Parts that one message may have.
_PARTS = 5


def gather(evidence: Evidence, driver: Driver) -> None:
    """Add everything that a driver's hosts, results and chat have to *evidence*."""
    driver._look()
    evidence.records = driver.records
    for name, place in driver.places.items():
        evidence.ran += place.ran
        evidence.left[name] = _left(place)
        evidence.bystanders[name] = place.bystander_lives
        evidence.touched[name] = place.touched
    evidence.arrivals = list(driver.chat.arrivals)
    for record in evidence.records:
        if isinstance(record.event, RunCreated):
            _read_results(evidence, Path(record.event.results))
        if isinstance(record.event, NotificationDue):
            evidence.keys[record.event.key] = _nonces(record.event.key)


def _left(place: Place) -> list[str]:
    """Return what stays on a host, after a while in which it may go."""
    deadline = time.monotonic() + _LEAVING
    while time.monotonic() < deadline and not all(is_child(one) for one in place.left()):
        time.sleep(0.05)
    return place.left()


def _read_results(evidence: Evidence, results: Path) -> None:
    for path in results.glob("*/attempt-*.log"):
        attempt = int(path.stem.partition("-")[2])
        evidence.logs[path.parent.name, attempt] = path.read_bytes()
    for stage in evidence.story.stages:
        with contextlib.suppress(OSError):
            made = results / stage.name / "artifacts/out" / stage.name / "made"
            evidence.artifacts[stage.name] = made.read_bytes()


def _nonces(key: str) -> set[str]:
    """Return how Discord knows the parts of a message."""
    keys = [f"{key}#{number}" for number in range(1, _PARTS + 1)]
    return {hashlib.sha256(one.encode()).hexdigest()[:24] for one in keys}
