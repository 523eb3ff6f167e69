"""What one request to a chat service is to do, as a value that crosses processes."""

from __future__ import annotations

import enum

import attrs


class Act(enum.StrEnum):
    """What a request does."""

    SEND = "send"  # a new message
    AMEND = "amend"  # another text for a message that was sent
    ATTACH = "attach"  # a file for a message that was sent


@attrs.frozen(kw_only=True)
class Letter:
    """One request to a service.

    Attributes:
        text: What people read: of the message, or in the file.
        key: The same when it is sent again.
        act: What is to be done.
        receipt: The service's id of the earlier message: that is answered, amended, or gets
            the file.
        name: Name of the file.
    """

    text: str
    key: str
    act: Act = attrs.field(default=Act.SEND, converter=Act)
    receipt: str | None = None
    name: str = ""
