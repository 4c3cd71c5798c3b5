"""Framing of a Direct Lake model: reading each table's Delta log through OneLake, as the model's identity."""

from __future__ import annotations

from collections.abc import Collection

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import connections, direct_lake, onelake
from cloud_emulator.fabric.connection_types import STORAGE
from cloud_emulator.fabric.errors import FabricError
from cloud_emulator.fabric.onelake_location import Location, OneLakeDenied, unreadable
from cloud_emulator.fabric.semantic_models import source_item, tables_of
from cloud_emulator.fabric.tmdl_check import ModelTable
from cloud_emulator.unity_catalog import access as unity_catalog

_UNSUPPORTED = frozenset({"BINARY", "STRUCT", "ARRAY", "MAP", "VARIANT"})
"""Types of Unity Catalog columns that Direct Lake doesn't read [D]."""


def frame(cloud: Cloud, model: Document, caller_id: str, only: Collection[str]) -> str | None:
    """Why a model can't be framed, or ``None``; ``only`` names the tables, all when empty."""
    try:
        caller = _identity(cloud, model, caller_id)
    except FabricError as error:
        return error.message
    if caller is None:
        return "The model's identity is no longer in the directory."
    tables = {table.name: table for table in tables_of(cloud, model)}
    unknown = set(only) - tables.keys()
    if unknown:
        return f"The model has no table {min(unknown)!r}."
    places: list[Location] = []
    for name in only or tables:
        found = _place(cloud, caller, tables[name], model["workspaceId"])
        if isinstance(found, str):
            return f"The table {name!r} could not be read: {found}"
        places += [found] if tables[name].server is None else []
    if not cloud.rules.on("fabric.models.framing"):
        return None
    return direct_lake.too_large(cloud, places, model["workspaceId"])


def _identity(cloud: Cloud, model: Document, caller_id: str) -> Caller | None:
    """The fixed identity of a bound storage connection, else whoever asked for the refresh."""
    for connection_id in model["bindings"].values():
        connection = cloud.table(connections.CONNECTIONS).get(connection_id)
        if connection is not None and connection["connectionDetails"]["type"] == STORAGE:
            fixed = connections.storage_identity(cloud, connection, model["workspaceId"])
            return cloud.directory.caller(fixed) if fixed is not None else None
    return cloud.directory.caller(caller_id)


def _place(cloud: Cloud, caller: Caller, table: ModelTable, workspace_id: str) -> Location | str:
    """Where a table lies, or why it can't be read."""
    item = source_item(cloud, table)
    if item is None:
        return "its item in OneLake is gone."
    parts = ("Tables", table.entity) if table.schema is None else ("Tables", table.schema, table.entity)
    try:
        place = onelake.resolve(cloud, caller, item["workspaceId"], item["id"], "/".join(parts))
        mirrored = onelake.mirrored_table(cloud, item, parts)
    except OneLakeDenied as denied:
        return denied.denial.message
    if not isinstance(place, Location) or mirrored is None:
        return f"{'/'.join(parts)} is no table."
    if cloud.rules.on("fabric.models.framing"):
        denial = unreadable(cloud, place)
        refusal = (
            denial.message
            if denial is not None
            else direct_lake.refusal(cloud, place, workspace_id, through_sql=table.server is not None)
        )
        if refusal is not None:
            return refusal
    return _columns_missing(cloud, mirrored, table) or place


def _columns_missing(cloud: Cloud, mirrored: Document, table: ModelTable) -> str | None:
    described = unity_catalog.table(cloud, mirrored["host"], mirrored["fullName"]) or {}
    types = {column["name"].lower(): column.get("type_name") for column in described.get("columns") or ()}
    for _, source in table.columns.values():
        if source.lower() not in types:
            return f"it has no column {source!r}."
        if types[source.lower()] in _UNSUPPORTED:
            return f"the column {source!r} is of type {types[source.lower()]}, which Direct Lake does not read."
    return None
