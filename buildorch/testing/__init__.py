r"""For users' own tests: servers without a network, and faults for any kind of server.

>>> from tempfile import TemporaryDirectory
>>> from buildorch import Config, Pipeline, Stage
>>> backend = FakeBackend({"build": [Script(b"no\n", code=1), Script(b"yes\n")]})
>>> faulty = FaultyBackend(backend, [Fault("reset", at="started")])
>>> pipeline = Pipeline("p", Stage(name="build", command="make", retry=1))
>>> with TemporaryDirectory() as folder:
...     result = pipeline.run(
...         config=Config(), backends={"local": faulty}, home=folder, results=folder
...     )
>>> result.stages["build"].attempt, len(backend.launched("build")), len(faulty.bitten)
(2, 2, 1)
"""

from __future__ import annotations

from buildorch.testing.fake import EventLog, FakeBackend, FakeJob, FakeSession, Script
from buildorch.testing.faults import Fault, Moment, Schedule, What
from buildorch.testing.faulty import FaultyBackend, FaultySession
from buildorch.testing.mishaps import DiesAfter, FaultyNotifier, dies_after, history_locked

__all__ = [
    "DiesAfter",
    "EventLog",
    "FakeBackend",
    "FakeJob",
    "FakeSession",
    "Fault",
    "FaultyBackend",
    "FaultyNotifier",
    "FaultySession",
    "Moment",
    "Schedule",
    "Script",
    "What",
    "dies_after",
    "history_locked",
]
