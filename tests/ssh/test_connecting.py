"""Connecting to a real sshd: who is let in, and what is said when nobody is."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts.loopback import Loopback

from buildorch.backends.ssh import SshBackend
from buildorch.errors import (
    ConnectError,
    ConnectRefused,
    ConnectTimedOut,
    HostKeyChanged,
    HostKeyUnknown,
    HostNotFound,
    LoginRefused,
    ServerUnusable,
    StageError,
)
from buildorch.model import Server


def _keygen(path: Path, *options: str, passphrase: str = "") -> Path:
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path), *options]
    subprocess.run(words, check=True)
    return path


def _server(sshd: Loopback, tmp_path: Path, *lines: str, **fields: object) -> Server:
    """Return the server with *lines* put before its ssh_config."""
    config = tmp_path / "ssh_config"
    config.write_text("\n".join(lines) + "\n" + sshd.ssh_config.read_text())
    return sshd.server(ssh_config=str(config), **fields)


def _fails(server: Server) -> ConnectError:
    with pytest.raises(ConnectError) as failure:
        SshBackend().connection(server)
    return failure.value


@pytest.fixture(name="agent")
def _agent(tmp_path: Path) -> Iterator[Path]:
    """Give the socket of an ssh-agent."""
    path = tmp_path / "agent"
    command = ["ssh-agent", "-D", "-a", str(path)]
    agent = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not path.exists():
        assert agent.poll() is None
    yield path
    agent.terminate()
    agent.wait()


def _add(agent: Path, key: Path) -> None:
    words = ["ssh-add", "-q", str(key)]
    subprocess.run(words, env={**os.environ, "SSH_AUTH_SOCK": str(agent)}, check=True)


def test_a_known_host_lets_us_in(sshd: Loopback) -> None:
    """A plain Fabric connection runs commands; exit codes are theirs."""
    with SshBackend().connection(sshd.server()) as connection:
        assert connection.run("echo hello", hide=True).stdout.strip() == "hello"
        assert connection.run("exit 3", warn=True, hide=True).return_code == 3


def test_the_socket_is_quick_and_notices_a_dead_link(sshd: Loopback) -> None:
    """Nagle's algorithm is off, and keepalive and the user timeout are on."""
    with SshBackend().connection(sshd.server()) as connection:
        link = connection.transport.sock
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert 0 < link.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 15_000


def test_a_closed_connection_is_verified_again_when_it_is_used_again(sshd: Loopback) -> None:
    """Reopening dials anew, with the same rules."""
    with SshBackend().connection(sshd.server()) as connection:
        connection.close()
        assert connection.run("echo again", hide=True).stdout.strip() == "again"
        connection.close()
        known = sshd.known_hosts.read_text()
        try:
            sshd.known_hosts.write_text("")
            with pytest.raises(HostKeyUnknown):
                connection.run("echo never", hide=True)
        finally:
            sshd.known_hosts.write_text(known)


@pytest.mark.parametrize(
    "weaken", ["", "StrictHostKeyChecking no", "StrictHostKeyChecking accept-new"]
)
def test_a_wrong_host_key_is_refused_whatever_ssh_config_allows(
    sshd: Loopback, tmp_path: Path, weaken: str
) -> None:
    """Another key in known_hosts: nothing is sent, nothing is replaced, no way around it."""
    other = _keygen(tmp_path / "other").with_suffix(".pub").read_text()
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{sshd.port} {other}")
    before = known.read_text()
    error = _fails(_server(sshd, tmp_path, f"UserKnownHostsFile {known}", weaken))
    assert isinstance(error, HostKeyChanged)
    assert f"{known}:1" in str(error)
    assert f"127.0.0.1:{sshd.port}" in str(error)
    assert before == known.read_text()


@pytest.mark.parametrize("weaken", ["", "StrictHostKeyChecking no"])
def test_an_unknown_host_is_refused_and_its_key_shown(
    sshd: Loopback, tmp_path: Path, weaken: str
) -> None:
    """No entry: the line that would be needed is in the message, and works once it is added."""
    known = tmp_path / "known"
    server = _server(sshd, tmp_path, f"UserKnownHostsFile {known}", weaken)
    error = _fails(server)
    assert isinstance(error, HostKeyUnknown)
    assert not known.exists()
    known.write_text(str(error).splitlines()[-1] + "\n")
    SshBackend().connection(server).close()


