"""Pages with opaque tokens, the same for every service; each dresses them in its own fields.

A token holds where the next page begins and of which list, so that it is good for that list only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TypeVar

from cloud_emulator.core.http import Request

Entry = TypeVar("Entry")


class BadPageToken(ValueError):
    """A continuation that this cloud did not hand out, or not for this list."""


def asked(request: Request, *aside: str) -> str:
    """Which list a request is for: its path and query, save the parameters ``aside`` (token and page length)."""
    query = sorted((name, value) for name, value in request.query.items() if name not in aside)
    return f"{request.path.lower()}?{query}"


def page(entries: Sequence[Entry], token: str | None, size: int, of: str) -> tuple[Sequence[Entry], str | None]:
    """One page of the list ``of``, and the token of the next, ``None`` at the end. Raises :class:`BadPageToken`."""
    start = 0 if token is None else _offset(token, of, len(entries))
    end = start + size
    return entries[start:end], _write("page", str(end), of) if end < len(entries) else None


def page_by_name(
    entries: Sequence[Entry], token: str | None, size: int, of: str, name: Callable[[Entry], str]
) -> tuple[Sequence[Entry], str | None]:
    """As :func:`page`, for entries sorted by the segments of a path: the token names where the next page begins, so
    that entries which come or go meanwhile make none be shown twice or left out. Raises :class:`BadPageToken`."""
    begin = [] if token is None else _read(token, "from", of).split("/")
    start = bisect_left(entries, begin, key=lambda entry: name(entry).split("/"))
    end = start + size
    return entries[start:end], _write("from", name(entries[end]), of) if end < len(entries) else None


def _offset(token: str, of: str, most: int) -> int:
    number = _read(token, "page", of)
    if not number.isdigit():
        raise BadPageToken(token)
    return min(int(number), most)


def _mark(label: str, of: str) -> str:
    return f"{label}:{hashlib.blake2b(of.encode(), digest_size=6).hexdigest()}"


def _write(label: str, place: str, of: str) -> str:
    return base64.urlsafe_b64encode(f"{_mark(label, of)}:{place}".encode()).decode()


def _read(token: str, label: str, of: str) -> str:
    try:
        found = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise BadPageToken(token) from error
    mark = f"{_mark(label, of)}:"
    if not found.startswith(mark):
        raise BadPageToken(token)
    return found.removeprefix(mark)
