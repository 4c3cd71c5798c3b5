"""The words of a metric view's SQL expression, and names as DAX writes them."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<string>'(?:[^']|'')*')|(?P<name>[A-Za-z_]\w*|`[^`]+`)"
    r"|(?P<sign><=|>=|<>|!=|[-+*/(),=<>.]))"
)


class NotSayableError(Exception):
    """DAX can't say it, or this translation doesn't know how; the message says what."""


def quoted_table(name: str) -> str:
    """A table's name in DAX."""
    return "'" + name.replace("'", "''") + "'"


def bracketed(name: str) -> str:
    """A column's or measure's name in DAX."""
    return "[" + name.replace("]", "]]") + "]"


def tokens_of(text: str) -> list[tuple[str, str]]:
    """The words and signs of an expression, each with its kind. Raises NotSayableError."""
    found: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotSayableError(f"{text[at:].strip()[:20]!r} in it isn't understood")
        found.append((match.lastgroup or "", match[match.lastgroup or 0]))
        at = match.end()
    return found


def plain(name: str) -> str:
    """A name without its backquotes."""
    return name.strip("`")
