"""What is left to do when a supervisor was killed: end its job, and record that it is lost.

The sweeper holds the job's lock meanwhile, so that everybody sees the job as running until
nothing of it is left. It is the job's keeper, below which all that there is of it is found, or
anybody who looks. Where the keeper is dead as well, descent is lost; session and marker remain,
and what the supervisor wrote down of bitbake's servers.
"""

import time

from buildorch.remote.agent import bitbake, folder, kernel, tree

REBOOTED = "the server was started anew while the job ran"
KILLED = "the job's supervisor was killed on the server"
GONE = "the job's folder on the server was removed"
ALL_ENDED = "; what was left of the job was ended"
FOUND_ENDED = "; what could be found of the job was ended"


def sweep(place: folder.Folder, rest: "tree.Rest | None" = None) -> None:
    """End what is left of the job, and record its end.

    Args:
        place: The job's folder.
        rest: Waits so many seconds and reaps; returns whether there can still be processes.
    """
    known = place.identity()
    if known.get("boot") == (kernel.boot_id() or "-"):
        kept = _living(known, "keeper")
        left = _end(known, place.read("bitbake") or b"", rest or _rest)
        place.finish(_killed(left, ALL_ENDED if kept else FOUND_ENDED, folder_there=place.whole))
    else:
        place.finish(folder.lost("rebooted", REBOOTED))


def lives(known: "dict[str, str]") -> bool:
    """Return whether anything of a job lives of which only its identity is remembered."""
    return "marker" in known and bool(_tree(known).members())


def _tree(known: "dict[str, str]") -> tree.Tree:
    roots = _living(known, "job")
    roots.update(_living(known, "keeper"))
    session, marker = int(known.get("session", "-1")), known["marker"].encode("ascii")
    return tree.Tree(roots, session, marker)


def _end(known: "dict[str, str]", servers: bytes, rest: "tree.Rest") -> "list[str]":
    job = _tree(known)
    builds = bitbake.Builds(job.members)
    builds.recall(servers)
    job.servers = builds.own
    if not job.members() and not builds.tasks():
        return []
    return tree.Killer(job, rest, builds).kill(float(known.get("grace", "10")))


def _living(known: "dict[str, str]", name: str) -> "dict[int, int]":
    """Return number and start time of a process that is named, where it still runs."""
    pid, start = [int(word) for word in known.get(name, "0 0").split()]
    return {pid: start} if pid and kernel.alive(pid, start) else {}


def _killed(left: "list[str]", ended: str, folder_there: bool) -> bytes:
    reason, detail = ("supervisor killed", KILLED) if folder_there else ("folder removed", GONE)
    fields = [("kind", "lost"), ("code", "0"), ("reason", reason), ("detail", detail + ended)]
    return folder.record(fields + [("left", text) for text in left])


def _rest(seconds: float) -> bool:
    time.sleep(seconds)
    return False
