"""What ``sp_columns`` and ``sp_columns_100`` tell of a column.

To ``sp_columns`` dates are texts and (max) is the largest length, as they were to clients before SQL Server 2008.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cloud_emulator.sql.catalog import TableColumn
from cloud_emulator.sql.types import SqlType

_UNLIMITED = 2**31 - 1
_TEXT = -9
"""SQL_WVARCHAR."""
_DATETIME = 9
"""SQL_DATETIME, whose subcodes tell dates, times and both apart."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """ODBC's type and its verbose form, sizes, and the type on the wire: not null, and nullable."""

    odbc: int
    precision: int
    length: int
    on_the_wire: tuple[int, int]
    scale: int | None = None
    radix: int | None = None
    verbose: int | None = None
    sub: int | None = None
    octets: int | None = None


_NUMBERS = {
    "bit": _Facts(-7, 1, 1, (50, 50)),
    "tinyint": _Facts(-6, 3, 1, (48, 38), 0, 10),
    "smallint": _Facts(5, 5, 2, (52, 38), 0, 10),
    "int": _Facts(4, 10, 4, (56, 38), 0, 10),
    "bigint": _Facts(-5, 19, 8, (63, 108), 0, 10),
    "real": _Facts(7, 24, 4, (59, 109), None, 2),
    "float": _Facts(6, 53, 8, (62, 109), None, 2),
    "uniqueidentifier": _Facts(-11, 36, 16, (37, 37)),
}
_MOMENTS = {"date": (91, 9, 10, 6, 1), "time": (-154, -154, 8, 12, 0), "datetime2": (93, 11, 19, 16, 3)}
"""ODBC 3's type, ODBC 2's, characters without a fraction of seconds, bytes, and subcode."""


def facts(column: TableColumn, position: int, longest: int | None, *, version: int, modern: bool) -> tuple[Any, ...]:
    """The cells behind the table's name. ``longest`` bounds texts; ``version`` is that of ODBC."""
    told = _facts(column.type, longest, version=version, modern=modern)
    nullable = int(column.nullable)
    verbose = told.odbc if told.verbose is None else told.verbose
    cells = (
        column.name, told.odbc, column.type.name, told.precision, told.length, told.scale, told.radix, nullable, None,
        None, verbose, told.sub, told.octets, position, "YES" if nullable else "NO",
    )  # fmt: skip
    more = (0, 0, 0, 0, None, None, None, None, None, None) if modern else ()
    return (*cells, *more, told.on_the_wire[nullable])


def _facts(kind: SqlType, longest: int | None, *, version: int, modern: bool) -> _Facts:
    if kind.name == "decimal":
        return _Facts(3, kind.precision, kind.precision + 2, (55, 106), kind.scale, 10)
    if kind.name in _MOMENTS:
        return _moment(kind, version=version, modern=modern)
    if kind.name in _NUMBERS:
        return _NUMBERS[kind.name]
    odbc, large, wire = (12, -1, 39) if kind.name == "varchar" else (-3, -4, 37)
    if longest is not None:
        return _Facts(odbc, longest, longest, (wire, wire), octets=longest)
    length = 0 if modern else _UNLIMITED
    return _Facts(odbc if modern else large, length, length, (wire, wire), octets=length)


def _moment(kind: SqlType, *, version: int, modern: bool) -> _Facts:
    new, old, characters, size, sub = _MOMENTS[kind.name]
    width = characters + (kind.scale + 1 if kind.scale else 0)
    if not modern:
        return _Facts(_TEXT, width, 2 * width, (0, 0), verbose=_TEXT)
    scale = None if kind.name == "date" else kind.scale
    return _Facts(new if version > 2 else old, width, size, (0, 0), scale, verbose=_DATETIME, sub=sub)
