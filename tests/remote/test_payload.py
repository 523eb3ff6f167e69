"""What is sent to launch a job: quoting that every shell takes, and nothing that it cannot."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildorch.errors import UsageError
from buildorch.job import Job
from buildorch.remote.payload import launch
from buildorch.remote.quoting import assignment, path, quote

_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


def _job(**fields: object) -> Job:
    values: dict[str, object] = {"id": "run.0-0.1.1", "nonce": "ab", "epoch": 1, "title": "t"}
    return Job(**{**values, "command": "true", **fields})  # type: ignore[arg-type] # a Job's fields


@pytest.mark.parametrize("shell", [["dash"], ["bash"], ["busybox", "sh"], ["zsh"]])
def test_quoting(shell: list[str]) -> None:
    """A quoted text is that text, for every shell that reads ours."""

    @settings(max_examples=20, deadline=None)
    @given(st.lists(_TEXTS, max_size=20))
    def holds(texts: list[str]) -> None:
        script = "printf '%s\\0' " + " ".join(quote(text) for text in [*texts, "end"])
        done = subprocess.run([*shell, "-c", script], capture_output=True, check=True)
        assert done.stdout.decode().split("\0")[:-1] == [*texts, "end"]

    holds()


def test_paths_begin_at_home() -> None:
    """A relative path is never taken from wherever the server happens to be."""
    assert path("/a b") == "'/a b'"
    assert path("~") == path(".") == '"$HOME"'
    assert path("~/a") == path("a") == "\"$HOME\"/'a'"


def test_header_and_files() -> None:
    """The header's sizes are those of the bytes that follow it."""
    message = launch(
        _job(command="echo 한", setup="cd x", timeout=1.5, log_limit=5, env={"A": "b"})
    )
    header, _, body = message.partition(b"\n")
    words = header.decode().split()
    assert words[:9] == ["start", "run.0-0.1.1", "ab", "1", "1.500", "-", "10.000", "5", "-"]
    sizes = dict(word.split(":") for word in words[9:])
    assert sum(map(int, sizes.values())) == len(body)
    assert {"enter", "env.sh", "setup", "cmd"} == set(sizes)
    assert "echo 한\n".encode() in body


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "../../etc/x"},
        {"id": "a b"},
        {"id": ".hidden"},
        {"env": {"A B": "x"}},
        {"env": {"1A": "x"}},
        {"env": {"A": "x\0y"}},
        {"command": "echo \0"},
        {"command": ("echo", "\0")},
        {"setup": "\0"},
    ],
)
def test_what_cannot_be_sent(fields: dict[str, object]) -> None:
    """What no server could take is refused before anything is sent."""
    with pytest.raises(UsageError):
        launch(_job(**fields))


def test_names_of_variables() -> None:
    """Only names that every shell knows are exported."""
    assert assignment("_a1", "x") == "export _a1='x'"
    with pytest.raises(UsageError, match="a-b"):
        assignment("a-b", "x")


@pytest.mark.parametrize(
    ("fields", "reads"),
    [
        ({}, True),
        ({"env": {"TOKEN": "a", "HOME": "/h"}, "setup": "x"}, True),
        ({"env": {"UID": "1234"}}, False),
        ({"env": {"PATH": "/p"}}, False),
        ({"env": {"BASH_ENV": "/e"}}, False),
        ({"env": {"LC_ALL": "C"}}, False),
        ({"login": True}, False),
        ({"shell": ("zsh",)}, False),
        ({"command": ("true",)}, False),
    ],
)
def test_bash_reads_only_what_becomes_bash(fields: dict[str, object], reads: bool) -> None:
    """Where a bash that runs already would take it otherwise than a new one, sh reads it."""
    body = launch(_job(**fields)).partition(b"\n")[2]
    assert body.startswith(b"#!/usr/bin/env bash\n" if reads else b"#!/bin/sh\n")
