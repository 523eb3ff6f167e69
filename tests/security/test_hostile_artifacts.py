"""Laws of artifacts from a server that means harm: nothing leaves the results folder."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.job import JobEnd
from buildorch.runner.archive import Archive
from buildorch.runner.artifacts import _unpacked
from buildorch.runner.unpacking import Unpacking
from buildorch.scheduler.facts import LogReport

KINDS = {
    "file": tarfile.REGTYPE,
    "folder": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "hardlink": tarfile.LNKTYPE,
    "device": tarfile.CHRTYPE,
    "disk": tarfile.BLKTYPE,
    "fifo": tarfile.FIFOTYPE,
}
CANARY = b"untouched"


@attrs.frozen
class Entry:
    """One entry of a tar stream."""

    kind: str
    name: str
    target: str = ""
    mode: int = 0o644
    content: bytes = b"new"


def tar(path: Path, entries: list[Entry]) -> Path:
    """Write a stream with these entries, whatever they are."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            made = tarfile.TarInfo(entry.name)
            made.type, made.linkname, made.mode = KINDS[entry.kind], entry.target, entry.mode
            made.size = len(entry.content) if entry.kind == "file" else 0
            archive.addfile(made, io.BytesIO(entry.content))
    return path


def around(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file and link below *folder* but in the results."""
    for path in folder.rglob("*"):
        if "results" not in path.parts and path.suffix != ".tar" and not path.is_dir():
            yield str(path), path.read_bytes()


parts = st.sampled_from(["a", "b", "A", "..", ".", "", "link", "x" * 300, "e\x1b[2J", "\udcff"])
names = st.one_of(
    st.lists(parts, min_size=1, max_size=5).map("/".join),
    st.sampled_from(["/etc/x", "../canary", "a/../../canary", "//canary", "../../../../../canary"]),
)
entries = st.lists(
    st.builds(
        Entry,
        kind=st.sampled_from(list(KINDS)),
        name=names,
        target=names,
        mode=st.integers(0, 0o7777),
        content=st.binary(max_size=20),
    ),
    max_size=8,
)


@given(hostile=entries, again=entries)
def test_nothing_leaves_the_results_folder(
    tmp_path_factory: pytest.TempPathFactory, hostile: list[Entry], again: list[Entry]
) -> None:
    """Whatever a stream holds, also over what an earlier one left: files, links and modes are safe.

    Absolute names, `..`, links and files through them, hard links, devices, setuid, long names,
    duplicates and other case.
    """
    home = tmp_path_factory.mktemp("h")
    (home / "canary").write_bytes(CANARY)
    folder = home / "results" / "make" / "artifacts"
    before = dict(around(home))
    for number, stream in enumerate((hostile, again)):
        Unpacking(folder).unpack(tar(home / f"{number}.tar", stream))
    assert before == dict(around(home))
    for path in folder.rglob("*"):
        assert Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
        found = path.lstat()
        assert stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode) or path.is_symlink()
        if not path.is_symlink():
            assert 0 == stat.S_IMODE(found.st_mode) & 0o7077


@pytest.mark.parametrize(
    "stream",
    [
        [Entry("symlink", "a", "a//a")],
        [Entry("symlink", "a", "b"), Entry("symlink", "b", "a")],
        [Entry("symlink", "a", ".."), Entry("file", "a/canary")],
        [Entry("symlink", "a", "/"), Entry("file", "a/tmp/canary")],
        [Entry("folder", "a"), Entry("symlink", "a", ".."), Entry("file", "a/canary")],
        [Entry("hardlink", "a", "../canary"), Entry("file", "a")],
        [Entry("hardlink", "a", "/etc/passwd")],
        [Entry("symlink", "d/up", ".."), Entry("symlink", "q", "d/up/..")],
        [Entry("symlink", "d/up", ".."), Entry("symlink", "q", "d/up/../.."), Entry("file", "q/c")],
        [Entry("file", "../canary")],
        [Entry("file", "/canary")],
        [Entry("device", "null")],
        [Entry("fifo", "pipe")],
    ],
)
def test_each_known_way_out_is_closed_and_told(tmp_path: Path, stream: list[Entry]) -> None:
    """What would get out is left out, by name, and the rest arrives."""
    (tmp_path / "canary").write_bytes(CANARY)
    folder = tmp_path / "results"
    ordinary = Entry("file", "build/image.wic", content=b"an image")
    made = tar(tmp_path / "s.tar", [*stream, ordinary])
    files, warning = _unpacked(
        JobEnd(kind="exit", code=0), LogReport(size=1, complete=True), made, folder
    )
    assert CANARY == (tmp_path / "canary").read_bytes()
    assert b"an image" == (folder / "build/image.wic").read_bytes()
    assert warning is not None
    assert "left out" in warning
    assert str(folder / "build/image.wic") in {file.path for file in files}
    assert all(path.resolve().is_relative_to(folder) for path in folder.rglob("*"))


def test_a_setuid_program_arrives_as_an_ordinary_one(tmp_path: Path) -> None:
    """Of the mode only the owner's right to run it is kept."""
    stream = [Entry("file", "run.sh", mode=0o6777), Entry("file", "text", mode=0o666)]
    Unpacking(tmp_path / "r").unpack(tar(tmp_path / "s.tar", stream))
    assert 0o700 == stat.S_IMODE((tmp_path / "r/run.sh").stat().st_mode)
    assert 0o600 == stat.S_IMODE((tmp_path / "r/text").stat().st_mode)


def test_links_inside_arrive(tmp_path: Path) -> None:
    """Builds have links of versions; those stay links, and hard links become files."""
    stream = [
        Entry("file", "lib/x.so.1", content=b"lib"),
        Entry("symlink", "lib/x.so", "x.so.1"),
        Entry("symlink", "deep/er/x.so", "../../lib/x.so"),
        Entry("hardlink", "same", "lib/x.so.1"),
        Entry("file", "twice", content=b"old"),
        Entry("file", "twice", content=b"new"),
    ]
    unpacking = Unpacking(tmp_path / "r")
    unpacking.unpack(tar(tmp_path / "s.tar", stream))
    assert unpacking.warning is None
    for name in ("lib/x.so", "deep/er/x.so", "same"):
        assert b"lib" == (tmp_path / "r" / name).read_bytes()
    assert b"new" == (tmp_path / "r/twice").read_bytes()


def _header(size: bytes, kind: bytes = b"0", name: bytes = b"x") -> bytes:
    """Return a header that says *size* in its own words."""
    head = bytearray(
        name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + size.ljust(12, b"\0")
    )
    head += b"00000000000\0" + b" " * 8 + kind + bytes(100) + b"ustar\x0000" + bytes(247)
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


NEGATIVE = b"\xff" * 11 + b"\x00"

STREAMS = {
    "not tar": b"no tar at all, but long enough to be looked at" * 40,
    "gzip": b"\x1f\x8b\x08\x00" + bytes(2000),
    "negative size": _header(NEGATIVE) * 2 + bytes(1024),
    "negative extension": _header(NEGATIVE, b"x") * 2 + bytes(1024),
    "ten thousand extensions": _header(b"00000000000", b"x") * 10_000 + bytes(1024),
    "a petabyte": _header(b"\x80" + (1 << 50).to_bytes(11, "big")) + bytes(1024),
    "cut short": _header(b"00000100000") + bytes(700),
    "extension that never ends": _header(b"\x80" + (1 << 40).to_bytes(11, "big"), b"x") + bytes(99),
    "sparse": _header(b"00000000000", b"S") + bytes(1024),
    "random": os.urandom(5000),
}


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_made_to_harm_ends_in_a_warning_at_once(tmp_path: Path, stream: str) -> None:
    """No endless loop, no gigabytes, no defect of ours: the stage succeeded with a warning."""
    path = tmp_path / "s.tar"
    path.write_bytes(STREAMS[stream])
    begun = time.monotonic()
    files, warning = _unpacked(
        JobEnd(kind="exit", code=0), LogReport(size=1, complete=True), path, tmp_path / "r"
    )
    assert warning
    assert time.monotonic() - begun < 5
    assert sum(file.size for file in files) < 1 << 20


def test_a_header_of_any_size_takes_no_memory(tmp_path: Path) -> None:
    """An extension of 256 MB that is really there is not read, let alone kept."""
    path = tmp_path / "s.tar"
    with path.open("wb") as file:
        file.write(_header(b"\x80" + (1 << 28).to_bytes(11, "big"), b"x"))
        file.truncate((1 << 28) + 4096)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="a header of 268435456 bytes"):
            Unpacking(tmp_path / "r").unpack(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


@given(data=st.binary(max_size=3000), at=st.integers(0, 2000))
def test_any_damage_of_a_stream_ends_in_a_warning(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    """Bytes changed anywhere: nothing but a warning comes of it, and nothing gets out."""
    home = tmp_path_factory.mktemp("h")
    path = tar(
        home / "s.tar", [Entry("file", "a/b"), Entry("symlink", "l", "a"), Entry("file", "c")]
    )
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + data + whole[at + len(data) :])
    end, found = JobEnd(kind="exit", code=0), LogReport(size=1, complete=True)
    _unpacked(end, found, path, home / "results")
    assert {"results"} >= {one.name for one in home.iterdir()}


def test_a_name_cannot_forge_a_line_of_the_manifest(tmp_path: Path) -> None:
    """The archive's manifest has one line a file, as `sha256sum -c` reads it."""
    results = tmp_path / "run"
    results.mkdir()
    (results / f"a\n{'0' * 64}  forged").write_bytes(b"x")
    Archive(results).write()
    with tarfile.open(tmp_path / "run.tar.gz") as archive:
        manifest = archive.extractfile("run/MANIFEST.sha256")
        assert manifest is not None
        lines = manifest.read().decode().splitlines()
    assert 1 == len(lines)
    assert lines[0].startswith("\\")


def test_an_archive_is_not_written_through_a_link(tmp_path: Path) -> None:
    """Where the results folder is shared, a link that waits there is removed, not followed."""
    results = tmp_path / "run"
    results.mkdir()
    (tmp_path / "canary").write_bytes(CANARY)
    (tmp_path / ".run.tar.gz.partial").symlink_to("canary")
    Archive(results).write()
    assert CANARY == (tmp_path / "canary").read_bytes()
    assert 0o600 == stat.S_IMODE((tmp_path / "run.tar.gz").stat().st_mode)
