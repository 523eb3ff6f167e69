"""What is left to do when a supervisor was killed: end its job, and record that it is lost.

The sweeper holds the job's lock meanwhile, so that everybody sees the job as running until
nothing of it is left. Descent is lost with the supervisor; session and marker remain.
"""

import time

from buildorch.remote.agent import folder, kernel, tree

REBOOTED = "the server was started anew while the job ran"
KILLED = "the job's supervisor was killed on the server; what was left of the job was ended"


def sweep(place: folder.Folder) -> None:
    """End what is left of the job, and record its end."""
    known = place.identity()
    if known.get("boot") == (kernel.boot_id() or "-"):
        place.finish(_killed(_end(known)))
    else:
        place.finish(folder.lost("rebooted", REBOOTED))


def _end(known: "dict[str, str]") -> "list[str]":
    job = tree.Tree(_job(known), int(known.get("session", "-1")), known["marker"].encode("ascii"))
    if not job.members():
        return []
    return tree.Killer(job, _rest).kill(float(known.get("grace", "10")))


def _job(known: "dict[str, str]") -> int:
    """Return the number of the job's first process, or 0 where it is another's by now."""
    pid, start = known.get("job", "0 0").split()
    return int(pid) if kernel.alive(int(pid), int(start)) else 0


def _killed(left: "list[str]") -> bytes:
    fields = [("kind", "lost"), ("code", "0"), ("reason", "supervisor killed"), ("detail", KILLED)]
    return folder.record(fields + [("left", text) for text in left])


def _rest(seconds: float) -> bool:
    time.sleep(seconds)
    return False
