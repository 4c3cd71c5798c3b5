"""Pages with opaque tokens, the same for every service; each dresses them in its own fields."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TypeVar

Entry = TypeVar("Entry")


class BadPageToken(ValueError):
    """A continuation that this cloud did not hand out."""


def page(entries: Sequence[Entry], token: str | None, size: int) -> tuple[Sequence[Entry], str | None]:
    """One page and the token of the next, ``None`` at the end. Raises :class:`BadPageToken`."""
    start = _offset(token) if token else 0
    end = start + size
    return entries[start:end], _token(end) if end < len(entries) else None


def page_by_name(
    entries: Sequence[Entry], token: str | None, size: int, name: Callable[[Entry], str]
) -> tuple[Sequence[Entry], str | None]:
    """As :func:`page`, for entries sorted by the segments of a path: the token names where the next page begins, so
    that entries which come or go meanwhile make none be shown twice or left out. Raises :class:`BadPageToken`."""
    begin = _read(token, "from").split("/") if token else []
    start = bisect_left(entries, begin, key=lambda entry: name(entry).split("/"))
    end = start + size
    return entries[start:end], _write("from", name(entries[end])) if end < len(entries) else None


def _token(offset: int) -> str:
    return _write("page", str(offset))


def _offset(token: str) -> int:
    number = _read(token, "page")
    if not number.isdigit():
        raise BadPageToken(token)
    return int(number)


def _write(label: str, place: str) -> str:
    return base64.urlsafe_b64encode(f"{label}:{place}".encode()).decode()


def _read(token: str, label: str) -> str:
    try:
        found, _, place = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise BadPageToken(token) from error
    if found != label:
        raise BadPageToken(token)
    return place
