"""Booting the server part: through every login shell and its noise, or with a clear error."""

from __future__ import annotations

import ast
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from contract.talk import Heard, talk
from hosts.host import Host

from buildorch.backends.ssh import SshBackend
from buildorch.errors import LinkLost, ServerUnusable
from buildorch.model import Server
from buildorch.remote import boot
from buildorch.remote.bundle import MODULES, agent_text
from remote.machines import ShellBackend, environment, machine

_PARTS = ("python", "sh")


@pytest.mark.parametrize("part", _PARTS)
@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "fish", "tcsh", "busybox sh"])
def test_login_shells(tmp_path: Path, shell: str, part: str) -> None:
    """The boot line means the same in every login shell."""
    words = (*shell.split(), "-c")
    backend = ShellBackend(environment(tmp_path), words, prefer=part)
    with talk(machine(tmp_path, backend)) as link:
        assert link.session.facts.agent == part
        assert link.end("exit 3").code == 3


@pytest.mark.parametrize("part", _PARTS)
def test_noise(tmp_path: Path, part: str) -> None:
    """What the login shell prints, and where it leaves us, changes nothing."""
    noise = "echo Welcome; echo READY; printf 'no newline'; echo warn >&2; cd /tmp; umask 027; "
    backend = ShellBackend(environment(tmp_path), noise=noise, prefer=part)
    with talk(machine(tmp_path, backend)) as link:
        assert link.output("umask; pwd") == f"0027\n{tmp_path}/home\n".encode()


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        ("echo This account is closed.; exit 1; ", "This account is closed."),
        ("echo hello; exec cat; ", r"\.bashrc.*hello"),
        ("read x; read y; ", r"\.bashrc"),
    ],
)
def test_logins_that_cannot_be_used(tmp_path: Path, noise: str, said: str) -> None:
    """A login that ends, or eats what we send, is told with what it printed."""
    backend = ShellBackend(environment(tmp_path), noise=noise, timeout=1.0)
    with pytest.raises((ServerUnusable, LinkLost), match=f"(?s){said}") as error:
        machine(tmp_path, backend).backend.connect(Server(name="here"), Heard())
    assert "here" in str(error.value)


@pytest.mark.parametrize("part", _PARTS)
def test_state_folder_that_cannot_be_made(tmp_path: Path, part: str) -> None:
    """A state_dir that cannot be made is one clear error that names it."""
    backend = ShellBackend(environment(tmp_path), prefer=part)
    with pytest.raises(ServerUnusable, match="/proc/no/such"):
        backend.connect(Server(name="here", state_dir="/proc/no/such"), Heard())


@pytest.mark.parametrize("part", _PARTS)
def test_home_that_cannot_be_written(tmp_path: Path, part: str) -> None:
    """Without a usable home the state lies in /var/tmp, under a name of the account's own."""
    number = f"9{tmp_path.stat().st_ino}"
    (tmp_path / "id").write_text(f"#!/bin/sh\necho {number}\n")
    (tmp_path / "id").chmod(0o755)
    variables = environment(tmp_path, HOME="/proc/no/home")
    variables["PATH"] = f"{tmp_path}:{variables['PATH']}"
    variables.pop("XDG_STATE_HOME", None)
    state = Path(f"/var/tmp/buildorch-{number}")
    try:
        for _ in range(2):
            place = machine(tmp_path, ShellBackend(variables, prefer=part))
            heard = Heard()
            session = place.backend.connect(Server(name="here"), heard)
            session.close()
            assert session.facts.state_dir == str(state)
            assert state.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(state)


@pytest.mark.parametrize("part", _PARTS)
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777, 0o1777])
def test_state_folder_that_others_may_write(tmp_path: Path, part: str, mode: int) -> None:
    """Whoever could put a job into it could run commands as us: it is refused, and left alone."""
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(mode)
    backend = ShellBackend(environment(tmp_path), prefer=part)
    with pytest.raises(ServerUnusable, match=r"may be written by other accounts.* chmod go-w"):
        backend.connect(Server(name="here", state_dir=str(folder)), Heard())
    assert not list(folder.iterdir())
    folder.chmod(0o755)
    with talk(machine(tmp_path, backend)) as link:
        assert link.end("true").ok


