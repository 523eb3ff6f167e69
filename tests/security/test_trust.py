"""Laws of `servers trust`, on real hosts: a person or a fingerprint says who is trusted."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from cli.terminal import Terminal
from cli.user import Outcome, User
from hosts.bed import Bed
from hosts.host import Host

#: A fingerprint of no host.
OTHER = "SHA256:" + "x" * 43


@attrs.frozen
class Newcomer:
    """Somebody whose ssh knows no host yet.

    Attributes:
        user: Their shell.
        known: Their known_hosts.
        ssh_config: Their ssh_config.
    """

    user: User
    known: Path
    ssh_config: Path

    def configure(self, bed: Bed, *first: str) -> None:
        """Write ssh_config and the configuration, with these lines of ssh_config in front."""
        text = (bed.client / "ssh_config").read_text()
        text = re.sub("UserKnownHostsFile .*", f"UserKnownHostsFile {self.known}", text)
        self.ssh_config.write_text("\n".join([*first, text]))
        servers = "".join(
            f"  {name}: {{host: {name}, ssh_config: {self.ssh_config}}}\n"
            for name in ("h1", "inner")
        )
        self.user.write("buildorch.yaml", f"servers:\n{servers}")

    def trust(self, *words: str) -> Outcome:
        """Run `servers trust`."""
        return self.user.run("servers", "trust", *words)

    def ssh(self, host: str = "h1") -> int:
        """Return what the real ssh, with strict checking, ends with."""
        words = ["ssh", "-F", str(self.ssh_config), host, "true"]
        return subprocess.run(words, capture_output=True, timeout=30, check=False).returncode


@pytest.fixture(name="newcomer")
def _newcomer(tmp_path: Path, bed: Bed) -> Iterator[Newcomer]:
    user = User.at(tmp_path)
    newcomer = Newcomer(user, tmp_path / ".ssh/known_hosts", tmp_path / "ssh_config")
    newcomer.configure(bed)
    yield newcomer
    user.leave()


def fingerprint(host: Host) -> str:
    """Return the fingerprint as the host's administrator sees it."""
    path = host.folder / "etc-ssh/ssh_host_ed25519_key.pub"
    done = subprocess.run(["ssh-keygen", "-lf", path], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def test_a_key_whose_fingerprint_was_told_is_remembered(
    newcomer: Newcomer, hosts: tuple[Host, ...]
) -> None:
    """A script gives the fingerprint; then ssh and buildorch connect, and a second call says so."""
    right = fingerprint(hosts[0])
    assert newcomer.ssh() == 255
    told = newcomer.trust("h1", "--yes", "--fingerprint", right)
    assert 0 == told.code, told
    address = f"{hosts[0].network.address}:22"
    assert (
        f"h1 ({address}) shows ssh-ed25519 {right}\nremembered in {newcomer.known}:1\n" == told.out
    )
    assert 0 == newcomer.ssh()
    assert 0o600 == newcomer.known.stat().st_mode & 0o777
    assert 0o700 == newcomer.known.parent.stat().st_mode & 0o777
    assert "known already" in newcomer.trust("h1", "--yes", "--fingerprint", right).out
    assert 1 == len(newcomer.known.read_text().splitlines())
    assert "h1     OK" in newcomer.user.run("servers").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["h1", "--yes"], "--yes alone would trust whoever answers"),
        (["h1", "--yes", "--fingerprint", OTHER], "not the fingerprint that was given"),
        (["h1", "--fingerprint", OTHER], "not the fingerprint that was given"),
        (["h1", "--yes", "--fingerprint", "SHA256:other"], "'SHA256:other' is malformed"),
        (["h1", "--yes", "--fingerprint", OTHER[7:]], "is malformed"),
        (["h1"], "nobody can be asked here"),
        (["h1l"], "unknown server"),
        (["local"], "reached without SSH"),
        ([], "buildorch servers trust SERVER"),
    ],
)
def test_without_a_persons_word_nothing_is_remembered(
    newcomer: Newcomer, words: list[str], message: str
) -> None:
    """A script that gives no fingerprint or another one is refused, with the reason."""
    told = newcomer.trust(*words)
    assert (2, True) == (told.code, message in told.err), told
    assert not newcomer.known.exists()
    assert 255 == newcomer.ssh()


@pytest.mark.parametrize(("answer", "trusted"), [("yes", True), ("no", False), ("", False)])
def test_a_person_is_asked(
    newcomer: Newcomer, hosts: tuple[Host, ...], answer: str, *, trusted: bool
) -> None:
    """On a terminal the fingerprint is shown and only a whole yes counts."""
    terminal = Terminal(newcomer.user, columns=250)
    try:
        terminal.command("$B servers trust h1")
        terminal.until(fingerprint(hosts[0]))
        terminal.until("told)? ")
        terminal.type(f"{answer}\r")
        terminal.until("remembered in /" if trusted else "nothing was remembered")
    finally:
        terminal.close()
    assert trusted == (0 == newcomer.ssh())


