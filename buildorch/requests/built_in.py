"""The build types that need no configuration; one of the same name in it comes first."""

from __future__ import annotations

from collections.abc import Mapping

from buildorch.model import BuildType, Verb

_ALL = (
    # A build that is stopped: the supervisor asks bitbake itself, twice, before it ends its tasks.
    BuildType(
        name="bitbake",
        verbs={
            "build": "bitbake {targets}",
            "clean": "bitbake -c clean {targets}",
            "fetch": "bitbake --runall=fetch {targets}",
        },
        tool="bitbake",
    ),
    # What it runs (bitbake, cmake) is found out from its log.
    BuildType(name="build.py", verbs={"build": "./build.py --module {target}"}),
    BuildType(
        name="pytest",
        verbs={
            "run": Verb("pytest -v {targets}", alone="pytest -v"),
            "test": Verb("pytest -v {targets}", alone="pytest -v"),
        },
        everything=("all", "tests"),
        tool="pytest",
    ),
    BuildType(
        name="cmake",
        verbs={
            "build": Verb("cmake --build build --target {targets}", alone="cmake --build build"),
            "configure": "cmake -S . -B build",
            "clean": "cmake --build build --target clean",
            "test": Verb("ctest --test-dir build -R {target}", alone="ctest --test-dir build"),
        },
        everything=("all",),
    ),
    BuildType(
        name="make",
        verbs={
            "build": Verb("make {targets}", alone="make"),
            "clean": "make clean",
            "test": "make test",
        },
    ),
    BuildType(
        name="cargo",
        verbs={
            "build": Verb("cargo build --package {target}", alone="cargo build"),
            "test": Verb("cargo test --package {target}", alone="cargo test"),
            "clean": "cargo clean",
        },
        everything=("all",),
        tool="cargo",
    ),
)

BUILD_TYPES: Mapping[str, BuildType] = {one.name: one for one in _ALL}
