"""Laws of who can reach us: other accounts of this machine and of the servers cannot."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.laptop import Laptop, open_laptop
from acceptance.sink import Sink
from hosts.bed import Bed
from hosts.commands import wait_for
from hosts.host import Host

from buildorch.errors import StoreUnwritable
from buildorch.store.control import ControlSocket, poke
from buildorch.store.places import VARIABLE, state_places

_CONFIG = "servers:\n  h1: {{host: h1, ssh_config: {ssh_config}}}\n"
_PIPELINE = """\
name: long
stages:
- name: a
  server: h1
  command: echo begun; until [ -e /tmp/go ]; do sleep 0.1; done; echo over
  artifacts: [made.txt]
  workdir: /workspace
"""
_NOBODY = 65534


@pytest.fixture(name="open_laptop_")
def _open_laptop(bed: Bed, sink: Sink) -> Iterator[Laptop]:
    """Give a laptop in a folder that everybody may enter, so that only our own modes protect."""
    folder = Path(tempfile.mkdtemp(prefix="bo-"))
    folder.chmod(0o755)
    bed.hosts[0].run("echo made >/workspace/made.txt; rm -f /tmp/go; chmod 644 /workspace/made.txt")
    try:
        with open_laptop(folder, bed.client, sink) as laptop:
            laptop.config.write_text(_CONFIG.format(ssh_config=laptop.ssh_config))
            laptop.file("long.yaml", _PIPELINE)
            yield laptop
    finally:
        bed.hosts[0].run("rm -rf /workspace/* /tmp/go /home/build/.bashrc")
        shutil.rmtree(folder)


def unsafe(folder: Path) -> dict[str, str]:
    """Return what below *folder* has a mode in which others have a part."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        mode = path.lstat().st_mode
        wanted = 0o700 if stat.S_ISDIR(mode) else 0o600
        if not stat.S_ISLNK(mode) and stat.S_IMODE(mode) != wanted:
            found[str(path)] = stat.filemode(mode)
    return found


def states(host: Host) -> list[Path]:
    """Return the folders that the server part keeps."""
    return list(host.home().glob(".local/state/buildorch*"))


@pytest.mark.parametrize("umask", ["0", "022", "077"])
@pytest.mark.parametrize("part", ["python", "sh"])
def test_files_are_0600_and_folders_0700_whatever_the_umask(
    open_laptop_: Laptop, hosts: tuple[Host, ...], umask: str, part: str
) -> None:
    """State, sockets, diaries, logs, artifacts, archive, and the job folders of both parts."""
    laptop, host = open_laptop_, hosts[0]
    (host.home() / ".bashrc").write_text(f"umask {umask}\n")
    if part == "sh":
        host.hide("/usr/bin/python3")
    launcher = ("sh", "-c", f'umask {umask}; exec "$@"', "sh")
    laptop.file("long.yaml", f"archive: true\n{_PIPELINE}")
    begun = laptop.start("run", "long.yaml", "--detach", launcher=launcher).wait()
    assert 0 == begun.code, begun
    run = begun.out.strip()
    (results,) = laptop.work.glob(f"results/{run}")
    wait_for(lambda: b"begun" in b"".join(_logs(results)), "the stage has begun", 20)
    assert list(laptop.state.glob("sockets/*"))
    assert list(laptop.state.glob("controllers/*"))
    assert states(host)
    during = [unsafe(folder) for folder in (laptop.state, results, *states(host))]
    host.run("touch /tmp/go")
    assert 0 == laptop.run("wait", run).code
    archive = results.with_name(f"{run}.tar.gz")
    after = [unsafe(folder) for folder in (laptop.state, results, archive, *states(host))]
    assert [{}] * 7 == during + after
    assert (results / "a/artifacts/made.txt").exists()


def _logs(results: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in results.glob("*/*.log"))


