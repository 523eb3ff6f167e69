"""The description of the architecture is complete: modules, dependencies, contracts."""

from __future__ import annotations

import re
import tomllib
from configparser import ConfigParser

from docs.pages import ROOT, Page

_ROW = re.compile(r"^\| (`[^|]+) \|", re.MULTILINE)


def first_column(section: str) -> list[str]:
    """Return the names in code in the first column of a section's tables."""
    return [name for cell in _ROW.findall(section) for name in re.findall(r"`([^`]+)`", cell)]


def section(page: Page, heading: str) -> str:
    """Return what stands below a heading of the second level."""
    return page.text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def modules() -> list[str]:
    """Return the names of the package's modules and folders."""
    found = (ROOT / "buildorch").iterdir()
    names = (
        one.stem if one.suffix == ".py" else one.name for one in found if one.suffix in (".py", "")
    )
    return [name for name in names if name not in ("__init__", "__pycache__")]


def layers() -> list[str]:
    """Return the modules in the contract of layers, from the outside in."""
    config = ConfigParser()
    config.read(ROOT / ".importlinter", encoding="utf-8")
    return config["importlinter:contract:layers"]["layers"].split("\n")


def test_every_module_is_told_once() -> None:
    """The table of modules has what is in the package, and nothing else."""
    told = first_column(section(Page("docs/architecture.md"), "Modules"))
    assert sorted(modules()) == sorted(told)


def test_modules_are_told_from_the_inside_out() -> None:
    """Their order is that of the layers which import-linter checks."""
    told = first_column(section(Page("docs/architecture.md"), "Modules"))
    depth = {
        name.strip(): number
        for number, layer in enumerate(reversed(layers()))
        for name in layer.split("|")
    }
    assert told == sorted(told, key=lambda name: depth[name])


def test_every_dependency_has_its_reason() -> None:
    """Whatever the package or its extras need has a line in the decisions."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    wanted = {re.split(r"[^\w.-]", one)[0] for one in (*project["dependencies"], *extras)}
    told = first_column(section(Page("docs/decisions.md"), "Dependencies"))
    assert sorted(wanted - {"buildorch"}) == sorted(told)


def test_named_files_are_there() -> None:
    """A path in code, below the package or the tests, is one that exists."""
    for name in ("docs/architecture.md", "docs/backends.md", "docs/decisions.md", "docs/index.md"):
        for path in re.findall(r"`((?:buildorch|tests|docs)/[\w./-]+)`", Page(name).text):
            assert (ROOT / path).exists(), f"{name} names {path}"
