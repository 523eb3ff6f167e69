"""Artifacts: the files that a stage made, brought into its results folder.

They come as the log of one more job, which writes a tar stream: so they survive lost links, are
compared by SHA-256, and need neither SFTP nor anything else on the server but tar.
"""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from buildorch.job import Job, JobEnd
from buildorch.runner.checksum import sha256_of
from buildorch.runner.collector import AttemptLog
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


def collecting_job(state: StageState, *, run_id: str, nonce: str, epoch: int) -> Job:
    """Return the job that writes the artifacts of the stage's attempt as a tar stream."""
    stage = state.stage
    return Job(
        id=f"{run_id}.{stage.index}.{state.attempt}.artifacts",
        nonce=nonce,
        epoch=epoch,
        title=f"{stage.name}, attempt {state.attempt}, artifacts",
        command=("sh", "-c", _SCRIPT, "artifacts", *stage.artifacts),
        workdir=state.server.workdir,
    )


def collecting_watch(
    job: Job, state: StageState, stream: AttemptLog, folder: Path, post: Callable[[Fact], None]
) -> Watch:
    """Return the watch that takes what *job* writes into *stream*, and unpacks it into *folder*."""
    name, attempt = state.name, state.attempt

    def ended(end: JobEnd, found: LogReport) -> None:
        stream.close()
        files, warning = _unpacked(end, found, stream.path, folder)
        post(facts.Collected(stage=name, attempt=attempt, files=files, warning=warning))

    return Watch(job.id, stream.job(0), begun=_nothing, ended=ended, job=job)


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
    try:
        with tarfile.open(stream) as archive:
            _extract(archive, folder)
        files = tuple(_listed(folder))
    except (OSError, tarfile.TarError) as error:
        return (), f"its artifacts were not unpacked: {error}"
    return files, None


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Extract what stays inside *folder*; raises where something would leave it.

    Python has a filter for that, but not in the first releases of 3.11, which Debian 12 has.
    """
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
        return
    members = archive.getmembers()
    for member in members:
        _refuse_escape(member, folder)
    archive.extractall(folder, members)  # noqa: S202 - each member was looked at


def _refuse_escape(member: tarfile.TarInfo, folder: Path) -> None:
    top = folder.resolve()
    target = (top / member.name).resolve()
    link = (target.parent if member.issym() else top) / member.linkname
    places = [target, link.resolve()] if member.issym() or member.islnk() else [target]
    ordinary = member.isreg() or member.isdir() or member.issym() or member.islnk()
    if not ordinary or any(not place.is_relative_to(top) for place in places):
        raise tarfile.TarError(f"{member.name} would leave the results folder")


def _listed(folder: Path) -> Iterator[facts.CollectedFile]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield facts.CollectedFile(
                path=str(path), size=path.stat().st_size, sha256=sha256_of(path)
            )