def test_a_known_key_of_another_kind_is_asked_for(sshd: Loopback, tmp_path: Path) -> None:
    """A server with two host keys is trusted by the one that is known."""
    both = Loopback(tmp_path / "both")
    second = _keygen(tmp_path / "rsa", "-t", "rsa")
    try:
        both.make(f"HostKey {second}")
        for kind in (second, both.folder / "host_key"):
            line = kind.with_name(f"{kind.name}.pub").read_text()
            both.known_hosts.write_text(f"[127.0.0.1]:{both.port} {line}")
            SshBackend().connection(both.server()).close()
    finally:
        both.stop()
    assert sshd.port != both.port


def test_a_refused_port_says_so(sshd: Loopback) -> None:
    """Nothing listens: refused, and it may help to try again."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        error = _fails(sshd.server(port=port))
    assert isinstance(error, ConnectRefused)
    assert f"127.0.0.1:{port}" in str(error)
    assert "nothing listens" in str(error)
    assert error.transient


def test_a_port_that_says_nothing_times_out(sshd: Loopback, tmp_path: Path) -> None:
    """A listener that never speaks, as a frozen machine's, is given up in time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        error = _fails(_server(sshd, tmp_path, "ConnectTimeout 1", port=port))
    assert isinstance(error, ConnectTimedOut)
    assert "did not say who it is" in str(error)


def test_a_port_that_hangs_up_is_explained_by_its_real_cause(sshd: Loopback) -> None:
    """Closed before the banner: MaxStartups is named, not an error reading a banner."""
    with socket.create_server(("127.0.0.1", 0)) as rude:
        port = rude.getsockname()[1]
        client = subprocess.Popen(
            [
                "python3",
                "-c",
                "import socket,sys; s=socket.socket(fileno=0); s.accept()[0].close()",
            ],
            stdin=rude.fileno(),
        )
        error = _fails(sshd.server(port=port))
        client.wait()
    assert isinstance(error, ConnectRefused)
    assert "MaxStartups" in str(error)
    assert error.transient


def test_a_port_that_is_no_sshd_is_unusable(sshd: Loopback) -> None:
    """Another protocol is no reason to try again."""
    talk = "c=socket.socket(fileno=0).accept()[0]; c.sendall(b'HTTP/1.1 400\\r\\n'*200); c.recv(9)"
    with socket.create_server(("127.0.0.1", 0)) as web:
        port = web.getsockname()[1]
        client = subprocess.Popen(["python3", "-c", f"import socket; {talk}"], stdin=web.fileno())
        error = _fails(sshd.server(port=port))
        client.terminate()
        client.wait()
    assert isinstance(error, ServerUnusable)
    assert "no SSH server" in str(error)


def test_each_address_of_a_name_is_tried(sshd: Loopback, tmp_path: Path) -> None:
    """Localhost may be ::1 first, where nothing listens here."""
    lines = ("Host here", " HostName localhost", " HostKeyAlias me", "Host *")
    server = _server(sshd, tmp_path, *lines, f" UserKnownHostsFile {tmp_path / 'known'}")
    key = (sshd.folder / "host_key.pub").read_text()
    (tmp_path / "known").write_text(f"me {key}")
    SshBackend().connection(server).close()


def test_a_server_with_other_algorithms_only_is_unusable(tmp_path: Path) -> None:
    """No common key exchange: said as such, with what its administrator can do."""
    modern = Loopback(tmp_path / "modern")
    try:
        modern.make("KexAlgorithms sntrup761x25519-sha512@openssh.com")
        error = _fails(modern.server())
    finally:
        modern.stop()
    assert isinstance(error, ServerUnusable)
    assert "KexAlgorithms" in str(error)


def test_a_name_without_an_address_is_told(sshd: Loopback) -> None:
    """An unknown name is named."""
    error = _fails(sshd.server(host="no-such-host.invalid"))
    assert isinstance(error, HostNotFound)
    assert "no-such-host.invalid" in str(error)


def test_a_broken_ssh_config_makes_the_server_unusable(sshd: Loopback, tmp_path: Path) -> None:
    """Ssh's own complaint is in the message."""
    error = _fails(_server(sshd, tmp_path, "Frob yes"))
    assert isinstance(error, ServerUnusable)
    assert "line 1" in str(error)


def test_a_key_that_the_server_does_not_know_is_named(sshd: Loopback, tmp_path: Path) -> None:
    """Login refused: user, key file and what to do; no second try helps."""
    key = _keygen(tmp_path / "stranger")
    error = _fails(_server(sshd, tmp_path, f"Host here\n IdentityFile {key}", user="nobody-here"))
    assert isinstance(error, LoginRefused)
    assert f"key {key} was refused" in str(error)
    assert "nobody-here" in str(error)
    assert "authorized_keys" in str(error)
    assert not error.transient


