"""What must not be seen: tokens and addresses in errors, secrets in messages."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Shorter values are no secrets, and masking them would spoil ordinary words.
SHORTEST = 6

_ADDRESS = re.compile(r"\b([a-z][a-z0-9+.-]*)://[^\s'\"<>)]+", re.IGNORECASE)
_TOKEN = re.compile(
    r"/bot\d+:[\w-]+"  # Telegram, in a path
    r"|\b\d{6,}:[\w-]{30,}"  # Telegram
    r"|/webhooks/\d+/[\w-]+"  # Discord, in a path
    r"|\b(?:Bearer|Bot) [\w.~+/=-]{6,}",  # in a header
    re.IGNORECASE,
)


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return *text* with every one of *secrets*, and whatever looks like a token, as `***`.

    Example:
        >>> mask("token hunter22 of POST /bot12:abc/sendMessage", ["hunter22"])
        'token *** of POST ***/sendMessage'
    """
    # Longest first: one secret may begin with another.
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= SHORTEST:
            text = text.replace(secret, "***")
    return _TOKEN.sub("***", text)


def mask_error(text: str, secrets: Iterable[str]) -> str:
    """Return the error *text* without secrets and addresses, as one line of readable length.

    Example:
        >>> mask_error("no route to https://discord.com/api/x", [])
        'no route to https://***'
    """
    line = " ".join(_ADDRESS.sub(r"\1://***", mask(text, secrets)).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


_LONGEST = 500
