"""How a process that a command leaves behind on purpose says whose it is: `sleep 3600.MARK`."""

from __future__ import annotations

_WORDS = "sleep 3600."


def mark_of(stage: str, attempt: int, step: int) -> str:
    """Return the words of the child of a step.

    Example:
        >>> mark_of("s3", 1, 2)
        'sleep 3600.0030102'
    """
    return f"{_WORDS}{int(stage.removeprefix('s')):03}{attempt:02}{step:02}"


def is_child(command: str) -> bool:
    """Tell whether a command line is that of such a process."""
    return _WORDS in command
