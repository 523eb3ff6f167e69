"""Jobs with locks, as the laws about them need them."""

from __future__ import annotations

import attrs

from buildorch.job import Job, Lock, Wait
from contract.talk import Talk


def on_folder(owner: str, folder: str) -> tuple[Lock, ...]:
    """Return the lock of a folder."""
    return (Lock(owner=owner, folder=folder),)


def on_name(owner: str, *names: str) -> tuple[Lock, ...]:
    """Return locks of things with a name."""
    return tuple(Lock(owner=owner, name=name) for name in names)


@attrs.frozen
class Holder:
    """A job that has its locks until it is told to end.

    Attributes:
        link: Its link.
        job: The job.
        go: The file whose making ends it.
    """

    link: Talk
    job: Job
    go: str

    def finish(self) -> None:
        """Let it end, and wait for that."""
        self.let_go()
        assert self.link.heard.end_of(self.job).ok

    def let_go(self) -> None:
        """Let it end."""
        self.link.place.machine.run(f": >{self.go}")


def hold(link: Talk, locks: tuple[Lock, ...], name: str = "first", **fields: float) -> Holder:
    """Launch a job with locks, and wait until it has them."""
    holder = queue(link, locks, name, **fields)
    await_run(link, holder.job)
    return holder


def queue(link: Talk, locks: tuple[Lock, ...], name: str, **fields: float) -> Holder:
    """Launch a job with locks, which goes on until it is told to end."""
    go = f"{link.place.folder}/{link.run}.{name}.go"
    command = f"echo on; until [ -e {go} ]; do sleep 0.02; done"
    return Holder(link, link.start(command, name, locks=locks, **fields), go)


def await_run(link: Talk, job: Job) -> None:
    """Wait until the command of a job runs."""
    link.heard.wait(lambda: link.heard.logs.get(job.id), f"{job.id} runs")


def await_wait(link: Talk, job: Job, place: int = 1) -> Wait:
    """Return what is told of a job that waits, once it is at that place of its line."""
    waits = link.heard.waits

    def found() -> Wait | None:
        last = waits.get(job.id, [None])[-1]
        return last if last is not None and last.place == place else None

    link.heard.wait(found, f"{job.id} waits at place {place}")
    wait = found()
    assert wait is not None
    return wait
