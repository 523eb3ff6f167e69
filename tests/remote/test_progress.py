"""Progress of a build: new lines count, signs of life do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildorch.remote.agent.progress import Progress

_ALIVE = b"Bitbake still alive (no events for 600s). Active tasks:\n"


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        (b"", False),
        (b"NOTE: recipe linux: task do_compile: Started\n", True),
        (b"\n  \n\r\n", False),
        (_ALIVE, False),
        (_ALIVE + b"0:4711\n:99\n", False),
        (_ALIVE + b"linux-1.0-r0 do_compile - 10m5s (pid 4711)\n", False),
        (_ALIVE + b"/poky/meta/recipes-kernel/linux.bb:do_compile\n", False),
        (_ALIVE + b"NOTE: done\n", True),
        (b"NOTE: No reply from server in 30s\n", False),
        (b"WARNING: No reply from the bitbake server\n", False),
        (b"1\n", True),
        (b"....", True),
        (b" 45%\r 46%\r", True),
        (b"\xff\xfe\n", True),
    ],
)
def test_lines(tmp_path: Path, text: bytes, *, counts: bool) -> None:
    """Each kind of line counts, or does not."""
    log = tmp_path / "log"
    log.write_bytes(text)
    with log.open("rb") as file:
        assert Progress(file.fileno()).seen() is counts


def test_only_what_is_new(tmp_path: Path) -> None:
    """What was seen once is no progress any more; a line may come in pieces."""
    log = tmp_path / "log"
    log.write_bytes(b"one\n")
    with log.open("rb") as file, log.open("ab", buffering=0) as writer:
        progress = Progress(file.fileno())
        assert progress.seen()
        assert not progress.seen()
        writer.write(b"Bitbake still alive (no ev")
        assert not progress.seen()
        writer.write(b"ents for 9s)\n")
        assert not progress.seen()
        writer.write(b"two\n")
        assert progress.seen()


def test_large_logs_are_not_read_twice(tmp_path: Path) -> None:
    """One line of progress is enough: the rest of a large log is skipped."""
    log = tmp_path / "log"
    log.write_bytes(b"line\n" * 1_000_000)
    with log.open("rb") as file:
        progress = Progress(file.fileno())
        assert progress.seen()
        assert not progress.seen()
