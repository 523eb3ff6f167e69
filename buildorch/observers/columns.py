"""How the rows of a board divide the width of the terminal."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from buildorch.observers.look import width_of

#: Columns of a bar with its brackets, of the percent, of the elapsed time, of the time left.
BAR, MARK, ELAPSED, LEFT = 12, 5, 9, 13

#: Columns below which a name or a server's name is cut only where nothing else can go.
SHORTEST_NAME, _SHORTEST_SERVER = 12, 8

#: What a row leaves out as it gets narrower: (word "Stage" and server, bar, time left, elapsed).
_LEVELS = (
    (True, True, True, True),
    (False, True, True, True),
    (False, False, True, True),
    (False, False, False, True),
    (False, False, False, False),
)


@attrs.frozen
class Columns:
    """How the rows of a board divide its width, in columns.

    Attributes:
        width: All of it.
        label: For the number, with the word where there is room.
        name: For the name.
        server: For the server; 0 where there is no room.
        bar: Whether there is a bar.
        left: Whether there is the time left.
        elapsed: Whether there is the elapsed time.
    """

    width: int
    label: int
    name: int
    server: int
    bar: bool
    left: bool
    elapsed: bool

    @classmethod
    def of(cls, names: Sequence[str], servers: Sequence[str], width: int) -> Columns:
        """Return the widest division that leaves names readable.

        Args:
            names: Names of all stages, cleaned.
            servers: Names of their servers, cleaned.
            width: Columns of the terminal.
        """
        digits = len(str(len(names)))
        name = max(map(width_of, names), default=0)
        server = max(map(width_of, servers), default=0)
        for word, bar, left, elapsed in _LEVELS:
            label = len("Stage : " if word else ": ") + digits
            room = width - label - MARK - 2
            room -= BAR * bar + LEFT * left + ELAPSED * elapsed
            least = min(server, _SHORTEST_SERVER) + 1 if word else 0
            if room >= min(name, SHORTEST_NAME) + least:
                break
        room = max(1, room)
        beside = max(least, min(server + 1, room - name)) if word else 0
        return cls(width, label, min(name, room - beside), beside, bar, left, elapsed)