def test_a_changed_key_is_never_replaced(newcomer: Newcomer, hosts: tuple[Host, ...]) -> None:
    """The line with the old key is named, and what to do; the file stays as it is."""
    other = hosts[1].public_key
    newcomer.known.parent.mkdir()
    newcomer.known.write_text(f"# mine\n{hosts[0].network.address} {other}\n")
    before = newcomer.known.read_text()
    told = newcomer.trust("h1", "--yes", "--fingerprint", fingerprint(hosts[0]))
    assert 3 == told.code
    assert f"{newcomer.known}:2" in told.err
    assert f"ssh-keygen -R '{hosts[0].network.address}'" in told.err
    assert "buildorch servers trust h1" in told.err
    assert before == newcomer.known.read_text()


def _hashed(line: str) -> bool:
    return line.startswith("|1|")


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        (["Host *", " HashKnownHosts yes"], _hashed),
        (["Host h1", " HostKeyAlias farm"], lambda line: line.startswith("farm ")),
    ],
)
def test_the_line_is_one_that_ssh_reads(
    newcomer: Newcomer,
    bed: Bed,
    hosts: tuple[Host, ...],
    lines: list[str],
    fits: Callable[[str], bool],
) -> None:
    """Hashed names and aliases of keys are written as ssh_config wants them."""
    newcomer.configure(bed, *lines)
    newcomer.known.parent.mkdir()
    newcomer.known.write_text("# a last line without its end")
    assert 0 == newcomer.trust("h1", "--yes", "--fingerprint", fingerprint(hosts[0])).code
    assert fits(newcomer.known.read_text().splitlines()[1])
    assert 0 == newcomer.ssh()


def test_another_port_has_a_line_of_its_own(
    newcomer: Newcomer, bed: Bed, hosts: tuple[Host, ...]
) -> None:
    """A host's sshd on another port may be another machine's."""
    hosts[0].configure_sshd(Port="2222")
    newcomer.configure(bed, "Host h1", " Port 2222")
    assert 0 == newcomer.trust("h1", "--yes", "--fingerprint", fingerprint(hosts[0])).code
    assert newcomer.known.read_text().startswith(f"[{hosts[0].network.address}]:2222 ")
    assert 0 == newcomer.ssh()


def test_hosts_on_the_way_are_asked_about_one_by_one(
    newcomer: Newcomer, bed: Bed, hosts: tuple[Host, ...]
) -> None:
    """Through a ProxyJump each unknown host needs its own fingerprint."""
    address = bed.link(hosts[0], hosts[1])
    newcomer.configure(bed, "Host inner", f" HostName {address}", " ProxyJump h1")
    first, second = fingerprint(hosts[0]), fingerprint(hosts[1])
    half = newcomer.trust("inner", "--yes", "--fingerprint", first)
    assert (2, True) == (half.code, second in half.err), half
    assert 255 == newcomer.ssh("inner")
    whole = newcomer.trust("inner", "--yes", "--fingerprint", first, "--fingerprint", second)
    assert 0 == whole.code, whole
    assert "known already" in whole.out
    assert 0 == newcomer.ssh("inner")


def test_a_known_host_is_compared_too(newcomer: Newcomer, hosts: tuple[Host, ...]) -> None:
    """That a host is known already does not make another fingerprint right."""
    right = fingerprint(hosts[0])
    assert 0 == newcomer.trust("h1", "--yes", "--fingerprint", right).code
    for words in (["--yes"], []):
        told = newcomer.trust("h1", *words, "--fingerprint", OTHER)
        assert (2, True) == (told.code, "not the fingerprint that was given" in told.err), told
    both = newcomer.trust("h1", "--yes", "--fingerprint", OTHER, "--fingerprint", right)
    assert (0, True) == (both.code, "known already" in both.out), both


def test_nobody_logs_in_to_look_at_a_key(newcomer: Newcomer, hosts: tuple[Host, ...]) -> None:
    """It works without any key of ours, and sshd's log has no login."""
    shutil.copy(newcomer.ssh_config, backup := newcomer.ssh_config.with_suffix(".old"))
    text = backup.read_text().replace("IdentityFile", "IdentityFile /no/such/key\n#")
    newcomer.ssh_config.write_text(text)
    told = newcomer.trust("h1", "--yes", "--fingerprint", fingerprint(hosts[0]))
    assert 0 == told.code, told
    assert 255 == newcomer.ssh()


def test_a_file_that_cannot_be_written_is_told_with_the_line(
    newcomer: Newcomer, hosts: tuple[Host, ...]
) -> None:
    """What is to be added stands in the message."""
    newcomer.known.mkdir(parents=True)
    told = newcomer.trust("h1", "--yes", "--fingerprint", fingerprint(hosts[0]))
    assert 2 == told.code
    assert f"{hosts[0].network.address} {hosts[0].public_key}" in told.err


def test_the_error_of_an_unknown_host_names_the_command(newcomer: Newcomer) -> None:
    """Whoever meets an unknown key is told how to compare it."""
    said = newcomer.user.run("doctor")
    assert "buildorch servers trust h1" in said.out
