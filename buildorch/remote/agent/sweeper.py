"""What is left to do when a supervisor was killed: end its job, and record that it is lost.

The sweeper holds the job's lock meanwhile, so that everybody sees the job as running until
nothing of it is left. Descent is lost with the supervisor; session and marker remain, and what
the supervisor wrote down of bitbake's servers.
"""

import time

from buildorch.remote.agent import bitbake, folder, kernel, tree

REBOOTED = "the server was started anew while the job ran"
KILLED = "the job's supervisor was killed on the server; what was left of the job was ended"
GONE = "the job's folder on the server was removed; what was left of the job was ended"


def sweep(place: folder.Folder) -> None:
    """End what is left of the job, and record its end."""
    known = place.identity()
    if known.get("boot") == (kernel.boot_id() or "-"):
        left = _end(known, place.read("bitbake") or b"")
        place.finish(_killed(left, folder_there=place.whole))
    else:
        place.finish(folder.lost("rebooted", REBOOTED))


def lives(known: "dict[str, str]") -> bool:
    """Return whether anything of a job lives of which only its identity is remembered."""
    marker = known.get("marker", "").encode("ascii")
    return bool(marker and tree.Tree(_job(known), int(known["session"]), marker).members())


def _end(known: "dict[str, str]", servers: bytes) -> "list[str]":
    job = tree.Tree(_job(known), int(known.get("session", "-1")), known["marker"].encode("ascii"))
    builds = bitbake.Builds(job.members)
    builds.recall(servers)
    job.servers = builds.own
    if not job.members() and not builds.tasks():
        return []
    return tree.Killer(job, _rest, builds).kill(float(known.get("grace", "10")))


def _job(known: "dict[str, str]") -> int:
    """Return the number of the job's first process, or 0 where it is another's by now."""
    pid, start = known.get("job", "0 0").split()
    return int(pid) if kernel.alive(int(pid), int(start)) else 0


def _killed(left: "list[str]", folder_there: bool) -> bytes:
    reason, detail = ("supervisor killed", KILLED) if folder_there else ("folder removed", GONE)
    fields = [("kind", "lost"), ("code", "0"), ("reason", reason), ("detail", detail)]
    return folder.record(fields + [("left", text) for text in left])


def _rest(seconds: float) -> bool:
    time.sleep(seconds)
    return False
