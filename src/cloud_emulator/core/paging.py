"""Pages with opaque tokens, the same for every service; each dresses them in its own fields."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

Entry = TypeVar("Entry")


class BadPageToken(ValueError):
    """A continuation that this cloud did not hand out."""


def page(entries: Sequence[Entry], token: str | None, size: int) -> tuple[Sequence[Entry], str | None]:
    """One page and the token of the next, ``None`` at the end. Raises :class:`BadPageToken`."""
    start = _offset(token) if token else 0
    end = start + size
    return entries[start:end], _token(end) if end < len(entries) else None


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"page:{offset}".encode()).decode()


def _offset(token: str) -> int:
    try:
        label, _, number = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if label == "page" and number.isdigit():
            return int(number)
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise BadPageToken(token) from error
    raise BadPageToken(token)