def test_no_key_at_all_is_told(sshd: Loopback, tmp_path: Path) -> None:
    """Where no key file exists and there is no agent, that is the reason."""
    missing = tmp_path / "missing"
    config = sshd.ssh_config.read_text().replace(str(sshd.key), str(missing))
    (tmp_path / "config").write_text(config)
    error = _fails(sshd.server(ssh_config=str(tmp_path / "config")))
    assert isinstance(error, LoginRefused)
    assert f"none of {missing} exists" in str(error)


@pytest.fixture(name="locked")
def _locked(sshd: Loopback, tmp_path: Path) -> Iterator[Path]:
    """Give a key with a passphrase that the server lets in."""
    words = "horse battery"
    key = _keygen(tmp_path / "locked", passphrase=words)
    allowed = sshd.folder / "authorized_keys"
    before = allowed.read_text()
    allowed.write_text(before + key.with_suffix(".pub").read_text())
    yield key
    allowed.write_text(before)


def _only(sshd: Loopback, tmp_path: Path, key: Path, agent: Path | str = "none") -> Server:
    config = sshd.ssh_config.read_text().replace(str(sshd.key), str(key))
    config = config.replace("IdentityAgent none", f"IdentityAgent {agent}")
    (tmp_path / "only").write_text(config)
    return sshd.server(ssh_config=str(tmp_path / "only"))


def test_a_locked_key_without_an_agent_asks_nobody(
    sshd: Loopback, tmp_path: Path, locked: Path
) -> None:
    """The message names the key file, its passphrase and ssh-add; there is no prompt."""
    error = _fails(_only(sshd, tmp_path, locked))
    assert isinstance(error, LoginRefused)
    assert f"key {locked} needs its passphrase" in str(error)
    assert f"ssh-add {locked}" in str(error)


def test_a_locked_key_in_the_agent_lets_us_in(
    sshd: Loopback, tmp_path: Path, locked: Path, agent: Path
) -> None:
    """IdentitiesOnly: the agent's key is used since the file names it, without a passphrase."""
    clear = tmp_path / "clear"
    shutil.copy(locked, clear)
    words = ["ssh-keygen", "-q", "-p", "-P", "horse battery", "-N", "", "-f", str(clear)]
    subprocess.run(words, check=True, capture_output=True)
    _add(agent, clear)
    SshBackend().connection(_only(sshd, tmp_path, locked, agent)).close()


def test_with_identities_only_the_agent_offers_no_other_key(
    sshd: Loopback, tmp_path: Path, agent: Path
) -> None:
    """A key that ssh_config does not name stays in the agent; without IdentitiesOnly it is used."""
    _add(agent, sshd.key)
    server = _only(sshd, tmp_path, tmp_path / "missing", agent)
    assert isinstance(_fails(server), LoginRefused)
    config = Path(server.ssh_config or "")
    config.write_text(config.read_text().replace("IdentitiesOnly yes", "IdentitiesOnly no"))
    SshBackend().connection(server).close()


def test_the_agent_is_never_forwarded(sshd: Loopback, tmp_path: Path, agent: Path) -> None:
    """ForwardAgent in ssh_config changes nothing."""
    _add(agent, sshd.key)
    lines = ("ForwardAgent yes", f"IdentityAgent {agent}")
    with SshBackend().connection(_server(sshd, tmp_path, *lines)) as connection:
        assert connection.run("echo $SSH_AUTH_SOCK", hide=True).stdout.strip() == ""


def test_an_agent_that_is_gone_is_told(sshd: Loopback, tmp_path: Path) -> None:
    """A socket nobody answers on is part of the reason."""
    error = _fails(_only(sshd, tmp_path, tmp_path / "missing", tmp_path / "gone"))
    assert f"the agent at {tmp_path / 'gone'} does not answer" in str(error)


