"""Opening a session: what the backends build on, whatever their byte stream is."""

from __future__ import annotations

from buildorch.model import Server
from buildorch.ports import Session, SessionListener
from buildorch.remote.boot import boot_command
from buildorch.remote.duplex import Duplex
from buildorch.remote.job_session import JobSession

__all__ = ["Duplex", "boot_command", "open_session"]

#: Seconds without a byte, though we asked, after which the link counts as cut.
SILENCE = 12.0


def open_session(
    duplex: Duplex,
    server: Server,
    listener: SessionListener,
    *,
    timeout: float = 30.0,
    prefer: str | None = None,
    silence: float = SILENCE,
) -> Session:
    """Boot the server part over *duplex*, on which `boot_command()` runs, and return the session.

    Args:
        duplex: The stream; the session owns it from now on, also when this raises.
        server: The server, for its state folder and for messages.
        listener: Told what the session hears.
        timeout: Seconds until the server part has to be ready.
        prefer: `python` or `sh` to demand that server part; None takes the best there is.
        silence: Seconds without a sign of life after which the link counts as cut.

    Raises:
        ServerUnusable: No server part can run, or something at login eats what we send.
        LinkLost: The stream ended before the server part began; shows what was printed.
    """
    session = JobSession(duplex, server, listener, silence)
    try:
        session.boot(timeout, prefer)
    except BaseException:
        session.close()
        raise
    return session
