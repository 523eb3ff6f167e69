"""One sshd of this very account on a loopback port, for tests that need no second machine."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from buildorch.model import Server
from hosts import processes
from hosts.commands import run, wait_for

_SSHD_CONFIG = """\
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
PrintMotd no
SetEnv HOME={folder}/home
"""
_SSH_CONFIG = """\
Host here
    HostName 127.0.0.1
    Port {port}
    User {user}
    IdentityFile {folder}/id_ed25519
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile /dev/null
"""


class Loopback:
    """An sshd with its keys, ssh_config and the home folder that sessions get.

    Args:
        folder: Where all of it is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.ssh_config = folder / "ssh_config"
        self.known_hosts = folder / "known_hosts"
        self.key = folder / "id_ed25519"
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def make(self, *options: str, subsystem: str = "sftp internal-sftp") -> None:
        """Write its files and start it; *options* are lines that win over its sshd_config."""
        self.home.mkdir(parents=True)
        for name in ("host_key", "id_ed25519"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.folder / name)
        shutil.copy(self.folder / "id_ed25519.pub", self.folder / "authorized_keys")
        host_key = (self.folder / "host_key.pub").read_text()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {host_key}")
        values = {"port": self.port, "folder": self.folder, "user": getpass.getuser()}
        self.ssh_config.write_text(_SSH_CONFIG.format(**values))
        lines = "".join(f"{line}\n" for line in (*options, f"Subsystem {subsystem}"))
        (self.folder / "sshd_config").write_text(lines + _SSHD_CONFIG.format(**values))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd of root wants it
        self.start()

    def start(self) -> None:
        """Start it; return when it listens."""
        command = ["/usr/sbin/sshd", "-D", "-f", str(self.folder / "sshd_config")]
        command += ["-E", str(self.folder / "sshd.log")]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        wait_for(self._listens, f"sshd listens on {self.port}")

    def stop(self, *, sessions: bool = True) -> None:
        """End the listener, and its sessions with it; jobs go on."""
        if self._process is None:
            return
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if sessions else []
        self._process.terminate()
        self._process.wait()
        self._process = None
        # A session's own children would be its jobs: only sshd's processes are ended.
        processes.signal_each([int(child) for child in children], signal.SIGKILL)

    def server(self, **fields: object) -> Server:
        """Return it as a server of the configuration, with *fields* changed."""
        values = {"name": "here", "host": "here", "ssh_config": str(self.ssh_config)}
        return Server(**{**values, **fields})  # type: ignore[arg-type] # the fields of a Server

    def log(self) -> str:
        """Return what sshd wrote."""
        return (self.folder / "sshd.log").read_text()

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
