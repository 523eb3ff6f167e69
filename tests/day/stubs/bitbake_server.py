#!/usr/bin/env python3
"""Stands in for bitbake's server: keeps the lock, builds for one client at a time, lingers.

Its work is one `sleep` a task, each in a session of its own. Knobs in stub.conf of the build
folder: `tasks`, `rate` (a second), `tasksecs`, `fail=RECIPE:do_TASK`, `enospc=N`, `hang=N`,
`lost_wait` (seconds that it works on after it lost its client), `wic_bytes`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from witness import knobs, note, say

_RECIPES = ("linux-s32", "u-boot-s32", "zlib", "openssl", "container-manager", "ccu-image")
_TASKS = ("fetch", "unpack", "patch", "configure", "compile", "install", "package", "package_qa")
_FOLDER = "/workspace/CCU_GEN2.0.manifest/meta-ccu/recipes"


def _log(text: str) -> None:
    say(f"{os.getpid()} {time.strftime('%H:%M:%S')} {text}")


class Client:
    """Who asked for a build, and what it still wants of it."""

    def __init__(self, link: socket.socket) -> None:
        self.interrupts = 0
        self.lost_since: float | None = None
        self._link = link

    def tell(self, kind: str, **fields: object) -> None:
        """Tell it what happens, while it is there."""
        if self.lost_since is not None:
            return
        try:
            self._link.sendall(f"{json.dumps({'e': kind, **fields})}\n".encode())
        except OSError:
            self._lose()

    def hear(self) -> None:
        """Take what it says, for a fiftieth of a second."""
        if self.lost_since is not None:
            time.sleep(0.02)
        elif select.select([self._link], [], [], 0.02)[0]:
            said = self._link.recv(64)
            self.interrupts += len(said)
            if not said:
                self._lose()

    def _lose(self) -> None:
        self.lost_since = time.monotonic()
        _log("Disconnecting Client")


class Build:
    """The tasks of one build.

    Args:
        folder: The build folder.
        client: Who asked for it.
        keep_going: Whether other tasks go on after a failure.
    """

    def __init__(self, folder: Path, client: Client, *, keep_going: bool) -> None:
        self._folder = folder
        self._client = client
        self._keep_going = keep_going
        self._conf = knobs(folder)
        self._total = int(self._conf.get("tasks", "400"))
        self._begun = 0
        self._running: dict[subprocess.Popen[bytes], tuple[str, str, int]] = {}
        self._failed: list[str] = []

    def run(self) -> bool:
        """Work to the end; returns whether the server has to go with it."""
        self._client.tell("hello")
        due = time.monotonic()
        while self._more or self._running:
            self._client.hear()
            if self._lost_too_long or self._client.interrupts > 1:
                return self._stop()
            self._reap()
            if self._begun == int(self._conf.get("enospc", "-1")):
                self._client.tell("disk")
                return self._end(1, [])
            if self._more and time.monotonic() >= due and not self._hangs:
                due += 1 / float(self._conf.get("rate", "20"))
                self._begin()
        bad = bool(self._failed) or self._client.interrupts > 0
        if not bad:
            self._make_image()
        return self._end(int(bad), self._failed)

    @property
    def _more(self) -> bool:
        stopped = self._client.interrupts or (self._failed and not self._keep_going)
        return self._begun < self._total and not stopped

    @property
    def _hangs(self) -> bool:
        return self._begun == int(self._conf.get("hang", "-1"))

    @property
    def _lost_too_long(self) -> bool:
        since = self._client.lost_since
        wait = float(self._conf.get("lost_wait", "5"))
        return since is not None and time.monotonic() - since > wait

    def _begin(self) -> None:
        self._begun += 1
        number = self._begun
        recipe, task = _RECIPES[number % len(_RECIPES)], _TASKS[number % len(_TASKS)]
        words = ["sleep", self._conf.get("tasksecs", "0.3")]
        process = subprocess.Popen(words, start_new_session=True, stdin=subprocess.DEVNULL)
        self._running[process] = (recipe, task, number)
        self._client.tell(
            "start", n=number, total=self._total, recipe=recipe, task=task, pid=process.pid
        )
        if number in {self._total // 4, self._total // 3}:
            self._client.tell("warn", recipe=recipe, task="package_qa")

    def _reap(self) -> None:
        for process in [one for one in self._running if one.poll() is not None]:
            recipe, task, number = self._running.pop(process)
            if self._fails(recipe, task, number):
                name = f"{_FOLDER}/{recipe}.bb:do_{task}"
                self._failed.append(name)
                about = {"recipe": recipe, "task": task, "pid": process.pid, "task_file": name}
                self._client.tell("fail", **about)
            else:
                self._client.tell("done", recipe=recipe, task=task)

    def _fails(self, recipe: str, task: str, number: int) -> bool:
        chosen = self._conf.get("fail") == f"{recipe}:do_{task}" and number >= self._total // 2
        return chosen and not any(recipe in name for name in self._failed)

    def _stop(self) -> bool:
        """Kill the tasks; the server goes as well where nobody is left to tell."""
        if self._client.lost_since is not None:
            _log("Idle loop didn't finish queued commands after 30s, exiting.")
        for process in self._running:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for process in self._running:
            process.wait()
        self._end(1, self._failed)
        return self._client.lost_since is not None

    def _end(self, code: int, failed: list[str]) -> bool:
        self._client.tell("end", rc=code, failed=failed)
        return False

    def _make_image(self) -> None:
        """Leave an image of 3 GiB that takes 8 MiB of disk, and a link to it."""
        deploy = self._folder / "tmp/deploy/images/ccu2"
        deploy.mkdir(parents=True, exist_ok=True)
        image = deploy / f"ccu-image-ccu2-{time.strftime('%Y%m%d%H%M%S')}.rootfs.wic"
        with image.open("wb") as file:
            file.write(os.urandom(8 << 20))
            file.truncate(int(self._conf.get("wic_bytes", str(3 << 30))))
        link = deploy / "ccu-image-ccu2.rootfs.wic"
        link.unlink(missing_ok=True)
        link.symlink_to(image.name)


class Server:
    """Serves one client after the other; the next one waits, and hears nothing.

    Args:
        folder: The build folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._idle = float(os.environ.get("BB_SERVER_TIMEOUT") or 20)

    def serve(self) -> None:
        """Serve until told to go, or idle for long."""
        path = self._folder / "bitbake.sock"
        path.unlink(missing_ok=True)
        door = socket.socket(socket.AF_UNIX)
        door.bind(str(path))
        door.listen(8)
        _log(f"Started bitbake server pid {os.getpid()}")
        _witness("server-start", env=sorted(os.environ))
        while select.select([door], [], [], self._idle)[0]:
            link, _ = door.accept()
            with link:
                if self._answer(link):
                    break
        path.unlink()
        _witness("server-end")

    def _answer(self, link: socket.socket) -> bool:
        """Do what a client asks; returns whether the server has to go."""
        asked = json.loads(link.makefile().readline() or "{}")
        if asked.get("cmd") == "terminate":
            _log("terminateServer")
            return True
        if asked.get("cmd") != "build":
            return False
        return Build(self._folder, Client(link), keep_going=asked.get("k", False)).run()


def _witness(what: str, **more: object) -> None:
    about = {"what": what, "t": time.time(), "pid": os.getpid(), "sid": os.getsid(0), **more}
    note("bitbake.log", json.dumps(about))


def main() -> None:
    """Write our pid into the lock, which we hold for our life, and serve."""
    folder, lock = Path(sys.argv[1]), int(sys.argv[2])
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    Server(folder).serve()


main()
