"""One host: power, accounts, programs, sshd. Its network is in `network`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

from buildorch.model import Server
from hosts import processes
from hosts.commands import BedError, run, wait_for
from hosts.network import Network

#: PID 1 of a host: SIGCHLD ignored, so that the kernel reaps orphans.
_INIT = "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True: signal.pause()"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_FIRST_UID = 2001
_SSHD = {
    "HostKey": "/etc/ssh/ssh_host_ed25519_key",
    "PidFile": "/run/sshd.pid",
    "PasswordAuthentication": "no",
    "KbdInteractiveAuthentication": "no",
    "UsePAM": "yes",
    "PrintMotd": "no",
    "UseDNS": "no",
    "MaxSessions": "10",
    "MaxStartups": "10:30:100",
    "AcceptEnv": "LANG LC_*",
    "Subsystem": "sftp /usr/lib/openssh/sftp-server",
}


class Host:
    """A machine of namespaces with its own processes, network, accounts, /tmp and boot id.

    Args:
        name: Its name: `h1`.
        folder: What is the host's own: /home, /workspace, /etc/ssh, accounts.
        network: Its network.
        client: Folder of the client's key, ssh_config and known_hosts.
    """

    def __init__(self, name: str, folder: Path, network: Network, client: Path) -> None:
        self.name = name
        self.folder = folder
        self.network = network
        self.client = client
        self._hidden: list[str] = []
        self._changed = False

    # Making and ending.

    def make(self) -> None:
        """Make the host from nothing and boot it."""
        for part in ("etc-ssh", "home", "workspace"):
            (self.folder / part).mkdir(parents=True)
        for part, mode in (("passwd", 0o644), ("group", 0o644), ("shadow", 0o600)):
            (self.folder / part).write_text(Path("/etc", part).read_text())
            (self.folder / part).chmod(mode)
        (self.folder / "workspace").chmod(0o777)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", self._host_key)
        self._write_sshd_config({})
        self.add_user("build")
        self.network.make()
        self.boot()

    def remove(self) -> None:
        """End every process and remove the network."""
        self.network.delay(0)
        self.crash()
        self.network.remove()

    def restore(self) -> None:
        """Undo what a test did to the host: it is on, connected, and runs nothing of a user."""
        if not self._changed and not self.network.changed:
            return
        self.thaw()
        self.network.restore()
        self.boot()
        self._unhide()
        self._write_sshd_config({})
        self.stop_sshd()
        self.start_sshd()
        self._changed = False

    def end_user_processes(self) -> None:
        """Kill what users still run."""
        pids = [pid for pid in self.pids() if (processes.owner_of(pid) or 0) >= _FIRST_UID]
        processes.signal_each(pids, signal.SIGKILL)

    @property
    def _host_key(self) -> Path:
        return self.folder / "etc-ssh/ssh_host_ed25519_key"

    @property
    def public_key(self) -> str:
        """Its host key: type and base64."""
        return " ".join(self._host_key.with_suffix(".pub").read_text().split()[:2])

    def server(self, **fields: object) -> Server:
        """Return the host as a server of the configuration, with *fields* changed."""
        values = {"name": self.name, "host": self.name, "user": "build"}
        values["ssh_config"] = str(self.client / "ssh_config")
        return Server(**{**values, **fields})  # type: ignore[arg-type] # the fields of a Server

    # Power.

    @property
    def init(self) -> int | None:
        """Pid of the host's first process as seen from here; None when it is off."""
        try:
            pid = int((self.folder / "init.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if processes.namespace(pid, "net") == self.network.inode else None

    def boot(self) -> None:
        """Switch it on, if it is off: a new boot id, empty /tmp and /run, sshd runs."""
        if self.init:
            return
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        starter = self._start_init()
        children = Path(f"/proc/{starter}/task/{starter}/children").read_text().split()
        (self.folder / "init.pid").write_text(children[0])
        self._hidden.clear()
        self.network.connect()
        self.start_sshd()

    def _start_init(self) -> int:
        ready, write_end = os.pipe()
        log = self.folder / "boot.log"
        script = Path(__file__).with_name("boot.sh").read_text()
        variables = {"NAME": self.name, "DIR": self.folder, "READY": write_end}
        python = os.path.realpath(sys.executable)  # an environment's own may be in our /tmp
        programs = {"PATH": _PATH, "PYTHON": python, "INIT": _INIT}
        fresh = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--mount-proc"]
        with log.open("wb") as output:
            starter = subprocess.Popen(
                [
                    "nsenter",
                    f"--net=/run/netns/{self.network.name}",
                    *fresh,
                    "bash",
                    "-euc",
                    script,
                ],
                env={key: str(value) for key, value in (variables | programs).items()},
                pass_fds=[write_end],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        starter.returncode = 0  # it ends with its host: nobody waits for it
        os.close(write_end)
        with os.fdopen(ready, "rb") as pipe:
            # Not to the end of file: the starter holds the other end.
            if pipe.readline() != b"up\n":
                raise BedError(f"{self.name} did not boot: {log.read_text()}")
        return starter.pid

    def crash(self) -> None:
        """Cut its power: the link goes silent, then the kernel kills every process."""
        self._changed = True
        self.network.disconnect()
        pid = self.init
        if pid:
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: self.init is None, f"{self.name} is off")

    def reboot(self) -> None:
        """Crash and boot."""
        self.crash()
        self.boot()

    def freeze(self) -> None:
        """Stop all its processes; the kernel still answers the network."""
        self._changed = True
        processes.signal_each(self.pids(), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let frozen processes go on."""
        processes.signal_each(self.pids(), signal.SIGCONT)

    # What runs there.

    def pids(self, name: str | None = None) -> list[int]:
        """Return its processes as seen from here, or those of a short *name*."""
        init = self.init
        inode = processes.namespace(init, "pid") if init else None
        if inode is None:
            return []
        found = processes.in_namespace("pid", inode)
        return [pid for pid in found if name is None or processes.name_of(pid) == name]

    def commands(self) -> list[str]:
        """Return the command lines of its processes, words joined by spaces."""
        return [line for pid in self.pids() if (line := processes.command_of(pid))]

    def path(self, path: str) -> Path:
        """Return where a file there can be read and written from here."""
        return Path(f"/proc/{self.init}/root{path}")

    def run(self, command: str, *, user: str = "root", stdin: str = "", check: bool = True) -> str:
        """Run shell text there, past ssh, and return its output.

        Raises:
            BedError: It failed, and *check* is set.
        """
        home = "/root" if user == "root" else f"/home/{user}"
        world = ["env", "-i", f"--chdir={home}", f"HOME={home}", f"USER={user}", f"PATH={_PATH}"]
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        who = become if user != "root" else []
        return run(*self._inside(), *who, *world, "sh", "-c", command, stdin=stdin, check=check)

    def _inside(self) -> list[str]:
        init = self.init
        if init is None:
            raise BedError(f"{self.name} is off")
        return ["nsenter", "-t", str(init), "-m", "-u", "-i", "-n", "-p", "--"]

    def hide(self, path: str) -> None:
        """Make a program unusable there, until the host is restored or booted."""
        self._changed = True
        real = os.path.realpath(path)
        run(*self._inside(), "mount", "--bind", "/dev/null", real)
        self._hidden.append(real)

    def _unhide(self) -> None:
        for path in self._hidden:
            run(*self._inside(), "umount", path)
        self._hidden.clear()

    # Accounts and sshd.

    def home(self, user: str = "build") -> Path:
        """Return a user's home folder as seen from here."""
        return self.folder / "home" / user

    def add_user(self, name: str, shell: str = "/bin/bash") -> None:
        """Add an account with that login shell, which the client's key may log in to."""
        home = self.home(name)
        if home.exists():
            return
        number = _FIRST_UID + len(list((self.folder / "home").iterdir()))
        entries = {
            "passwd": f"{name}:x:{number}:{number}::/home/{name}:{shell}\n",
            "group": f"{name}:x:{number}:\n",
            "shadow": f"{name}:*:19000:0:99999:7:::\n",
        }
        for file, line in entries.items():
            with (self.folder / file).open("a") as accounts:
                accounts.write(line)
        (home / ".ssh").mkdir(parents=True, mode=0o700)
        keys = home / ".ssh/authorized_keys"
        keys.write_text((self.client / "id_ed25519.pub").read_text())
        for path in (home, home / ".ssh", keys):
            os.chown(path, number, number)
            path.chmod(0o700 if path.is_dir() else 0o600)

    def configure_sshd(self, **options: str) -> None:
        """Change options of sshd_config and start the listener anew; sessions go on.

        An empty text leaves an option out.
        """
        self._changed = True
        self._write_sshd_config(options)
        self.stop_sshd()
        self.start_sshd()

    def _write_sshd_config(self, options: dict[str, str]) -> None:
        lines = [f"{key} {value}\n" for key, value in {**_SSHD, **options}.items() if value]
        (self.folder / "etc-ssh/sshd_config").write_text("".join(lines))

    def start_sshd(self) -> None:
        """Start the listener; return when it listens."""
        if self._listener():
            return
        run(*self._inside(), "/usr/sbin/sshd")
        wait_for(self._listener, f"sshd of {self.name} listens")

    def stop_sshd(self, *, sessions: bool = False) -> None:
        """Stop the listener, and with *sessions* every connection as well."""
        self._changed = True
        listener = self._listener()
        if listener:
            run(*self._inside(), "sh", "-c", f"kill {listener}; rm -f /run/sshd.pid")
            wait_for(lambda: not self._is_there(listener), f"sshd of {self.name} is stopped")
        while sessions and (pids := self.pids("sshd")):
            processes.signal_each(pids, signal.SIGKILL)

    def _listener(self) -> str:
        listener = run(*self._inside(), "cat", "/run/sshd.pid", check=False).strip()
        return listener if listener and self._is_there(listener) else ""

    def _is_there(self, pid: str) -> bool:
        return bool(run(*self._inside(), "cat", f"/proc/{pid}/comm", check=False))
