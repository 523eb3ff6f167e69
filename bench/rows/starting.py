"""What starting costs: an import, the help, a look at a definition, a look at a run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from bench.bench import Bench
from bench.peers.ansible import PEER as ANSIBLE
from bench.peers.installed import Peer
from bench.row import OURS, Contender, Row, Sample
from bench.targets import at_most

_FABRIC = Peer("fabric", "3.2.2")

#: Pairs of one run: a pair takes a fifth of a second.
_PAIRS = 7

#: What the installed program does.
_PROGRAM = "from buildorch.cli import main; main()"

_COLUMNS = {
    "more_ms": "ms more than the bare interpreter",
    "processor_ms": "of processor time",
    "bare_ms": "bare interpreter, ms",
}

#: Everything that a definition can need, which is more than `import buildorch` loads.
_NAMES = "from buildorch import Notify, Pipeline, Retry, Server, parallel, pipeline, stage"


def rows() -> list[Row]:
    """Return a row for each thing that is started."""
    return [_import(), _help(), _check(), _status()]


def _import() -> Row:
    return _row(
        "import",
        "`import buildorch`",
        100,
        _code(OURS, "import buildorch"),
        _code("buildorch, with its names", _NAMES),
        _code("Fabric", "import fabric", _FABRIC),
        note=(
            "A name of buildorch is imported when it is first used, so `import buildorch` alone "
            "says little; the second contender imports all that a definition needs."
        ),
    )


def _help() -> Row:
    return _row(
        "help",
        "`buildorch --help`",
        200,
        _ours("buildorch --help", lambda _: ["--help"]),
        Contender(
            "Fabric",
            "fab --help",
            lambda bench: _more(bench, _FABRIC.program("fab"), "--help", python=_FABRIC.python),
            _FABRIC.version,
        ),
    )


def _check() -> Row:
    return _row(
        "check",
        "`buildorch check` of a file with 50 stages",
        300,
        _ours("buildorch check FIFTY.yaml", _fifty),
        Contender(
            "Ansible",
            "ansible-playbook --syntax-check FIFTY.yml",
            _syntax,
            ANSIBLE.version,
            times=2,
        ),
    )


def _status() -> Row:
    def history(bench: Bench) -> list[str]:
        bench.program("recording_ours", "history", 1000)
        return ["status"]

    return _row(
        "status",
        "`buildorch status`, with 1,000 runs in the history",
        100,
        _ours("buildorch status", history),
    )


def _row(name: str, title: str, limit: float, *contenders: Contender, note: str = "") -> Row:
    return Row(
        name=name,
        title=title,
        contenders=contenders,
        target=at_most("more_ms", limit, "ms more than the bare interpreter"),
        columns=_COLUMNS,
        bar="more_ms",
        note=note,
    )


def _ours(command: str, words: Callable[[Bench], list[str]]) -> Contender:
    return Contender(OURS, command, lambda bench: _more(bench, "-c", _PROGRAM, *words(bench)))


def _code(name: str, code: str, peer: Peer | None = None) -> Contender:
    def run(bench: Bench) -> Sample:
        return _more(bench, "-c", code, python=peer.python if peer else sys.executable)

    shown = f"python -c '{code}'"
    return Contender(name, shown, run, peer.version) if peer else Contender(name, shown, run)


def _more(bench: Bench, *words: object, python: str | Path = sys.executable) -> Sample:
    return bench.program("starting", _PAIRS, *words, python=python)


def _fifty(bench: Bench) -> list[str]:
    stages = [
        {
            "name": f"s{number}",
            "command": "make -C module",
            "timeout": "30m",
            "depends_on": [f"s{number - 1}"] if number else [],
        }
        for number in range(50)
    ]
    file = bench.folder / "fifty.yaml"
    file.write_text(json.dumps({"name": "fifty", "stages": stages}))
    return ["check", str(file)]


def _syntax(bench: Bench) -> Sample:
    tasks = [{"name": f"s{number}", "command": "make -C module"} for number in range(50)]
    file = bench.folder / "fifty.yml"
    file.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    words = (ANSIBLE.program("ansible-playbook"), "--syntax-check", file)
    return _more(bench, *words, python=ANSIBLE.python)
