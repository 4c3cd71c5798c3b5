"""The catalog's stored procedures, by which ODBC and what is built on it look at tables, columns and keys.

Arguments, results and their order are those of Microsoft's pages on ``sp_tables`` and its like [D]; the columns that
only ``sp_columns_100`` has, and lengths of types that the pages don't list, are as its drivers expect them [I].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_emulator.sql import errors
from cloud_emulator.sql.column_facts import facts
from cloud_emulator.sql.parameters import Parameter
from cloud_emulator.sql.system_views import Shown, system_columns
from cloud_emulator.sql.types import Column, SqlType

Row = tuple[Any, ...]
_KINDS = {"t": SqlType("varchar"), "i": SqlType("int"), "s": SqlType("smallint"), "y": SqlType("tinyint")}
_NOT_SERVED = frozenset(
    {
        "sp_column_privileges", "sp_databases", "sp_datatype_info", "sp_datatype_info_90", "sp_datatype_info_100",
        "sp_describe_first_result_set", "sp_describe_undeclared_parameters", "sp_help", "sp_helptext",
        "sp_server_info", "sp_sproc_columns", "sp_sproc_columns_100", "sp_statistics", "sp_statistics_100",
        "sp_stored_procedures", "sp_table_privileges",
    }
)  # fmt: skip
"""Procedures that SQL Server has for the same purpose, and the emulator hasn't."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a procedure answers."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call's arguments by name, and what the caller may see: of the current database, and of each of its server."""

    values: Mapping[str, Any]
    shown: Shown
    everywhere: Callable[[], Iterable[Shown]]

    def text(self, name: str) -> str | None:
        """A text, or ``None``."""
        value = self.values[name]
        return None if value is None else str(value).rstrip()

    def matches(self, name: str, value: str) -> bool:
        """Whether a value is as an argument wants it: any value if that is NULL."""
        wanted = self.text(name)
        return wanted is None or like(wanted, value, patterns=bool(self.values.get("@fUsePattern", 1)))


@dataclass(frozen=True, slots=True)
class _Procedure:
    """Arguments with their defaults (``...`` where there is none), columns, and what makes the rows."""

    arguments: Mapping[str, Any]
    columns: str
    rows: Callable[[_Asked], Iterable[Row]]


def require(name: str) -> None:
    """Raises SQL error 2812 for a procedure that isn't there, 50501 for one that isn't served."""
    if name.lower() in _NOT_SERVED:
        raise errors.not_served(f"the procedure {name}")
    if name.lower() not in _PROCEDURES:
        raise errors.unknown_procedure(name)


def listing(
    name: str, arguments: Sequence[Parameter], shown: Shown, everywhere: Callable[[], Iterable[Shown]]
) -> Listing:
    """What a procedure answers. Raises SQL errors for arguments that are wrong."""
    require(name)
    procedure = _PROCEDURES[name.lower()]
    asked = _Asked(_bound(name, procedure, arguments), shown, everywhere)
    return Listing(tuple(_columns(procedure.columns)), tuple(procedure.rows(asked)))


def like(pattern: str, value: str, *, patterns: bool = True) -> bool:
    """LIKE: ``%``, ``_`` and ``[…]`` stand for others."""
    if not patterns:
        return pattern == value
    expression = re.sub(r"\[\^?[^\]]+\]|.", _expression, pattern, flags=re.DOTALL)
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _expression(found: re.Match[str]) -> str:
    sign = found[0]
    if len(sign) == 1:
        return {"%": ".*", "_": "."}.get(sign, re.escape(sign))
    negated = sign[1] == "^"
    held = sign[1 + negated : -1]
    return f"[{'^' * negated}{''.join(each if each == '-' else re.escape(each) for each in held)}]"


def _bound(name: str, procedure: _Procedure, arguments: Sequence[Parameter]) -> dict[str, Any]:
    """Arguments by their names."""
    names = {each.casefold(): each for each in procedure.arguments}
    found = dict(procedure.arguments)
    for place, each in enumerate(arguments):
        if not each.name and place >= len(names):
            raise errors.SqlError(8144, f"Procedure or function {name} has too many arguments specified.")
        key = names.get(each.name.casefold()) if each.name else list(names.values())[place]
        if key is None:
            raise errors.SqlError(8145, f"{each.name} is not a parameter for procedure {name}.")
        found[key] = each.value
    missing = next((key for key, value in found.items() if value is ...), None)
    if missing is not None:
        message = f"Procedure or function '{name}' expects parameter '{missing}', which was not supplied."
        raise errors.SqlError(201, message)
    return found


def _columns(described: str) -> Iterator[Column]:
    for each in described.split():
        name, _, kind = each.partition(":")
        yield Column(name, _KINDS[kind or "t"])


def _require_database(asked: _Asked, argument: str = "@table_qualifier") -> None:
    """These procedures look at the current database only."""
    if asked.text(argument) not in (None, asked.shown.database.name):
        message = "The database name component of the object qualifier must be the name of the current database."
        raise errors.SqlError(15250, message)


def _objects(asked: _Asked, shown: Shown) -> Iterator[tuple[str, str, str]]:
    """Schema, name and type of the tables and views that fit. Without a schema, a name without signs of a pattern
    means the table of ``dbo`` if there is one."""
    tables = [(each.schema, each.name, "TABLE") for each in shown.tables]
    found = [*tables, *((schema, name, "VIEW") for schema, name in system_columns())]
    fits = [each for each in found if asked.matches("@table_name", each[1])]
    own = [each for each in fits if each[0] == "dbo" and each[1] == asked.text("@table_name")]
    if asked.values["@table_owner"] is None and own:
        return iter(own)
    return (each for each in fits if asked.matches("@table_owner", each[0]))


def _tables(asked: _Asked) -> Iterable[Row]:
    enumerated = _enumerated(asked)
    if enumerated is not None:
        return enumerated
    _require_database(asked)
    return _tables_of(asked, (asked.shown,))


def _tables_everywhere(asked: _Asked) -> Iterable[Row]:
    """As ``sp_tables``, the database a pattern as well."""
    enumerated = _enumerated(asked)
    if enumerated is not None:
        return enumerated
    named = asked.values["@table_qualifier"] is not None
    databases = asked.everywhere() if named else (asked.shown,)
    return _tables_of(asked, (each for each in databases if asked.matches("@table_qualifier", each.database.name)))


def _tables_of(asked: _Asked, databases: Iterable[Shown]) -> list[Row]:
    types = asked.text("@table_type")
    rows = [
        (shown.database.name, schema, name, kind, None)
        for shown in databases
        for schema, name, kind in _objects(asked, shown)
        if types is None or types in ("", "%") or f"'{kind}'" in types
    ]
    return sorted(rows, key=lambda row: (row[3], *row[:3]))


def _enumerated(asked: _Asked) -> list[Row] | None:
    """All databases, schemas or types, when one argument is ``%`` and the others are empty."""
    database, schema, name = (asked.text(each) for each in ("@table_qualifier", "@table_owner", "@table_name"))
    if (database, schema, name) == ("%", "", ""):
        return [(each.name, None, None, None, None) for each in sorted(asked.shown.siblings, key=lambda one: one.name)]
    if (database, schema, name) == ("", "%", ""):
        return [(None, each, None, None, None) for each in sorted(asked.shown.schemas)]
    if (database, schema, name, asked.text("@table_type")) == ("", "", "", "%"):
        return [(None, None, None, each, None) for each in ("SYSTEM TABLE", "TABLE", "VIEW")]
    return None


def _table_columns(asked: _Asked, *, modern: bool) -> Iterable[Row]:
    _require_database(asked)
    views = system_columns()
    tables = {(each.schema, each.name): each.columns for each in asked.shown.tables}
    longest = {(each.schema, each.name): each.longest for each in asked.shown.tables}
    version = int(asked.values["@ODBCVer"] or 2)
    for schema, name, _ in sorted(_objects(asked, asked.shown)):
        key = (schema, name)
        for position, column in enumerate(tables.get(key) or views[key], 1):
            if asked.matches("@column_name", column.name):
                described = facts(column, position, longest.get(key), version=version, modern=modern)
                yield (asked.shown.database.name, schema, name, *described)


def _nothing(qualifiers: Sequence[str]) -> Callable[[_Asked], Iterable[Row]]:
    """A read-only endpoint has no keys."""

    def rows(asked: _Asked) -> Iterable[Row]:
        for each in qualifiers:
            _require_database(asked, each)
        return ()

    return rows


_TABLE = {"@table_name": ..., "@table_owner": None, "@table_qualifier": None}
_TABLES = _TABLE | {"@table_name": None, "@table_type": None, "@fUsePattern": 1}
_COLUMN = _TABLE | {"@column_name": None}
_OF_TABLE = "TABLE_QUALIFIER TABLE_OWNER TABLE_NAME"
_OF_COLUMN = (
    f"{_OF_TABLE} COLUMN_NAME DATA_TYPE:s TYPE_NAME PRECISION:i LENGTH:i SCALE:s RADIX:s NULLABLE:s REMARKS COLUMN_DEF "
    "SQL_DATA_TYPE:s SQL_DATETIME_SUB:s CHAR_OCTET_LENGTH:i ORDINAL_POSITION:i IS_NULLABLE"
)
_MODERN = (
    "SS_IS_SPARSE:s SS_IS_COLUMN_SET:s SS_IS_COMPUTED:s SS_IS_IDENTITY:s SS_UDT_CATALOG_NAME SS_UDT_SCHEMA_NAME "
    "SS_UDT_ASSEMBLY_TYPE_NAME SS_XML_SCHEMACOLLECTION_CATALOG_NAME SS_XML_SCHEMACOLLECTION_SCHEMA_NAME "
    "SS_XML_SCHEMACOLLECTION_NAME"
)
_FOREIGN = (
    "PKTABLE_QUALIFIER PKTABLE_OWNER PKTABLE_NAME PKCOLUMN_NAME FKTABLE_QUALIFIER FKTABLE_OWNER FKTABLE_NAME "
    "FKCOLUMN_NAME KEY_SEQ:s UPDATE_RULE:s DELETE_RULE:s FK_NAME PK_NAME DEFERRABILITY:s"
)
_SPECIAL = _Procedure(
    _TABLE | {"@col_type": "R", "@scope": "T", "@nullable": "U", "@ODBCVer": 2},
    "SCOPE:s COLUMN_NAME DATA_TYPE:s TYPE_NAME PRECISION:i LENGTH:i SCALE:s PSEUDO_COLUMN:s",
    _nothing(["@table_qualifier"]),
)
_PROCEDURES: Mapping[str, _Procedure] = {
    "sp_tables": _Procedure(_TABLES, f"{_OF_TABLE} TABLE_TYPE REMARKS", _tables),
    "sp_tableswc": _Procedure(_TABLES, f"{_OF_TABLE} TABLE_TYPE REMARKS", _tables_everywhere),
    "sp_columns": _Procedure(
        _COLUMN | {"@ODBCVer": 2}, f"{_OF_COLUMN} SS_DATA_TYPE:y", lambda asked: _table_columns(asked, modern=False)
    ),
    "sp_columns_100": _Procedure(
        _COLUMN | {"@NameScope": 0, "@ODBCVer": 2, "@fUsePattern": 1},
        f"{_OF_COLUMN} {_MODERN} SS_DATA_TYPE:y",
        lambda asked: _table_columns(asked, modern=True),
    ),
    "sp_pkeys": _Procedure(_TABLE, f"{_OF_TABLE} COLUMN_NAME KEY_SEQ:s PK_NAME", _nothing(["@table_qualifier"])),
    "sp_fkeys": _Procedure(
        dict.fromkeys(f"@{side}table_{part}" for side in ("pk", "fk") for part in ("name", "owner", "qualifier")),
        _FOREIGN,
        _nothing(["@pktable_qualifier", "@fktable_qualifier"]),
    ),
    "sp_special_columns": _SPECIAL,
    "sp_special_columns_100": _SPECIAL,
}
