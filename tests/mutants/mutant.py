"""What a mutant is."""

from __future__ import annotations

import attrs


@attrs.frozen
class Mutant:
    """One change of one file.

    Attributes:
        name: What is disabled, as a word.
        promise: The promise that is broken by it.
        file: The file, from the root of the tree.
        old: A text that occurs in it once.
        new: What stands there instead.
        test: The test that goes red, as `FILE::FUNCTION`.
        only: Words of those parameters of the test that notice, for `-k`; all where empty.
    """

    name: str
    promise: str
    file: str
    old: str
    new: str
    test: str
    only: str = ""
