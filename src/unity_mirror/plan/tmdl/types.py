"""From Unity Catalog's column types to tabular ones, and what Direct Lake can't hold.

Source: Fabric's documentation on Direct Lake and on Delta interoperability (2025, 2026); revise as it does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from unity_mirror.models.unity_catalog import Column

TabularType = Literal["int64", "double", "decimal", "string", "boolean", "dateTime"]


@dataclass(frozen=True)
class TypeMapping:
    """How a column type appears in a model. ``family`` tells apart what mustn't be related, as date and timestamp."""

    data_type: TabularType
    family: str
    format_string: str | None = None

    @property
    def additive(self) -> bool:
        """Whether sums of it can make sense."""
        return self.data_type in ("int64", "double", "decimal")


_INTEGER = TypeMapping("int64", "integer", "0")
_DOUBLE = TypeMapping("double", "double")
_STRING = TypeMapping("string", "string")
_MAPPINGS: Mapping[str, TypeMapping] = {
    "BYTE": _INTEGER,
    "SHORT": _INTEGER,
    "INT": _INTEGER,
    "LONG": _INTEGER,
    "FLOAT": _DOUBLE,
    "DOUBLE": _DOUBLE,
    "STRING": _STRING,
    "CHAR": _STRING,
    "VARCHAR": _STRING,
    "BOOLEAN": TypeMapping("boolean", "boolean"),
    "DATE": TypeMapping("dateTime", "date", "Short Date"),
    "TIMESTAMP": TypeMapping("dateTime", "timestamp", "General Date"),
}
_ALIASES: Mapping[str, str] = {
    "TINYINT": "BYTE",
    "SMALLINT": "SHORT",
    "INTEGER": "INT",
    "BIGINT": "LONG",
    "REAL": "FLOAT",
    "NUMERIC": "DECIMAL",
    "DEC": "DECIMAL",
    "TIMESTAMP_LTZ": "TIMESTAMP",
}
TABLE_UNREADABLE: Mapping[str, str] = {
    "TIMESTAMP_NTZ": "Direct Lake can't read Delta tables with the feature timestampNtz (a TIMESTAMP_NTZ column)",
    "VARIANT": "Direct Lake can't read Delta tables with the feature variantType (a VARIANT column)",
}
"""Types that make the whole table unreadable, with the reason."""
_BASE = re.compile(r"[A-Za-z_]+")
_DECIMAL = re.compile(r"\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?\)")


def type_name(column: Column) -> str:
    """Unity Catalog's name of the column's type, in upper case, whichever of its spellings the server gave."""
    given = column.type_name.strip().upper() or column.type_text.strip().upper()
    base = _BASE.match(given)
    name = base[0] if base else given
    return _ALIASES.get(name, name)


def map_type(column: Column) -> TypeMapping | None:
    """How the column appears in a model; None when Direct Lake can't hold it."""
    name = type_name(column)
    return _decimal(column) if name == "DECIMAL" else _MAPPINGS.get(name)


def _decimal(column: Column) -> TypeMapping:
    written = _DECIMAL.search(column.type_text)
    scale = column.type_scale if column.type_scale is not None else int(written[2] or 0) if written else 0
    digits = "." + "0" * min(scale, 6) if scale > 0 else ""
    return TypeMapping("decimal", "decimal", f"#,0{digits}")