def test_a_security_key_file_is_named_as_unusable(sshd: Loopback, tmp_path: Path) -> None:
    """A key that paramiko cannot use is named with its type."""
    import base64  # noqa: PLC0415 - a made-up key
    import struct  # noqa: PLC0415

    def text(data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + data

    kind = b"sk-ssh-ed25519@openssh.com"
    public = text(kind) + text(b"k" * 32) + text(b"ssh:")
    body = b"openssh-key-v1\0" + text(b"none") + text(b"none") + text(b"")
    body += struct.pack(">I", 1) + text(public) + text(b"?" * 64)
    key = tmp_path / "sk"
    armour = base64.encodebytes(body).decode()
    key.write_text(
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{armour}-----END OPENSSH PRIVATE KEY-----\n"
    )
    error = _fails(_only(sshd, tmp_path, key))
    assert isinstance(error, LoginRefused)
    assert f"key {key} is of type sk-ssh-ed25519@openssh.com" in str(error)


def test_too_many_keys_are_explained(sshd: Loopback, tmp_path: Path) -> None:
    """When the server hangs up after several keys, MaxAuthTries is named, once and for all."""
    keys = [_keygen(tmp_path / f"key{number}") for number in range(8)]
    lines = [f"IdentityFile {key}" for key in keys]
    error = _fails(_server(sshd, tmp_path, *lines))
    assert isinstance(error, LoginRefused)
    assert "MaxAuthTries" in str(error)
    assert "IdentitiesOnly" in str(error)


def test_a_certificate_beside_the_key_lets_us_in(sshd: Loopback, tmp_path: Path) -> None:
    """A server that trusts an authority lets its certificates in, also by CertificateFile."""
    authority = _keygen(tmp_path / "ca")
    key = _keygen(tmp_path / "me")
    user = subprocess.run(["id", "-un"], text=True, check=True, capture_output=True).stdout.strip()
    sign = ["ssh-keygen", "-q", "-s", "ca", "-I", "me", "-n", user, "me.pub"]
    subprocess.run(sign, cwd=tmp_path, check=True)
    trusting = Loopback(tmp_path / "trusting")
    try:
        trusting.make(f"TrustedUserCAKeys {authority}.pub", "AuthorizedKeysFile none")
        SshBackend().connection(_only(trusting, tmp_path, key)).close()
        elsewhere = (tmp_path / "me-cert.pub").rename(tmp_path / "elsewhere.pub")
        assert isinstance(_fails(_only(trusting, tmp_path, key)), LoginRefused)
        server = _only(trusting, tmp_path, key)
        config = Path(server.ssh_config or "")
        config.write_text(f"CertificateFile {elsewhere}\n{config.read_text()}")
        SshBackend().connection(server).close()
    finally:
        trusting.stop()
    assert sshd.port != trusting.port


def test_a_proxy_command_carries_the_connection(sshd: Loopback, tmp_path: Path) -> None:
    """ProxyCommand's stdin and stdout are the link; its end is told as such."""
    relay = tmp_path / "relay.py"
    relay.write_text(
        "import os,select,socket,sys\n"
        "s=socket.create_connection((sys.argv[1],int(sys.argv[2])))\n"
        "while True:\n"
        "    for f in select.select([s,0],[],[])[0]:\n"
        "        d=s.recv(65536) if f is s else os.read(0,65536)\n"
        "        if not d: sys.exit()\n"
        "        (os.write(1,d) if f is s else s.sendall(d))\n"
    )
    through = _server(sshd, tmp_path, f"ProxyCommand python3 {relay} %h %p")
    with SshBackend().connection(through) as connection:
        assert connection.run("echo through", hide=True).stdout.strip() == "through"
    error = _fails(_server(sshd, tmp_path, "ProxyCommand true"))
    assert isinstance(error, ConnectRefused)
    assert "ProxyCommand" in str(error)


def test_files_go_there_and_back_whole(sshd: Loopback, tmp_path: Path) -> None:
    """Bytes and permissions survive; nothing half-written is left on either side."""
    backend, server = SshBackend(), sshd.server()
    data = os.urandom(1_000_000)
    (tmp_path / "a file").write_bytes(data)
    (tmp_path / "a file").chmod(0o750)
    there = sshd.home / "with spaces"
    there.mkdir(exist_ok=True)
    backend.put(server, tmp_path / "a file", f"{there}/b")
    assert (there / "b").stat().st_mode & 0o777 == 0o750
    backend.get(server, f"{there}/b", tmp_path / "c")
    assert data == (tmp_path / "c").read_bytes()
    assert [path.name for path in there.iterdir()] == ["b"]
    with pytest.raises(StageError, match=r"missing.*No such file"):
        backend.get(server, f"{there}/missing", tmp_path / "d")
    with pytest.raises(StageError, match="No such file"):
        backend.put(server, tmp_path / "c", f"{there}/no/folder")
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize("subsystem", ["other /bin/false", "sftp /usr/libexec/no-sftp-server"])
def test_a_server_without_sftp_is_told(tmp_path: Path, subsystem: str) -> None:
    """Where SFTP is missing, copying says so; commands still run."""
    bare = Loopback(tmp_path / "bare")
    try:
        bare.make(subsystem=subsystem)
        (tmp_path / "file").write_text("x")
        with pytest.raises(ServerUnusable, match="has no SFTP"):
            SshBackend().put(bare.server(), tmp_path / "file", "/tmp/never")
        with SshBackend().connection(bare.server()) as connection:
            connection.run("true", hide=True)
    finally:
        bare.stop()
