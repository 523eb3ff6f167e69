"""The examples of the pages on testing and on backends are programs, and do what is said."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from contract import test_log, test_once_and_detached, test_truth
from contract.place import Place, ThisMachine
from contract.talk import Talk, talk

from buildorch.errors import InfrastructureError, UsageError
from buildorch.model import Server
from buildorch.ports import Backend
from docs.conftest import Reader
from docs.pages import PAGES, ROOT, Page

TESTING, BACKENDS = Page("docs/testing.md"), Page("docs/backends.md")


def test_the_tests_of_the_page_pass(reader: Reader) -> None:
    """What the page shows as tests are tests, and they pass."""
    reader.follow(TESTING)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "."],
        cwd=reader.folder,
        env=reader.environment,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    shown = sum(block.text.count("\ndef test_") for block in TESTING.blocks("python"))
    assert int(done.stdout.split(" passed")[0].split()[-1]) > shown  # some have several cases


@pytest.fixture(name="wrapped")
def _wrapped(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Give a place that the page's backend reaches, behind `env`."""
    reader.follow(BACKENDS)
    for name in ("wrapped", "containers"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    backend = importlib.import_module("wrapped").WrappedBackend("env", "CONTAINER=none")
    server = Server(name="box", backend="box", state_dir=str(reader.folder / "box"))
    return Place("python", backend, server, ThisMachine(dict(os.environ)), str(reader.folder))


@pytest.mark.parametrize(
    "law",
    [
        test_once_and_detached.test_once,
        test_truth.test_progress_is_no_silence,
        test_log.test_every_byte,
    ],
    ids=lambda law: law.__name__,
)
def test_the_example_keeps_the_contract(wrapped: Place, law: Callable[[Talk], None]) -> None:
    """The page's backend keeps laws of the contract, as the page says that it does."""
    with talk(wrapped) as link:
        law(link)


def test_the_example_runs_a_pipeline(wrapped: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's pipeline runs through its wrapper; one that ends at once is explained."""
    containers = importlib.import_module("containers")
    monkeypatch.setattr(containers, "BOX", wrapped.server)
    result = containers.run_in("env", "CONTAINER=none").check()
    assert Path(result.results, "build", "log").read_text() == "built in none\n"
    refused = containers.run_in("false")
    assert refused.exit_code == 3
    assert "try `false true` by hand" in (refused.stages["build"].reason or "")


def test_the_example_copies_files(wrapped: Place) -> None:
    """Files go there and back; what cannot be is told as ours."""
    backend = cast("Backend", wrapped.backend)
    here, there = Path(wrapped.folder, "here file"), f"{wrapped.folder}/there file"
    here.write_bytes(bytes(range(256)))
    backend.put(wrapped.server, str(here), there)
    backend.get(wrapped.server, there, f"{here} again")
    assert Path(f"{here} again").read_bytes() == here.read_bytes()
    with pytest.raises(InfrastructureError, match=r"box: .*No such file"):
        backend.get(wrapped.server, "/no/such/file", str(here))
    with pytest.raises(UsageError, match="without SSH"):
        backend.connection(wrapped.server)


@pytest.mark.parametrize("name", [one for one in PAGES if Page(one).blocks("python")])
def test_examples_that_are_files_are_typed(name: str, reader: Reader) -> None:
    """Whatever a page lets the reader save passes mypy, strictly."""
    files = [block for block in Page(name).blocks("python") if block.file is not None]
    for block in files:
        (reader.folder / str(block.file)).write_text(block.text, encoding="utf-8")
    if not files:
        return
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")),
            *("--cache-dir", str(ROOT / ".mypy_cache"), "--no-error-summary"),
            *(str(block.file) for block in files),
        ],
        cwd=reader.folder,
        env={**reader.environment, "MYPYPATH": str(reader.folder)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
