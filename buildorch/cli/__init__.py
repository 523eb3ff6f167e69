"""The command line: plain functions as commands, which users can mount in Invoke as well."""

from __future__ import annotations


def main() -> None:
    """Run the command line of this process and leave it with the command's exit code."""
    from buildorch.cli.commands import commands  # noqa: PLC0415 - keeps `import buildorch.cli` light
    from buildorch.cli.program import Program  # noqa: PLC0415 - likewise
    from buildorch.version import version  # noqa: PLC0415 - likewise

    Program(commands(), version).run()
