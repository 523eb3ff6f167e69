"""Where a secret comes from: all that is ever stored of one."""

from __future__ import annotations

import os
from collections.abc import Iterable

import attrs

from buildorch.model.values import JSON


@attrs.frozen(init=False, repr=False)
class Secret:
    """A value that is kept out of logs, events, errors and messages.

    Stored as a reference to where it comes from; looked up when a run starts or is resumed.
    `Secret("NAME")` is an environment variable where buildorch runs.

    Attributes:
        source: `environment`, `file`, `command` or `keyring`.
        words: The variable, the path, the command's words, or service and user.

    Example:
        >>> Secret("DEPLOY_TOKEN"), Secret.file("~/.token"), Secret.command(["pass", "token"])
        (Secret('DEPLOY_TOKEN'), Secret.file('~/.token'), Secret.command(['pass', 'token']))
    """

    source: str
    words: tuple[str, ...]

    def __init__(self, variable: str) -> None:
        self.__attrs_init__("environment", (variable,))

    @classmethod
    def file(cls, path: str | os.PathLike[str]) -> Secret:
        """Return the secret that a file holds, which only its owner may read."""
        return cls._of("file", (os.fspath(path),))

    @classmethod
    def command(cls, words: Iterable[str]) -> Secret:
        """Return the secret that a program prints; no shell reads *words*."""
        return cls._of("command", tuple(words))

    @classmethod
    def keyring(cls, service: str, user: str) -> Secret:
        """Return the secret that this account's keyring holds for *user* at *service*."""
        return cls._of("keyring", (service, user))

    @classmethod
    def of(cls, reference: JSON) -> Secret:
        """Return the secret whose `reference` is given.

        Raises:
            ValueError: It is none.
        """
        match reference:
            case str():
                return cls(reference)
            case {"file": str(path), **rest} if not rest:
                return cls.file(path)
            case {"command": [*words], **rest} if words and not rest:
                return cls.command([str(word) for word in words])
            case {"keyring": [str(service), str(user)], **rest} if not rest:
                return cls.keyring(service, user)
        raise ValueError("no reference to a secret")

    @classmethod
    def _of(cls, source: str, words: tuple[str, ...]) -> Secret:
        made = cls.__new__(cls)
        made.__attrs_init__(source, words)
        return made

    @property
    def reference(self) -> JSON:
        """Where it comes from, as JSON: what is stored instead of the value."""
        if self.source == "environment":
            return self.words[0]
        return {self.source: self.words[0] if self.source == "file" else list(self.words)}

    @property
    def name(self) -> str:
        """What messages call it.

        Example:
            >>> Secret.keyring("artifactory", "ci").name
            "keyring entry of 'ci' at 'artifactory'"
        """
        match self.source:
            case "environment":
                return self.words[0]
            case "keyring":
                return f"keyring entry of {self.words[1]!r} at {self.words[0]!r}"
        return f"{self.source} {self.words[0]!r}"

    def __repr__(self) -> str:
        match self.source:
            case "environment":
                return f"Secret({self.words[0]!r})"
            case "command":
                return f"Secret.command({list(self.words)!r})"
        return f"Secret.{self.source}({', '.join(map(repr, self.words))})"
