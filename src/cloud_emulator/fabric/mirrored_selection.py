"""Which tables of a Unity Catalog become shortcuts of a mirrored item, and why the others don't."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cloud_emulator.core.rules import Rules
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.mirrored_definition import CatalogDefinition

_LOCATION = re.compile(r"abfss://([^@/]+)@([^./]+)\.dfs\.core\.windows\.net(?:/(.*))?")
_MIRRORED_TYPES = ("MANAGED", "EXTERNAL")


@dataclass(frozen=True, slots=True)
class StoragePlace:
    """A folder in ADLS Gen2."""

    account: str
    container: str
    path: str


def storage_place(location: str) -> StoragePlace | None:
    """Takes an ``abfss://`` URL apart; ``None`` for any other."""
    match = _LOCATION.fullmatch(location)
    if match is None:
        return None
    return StoragePlace(match[2], match[1], (match[3] or "").strip("/"))


def never_mirrored(rules: Rules, table: Mapping[str, Any]) -> str | None:
    """Why Fabric leaves out a table whatever the definition says; ``None`` if it doesn't."""
    kind, data_format = table.get("table_type"), table.get("data_source_format")
    if kind not in _MIRRORED_TYPES and rules.on("fabric.mirror.types"):
        return f"table type {kind}"
    if data_format != "DELTA" and rules.on("fabric.mirror.delta"):
        return f"data source format {data_format}"
    if table.get("row_filter") and rules.on("fabric.mirror.row_filters"):
        return "row filter"
    if any(column.get("mask") for column in table.get("columns") or ()) and rules.on("fabric.mirror.masks"):
        return "column mask"
    return None


def mirrored(
    rules: Rules, definition: CatalogDefinition, tables: Iterable[Document], *, only_account: str | None
) -> Iterator[tuple[Document, StoragePlace]]:
    """The tables to mirror of those that the connection sees, each with where it lies.

    With a storage connection only the tables in its account get a shortcut (``only_account``).
    """
    for table in tables:
        if not _selects(rules, definition, table) or never_mirrored(rules, table):
            continue
        place = storage_place(table.get("storage_location") or "")
        if place is None:
            continue
        if only_account in (None, place.account) or not rules.on("fabric.mirror.one_account"):
            yield table, place


def _selects(rules: Rules, definition: CatalogDefinition, table: Document) -> bool:
    mode = definition.mode_of(table["schema_name"])
    return definition.selects(table["schema_name"], table["name"]) or (
        (mode == "Full" and not rules.on("fabric.mirror.full"))
        or (mode == "Partial" and not rules.on("fabric.mirror.partial"))
    )
