"""Patterns over ``schema.table``: ``*`` is any run of characters, ``?`` is one, neither a dot; case doesn't matter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

from unity_mirror.models.table_ref import TableRef
from unity_mirror.spec.base import refuse, shape

EVERYTHING = "*"
_FORBIDDEN = re.compile(r"[/\s\x00-\x1f\x7f]")
_PARTS = 2


def _pattern(text: str) -> str:
    if text == EVERYTHING:
        return text
    parts = text.split(".")
    if len(parts) > _PARTS:
        raise refuse(
            f"the pattern {text!r} has {len(parts)} parts",
            "write schema.table, without the catalog: it is the same for all",
        )
    if len(parts) < _PARTS or not all(parts):
        raise refuse(
            f"the pattern {text!r} isn't of the form schema.table",
            f"for a whole schema write {parts[0] or '<schema>'}.*",
        )
    if _FORBIDDEN.search(text):
        raise refuse(
            f"the pattern {text!r} holds a blank, a slash or a control character",
            "names in Unity Catalog have none of these",
        )
    return text


TablePattern = Annotated[str, AfterValidator(_pattern), shape("^([*]|[^./ ]+[.][^./ ]+)$")]
"""``schema.table`` with wildcards, or ``*`` for everything."""


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    wildcards = {"*": "[^.]*", "?": "[^.]"}
    return re.compile("".join(wildcards.get(char) or re.escape(char) for char in pattern), re.IGNORECASE)


def matches(pattern: str, table: TableRef) -> bool:
    """Whether a checked pattern matches a table."""
    if pattern == EVERYTHING:
        return True
    return _compiled(pattern).fullmatch(str(table)) is not None


def matches_any(patterns: Iterable[str], table: TableRef) -> bool:
    """Whether at least one of the patterns matches a table."""
    return any(matches(pattern, table) for pattern in patterns)
