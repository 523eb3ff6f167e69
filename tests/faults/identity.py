"""What a person logs in with: a key in an agent, or a certificate that soon expires."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path

from hosts.commands import run, wait_for

from faults.scene import Scene

_PASSPHRASE = "a passphrase"  # noqa: S105 - of a key that is made for one test


def make_key(folder: Path, name: str) -> Path:
    """Make a key without a passphrase."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name)
    return folder / name


def let_in(scene: Scene, key: Path, options: str = "") -> None:
    """Let the account take this key, or certificates that it signed, and no other."""
    public = key.with_suffix(".pub").read_text()
    (scene.home / ".ssh/authorized_keys").write_text(f"{options} {public}".lstrip())


class Certificate:
    """A key with a certificate, signed by an authority that the account trusts.

    Args:
        scene: The scene, whose ssh_config names the key.
        folder: Where the keys are.
    """

    def __init__(self, scene: Scene, folder: Path) -> None:
        self._user = scene.user
        self._authority = make_key(folder, "authority")
        self._key = make_key(folder, "id")
        let_in(scene, self._authority, "cert-authority")

    def sign(self, seconds: int) -> float:
        """Sign a certificate; return the Unix time at which it has expired."""
        until = int(time.time()) + seconds + 1
        form = time.strftime("%Y%m%d%H%M%S", time.localtime(until))
        words = ("-s", self._authority, "-I", "me", "-n", self._user, "-V", f"-5m:{form}")
        run("ssh-keygen", "-q", *words, self._key.with_suffix(".pub"))
        return until

    def log_out(self) -> None:
        """Let the certificate expire."""
        until = self.sign(1)
        wait_for(lambda: time.time() > until, "the certificate has expired")

    def log_in(self) -> None:
        """Get a certificate for an hour."""
        self.sign(3600)

    def close(self) -> None:
        """Nothing of it runs."""


class Agent:
    """An ssh-agent that alone can use a key; the key's file is locked by a passphrase.

    Args:
        scene: The scene, whose ssh_config names key and agent.
        folder: Where key and socket are.
    """

    def __init__(self, scene: Scene, folder: Path) -> None:
        self._socket = folder / "agent"
        key = make_key(folder, "id")
        let_in(scene, key)
        self._open_key = folder / "unlocked"
        self._open_key.write_bytes(key.read_bytes())
        self._open_key.chmod(0o600)
        run("ssh-keygen", "-q", "-p", "-P", "", "-N", _PASSPHRASE, "-f", key)
        self._process: subprocess.Popen[bytes] | None = None

    def log_in(self) -> None:
        """Start it, and give it the key."""
        words = ["ssh-agent", "-D", "-a", str(self._socket)]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        wait_for(self._socket.exists, "the agent listens")
        world = {**os.environ, "SSH_AUTH_SOCK": str(self._socket)}
        subprocess.run(
            ["ssh-add", "-q", str(self._open_key)], env=world, check=True, capture_output=True
        )

    def log_out(self) -> None:
        """End it."""
        self.close()

    def close(self) -> None:
        """End it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        with contextlib.suppress(FileNotFoundError):
            self._socket.unlink()
