"""GNU parallel over OpenSSH, with connections that it keeps open (ControlMaster)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from bench.bench import Bench
from bench.row import Contender, Sample
from bench.watch import GaveUp

NAME = "GNU parallel"


def version() -> str:
    """Return its version."""
    _installed()
    said = subprocess.run(["parallel", "--version"], capture_output=True, text=True, check=False)
    return said.stdout.splitlines()[0].split()[-1]


def _installed() -> None:
    """Install it from Debian where it is missing."""
    if shutil.which("parallel"):
        return
    for words in (["update", "-qq"], ["install", "-y", "-qq", "parallel"]):
        command = ["apt-get", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise GaveUp(f"parallel could not be installed: {done.stderr[-500:]}")


def at_once(command: str, count: int) -> Contender:
    """Return it as one who runs *count* commands at once on one host."""

    def run(bench: Bench) -> Sample:
        scene = bench.hosts(1)
        ssh = f"ssh -F {scene.ssh_config}"
        words = ("-M", "--ssh", ssh, "-S", f"{count}/{scene.names[0]}", "-n0", command)
        return _run(bench, words, count, "\n".join(map(str, range(count))))

    shown = f"seq {count} | parallel --joblog log -M --ssh SSH -S {count}/HOST -n0 '{command}'"
    return Contender(NAME, shown, run, version)


def everywhere(command: str, hosts: int) -> Contender:
    """Return it as one who runs a command on each of many hosts."""

    def run(bench: Bench) -> Sample:
        scene = bench.hosts(hosts)
        (bench.folder / "hosts").write_text("".join(f"1/{name}\n" for name in scene.names))
        ssh = f"ssh -F {scene.ssh_config}"
        words = ("--ssh", ssh, "--sshloginfile", "hosts", "-j", "1", "-n0", command)
        return _run(bench, words, hosts, "\n".join(map(str, range(hosts))))

    shown = f"parallel --joblog log --ssh SSH --sshloginfile HOSTS -j1 -n0 {command}"
    return Contender(NAME, shown, run, version)


def _run(bench: Bench, words: tuple[object, ...], count: int, stdin: str) -> Sample:
    _installed()
    world = {"PARALLEL_HOME": str(bench.folder / "parallel")}
    Path(world["PARALLEL_HOME"]).mkdir()
    Path(world["PARALLEL_HOME"], "will-cite").touch()
    log = bench.folder / "log"
    ended = bench.run("parallel", "--joblog", log, *words, stdin=stdin, environment=world)
    lines = [line.split("\t") for line in log.read_text().splitlines()[1:]]
    done = sum(line[6] == "0" for line in lines)
    if not done:
        raise GaveUp(f"parallel: {ended.complaints[-1000:]}")
    return Sample(ended.seconds, count, done, ended.figures)
