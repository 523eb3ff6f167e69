"""The archive of a successful run: one file with all results and a manifest of checksums."""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import attrs

from buildorch.runner.checksum import sha256_of
from buildorch.scheduler import facts
from buildorch.scheduler.facts import Fact


@attrs.frozen
class Archive:
    """Writes `RUN.tar.gz` beside the results folder of the run.

    Attributes:
        results: The results folder.
        report: Writes the report of the run into it.
    """

    results: Path
    report: Callable[[], object] = list

    def start(self, put: Callable[[Fact], None]) -> None:
        """Write it in the background; `Archived` is put when it is there, or why it is not."""
        threading.Thread(target=self._run, args=(put,), name="archive", daemon=True).start()

    def _run(self, put: Callable[[Fact], None]) -> None:
        try:
            self._report()
            self.write()
            size = self.path.stat().st_size
            put(facts.Archived(path=str(self.path), size=size, sha256=sha256_of(self.path)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the run waits for the answer
            put(facts.Archived(error=str(error) or repr(error)))

    def _report(self) -> None:
        """Write the report, or in its place why there is none: the rest is worth keeping."""
        try:
            self.report()
        except Exception as error:  # noqa: BLE001 - whatever it is, the archive is made
            why = f"the report could not be written: {str(error) or repr(error)}\n"
            (self.results / "report.error").write_text(why, "utf-8", "backslashreplace")

    @property
    def path(self) -> Path:
        """The archive."""
        return self.results.with_name(f"{self.results.name}.tar.gz")

    def write(self) -> None:
        """Write the archive; it appears under its name only when it is whole.

        Raises:
            OSError: It cannot be written.
        """
        partial = self.path.with_name(f".{self.path.name}.partial")
        try:
            partial.unlink(missing_ok=True)
            # Never through a link that somebody put there, and for nobody else to read.
            with _private(partial) as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
                manifest = os.fsencode("".join(self._add(archive)))
                entry = tarfile.TarInfo(f"{self.results.name}/MANIFEST.sha256")
                entry.size = len(manifest)
                entry.mtime = int(self.results.stat().st_mtime)
                archive.addfile(entry, io.BytesIO(manifest))
            partial.replace(self.path)
        finally:
            partial.unlink(missing_ok=True)

    def _add(self, archive: tarfile.TarFile) -> Iterator[str]:
        """Add every file; yields the manifest's lines, as `sha256sum -c` reads them."""
        for path in sorted(self.results.rglob("*")):
            name = path.relative_to(self.results)
            archive.add(path, f"{self.results.name}/{name}", recursive=False)
            if path.is_file() and not path.is_symlink():
                yield _line(sha256_of(path), str(name))


def _private(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def _line(digest: str, name: str) -> str:
    r"""Return a line of the manifest; a name with a line feed in it cannot make a second one.

    Example:
        >>> _line("0f", "a\nb")
        '\\0f  a\\nb\n'
    """
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == name else chr(92)}{digest}  {escaped}\n"
