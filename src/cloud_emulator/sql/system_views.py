"""INFORMATION_SCHEMA and the catalog views of ``sys``, as far as clients ask them. Names are compared with case."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_emulator.sql import errors
from cloud_emulator.sql.catalog import KnownTable, TableColumn
from cloud_emulator.sql.endpoints import Database
from cloud_emulator.sql.system_shapes import EMPTY, NOT_SERVED
from cloud_emulator.sql.types import COLLATION_NAME, SqlType

_INT, _BIT, _TEXT = SqlType("int"), SqlType("bit"), SqlType("varchar")
TYPE_IDS = {
    "bit": 104, "smallint": 52, "int": 56, "bigint": 127, "real": 59, "float": 62, "decimal": 106, "date": 40,
    "datetime2": 42, "time": 41, "varchar": 167, "varbinary": 165, "uniqueidentifier": 36, "tinyint": 48,
}  # fmt: skip
_SIZES = {
    "bit": 1, "smallint": 2, "int": 4, "bigint": 8, "real": 4, "float": 8, "decimal": 17, "date": 3, "datetime2": 8,
    "time": 5, "uniqueidentifier": 16, "tinyint": 1,
}  # fmt: skip
_PRECISIONS = {"bit": 1, "smallint": 5, "int": 10, "bigint": 19, "real": 24, "float": 53, "date": 10, "datetime2": 26}
_FIXED_SCHEMAS = {"dbo": 1, "guest": 2, "INFORMATION_SCHEMA": 3, "sys": 4}


@dataclass(frozen=True, slots=True)
class View:
    """A view's columns and rows."""

    columns: tuple[TableColumn, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the views tell of: the database, its siblings, and the tables that the caller may read."""

    database: Database
    siblings: Sequence[Database]
    tables: Sequence[KnownTable]

    @property
    def schemas(self) -> dict[str, int]:
        """Schemas and their ids."""
        return _FIXED_SCHEMAS | {table.schema: _schema_id(table.schema) for table in self.tables}


def database_ids(databases: Sequence[Database]) -> dict[str, int]:
    """Databases of a server and their numbers."""
    return {each.name: number for number, each in enumerate(databases, 5)}


def system_view(shown: Shown, schema: str, name: str) -> View | None:
    """The view of that exact name, or ``None``. Raises a SQL error for one that the real endpoint has."""
    described = _VIEWS.get((schema, name))
    if described is None and (schema, name) in EMPTY:
        return View(tuple(_columns(EMPTY[schema, name])), ())
    if described is None:
        if schema == "sys" and (name in NOT_SERVED or name.startswith("dm_")):
            raise errors.not_served(f"the catalog view sys.{name}")
        return None
    columns, rows = described
    return View(tuple(_columns(columns)), tuple(tuple(row) for row in rows(shown)))


def system_columns() -> dict[tuple[str, str], tuple[TableColumn, ...]]:
    """The views that are served, by schema and name, with their columns."""
    described = {key: columns for key, (columns, _) in _VIEWS.items()} | EMPTY
    return {key: tuple(_columns(columns)) for key, columns in described.items()}


def _columns(described: str) -> Iterable[TableColumn]:
    kinds = {"i": _INT, "b": _BIT, "t": _TEXT}
    for each in described.split():
        name, _, kind = each.partition(":")
        yield TableColumn(name, kinds[kind or "t"], nullable=True)


def _schema_id(name: str) -> int:
    known = _FIXED_SCHEMAS.get(name)
    return known or 5 + int.from_bytes(hashlib.sha256(name.encode()).digest()[:2], "little")


def _tables(shown: Shown) -> Iterable[Sequence[Any]]:
    return ((shown.database.name, each.schema, each.name, "BASE TABLE") for each in shown.tables)


def _schemata(shown: Shown) -> Iterable[Sequence[Any]]:
    return ((shown.database.name, name, "dbo") for name in shown.schemas)


def _column_rows(shown: Shown) -> Iterable[Sequence[Any]]:
    for table in shown.tables:
        for position, column in enumerate(table.columns, 1):
            kind, is_text = column.type, column.type.name == "varchar"
            is_time = kind.name in ("date", "datetime2", "time")
            length = _length(table, kind) if kind.name in ("varchar", "varbinary") else None
            numeric = None if is_text or is_time or kind.name in ("varbinary", "bit") else _precision(kind)
            yield (
                shown.database.name, table.schema, table.name, column.name, position, None,
                "YES" if column.nullable else "NO", kind.name, length, length, numeric,
                None if numeric is None else 2 if kind.name in ("real", "float") else 10,
                kind.scale if numeric is not None and kind.name not in ("real", "float") else None,
                kind.scale if is_time else None, "UTF8" if is_text else None, COLLATION_NAME if is_text else None,
            )  # fmt: skip


def _objects(shown: Shown) -> Iterable[Sequence[Any]]:
    for each in shown.tables:
        yield (each.name, each.object_id, None, _schema_id(each.schema), 0, "U ", "USER_TABLE", False)


def _sys_columns(shown: Shown) -> Iterable[Sequence[Any]]:
    for table in shown.tables:
        for position, column in enumerate(table.columns, 1):
            kind, type_id = column.type, TYPE_IDS[column.type.name]
            collation = COLLATION_NAME if kind.name == "varchar" else None
            size = _SIZES.get(kind.name) or _length(table, kind)
            yield (
                table.object_id, column.name, position, type_id, type_id, size, _precision(kind), kind.scale, collation,
                column.nullable, False, False,
            )  # fmt: skip


def _types(_shown: Shown) -> Iterable[Sequence[Any]]:
    return ((name, type_id, type_id, 4, _SIZES.get(name, 8000)) for name, type_id in TYPE_IDS.items())


def _length(table: KnownTable, kind: SqlType) -> int:
    """-1 stands for (max), which mirrored items have [D]."""
    del kind
    return -1 if table.longest is None else table.longest


def _precision(kind: SqlType) -> int:
    return kind.precision or _PRECISIONS.get(kind.name, 0)


_COLUMN = (
    "object_id:i name column_id:i system_type_id:i user_type_id:i max_length:i precision:i scale:i collation_name "
    "is_nullable:b is_identity:b is_computed:b"
)
_OBJECT = "name object_id:i principal_id:i schema_id:i parent_object_id:i type type_desc is_ms_shipped:b"
_VIEWS: dict[tuple[str, str], tuple[str, Callable[[Shown], Iterable[Sequence[Any]]]]] = {
    ("INFORMATION_SCHEMA", "TABLES"): ("TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE", _tables),
    ("INFORMATION_SCHEMA", "SCHEMATA"): ("CATALOG_NAME SCHEMA_NAME SCHEMA_OWNER", _schemata),
    ("INFORMATION_SCHEMA", "COLUMNS"): (
        (
            "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION:i COLUMN_DEFAULT IS_NULLABLE DATA_TYPE "
            "CHARACTER_MAXIMUM_LENGTH:i CHARACTER_OCTET_LENGTH:i NUMERIC_PRECISION:i NUMERIC_PRECISION_RADIX:i "
            "NUMERIC_SCALE:i DATETIME_PRECISION:i CHARACTER_SET_NAME COLLATION_NAME"
        ),
        _column_rows,
    ),
    ("sys", "tables"): (_OBJECT, _objects),
    ("sys", "objects"): (_OBJECT, _objects),
    ("sys", "all_objects"): (_OBJECT, _objects),
    ("sys", "schemas"): (
        "name schema_id:i principal_id:i",
        lambda shown: ((name, number, 1) for name, number in shown.schemas.items()),
    ),
    ("sys", "columns"): (_COLUMN, _sys_columns),
    ("sys", "all_columns"): (_COLUMN, _sys_columns),
    ("sys", "types"): ("name system_type_id:i user_type_id:i schema_id:i max_length:i", _types),
    ("sys", "databases"): (
        "name database_id:i collation_name state:i state_desc is_read_only:b",
        lambda shown: (
            (name, number, COLLATION_NAME, 0, "ONLINE", True) for name, number in database_ids(shown.siblings).items()
        ),
    ),
}
