"""Checked text: identifiers, URLs and names as Azure, Databricks and Fabric accept them."""

from __future__ import annotations

import re
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from unity_mirror.spec.base import refuse, shape

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CATALOG_FORBIDDEN = re.compile(r"[./\s\x00-\x1f\x7f]")
_ITEM_FORBIDDEN = re.compile(r'["/:<>\\*?|\x00-\x1f\x7f]')
_LAKEHOUSE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WORKSPACE_LENGTH = 256
_CONNECTION_LENGTH = 200
_ITEM_LENGTH = 256
_LAKEHOUSE_LENGTH = 123
_CATALOG_LENGTH = 255

NonEmpty = Annotated[str, Field(min_length=1)]


def is_guid(text: str) -> bool:
    """Whether the text is a GUID in its usual form of 36 characters."""
    return _GUID.fullmatch(text) is not None


def _guid(text: str) -> str:
    if not is_guid(text):
        raise refuse(
            "this is not a GUID", "a GUID has 32 hexadecimal digits in five groups, 8-4-4-4-12, without braces"
        )
    if not UUID(text).int:
        raise refuse("the GUID of only zeros names nothing", "give the real identifier")
    return text.lower()


def _plain_name(text: str, *, what: str, longest: int) -> str:
    if not text or text != text.strip():
        raise refuse(f"{what} is empty or begins or ends with a blank", "Fabric would trim it: write it without")
    if len(text) > longest:
        raise refuse(f"{what} has {len(text)} characters", f"Fabric takes at most {longest}")
    if _CONTROL.search(text):
        raise refuse(f"{what} holds a control character or a line break", "write it on one line")
    return text


def _workspace(text: str) -> str:
    return text.lower() if is_guid(text) else _plain_name(text, what="the workspace's name", longest=_WORKSPACE_LENGTH)


def _connection_name(text: str) -> str:
    return _plain_name(text, what="the connection's name", longest=_CONNECTION_LENGTH)


def item_name_fault(text: str) -> str:
    """Why a Fabric item can't have this (non-blank) name; empty when it can."""
    bad = _ITEM_FORBIDDEN.search(text)
    return f"it holds {bad[0]!r}, one of the characters that items can't have in their name" if bad else ""


def _item_name(text: str) -> str:
    fault = item_name_fault(_plain_name(text, what="the item's name", longest=_ITEM_LENGTH))
    if fault:
        raise refuse(f"this is not a name for a Fabric item: {fault}", 'leave out " / : < > \\ * ? |')
    return text


def _lakehouse_name(text: str) -> str:
    if not _LAKEHOUSE.fullmatch(text):
        raise refuse(
            "this is not a name for a lakehouse",
            "begin with a letter; use only letters A to Z, digits and underscores",
        )
    return _plain_name(text, what="the lakehouse's name", longest=_LAKEHOUSE_LENGTH)


def _catalog_name(text: str) -> str:
    if not text or len(text) > _CATALOG_LENGTH or _CATALOG_FORBIDDEN.search(text):
        raise refuse(
            "this is not a name for a Unity Catalog catalog",
            "give the catalog alone: up to 255 characters, no dot, slash, blank or control character",
        )
    return text


Guid = Annotated[str, AfterValidator(_guid), Field(json_schema_extra={"x-format": "uuid"})]
"""A GUID, kept in lower case."""
WorkspaceNameOrId = Annotated[str, AfterValidator(_workspace), shape("^[^ ](.*[^ ])?$")]
"""A Fabric workspace by display name or id."""
ConnectionName = Annotated[str, AfterValidator(_connection_name), shape("^[^ ](.*[^ ])?$")]
"""A Fabric connection's display name: at most 200 characters (Connections API)."""
ItemName = Annotated[str, AfterValidator(_item_name), shape(r'^[^"/:<>\\*?|]+$')]
"""A Fabric item's display name."""
LakehouseName = Annotated[str, AfterValidator(_lakehouse_name), shape("^[A-Za-z][A-Za-z0-9_]*$")]
"""A lakehouse's display name; it is also a database's name, hence stricter than other items'."""
CatalogName = Annotated[str, AfterValidator(_catalog_name), shape("^[^./ ]+$")]
"""A Unity Catalog catalog's name."""
