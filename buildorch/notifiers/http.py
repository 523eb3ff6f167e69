"""One request to a service: tells "never got there" from "may have arrived".

That is the one thing that matters. Follows no redirects (the token would travel along) and reads
a bounded answer.
"""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from buildorch.errors import NotifyError
from buildorch.notifiers.form import Body

#: Bytes of an answer that are read; services need a few hundred.
_ANSWER = 65536

#: Hosts that are this machine: reached without a proxy, and in the clear without a warning.
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class NotReachedError(NotifyError):
    """No connection came about: nothing was delivered, and another way may be tried."""


@attrs.frozen
class Reply:
    """An answer of a service.

    Attributes:
        status: HTTP status.
        headers: Its headers, names in lower case.
        body: The JSON value in it, or None where it holds none.
    """

    status: int
    headers: Mapping[str, str]
    body: Any

    def field(self, name: str) -> Any:  # noqa: ANN401 - whatever the service's JSON holds
        """Return the field *name* of the JSON object, or None."""
        return self.body.get(name) if isinstance(self.body, dict) else None

    def retry_after(self, told: object = None) -> float:
        """Return after how many seconds the service wants to be asked again.

        Args:
            told: Seconds that the answer's JSON names, where it does.
        """
        for value in (told, self.headers.get("retry-after")):
            try:
                return max(0.0, float(str(value)))
            except ValueError:
                continue
        return 1.0


def post(
    url: str,
    payload: Mapping[str, Any] | Body,
    headers: Mapping[str, str],
    *,
    connect: float,
    answer: float,
    method: str = "POST",
) -> Reply:
    """POST *payload*, as JSON where it is a mapping, and return the answer, whatever its status.

    Args:
        url: Where to.
        payload: What is sent.
        headers: Further headers.
        connect: Seconds until the connection must stand.
        answer: Seconds between any two signs of life after that.
        method: Another method of HTTP.

    Raises:
        NotReachedError: There was no connection.
        NotifyError: The request may have arrived, but no whole answer came back.
    """
    body = payload if isinstance(payload, Body) else Body.json(payload)
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked by `_opener`
        url,
        data=body.data,
        headers={"Content-Type": body.type, "User-Agent": "buildorch", **headers},
        method=method,
    )
    try:
        return _exchange(_opener(url, connect), request, answer)
    except urllib.error.URLError as error:
        if isinstance(error.reason, _NoConnectionError):
            raise _not_reached(error.reason.__cause__ or error.reason) from error
        raise _unclear(error.reason) from error
    except (OSError, http.client.HTTPException) as error:
        raise _unclear(error) from error


def _exchange(
    opener: urllib.request.OpenerDirector, request: urllib.request.Request, answer: float
) -> Reply:
    try:
        with opener.open(request, timeout=answer) as response:
            return _reply(response.status, response.headers, response.read(_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            return _reply(error.code, error.headers, error.read(_ANSWER))


def _reply(status: int, headers: Any, body: bytes) -> Reply:  # noqa: ANN401 - email.Message
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    return Reply(status, {name.lower(): text for name, text in headers.items()}, value)


def _not_reached(cause: object) -> NotifyError:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return NotReachedError(f"its certificate is not trusted here: {cause.verify_message}")
    return NotReachedError(f"cannot be reached: {_words(cause)}", retry_after=1.0)


def _unclear(cause: object) -> NotifyError:
    return NotifyError(
        f"no whole answer ({_words(cause)}); not sent again, since it may have arrived"
    )


def _words(cause: object) -> str:
    if isinstance(cause, TimeoutError):
        return "timed out"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__


class _NoConnectionError(OSError):
    """Raised while connecting, so that what comes later can be told from it."""


class _Link(http.client.HTTPConnection):
    """A connection with a time limit of its own for coming about."""

    seconds = 10.0

    def connect(self) -> None:
        answer, self.timeout = self.timeout, self.seconds
        try:
            super().connect()
        except OSError as error:
            raise _NoConnectionError from error
        self.sock.settimeout(answer)


class _SecureLink(_Link, http.client.HTTPSConnection):
    """The same over TLS: a failed handshake is no connection either."""


def _opener(url: str, connect: float) -> urllib.request.OpenerDirector:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotifyError("its address does not begin with https:// and a host", gone=True)
    plain = type("PlainLink", (_Link,), {"seconds": connect})
    secure = type("SecureLink", (_SecureLink,), {"seconds": connect})
    proxies: dict[str, str] | None = {} if parts.hostname in LOOPBACK else None
    return urllib.request.build_opener(
        _NoRedirect, _Plain(plain), _Secure(secure), urllib.request.ProxyHandler(proxies)
    )


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, link: type[_Link]) -> None:
        super().__init__()
        self._link = link

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._link, req)


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, link: type[_SecureLink]) -> None:
        super().__init__()
        self._link = link

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._link, req, context=ssl.create_default_context())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None
