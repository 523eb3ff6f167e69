"""The collection of all commands."""

from __future__ import annotations

from invoke import Collection

from buildorch.cli import defining, ending, looking, reading, running, serving


def namespace() -> Collection:
    """Return the commands as an Invoke collection."""
    collection = Collection()
    for command in (
        running.run,
        running.resume,
        running.retry,
        running.demo,
        ending.cancel,
        ending.move,
        ending.wait,
        looking.status,
        looking.history,
        reading.logs,
        reading.analyze,
        defining.check,
        defining.graph,
        serving.servers,
        serving.doctor,
    ):
        collection.add_task(command)
    return collection