def test_another_account_here_sees_and_does_nothing(
    open_laptop_: Laptop, hosts: tuple[Host, ...]
) -> None:
    """It cannot read the database, the logs or the diary, nor poke, cancel or replace anything."""
    laptop = open_laptop_
    run = laptop.run("run", "long.yaml", "--detach").out.strip()
    results = laptop.work / "results" / run
    wait_for(lambda: b"begun" in b"".join(_logs(results)), "the stage has begun", 20)
    state = laptop.state
    address = f'"{state}/sockets/{run}.sock"'
    poking = f"import socket as s; s.socket(s.AF_UNIX, s.SOCK_DGRAM).sendto(b'!', {address})"
    attempts = [
        f"cat {state}/runs.db",
        f"cat {state}/runs.db-wal",
        f"ls {state}",
        f"ls {state}/locks {state}/sockets",
        f"cat {state}/controllers/{run}.log",
        f"cat {results}/a/attempt-1.log",
        f"ls {results}",
        f"ln -s /etc/passwd {state}/locks/x",
        f"mv {state} {state}.away",
        f"rm -rf {results}/a",
        f"python3 -c {shlex.quote(poking)}",
    ]
    environ = {"PATH": "/usr/bin:/bin"}
    codes = {
        words: subprocess.run(
            ["sh", "-c", words], user=_NOBODY, group=_NOBODY, extra_groups=[], cwd="/", env=environ,
            capture_output=True, check=False,
        ).returncode
        for words in attempts
    }  # fmt: skip
    assert not [words for words, code in codes.items() if code == 0]
    hosts[0].run("touch /tmp/go")
    assert 0 == laptop.run("wait", run).code
    assert results.is_dir()


def test_another_account_of_the_server_sees_and_does_nothing(
    open_laptop_: Laptop, hosts: tuple[Host, ...]
) -> None:
    """It cannot read job folders or logs, attach to a job, nor end one."""
    laptop, host = open_laptop_, hosts[0]
    host.run("id eve >/dev/null 2>&1", check=False)
    if not host.home("eve").is_dir():
        host.add_user("eve")
    host.run("chmod 755 /home /home/build /home/build/.local /home/build/.local/state", check=False)
    run = laptop.run("run", "long.yaml", "--detach").out.strip()
    results = laptop.work / "results" / run
    wait_for(lambda: b"begun" in b"".join(_logs(results)), "the stage has begun", 20)
    (state,) = states(host)
    there = f"/home/build/.local/state/{state.name}"
    (job,) = (state / "jobs").glob(f"{run}.*")
    attempts = [
        f"ls {there}",
        f"cat {there}/jobs/{job.name}/log",
        f"cat {there}/jobs/{job.name}/env.sh",
        f"touch {there}/jobs/{job.name}/cancel",
        f"ln -s /tmp {there}/jobs/x",
        "kill -9 $(pgrep -u build sleep | head -1)",
        "cat /proc/$(pgrep -u build sleep | head -1)/environ",
    ]
    tries = ((one, f"{{ {one}; }} >/dev/null 2>&1 && echo yes") for one in attempts)
    allowed = [one for one, line in tries if host.run(line, user="eve", check=False)]
    assert [] == allowed
    host.run("touch /tmp/go")
    assert 0 == laptop.run("wait", run).code


@pytest.mark.parametrize(
    ("mode", "owner", "group", "refused"),
    [
        (0o700, 1001, 1001, False),
        (0o755, 1001, 1001, False),
        (0o775, 1001, 1001, False),
        (0o775, 1001, 2002, True),
        (0o777, 1001, 1001, True),
        (0o1777, 1001, 1001, True),
        (0o755, 2002, 2002, True),
    ],
)
def test_a_state_folder_that_others_may_write_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    owner: int,
    group: int,
    *,
    refused: bool,
) -> None:
    """No predictable name lies where somebody else could have put a link before."""
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(mode)
    real = Path.stat

    def owned(self: Path, **options: bool) -> os.stat_result:
        found = list(real(self, **options))
        if self == folder:
            found[4:6] = owner, group
        return os.stat_result(found)

    monkeypatch.setattr(Path, "stat", owned)
    monkeypatch.setattr(os, "geteuid", lambda: 1001)
    monkeypatch.setattr(os, "getegid", lambda: 1001)
    if refused:
        with pytest.raises(StoreUnwritable, match=r"chmod 700 '?/"):
            state_places({VARIABLE: str(folder)})
    else:
        assert folder == state_places({VARIABLE: str(folder)}).home


def test_a_control_socket_is_its_owners_alone(tmp_path: Path) -> None:
    """Also where the folder were open and the umask is 0, nobody else may poke."""
    places = state_places({VARIABLE: str(tmp_path / "state")})
    before = os.umask(0)
    try:
        with ControlSocket(places, "r1", lambda: None):
            assert 0o600 == stat.S_IMODE((places.sockets / "r1.sock").stat().st_mode)
            assert poke(places, "r1")
    finally:
        os.umask(before)
