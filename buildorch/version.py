"""The version of the installed package."""

from __future__ import annotations


def version() -> str:
    """Return it, such as `0.1.0`."""
    from importlib import metadata  # noqa: PLC0415 - takes as long to import as all that `--help` needs

    return metadata.version("buildorch")
