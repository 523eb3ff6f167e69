"""HTML that cannot be broken by what stands in it: every text is escaped unless it is `Html`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

#: What has no place in a page: controls, marks that reorder text, lone halves of characters.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


#: What an element may hold; None is left out.
Child: TypeAlias = str | None

#: What an attribute may be; True is one without a value, None and False are left out.
Value: TypeAlias = str | int | float | bool | None


def plain(text: str) -> str:
    r"""Return *text* without what neither HTML nor XML may hold, and what reorders text.

    Example:
        >>> plain("a\x00b\x1bc\udc80\u202e")
        'a�b�c��'
    """
    return _UNSAFE.sub("\ufffd", text)


def html(text: Child) -> Html:
    """Return *text* as HTML; what is HTML already stays as it is.

    Example:
        >>> html("</script>"), html(Html("<br>"))
        ('&lt;/script&gt;', '<br>')
    """
    return text if isinstance(text, Html) else Html(escape(plain(text or "")))


def joined(children: Iterable[Child], between: str = "") -> Html:
    """Return *children* as one piece of HTML, with *between* between them."""
    return Html(html(between).join(map(html, children)))


def element(tag: str, *children: Child, **attributes: Value) -> Html:
    """Return an element.

    Args:
        tag: Its name.
        children: What is in it.
        attributes: Its attributes; `_` stands for `-`, and one at the end is left out.

    Example:
        >>> element("a", "x < y", href="#a", class_="b", data_n=3, hidden=False)
        '<a href="#a" class="b" data-n="3">x &lt; y</a>'
    """
    given = "".join(_attribute(name, value) for name, value in attributes.items())
    return Html(f"<{tag}{given}>{''.join(map(html, children))}</{tag}>")


def _attribute(name: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    shown = name.rstrip("_").replace("_", "-")
    return f" {shown}" if value is True else f' {shown}="{html(str(value))}"'
