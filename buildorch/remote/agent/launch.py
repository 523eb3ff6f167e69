"""Making a supervisor below its keeper, in a session of their own: they outlive us."""

import os

from buildorch.remote.agent import command, folder, keeper, limits, supervisor, sweeper


def orphan(work: "Work", *kept: int) -> None:
    """Run *work* in a process of its own session that is not our child."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            command.close_all_but(*kept)
            os.chdir("/")
            work()
    finally:
        os._exit(0)


def reap() -> None:
    """Let go of the keepers that have left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return


def supervise(place: folder.Folder, lock: int, order: limits.Order, world: command.World) -> int:
    """Start the supervisor of a job; return the descriptor on which it will tell how it went.

    Args:
        place: The job's folder, just made.
        lock: Descriptor with the job's lock; the supervisor keeps it.
        order: What the launch says.
        world: What the account gave us.
    """
    answer, ready = os.pipe()

    def work(kept_by: int) -> None:
        command.close_all_but(lock, ready)
        os.chdir("/")
        supervisor.Supervisor(place, order, world, kept_by).run(ready, lock)

    if os.fork() == 0:
        try:
            keeper.keep(place, work)
        finally:
            os._exit(0)
    os.close(ready)
    os.close(lock)
    return answer


def sweep(place: folder.Folder) -> None:
    """Start the sweeper of a job whose supervisor is dead, unless another one is at it."""
    lock = place.take()
    if lock is None:
        if not place.whole:  # nothing is there that could be held: two at it do no harm
            orphan(lambda: sweeper.sweep(place))
        return
    if place.end() is None:
        orphan(lambda: sweeper.sweep(place), lock)
    os.close(lock)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[], None]