@pytest.mark.hosts
@pytest.mark.parametrize("part", _PARTS)
def test_state_folder_of_another_account(hosts: list[Host], part: str) -> None:
    """What somebody else made first, or put a link there, is not used, and that is said."""
    host = hosts[0]
    victim, other = f"victim{part}", f"other{part}"
    for name in (victim, other):
        host.add_user(name)
    if part == "sh":
        host.hide("/usr/bin/python3")
    fallback = f"/var/tmp/buildorch-{host.run('id -u', user=victim).strip()}"
    host.run(f"rm -rf {fallback} /tmp/theirs")
    host.run(f"mkdir -m 755 /tmp/theirs; mkdir -m 700 /home/{other}/trap; chmod 755 ~", user=other)
    with pytest.raises(ServerUnusable, match="/tmp/theirs belongs to another account"):
        SshBackend().connect(host.server(user=victim, state_dir="/tmp/theirs"), Heard())
    # Nothing can be made at home: so the folder in /var/tmp is next.
    home = f"/home/{victim}"
    host.run(f"chown root {home} && rm -rf {home}/.local && chmod 755 {home}")
    for text in ("mkdir -m 777", f"ln -s /home/{other}/trap", f"ln -s {home}", "echo >"):
        host.run(f"{text} {fallback}", user=other)
        with pytest.raises(ServerUnusable, match=f"{fallback} was made by another account"):
            SshBackend().connect(host.server(user=victim), Heard())
        host.run(f"rm -rf {fallback}", user=other)
        assert not host.run(f"ls -A /home/{other}/trap")
    session = SshBackend().connect(host.server(user=victim), Heard())
    assert session.facts.state_dir == fallback
    session.close()


@pytest.mark.parametrize("part", _PARTS)
def test_home_that_is_missing(tmp_path: Path, part: str) -> None:
    """A job without a folder of its own does not run just anywhere: the missing home is named."""
    backend = ShellBackend(environment(tmp_path, HOME="/no/such/home"), prefer=part)
    with talk(machine(tmp_path, backend)) as link:
        job = link.job("pwd")
        link.session.start(job)
        end = link.heard.end_of(job)
        assert end.reason == "workdir"
        assert "/no/such/home" in (end.detail or "")
        assert link.output("pwd", workdir="/tmp") == b"/tmp\n"


@pytest.mark.parametrize("part", _PARTS)
def test_locale(tmp_path: Path, part: str) -> None:
    """A locale that is not UTF-8 becomes one that is; one that is stays as it was."""
    for given, wanted in (({"LC_ALL": "C"}, "utf"), ({"LANG": "ko_KR.UTF-8"}, "ko_KR.UTF-8")):
        variables = environment(tmp_path)
        for name in ("LANG", "LC_ALL", "LC_CTYPE"):
            variables.pop(name, None)
        with talk(machine(tmp_path, ShellBackend({**variables, **given}, prefer=part))) as link:
            log = link.output('echo "${LC_ALL:-${LC_CTYPE:-$LANG}}"')
        assert wanted.lower() in log.decode().lower()


@pytest.mark.parametrize("part", _PARTS)
def test_what_belongs_to_the_connection(tmp_path: Path, part: str) -> None:
    """A forwarded agent's socket dies with the connection: no job finds it; a local one stays."""
    lines = "env | grep ^SSH_ || true"
    ssh = {"SSH_AUTH_SOCK": "/tmp/agent", "SSH_CONNECTION": "1 2 3 4", "SSH_CLIENT": "1 2 3"}
    for given, wanted in ((ssh, b""), ({"SSH_AUTH_SOCK": "/a"}, b"SSH_AUTH_SOCK=/a\n")):
        variables = {k: v for k, v in environment(tmp_path).items() if not k.startswith("SSH_")}
        with talk(machine(tmp_path, ShellBackend({**variables, **given}, prefer=part))) as link:
            assert link.output(lines) == wanted


