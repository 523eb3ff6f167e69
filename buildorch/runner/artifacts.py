"""Artifacts: the files that a stage made, brought into its results folder.

They come as the log of one more job, which writes a tar stream: so they survive lost links, are
compared by SHA-256, and need neither SFTP nor anything else on the server but tar.
"""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from buildorch.job import Job, JobEnd, Wait
from buildorch.runner.checksum import sha256_of
from buildorch.runner.collector import AttemptLog
from buildorch.runner.jobs import Identity, locks
from buildorch.runner.unpacking import Unpacking
from buildorch.runner.watch import Watch
from buildorch.scheduler import facts
from buildorch.scheduler.facts import Fact, LogReport
from buildorch.scheduler.stage import StageState

#: Exit code of a collecting job that found no file.
NOTHING = 44

# Each pattern is expanded without being split or evaluated: IFS is empty and nothing is quoted.
_SCRIPT = f"""
IFS=
for pattern do
    shift
    for file in $pattern; do
        if [ -e "$file" ] || [ -L "$file" ]; then set -- "$@" "$file"; fi
    done
done
[ $# -gt 0 ] || exit {NOTHING}
exec tar -cf - -- "$@" 2>/dev/null
"""


def collecting_job(state: StageState, identity: Identity) -> Job:
    """Return the job that writes the artifacts of the stage's attempt as a tar stream."""
    stage = state.stage
    return Job(
        id=f"{identity.run_id}.{stage.index}.{state.attempt}.artifacts",
        nonce=identity.nonce,
        epoch=identity.epoch,
        by=identity.by,
        title=f"{stage.name}, attempt {state.attempt}, artifacts",
        command=("sh", "-c", _SCRIPT, "artifacts", *stage.artifacts),
        workdir=state.server.workdir,
        locks=locks(stage, state.server, run=identity.run_id, attempt=state.attempt),
    )


def collecting_watch(
    job: Job, state: StageState, stream: AttemptLog, folder: Path, post: Callable[[Fact], None]
) -> Watch:
    """Return the watch that takes what *job* writes into *stream*, and unpacks it into *folder*."""
    name, attempt, step = state.name, state.attempt, state.step
    waited: list[Wait] = []

    def waits(wait: Wait | None) -> None:
        waited.extend([] if wait is None else [wait])
        post(facts.JobWaiting(stage=name, attempt=attempt, step=step, wait=wait))

    def ended(end: JobEnd, found: LogReport) -> None:
        stream.close()
        files, warning = _unpacked(end, found, stream.path, folder)
        if waited and files:
            other = "its folder was another run's before its artifacts were collected"
            warning = f"{warning}; {other}" if warning else other
        post(facts.Collected(stage=name, attempt=attempt, files=files, warning=warning))

    return Watch(job.id, stream.job(0), begun=_nothing, waits=waits, ended=ended, job=job)


def _nothing() -> None:
    """The launch of a collecting job is nobody's news."""


def _unpacked(
    end: JobEnd, found: LogReport, stream: Path, folder: Path
) -> tuple[tuple[facts.CollectedFile, ...], str | None]:
    """Unpack a whole stream and remove it; returns the files, and why some are missing."""
    try:
        return _taken(end, found, stream, folder)
    finally:
        with contextlib.suppress(OSError):  # what stays costs space and loses nothing
            stream.unlink(missing_ok=True)


def _taken(
    end: JobEnd, found: LogReport, stream: Path, folder: Path
) -> tuple[tuple[facts.CollectedFile, ...], str | None]:
    if end.kind == "exit" and end.code == NOTHING:
        return (), "no file matches its artifacts"
    if not end.ok or not found.complete:
        why = end.detail or end.reason or f"tar ended with {end.code}"
        return (), f"its artifacts were not collected: {why}"
    unpacking = Unpacking(folder)
    try:
        unpacking.unpack(stream)
        files = tuple(_listed(folder))
    except (OSError, ValueError, tarfile.TarError) as error:
        return (), f"its artifacts were not unpacked: {error}"
    return files, unpacking.warning


def _listed(folder: Path) -> Iterator[facts.CollectedFile]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield facts.CollectedFile(
                path=str(path), size=path.stat().st_size, sha256=sha256_of(path)
            )
