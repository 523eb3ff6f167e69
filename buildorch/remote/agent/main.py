"""Where the agent begins: finds its state folder, says what it found, and serves."""

import gc
import importlib
import os
import pwd

from buildorch.remote.agent import account, command, kernel, mounts, service


def serve(nonce: str, *words: str) -> None:
    """Serve the client at the standard descriptors until it is gone.

    Args:
        nonce: Tells the client's bytes from what a login shell prints.
        words: What tells the client's links from each other; the account's mask for new files,
            as it was before ours (octal); the folder of the state, which is there; the
            account's LC_CTYPE; where builds are. The last two are empty where there is none.
    """
    link, umask, state_dir, lc_ctype, workdir = words
    inbox, outbox = os.dup(0), os.dup(1)
    home = os.environ.get("HOME", "/")
    environment = dict(os.environb)
    # Python sets it for itself where the locale is not installed.
    environment.pop(b"LC_CTYPE", None)
    if lc_ctype:
        environment[b"LC_CTYPE"] = os.fsencode(lc_ctype)
    world = command.World(int(umask, 8), environment, home)
    state = account.State(state_dir)
    missing = mounts.unguarded(workdir, home) if workdir else []
    try:
        state.make()
        missing += mounts.unlockable(state.agents)
    except OSError as error:
        missing.append(
            "nothing can be launched: " + state_dir + ": " + (error.strerror or str(error))
        )
    agent = service.Service(state, world, link, (inbox, outbox))
    agent.ready(nonce, facts(state_dir, home, missing))
    # Now, while nobody waits: the supervisors inherit it.
    importlib.import_module("hashlib")
    _share_memory()
    agent.run()


def _share_memory() -> None:
    """Have what is there now stay as it is, so that forked processes share it with us.

    A collection touches all objects that it looks at: each page of them would be copied.
    """
    gc.collect()
    if hasattr(gc, "freeze"):  # since 3.7
        gc.freeze()


def facts(state_dir: str, home: str, missing: "list[str]") -> bytes:
    """Return what the client wants to know of this server, as `name value` lines."""
    # Only tried: supervisors must be init's children, not ours.
    if not (kernel.adopt_orphans() and kernel.adopt_orphans(0)):
        missing.append(
            "the kernel has no subreaper: a process that leaves its session and clears its "
            "environment survives a kill"
        )
    fields = [
        ("agent", "python"),
        ("boot_id", kernel.boot_id()),
        ("clock", str(kernel.clock())),
        ("home", home),
        ("state_dir", state_dir),
        ("shell", _login_shell()),
    ]
    lines = [name + " " + value for name, value in fields]
    lines += ["missing " + text for text in missing + _logout()]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _login_shell() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_shell
    except KeyError:
        return os.environ.get("SHELL", "")


def _logout() -> "list[str]":
    """Say so where systemd ends all processes of an account that logs out."""
    text = kernel.read_file("/etc/systemd/logind.conf") or b""
    kills = any(line.strip() == b"KillUserProcesses=yes" for line in text.split(b"\n"))
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or ""
    if not kills or os.path.exists("/var/lib/systemd/linger/" + user):
        return []
    return [
        "systemd ends this account's processes when it logs out (KillUserProcesses=yes), so jobs "
        "do not outlive the connection; run: loginctl enable-linger " + user
    ]
