"""A form with one file, as browsers send it: how chat services take files."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class Body:
    """What a request carries.

    Attributes:
        data: Its bytes.
        type: Their media type.
    """

    data: bytes
    type: str

    @classmethod
    def json(cls, value: Mapping[str, Any]) -> Body:
        """Return *value* as JSON."""
        return cls(json.dumps(value).encode(), "application/json")

    @classmethod
    def form(cls, fields: Mapping[str, str], name: str, filename: str, data: bytes) -> Body:
        """Return a form of text fields and one text file.

        Args:
            fields: Values by the names of their fields.
            name: Name of the file's field.
            filename: What people see.
            data: What is in the file.
        """
        border = secrets.token_hex(16)
        safe = "".join(character if character.isprintable() else "_" for character in filename)
        safe = safe.replace('"', "_").replace("\\", "_")
        pieces = [
            (f'name="{field}"', "text/plain; charset=utf-8", value.encode())
            for field, value in fields.items()
        ]
        pieces.append((f'name="{name}"; filename="{safe}"', "text/plain; charset=utf-8", data))
        parts = [
            f"--{border}\r\nContent-Disposition: form-data; {about}\r\n"
            f"Content-Type: {kind}\r\n\r\n".encode()
            + value
            + b"\r\n"
            for about, kind, value in pieces
        ]
        return cls(
            b"".join(parts) + f"--{border}--\r\n".encode(),
            f"multipart/form-data; boundary={border}",
        )
