"""What `doctor` asks: the bitbake servers in a workdir, as they are now."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from contract.talk import talk, wait_until

from buildorch.job import JobEnd
from buildorch.remote.builds import BuildServer, build_servers, question
from remote.building import BuildFolder, build_folder

_FAR = [pytest.param(kind, marks=pytest.mark.hosts) for kind in ("ssh-python", "ssh-sh")]


@pytest.fixture(params=["local-python", "local-sh", *_FAR], name="folder")
def _folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BuildFolder]:
    """Give a build folder of bitbake's stand-in."""
    with build_folder(request.param, request, tmp_path) as folder:
        yield folder


def _ask(folder: BuildFolder) -> tuple[BuildServer, ...]:
    with talk(folder.place) as link:
        job = question(folder.place.folder)
        link.session.start(job)
        end = link.heard.end_of(job)
        assert JobEnd(kind="exit", code=0) == JobEnd(kind=end.kind, code=end.code)
        assert () == end.leftovers
        return build_servers(bytes(link.heard.logs.get(job.id, b"")))


def test_nobody_builds(folder: BuildFolder) -> None:
    """A lock that nobody holds is no server, whoever has its number now."""
    folder.write("bitbake.lock", "1")
    assert () == _ask(folder)


def test_an_idle_server(folder: BuildFolder) -> None:
    """A server that waits for the next build is idle, and has its number and its account."""
    server = folder.start_server()
    user = folder.place.machine.run("id -un").strip()
    (found,) = _ask(folder)
    assert ("idle", server, user, folder.path) == (found.state, found.pid, found.user, found.folder)
    assert server == folder.server


def test_a_busy_server(folder: BuildFolder) -> None:
    """A server that builds is busy, since the client came; to ask disturbs nothing."""
    server = folder.build_by_hand()
    (found,) = _ask(folder)
    assert ("busy", server) == (found.state, found.pid)
    assert 0 <= found.seconds < 60
    wait_until(lambda: folder.tasks == 6, "the build goes on")


@pytest.mark.parametrize(
    "line",
    [b"", b"idle", b"idle x y 0 /a/bitbake.lock", b"busy 1 u 2 relative/bitbake.lock", b"\xff\0"],
)
def test_what_is_no_answer(line: bytes) -> None:
    """What a login shell or an odd server prints is no server."""
    good = b"idle 7 u 0 /a b/bitbake.lock"
    (found,) = build_servers(line + b"\n" + good + b"\n")
    assert "/a b" == found.folder


def test_the_question_is_clean_shell() -> None:
    """What is asked is free of what shellcheck finds."""
    assert shutil.which("shellcheck")
    files = resources.files("buildorch.remote")
    names = ("common.sh", "bitbake.sh", "builds.sh")
    text = "".join(files.joinpath(name).read_text("utf-8") for name in names)
    # What only the supervisor needs of them is not used here.
    words = ["shellcheck", "--exclude=SC2034,SC2317,SC2329", "-"]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    assert "" == done.stdout
