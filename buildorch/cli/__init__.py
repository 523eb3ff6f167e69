"""The command line: one program on Invoke, whose tasks users can mount in their own collection."""

from __future__ import annotations


def main() -> None:
    """Run the command line of this process and leave it with the command's exit code."""
    from buildorch.cli.commands import namespace  # noqa: PLC0415 - keeps `import buildorch.cli` light
    from buildorch.cli.program import BuildorchProgram  # noqa: PLC0415 - likewise
    from buildorch.version import version  # noqa: PLC0415 - likewise

    BuildorchProgram(namespace(), version()).run()
