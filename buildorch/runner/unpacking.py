"""Unpacks a tar stream that a server sent: nothing in it can reach beyond its folder.

Python's own filters were passed several times, and older releases have none, so the few kinds
of entries that a build has are made here. No link is made before all files are written, so that
nothing is ever written through one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import attrs

#: What the file system says of a name that it does not take.
_BAD_NAMES = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)

#: Bytes that are read at once; no name is longer.
_LARGEST_PIECE = 1 << 20

#: So many names are told of entries that were left out.
_TOLD = 3


class _LeftOutError(Exception):
    """An entry is not made; says why."""


@attrs.define
class Unpacking:
    """One stream on its way into a folder.

    Args:
        folder: Where everything goes; made where it is not there.

    Attributes:
        left_out: Names of entries that were not made, with the reason.
    """

    folder: Path
    left_out: list[str] = attrs.field(factory=list, init=False)
    _links: dict[Path, str] = attrs.field(factory=dict, init=False)

    def unpack(self, stream: Path) -> None:
        """Unpack *stream*; what would leave the folder, or is neither file, folder nor link, stays.

        Raises:
            OSError: It cannot be written here.
            ValueError: It is no tar stream, or one that is made to harm.
            tarfile.TarError: It is cut short.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for archive, member in _members(stream):
            self._try(member, archive)
        for path, target in self._links.items():
            with contextlib.suppress(FileExistsError):
                self._link(path, target)

    @property
    def warning(self) -> str | None:
        """What was left out, in a sentence; None where everything is there."""
        if not self.left_out:
            return None
        more = len(self.left_out) - _TOLD
        rest = f" and {more} more" if more > 0 else ""
        return f"of its artifacts were left out: {', '.join(self.left_out[:_TOLD])}{rest}"

    def _try(self, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        try:
            self._make(member, archive)
        except _LeftOutError as error:
            self.left_out.append(f"{member.name[:200]} ({error})")
        except OSError as error:
            if error.errno not in _BAD_NAMES:
                raise
            self.left_out.append(f"{member.name[:200]} ({error.strerror})")

    def _link(self, path: Path, target: str) -> None:
        """Make a link, unless it would lead to itself for ever."""
        path.symlink_to(target)
        try:
            path.stat()
        except FileNotFoundError:
            return  # to nothing: it is what the build has left
        except OSError as error:
            path.unlink()
            name = str(path.relative_to(self.folder))
            self.left_out.append(f"{name[:200]} ({error.strerror})")

    def _make(self, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        parts = _parts(member.name)
        path = self.folder.joinpath(*parts)
        if member.isdir():
            self._enter(path)
            return
        if not parts:
            raise _LeftOutError("it has no name")
        self._enter(path.parent)
        if member.isreg() and member.sparse is None:
            self._write(path, member, archive)
        elif member.islnk():
            self._copy(self.folder.joinpath(*_parts(member.linkname)), path)
        elif member.issym():
            self._clear(path)
            self._links[path] = _inside(member.linkname, len(parts) - 1)
        else:
            raise _LeftOutError("it is neither a file, a folder nor a link")

    def _enter(self, folder: Path) -> None:
        """Make *folder*, in which nothing on the way may be a link."""
        for part in reversed(
            [folder, *folder.parents][: len(folder.relative_to(self.folder).parts)]
        ):
            self._links.pop(part, None)
            with contextlib.suppress(FileExistsError):
                part.mkdir(mode=0o700)
            if part.is_symlink() or not part.is_dir():
                raise _LeftOutError("another entry is in its way")

    def _clear(self, path: Path) -> None:
        """Make room for an entry: the last one of a name counts, as with tar itself."""
        self._links.pop(path, None)
        try:
            path.unlink(missing_ok=True)
        except (IsADirectoryError, PermissionError):
            raise _LeftOutError("a folder is in its way") from None

    def _write(self, path: Path, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        self._clear(path)
        content = archive.extractfile(member)
        if content is None:
            raise _LeftOutError("it has no content")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        number = os.open(path, flags, 0o600 | (member.mode & 0o100))
        with content, os.fdopen(number, "wb") as file:
            shutil.copyfileobj(content, file, 1 << 20)
        with contextlib.suppress(OverflowError, OSError, ValueError):  # a time that nobody has
            os.utime(path, (member.mtime, member.mtime))

    def _copy(self, source: Path, path: Path) -> None:
        """Make a second name of a file that the stream had before."""
        self._enter(source.parent)
        if source in self._links or source.is_symlink() or not source.is_file():
            raise _LeftOutError("it is a link to a file that is not there")
        if source == path:
            return
        self._clear(path)
        os.link(source, path, follow_symlinks=False)


class _Stream:
    """A file that tarfile reads from: in pieces, whatever sizes the headers claim."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LARGEST_PIECE:
            raise ValueError(f"a header of {size} bytes")
        return self._file.read(size)


def _members(stream: Path) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield the entries of *stream*; compressed streams are refused, none of ours is one."""
    last = -1
    with stream.open("rb") as file:
        with _hostile():
            archive = tarfile.open(fileobj=_Stream(file), mode="r:")  # type: ignore[call-overload] # noqa: SIM115 - all that it needs; it owns nothing
        while (member := _next(archive)) is not None:
            if member.size < 0 or member.offset <= last:
                raise ValueError(f"its entry {member.name[:200]!r} has an impossible size")
            last = member.offset
            yield archive, member


def _next(archive: tarfile.TarFile) -> tarfile.TarInfo | None:
    with _hostile():
        return archive.next()


@contextlib.contextmanager
def _hostile() -> Iterator[None]:
    """Tell whatever hostile headers cause in tarfile, far into it, as what it is."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"it is no tar stream ({type(error).__name__}: {error})") from error


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a name below the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise _LeftOutError("it would leave the results folder")
    return path.parts


def _inside(target: str, depth: int) -> str:
    """Return the target of a link *depth* folders down, which may go up only at its beginning.

    Its folders are no links, so going up is safe there, and nowhere else.
    """
    parts = PurePosixPath(target).parts
    up = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    if not parts or target.startswith("/") or "\0" in target or up > depth or ".." in parts[up:]:
        raise _LeftOutError("it links to what is outside of the results folder")
    return target
