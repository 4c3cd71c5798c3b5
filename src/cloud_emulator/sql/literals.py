"""Types and values between T-SQL and DuckDB.

Imports sqlglot, which is slow: only the threads that run queries do it.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlglot import exp

from cloud_emulator.sql import errors
from cloud_emulator.sql.types import SqlType

_TO_DUCKDB = {
    "bit": "BOOLEAN", "tinyint": "UTINYINT", "smallint": "SMALLINT", "int": "INT", "bigint": "BIGINT", "real": "FLOAT",
    "float": "DOUBLE", "date": "DATE", "time": "TIME", "datetime2": "TIMESTAMP", "varchar": "TEXT", "varbinary": "BLOB",
    "uniqueidentifier": "UUID",
}  # fmt: skip
_FROM_DUCKDB = {
    "BOOLEAN": SqlType("bit"), "UTINYINT": SqlType("tinyint"), "TINYINT": SqlType("smallint"),
    "SMALLINT": SqlType("smallint"), "USMALLINT": SqlType("int"), "INTEGER": SqlType("int"),
    "UINTEGER": SqlType("bigint"), "BIGINT": SqlType("bigint"), "UBIGINT": SqlType("decimal", 20, 0),
    "HUGEINT": SqlType("decimal", 38, 0), "FLOAT": SqlType("real"), "DOUBLE": SqlType("float"), "DATE": SqlType("date"),
    "TIME": SqlType("time", scale=6), "TIMESTAMP": SqlType("datetime2", scale=6),
    "TIMESTAMP_MS": SqlType("datetime2", scale=3), "TIMESTAMP_S": SqlType("datetime2", scale=0),
    "TIMESTAMP WITH TIME ZONE": SqlType("datetime2", scale=6), "VARCHAR": SqlType("varchar"),
    "BLOB": SqlType("varbinary"), "UUID": SqlType("uniqueidentifier"), "NULL": SqlType("int"),
    '"NULL"': SqlType("int"),
}  # fmt: skip


def duckdb_type(kind: SqlType) -> str:
    """DuckDB's name for a type."""
    if kind.name == "decimal":
        return f"DECIMAL({kind.precision}, {kind.scale})"
    return _TO_DUCKDB[kind.name]


def sql_type(name: str) -> SqlType:
    """The type that a column of DuckDB's goes by. Raises a SQL error for one that T-SQL has not."""
    if name.startswith("DECIMAL("):
        precision, scale = (int(part) for part in name[8:-1].split(","))
        return SqlType("decimal", precision, scale)
    if name not in _FROM_DUCKDB:
        raise errors.not_served(f"results of the type {name}")
    return _FROM_DUCKDB[name]


def literal(value: Any, kind: SqlType) -> exp.Expr:
    """A value as an expression of its type."""
    target = exp.DataType.build(duckdb_type(kind), dialect="duckdb")
    return exp.Cast(this=_plain(value), to=target)


def _plain(value: Any) -> exp.Expr:
    if value is None:
        return exp.Null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, bytes | bytearray):
        return exp.Unhex(this=exp.Literal.string(value.hex()))
    if isinstance(value, int | Decimal):
        return exp.Literal.string(str(value))
    if isinstance(value, float):
        return exp.Literal.string(repr(value))
    if isinstance(value, date | datetime | time):
        return exp.Literal.string(value.isoformat(" ") if isinstance(value, datetime) else value.isoformat())
    if isinstance(value, UUID):
        return exp.Literal.string(str(value))
    return exp.Literal.string(str(value))
