"""Tickets for locks: what one says, and who goes next. Nothing here touches a file.

A ticket is a file of its own for every job that waits for locks or has them, in a folder that
all accounts of the machine share. It may be anybody's, so whatever it says is only believed of
the account that it belongs to; what is no ticket is nothing.
"""

import re

#: The first byte of a ticket, which alone is changed while others may read.
WAITING, HOLDING, KEEPING = "W", "H", "K"
#: Digits of a time that is written over in place.
_DIGITS = 15
_NUMBER = "[0-9]{1,15}"
_OWNER = "[A-Za-z0-9][A-Za-z0-9.-]{0,239}"
_HEAD = re.compile("([WHK])\nsince *(" + _NUMBER + ")\n")
_PROCESS = re.compile("(" + _NUMBER + ") (" + _NUMBER + ")\\Z")
_CLAIM = re.compile("(folder|name) (" + _OWNER + ") (.+)\\Z")


class Claim:
    """What an owner wants for itself: a folder, or something with a name.

    Attributes:
        kind: `folder` or `name`.
        owner: Who may have it together.
        text: The real path of the folder, or the name.
    """

    def __init__(self, kind: str, owner: str, text: str) -> None:
        self.kind = kind
        self.owner = owner
        self.text = text

    @property
    def line(self) -> str:
        """Itself, as a ticket says it."""
        return self.kind + " " + self.owner + " " + self.text

    def conflicts(self, other: "Claim") -> bool:
        """Return whether both cannot be had at once."""
        if self.kind != other.kind or self.owner == other.owner:
            return False
        if self.kind == "name":
            return self.text == other.text
        mine, theirs = self.text.rstrip("/") + "/", other.text.rstrip("/") + "/"
        return mine.startswith(theirs) or theirs.startswith(mine)


def parse_claim(line: str) -> "Claim | None":
    """Return the claim that a line `KIND OWNER TEXT` is, or None."""
    found = _CLAIM.match(line)
    return Claim(*found.groups()) if found else None


class Ticket:
    """One job's place in the line.

    Attributes:
        number: Who came first.
        name: Name of its file; decides where a stranger has made one number twice.
        state: `W` for waiting, `H` for having, `K` for keeping after the job's end.
        since: Since when it is so, in hundredths of a second since the boot.
        claims: What is wanted, all of it or nothing.
        about: By name: boot, supervisor and session of the job, in which table of processes
            (`namespace`) these are, its folder, run and stage, and who started that.
        uid: The account whose ticket it is.
        held: Whether its supervisor lives.
    """

    def __init__(
        self, state: str, since: int, claims: "list[Claim]", about: "dict[str, str]"
    ) -> None:
        self.number = 0
        self.name = ""
        self.state = state
        self.since = since
        self.claims = claims
        self.about = about
        self.uid = -1
        self.held = True

    @property
    def place(self) -> "tuple[int, str]":
        """Its place among all tickets."""
        return self.number, self.name

    @property
    def has(self) -> bool:
        """Whether it has what it claims."""
        return self.state != WAITING

    def process(self, name: str) -> "tuple[int, int]":
        """Return number and start time of a process that it names; zeros where it does not."""
        found = _PROCESS.match(self.about.get(name, ""))
        return (int(found.group(1)), int(found.group(2))) if found else (0, 0)

    def head(self) -> bytes:
        """Return its beginning, which has one length for ever."""
        since = str(self.since).rjust(_DIGITS)
        return (self.state + "\nsince " + since + "\n").encode("ascii")

    def encode(self) -> bytes:
        """Return its bytes."""
        lines = [name + " " + " ".join(self.about[name].split()) for name in sorted(self.about)]
        lines += [claim.line for claim in self.claims]
        text = "\n".join(lines) + "\nend\n"
        return self.head() + text.encode("utf-8", "surrogateescape")


def parse(data: bytes) -> "Ticket | None":
    """Return the ticket that some bytes are, or None."""
    text = data.decode("utf-8", "surrogateescape")
    head = _HEAD.match(text)
    if head is None or not text.endswith("\nend\n"):
        return None
    about, claims = {}, []
    for line in text[head.end() : -len("\nend\n")].split("\n"):
        claim = parse_claim(line)
        name, _, value = line.partition(" ")
        if claim is not None:
            claims.append(claim)
        elif name:
            about[name] = value.strip()
    return Ticket(head.group(1), int(head.group(2)), claims, about)


def conflict(mine: "Ticket", other: "Ticket") -> "Claim | None":
    """Return the first of my claims that another ticket's claims stand against, or None."""
    for claim in mine.claims:
        if any(claim.conflicts(theirs) for theirs in other.claims):
            return claim
    return None


def blockers(mine: "Ticket", others: "list[Ticket]") -> "tuple[list[Ticket], list[Ticket]]":
    """Return those that have what is mine to wait for, and those before me in the line.

    Where both are empty it is my turn. Who waits for what my owner has already is no one to
    wait for: a run goes on with the folder that it has, or it would wait for itself.
    """
    rivals = sorted((one for one in others if conflict(mine, one)), key=lambda one: one.place)
    owners = {claim.owner for claim in mine.claims}
    ours = [claim for one in others if one.has for claim in one.claims if claim.owner in owners]
    having = [one for one in rivals if one.has]
    before = [one for one in rivals if not one.has and one.place < mine.place]
    return having, [one for one in before if not _waits_for(one, ours)]


def _waits_for(one: "Ticket", claims: "list[Claim]") -> bool:
    return any(claim.conflicts(theirs) for claim in claims for theirs in one.claims)


def covers(mine: "Ticket", other: "Ticket") -> bool:
    """Return whether all that another ticket has is mine as well, for the same owners."""
    lines = {claim.line for claim in mine.claims}
    return all(claim.line in lines for claim in other.claims)


def next_number(others: "list[Ticket]", now: int) -> int:
    """Return a number behind all others, in hundredths of a second since the boot.

    A number from far ahead is somebody's trick to make ours run over, and counts for nothing.
    """
    return max([now] + [one.number + 1 for one in others if one.number < now + 1000])
