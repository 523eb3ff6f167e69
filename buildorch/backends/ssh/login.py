"""Logging in: which keys are offered, in which order, and what is said when none is taken.

The order is ssh's: keys of the agent that ssh_config names, other keys of the agent unless
IdentitiesOnly, then key files. Nothing ever prompts: a passphrase belongs into an agent.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import attrs
import paramiko

from buildorch.backends.ssh.failures import failure
from buildorch.backends.ssh.keys import KeyFile, public_blob, read_key_file, same_key
from buildorch.backends.ssh_config import ResolvedHost
from buildorch.errors import ConnectTimedOut, LoginRefused

_AGENT_TIMEOUT = 10.0


class UnusableKey(Exception):
    """A key file that cannot be offered; the text says why."""


@attrs.frozen
class Offer:
    """A key that may be shown to the server: what people know it as, and how to load it."""

    name: str
    load: Callable[[], paramiko.PKey]


class Agent(paramiko.agent.AgentSSH):
    """The keys of the agent behind a socket; signing happens there, keys never leave it."""

    def __init__(self, path: str) -> None:
        super().__init__()
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(_AGENT_TIMEOUT)  # a forwarded agent may be dead without saying so
        try:
            link.connect(path)
            self._connect(link)  # type: ignore[attr-defined] # not in the stubs
        except BaseException:
            link.close()
            raise

    def close(self) -> None:
        """Leave the agent."""
        self._close()  # type: ignore[attr-defined] # not in the stubs


@attrs.define
class Login:
    """paramiko's `auth_strategy` for one host.

    Attributes:
        host: The host to log in to.
        server: Alias of the server, for errors.
    """

    host: ResolvedHost
    server: str
    _tried: list[str] = attrs.field(factory=list, init=False)
    _methods: list[str] = attrs.field(factory=list, init=False)

    def authenticate(self, transport: paramiko.Transport) -> None:
        """Log in over *transport*.

        Raises:
            LoginRefused: The server took none of our keys.
            ConnectTimedOut: It did not answer in time.
            SSHException: The connection broke meanwhile.
        """
        self._tried, self._methods = [], []
        if self._without_key(transport):
            return
        with contextlib.ExitStack() as stack:
            agent = self._agent()
            if agent:
                stack.callback(agent.close)
            for offer in self._offers(agent.get_keys() if agent else ()):
                if self._methods and "publickey" not in self._methods:
                    break
                if self._taken(transport, offer):
                    return
        raise failure(LoginRefused, self._refusal(), self.host, self.server)

    def _without_key(self, transport: paramiko.Transport) -> bool:
        """Ask for nothing, as ssh does first: some servers agree, the others say what they take."""
        try:
            return not transport.auth_none(self.host.user)
        except paramiko.BadAuthenticationType as error:
            self._methods = list(error.allowed_types)
        except paramiko.AuthenticationException as error:
            self._stop_if_over(transport, error)
        return False

    def _taken(self, transport: paramiko.Transport, offer: Offer) -> bool:
        try:
            further = transport.auth_publickey(self.host.user, offer.load())
        except UnusableKey as error:
            self._tried.append(f"{offer.name} {error}")
            return False
        except paramiko.SSHException as error:
            self._tried.append(f"{offer.name} was refused")
            self._stop_if_over(transport, error)
            return False
        if further:  # a second key may be what it wants, so go on
            self._tried.append(
                f"{offer.name} was taken, but the server wants {' and '.join(further)} as well"
            )
        return not further

    def _stop_if_over(self, transport: paramiko.Transport, error: Exception) -> None:
        if "timeout" in str(error).lower():
            what = "timed out: the login was not answered in time"
            raise failure(ConnectTimedOut, what, self.host, self.server) from error
        if transport.is_active():
            return
        if len(self._tried) < 2:  # noqa: PLR2004 - one refused key is nothing to hang up for
            raise paramiko.SSHException("the connection was closed during the login") from error
        self._tried.append(
            "then the server hung up (MaxAuthTries): name the right key with IdentityFile and"
            " IdentitiesOnly yes in ssh_config"
        )
        raise failure(LoginRefused, self._refusal(), self.host, self.server) from error

    def _agent(self) -> Agent | None:
        if self.host.agent is None:
            return None
        try:
            return Agent(self.host.agent)
        except (OSError, paramiko.SSHException) as error:
            self._tried.append(f"the agent at {self.host.agent} does not answer ({error})")
            return None

    def _offers(self, held: tuple[paramiko.AgentKey, ...]) -> Iterator[Offer]:
        found = [self._read(path) for path in self.host.identity_files]
        files = [file for file in found if file is not None]
        named = [
            key
            for file in files
            for key in held
            if file.blob is not None and same_key(file.blob, key.blob)
        ]
        others = [] if self.host.identities_only else [key for key in held if key not in named]
        for key in [*named, *others]:
            yield Offer(f"agent key {key.comment or key.name}", partial(_same, key))
        in_agent = {key.blob for key in held}
        for file in files:
            if file.blob not in in_agent:
                yield Offer(f"key {file.path}", partial(self._load, file))

    def _read(self, path: str) -> KeyFile | None:
        try:
            return read_key_file(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._tried.append(f"key {path} cannot be read ({error.strerror})")
            return None

    def _load(self, file: KeyFile) -> paramiko.PKey:
        if file.kind.startswith("sk-"):
            raise UnusableKey(
                f"is of type {file.kind}, on a security key, which paramiko cannot use from a"
                f" file: run ssh-add {file.path}, or use another key"
            )
        if file.encrypted:
            raise UnusableKey(
                f"needs its passphrase and is in no agent: run ssh-add {file.path} first"
            )
        try:
            key = paramiko.PKey.from_path(file.path)
        except (ValueError, TypeError, OSError, paramiko.SSHException) as error:
            kind = file.kind or "unknown"
            raise UnusableKey(f"of type {kind} cannot be used by paramiko ({error})") from error
        self._add_certificate(key, file)
        return key

    def _add_certificate(self, key: paramiko.PKey, file: KeyFile) -> None:
        for path in map(Path, self.host.certificate_files):
            certificate = public_blob(path.read_bytes()) if path.is_file() else None
            if certificate and file.blob and same_key(file.blob, certificate):
                key.load_certificate(str(path))

    def _refusal(self) -> str:
        who = f"login as {self.host.user} refused"
        takes = ", ".join(self._methods) or "nothing that it names"
        if self._methods and "publickey" not in self._methods:
            return f"{who}: it takes only {takes}, and buildorch logs in with keys only"
        if not self._tried:
            looked = ", ".join(self.host.identity_files) or "no file"
            self._tried.append(f"there is no key: no agent has one, and none of {looked} exists")
        return (
            f"{who}: {'; '.join(self._tried)}. It takes {takes}. Add a public key of yours to"
            f" {self.host.user}'s authorized_keys there, or name the right key with IdentityFile"
            " in ssh_config or load it with ssh-add"
        )


def _same(key: paramiko.PKey) -> paramiko.PKey:
    return key
