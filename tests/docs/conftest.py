"""The folder in which the examples of a page are tried."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import attrs
import pytest

from docs import console
from docs.pages import Page


@attrs.frozen
class Reader:
    """Somebody who does what a page says, in a folder and with a state of their own.

    Attributes:
        folder: Where they work.
        environment: What their programs get.
    """

    folder: Path
    environment: dict[str, str]

    def follow(self, page: Page) -> None:
        """Make the files of *page* and run its sessions, in the order in which they stand."""
        for block in page.blocks():
            if block.file is not None:
                (self.folder / block.file).write_text(block.text, encoding="utf-8")
            elif block.mark == "run":
                console.run(block.text, self.folder, self.environment)


@pytest.fixture(name="reader")
def _reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Give a reader in an empty folder, which this process works in too."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "buildorch"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m buildorch "$@"\n')
    program.chmod(0o755)
    own = {"BUILDORCH_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    path = f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return Reader(tmp_path, {**os.environ, **own, "PATH": path, "LC_ALL": "C.UTF-8"})