@pytest.mark.parametrize("name", ["broken", "old", "missing"])
def test_python_that_cannot_be_used(tmp_path: Path, name: str) -> None:
    """Where python3 is broken, old or missing, the sh part runs, and says what that costs."""
    for program, status in (("broken", 1), ("old", 96)):
        (tmp_path / program).write_text(f"#!/bin/sh\nexit {status}\n")
        (tmp_path / program).chmod(0o755)
    variables = environment(tmp_path, BUILDORCH_PYTHON=str(tmp_path / name))
    with talk(machine(tmp_path, ShellBackend(variables))) as link:
        assert link.session.facts.agent == "sh"
        assert any("clears its environment" in text for text in link.session.facts.missing)
        assert link.output("echo fine") == b"fine\n"


def test_a_part_that_was_demanded(tmp_path: Path) -> None:
    """Where python is demanded and there is none, no other part is taken."""
    variables = environment(tmp_path, BUILDORCH_PYTHON="/no/python3")
    with pytest.raises(ServerUnusable, match="python server part"):
        ShellBackend(variables, prefer="python").connect(Server(name="here"), Heard())


def test_boot_line() -> None:
    """The boot line has nothing that any login shell reads in its own way."""
    line = boot.boot_command()
    assert not set("\\\n!`") & set(line)
    assert len(line) < 1000


def test_agent_is_written_for_old_python() -> None:
    """The agent has no syntax that is newer than python 3.3."""
    new = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef, ast.Await)
    folder = Path(boot.__file__).parent / "agent"
    assert {path.stem for path in folder.glob("*.py")} == {*MODULES, "__init__"}
    for path in [*folder.glob("*.py"), folder.parent / "loader.py"]:
        tree = ast.parse(path.read_text(), feature_version=(3, 4))
        assert not [node for node in ast.walk(tree) if isinstance(node, new)], path
    assert agent_text().isascii()


def test_sh_part_is_clean() -> None:
    """What is sent is free of what shellcheck finds, put together as it is sent."""
    given = (
        "nonce",
        "link",
        "wanted",
        "prefer",
        "loader",
        "supervise",
        "digest",
        "skip",
        "workdir",
    )
    head = "#!/bin/sh\n" + "".join(f"buildorch_{name}=$1\n" for name in given)
    folder = Path(boot.__file__).parent
    texts = {
        "dispatcher": head + "".join((folder / name).read_text() for name in boot.SCRIPTS),
        "supervisor": "#!/bin/sh\n"
        + "".join((folder / name).read_text() for name in boot.SUPERVISOR),
    }
    for name, text in texts.items():
        # SC2317, and SC2329 since 0.11: functions that are called through others look unused.
        done = subprocess.run(
            ["shellcheck", "--exclude=SC2317,SC2329", "-"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, f"{name}: {done.stdout}"


def test_threads_end_with_the_link(tmp_path: Path) -> None:
    """A closed link leaves no thread behind."""
    before = threading.active_count()
    with talk(machine(tmp_path, ShellBackend(environment(tmp_path)))) as link:
        link.end("true")
    for thread in threading.enumerate():
        if "here" in thread.name:
            thread.join(5)
    assert threading.active_count() <= before


@pytest.mark.parametrize("part", _PARTS)
def test_a_locale_that_is_not_there(tmp_path: Path, part: str) -> None:
    """Whatever our own shells have to say of it, a command's output is the command's alone."""
    variables = {**environment(tmp_path), "LC_ALL": "xx_XX.UTF-8"}
    with talk(machine(tmp_path, ShellBackend(variables, prefer=part))) as link:
        assert link.output(("printf", "abc")) == b"abc"


def test_functions_that_the_account_exports(tmp_path: Path) -> None:
    """They are never ours: a `cd` that prints, a `read` that reads nothing."""
    variables = environment(tmp_path)
    for name in ("cd", "read", "pwd", "umask", "unset", "buildorch_go"):
        variables[f"BASH_FUNC_{name}%%"] = "() { echo mine; }"
    with talk(machine(tmp_path, ShellBackend(variables, prefer="python"))) as link:
        assert link.output(("printf", "abc")) == b"abc"


def test_what_an_account_has_traced(tmp_path: Path) -> None:
    """With xtrace for all shells a log has the command's lines, and no secret of ours."""
    variables = {**environment(tmp_path), "SHELLOPTS": "braceexpand:hashall:xtrace"}
    with talk(machine(tmp_path, ShellBackend(variables, prefer="python"))) as link:
        assert b"s3cret" not in link.output("true", env={"TOKEN": "s3cret"})
