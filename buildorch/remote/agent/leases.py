"""A job's lease: how long it may live without a controller that renews it.

The server's own clock counts, and a renewal says until when by that clock: it carries a time that
this server told lately. So one that was long on its way, or a launch, gives nothing new.
"""

from buildorch.remote.agent import folder, kernel

#: Seconds between two looks, at least and at most.
_TICK = (0.05, 5.0)
_NEVER = 3600.0


class Lease:
    """The lease of one job; over for good once it is.

    Args:
        place: The job's folder: `lease` has its length and its beginning, in hundredths of a
            second, `renewed` the last renewal.
    """

    def __init__(self, place: folder.Folder) -> None:
        words = (place.read("lease") or b"").split()
        self._place = place
        self._length = int(words[0]) if len(words) > 1 else None
        self._begin = int(words[1]) if len(words) > 1 else 0
        self._over = False

    def over(self) -> bool:
        """Return whether nobody has renewed it for so long."""
        if self._length is None or self._over:
            return self._over
        renewed = self._place.read("renewed") or b"0"
        self._begin = max(self._begin, int(renewed))
        self._over = kernel.clock() >= self._begin + self._length
        return self._over

    def pause(self) -> float:
        """Return the seconds until the next look."""
        if self._length is None:
            return _NEVER
        return min(max(self._length / 2000.0, _TICK[0]), _TICK[1])
