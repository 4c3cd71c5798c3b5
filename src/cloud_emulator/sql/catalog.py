"""What an endpoint knows of its tables, and the places of their files for who may read them.

Everything here looks at the cloud's state and is quick; reading the files is :mod:`deltas`' work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import Caller
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import delta_log, onelake, sync
from cloud_emulator.fabric.items import ITEMS
from cloud_emulator.fabric.onelake_location import Location, OneLakeDenied
from cloud_emulator.fabric.sql_endpoints import SQL_TABLES
from cloud_emulator.sql import endpoints, errors
from cloud_emulator.sql.endpoints import Database
from cloud_emulator.sql.types import SqlType
from cloud_emulator.storage import access, files

_TYPES = {
    "boolean": SqlType("bit"),
    "byte": SqlType("smallint"),
    "short": SqlType("smallint"),
    "integer": SqlType("int"),
    "long": SqlType("bigint"),
    "float": SqlType("real"),
    "double": SqlType("float"),
    "date": SqlType("date"),
    "timestamp": SqlType("datetime2", scale=6),
    "string": SqlType("varchar"),
    "binary": SqlType("varbinary"),
}
"""[D] Delta's primitive types as T-SQL has them; decimals keep precision and scale, others are absent."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column that the endpoint shows."""

    name: str
    type: SqlType
    nullable: bool


@dataclass(frozen=True, slots=True)
class KnownTable:
    """A table as of the endpoint's last look at it. ``longest`` bounds texts, in characters, where they are cut."""

    database: Database
    schema: str
    name: str
    path: str
    version: int
    columns: tuple[TableColumn, ...]
    longest: int | None

    @property
    def object_id(self) -> int:
        """A number that stays the same for the table."""
        key = f"{self.database.endpoint_id}/{self.schema}/{self.name}"
        return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "little") >> 1


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The files of a table at a version, by their paths in the table's folder."""

    table: KnownTable
    files: Mapping[str, Path]

    @property
    def key(self) -> str:
        """The same for the same contents."""
        listed = "\n".join(f"{name}={place.parent.name}{place.name}" for name, place in sorted(self.files.items()))
        return hashlib.sha256(f"{self.table.version}\n{listed}".encode()).hexdigest()[:40]


def visible_tables(cloud: Cloud, caller: Caller, database: Database) -> list[KnownTable]:
    """The tables that the caller may read, as far as the endpoint knows them."""
    known = cloud.table(SQL_TABLES).by("endpointId", database.endpoint_id)
    tables = [_known(cloud, database, each) for each in known if each.get("columns") is not None]
    return [table for table in tables if endpoints.may_see(cloud, caller, database, table.path)]


def find_table(cloud: Cloud, database: Database, schema: str, name: str) -> KnownTable | None:
    """A table that the endpoint knows, by its exact name."""
    found = cloud.table(SQL_TABLES).get(f"{database.endpoint_id}/{schema}/{name}")
    return _known(cloud, database, found) if found is not None and found.get("columns") is not None else None


def open_table(cloud: Cloud, caller: Caller, table: KnownTable) -> TableFiles:
    """The files of a table, read as the endpoint reads them.

    Raises :class:`~cloud_emulator.sql.errors.SqlError`: 229 when the caller may not read the table, 13807 when the
    endpoint can't.
    """
    full_name = f"{table.schema}/{table.name}"
    if not endpoints.may_see(cloud, caller, table.database, table.path):
        raise errors.select_denied(table.name, table.database.name, table.schema)
    parent = cloud.table(ITEMS).get(table.database.parent_id)
    reader = endpoints.reads_as(cloud, caller, parent) if parent is not None else None
    if parent is None or reader is None:
        raise errors.unreadable_table(full_name, "the item or its owner is gone.")
    try:
        location = onelake.resolve(cloud, reader, parent["workspaceId"], parent["id"], table.path)
    except OneLakeDenied as refused:
        raise errors.unreadable_table(full_name, refused.denial.message) from refused
    if not isinstance(location, Location):
        raise errors.unreadable_table(full_name, "it is no table.")
    found = dict(_readable(cloud, location, full_name))
    _tell_if_stale(cloud, table, location)
    return TableFiles(table, found)


def _known(cloud: Cloud, database: Database, known: Document) -> KnownTable:
    parent = cloud.table(ITEMS).get(database.parent_id) or {"type": onelake.MIRRORED, "properties": {}}
    is_mirrored = parent["type"] == onelake.MIRRORED
    in_schema = is_mirrored or parent["properties"].get("defaultSchema") is not None
    path = f"Tables/{known['schema']}/{known['table']}" if in_schema else f"Tables/{known['table']}"
    columns = tuple(_columns(known["columns"], nested=not cloud.rules.on("sql.columns.nested")))
    longest = None if is_mirrored else 8000
    return KnownTable(database, known["schema"], known["table"], path, known["version"], columns, longest)


def _columns(fields: list[Mapping[str, Any]], *, nested: bool) -> Iterator[TableColumn]:
    for field in fields:
        kind = _type("string" if nested and not isinstance(field["type"], str) else field["type"])
        if kind is not None:
            yield TableColumn(field["name"], kind, bool(field.get("nullable", True)))


def _type(form: Any) -> SqlType | None:
    if not isinstance(form, str):
        return None
    if form.startswith("decimal"):
        precision, scale = (int(part) for part in form[8:-1].split(",")) if "(" in form else (10, 0)
        return SqlType("decimal", precision, scale)
    return _TYPES.get(form)


def _readable(cloud: Cloud, location: Location, full_name: str) -> Iterator[tuple[str, Path]]:
    """All files below a table's folder, once storage has let the reader see each."""
    _check(cloud, location, location.path, "list", full_name)
    for node in files.walk(cloud, location.account, location.container, location.path):
        _check(cloud, location, node["path"], "list" if node["isDirectory"] else "read", full_name)
        if not node["isDirectory"] and node.get("digest"):
            yield node["path"][len(location.path) :].lstrip("/"), cloud.blobs.path(node["digest"])


def _check(cloud: Cloud, location: Location, path: str, want: access.Want, full_name: str) -> None:
    denial = access.check(
        cloud, object_id=location.object_id, account=location.account, container=location.container, path=path,
        want=want, source=location.source,
    )  # fmt: skip
    if denial is not None:
        raise errors.unreadable_table(full_name, denial.message)


def _tell_if_stale(cloud: Cloud, table: KnownTable, location: Location) -> None:
    """A query of a table that has changed is answered from what was known, and makes the endpoint look again [D]."""
    stale = delta_log.latest_version(cloud, location) != table.version
    if stale and f"sqlLook:{table.database.parent_id}" not in cloud.table("jobs"):
        sync.tell_sql_endpoint(cloud, table.database.parent_id)
