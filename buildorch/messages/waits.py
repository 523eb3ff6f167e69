"""What a job waits for and who has it, in words; for messages, the board and plain lines."""

from __future__ import annotations

from buildorch.job import Wait
from buildorch.messages.words import Words, clean


def waits_for(wait: Wait, words: Words) -> str:
    """Return what is waited for, and the place in the line where there is one.

    Example:
        >>> waits_for(Wait(kind="lock", name="rack/ccu2-01", place=2), Words.of("en"))
        'rack/ccu2-01, 2nd in line'
    """
    name = clean(wait.name)
    if wait.kind == "bitbake":
        return words.say("wait_bitbake", name=name)
    return words.say("wait_lock", name=name, place=_place(wait.place, words))


def _place(place: int, words: Words) -> str:
    """Return a place as the language counts it: `1st`, `2nd`; its endings are for 1, 2, 3, else."""
    endings = words.say("ordinals").split()
    if not endings:
        return str(place)
    last = place % 10 if place % 100 not in (11, 12, 13) else 0
    return f"{place}{endings[last - 1] if last in (1, 2, 3) else endings[-1]}"


def _holder(wait: Wait, words: Words) -> str:
    """Return who says to have it, and whose account it is: only that one is known for sure."""
    by, account = clean(wait.by or ""), clean(wait.user or "")
    if by and account and by != account:
        return words.say("wait_account", by=by, account=account)
    return by or account


def held_by(wait: Wait, words: Words, since: str = "") -> str:
    """Return who has it, as far as the server could tell.

    Args:
        wait: What is waited for.
        words: The language.
        since: Since when, in words; the time that has passed is said where it is empty.

    Example:
        >>> wait = Wait(kind="lock", name="rack/1", user="dev2", run="0714-1", seconds=720)
        >>> held_by(wait, Words.of("en"))
        'held by dev2, run 0714-1, for 12min'
    """
    who = _holder(wait, words)
    if wait.run is not None:
        ours = f"{clean(wait.run)} {clean(wait.stage or '')}".strip()
        known = [who, words.say("wait_run", run=ours)]
    else:
        known = [who, "" if wait.pid is None else words.say("wait_pid", pid=wait.pid)]
    if since:
        known.append(words.say("wait_since", since=since))
    elif wait.seconds is not None:
        known.append(words.say("wait_for", time=words.time(wait.seconds)))
    told = ", ".join(part for part in known if part)
    return words.say("held_by", who=told) if told else ""
