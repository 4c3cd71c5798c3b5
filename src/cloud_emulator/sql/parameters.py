"""Remote procedure calls: which procedure, and its parameters with their types."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from cloud_emulator.sql.types import SqlType
from cloud_emulator.sql.wire import Malformed, Reader, utf16_text

PROCEDURES = {
    1: "sp_cursor", 2: "sp_cursoropen", 3: "sp_cursorprepare", 4: "sp_cursorexecute", 5: "sp_cursorprepexec",
    6: "sp_cursorunprepare", 7: "sp_cursorfetch", 8: "sp_cursoroption", 9: "sp_cursorclose", 10: "sp_executesql",
    11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 14: "sp_prepexecrpc", 15: "sp_unprepare",
}  # fmt: skip
_EPOCH = datetime(1900, 1, 1)  # noqa: DTZ001 - SQL Server's datetime has no zone
_INTEGERS = {1: "smallint", 2: "smallint", 4: "int", 8: "bigint"}
_BY_REFERENCE = 0x01
_NULL_MAX = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its name with ``@`` (or empty), type and value, and whether the caller wants it back."""

    name: str
    type: SqlType
    value: Any
    is_output: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a procedure."""

    procedure: str
    parameters: tuple[Parameter, ...]


def skip_headers(data: bytes) -> Reader:
    """A reader behind the headers that batches, calls and transaction requests begin with."""
    reader = Reader(data)
    total = reader.unsigned(4)
    reader.position = 0
    reader.take(total)
    return reader


def parse_call(data: bytes) -> Call:
    """Reads an RPC message of one call. Raises :class:`Malformed`."""
    reader = skip_headers(data)
    length = reader.unsigned(2)
    name = PROCEDURES.get(reader.unsigned(2), "") if length == 0xFFFF else reader.text(length)
    reader.unsigned(2)
    parameters = []
    while not reader.is_done:
        parameters.append(_parameter(reader))
    return Call(name.rpartition(".")[2].strip("[]"), tuple(parameters))


def _parameter(reader: Reader) -> Parameter:
    name = reader.short_text()
    is_output = bool(reader.unsigned(1) & _BY_REFERENCE)
    kind = reader.unsigned(1)
    if kind not in _READERS:
        raise Malformed(f"parameters of the type 0x{kind:02X} aren't served")
    sql_type, value = _READERS[kind](reader)
    return Parameter(name, sql_type, value, is_output)


Read = Callable[[Reader], tuple[SqlType, Any]]


def _integer(reader: Reader) -> tuple[SqlType, Any]:
    kind = SqlType(_INTEGERS[reader.unsigned(1)])
    size = reader.unsigned(1)
    return kind, None if not size else reader.unsigned(1) if size == 1 else reader.signed(size)


def _bit(reader: Reader) -> tuple[SqlType, Any]:
    reader.unsigned(1)
    return SqlType("bit"), bool(reader.unsigned(1)) if reader.unsigned(1) else None


def _float(reader: Reader) -> tuple[SqlType, Any]:
    kind = SqlType("real" if reader.unsigned(1) == 4 else "float")
    size = reader.unsigned(1)
    return kind, struct.unpack("<f" if size == 4 else "<d", reader.take(size))[0] if size else None


def _decimal(reader: Reader) -> tuple[SqlType, Any]:
    reader.unsigned(1)
    kind = SqlType("decimal", reader.unsigned(1), reader.unsigned(1))
    size = reader.unsigned(1)
    if not size:
        return kind, None
    sign = 1 if reader.unsigned(1) else -1
    return kind, Decimal(sign * reader.unsigned(size - 1)).scaleb(-kind.scale)


def _money(reader: Reader) -> tuple[SqlType, Any]:
    reader.unsigned(1)
    size = reader.unsigned(1)
    if not size:
        return SqlType("decimal", 19, 4), None
    number = (reader.signed(4) << 32) + reader.unsigned(4) if size == 8 else reader.signed(4)
    return SqlType("decimal", 19, 4), Decimal(number).scaleb(-4)


def _long_or_short(reader: Reader) -> bytes | None:
    """A value behind a length of two bytes, or in chunks when its type is (max)."""
    if reader.unsigned(2) != 0xFFFF:
        length = reader.unsigned(2)
        return None if length == 0xFFFF else reader.take(length)
    return _chunks(reader)


def _chunks(reader: Reader) -> bytes | None:
    if reader.unsigned(8) == _NULL_MAX:
        return None
    found = b""
    while size := reader.unsigned(4):
        found += reader.take(size)
    return found


def _unicode(reader: Reader) -> tuple[SqlType, Any]:
    most = reader.unsigned(2)
    reader.take(5)
    data = _chunks(reader) if most == 0xFFFF else _short(reader)
    return SqlType("varchar"), None if data is None else utf16_text(data)


def _characters(reader: Reader) -> tuple[SqlType, Any]:
    most = reader.unsigned(2)
    is_utf8 = bool(reader.unsigned(5) & 1 << 26)
    data = _chunks(reader) if most == 0xFFFF else _short(reader)
    return SqlType("varchar"), None if data is None else data.decode("utf-8" if is_utf8 else "cp1252", "replace")


def _short(reader: Reader) -> bytes | None:
    length = reader.unsigned(2)
    return None if length == 0xFFFF else reader.take(length)


def _binary(reader: Reader) -> tuple[SqlType, Any]:
    return SqlType("varbinary"), _long_or_short(reader)


def _text(*, unicode: bool) -> Read:
    def read(reader: Reader) -> tuple[SqlType, Any]:
        reader.take(9)
        length = reader.signed(4)
        if length < 0:
            return SqlType("varchar"), None
        data = reader.take(length)
        return SqlType("varchar"), utf16_text(data) if unicode else data.decode("cp1252", "replace")

    return read


def _date(reader: Reader) -> tuple[SqlType, Any]:
    size = reader.unsigned(1)
    return SqlType("date"), _days(reader.unsigned(3)) if size else None


def _days(number: int) -> date:
    return date.fromordinal(number + 1)


def _clock(number: int, scale: int) -> time:
    microseconds = number * 10 ** (7 - scale) // 10
    return (_EPOCH + timedelta(microseconds=microseconds)).time()


def _time(reader: Reader) -> tuple[SqlType, Any]:
    scale, size = reader.unsigned(1), reader.unsigned(1)
    return SqlType("time", scale=min(scale, 6)), _clock(reader.unsigned(size), scale) if size else None


def _datetime2(reader: Reader) -> tuple[SqlType, Any]:
    scale, size = reader.unsigned(1), reader.unsigned(1)
    kind = SqlType("datetime2", scale=min(scale, 6))
    if not size:
        return kind, None
    clock = _clock(reader.unsigned(size - 3), scale)
    return kind, datetime.combine(_days(reader.unsigned(3)), clock)


def _datetimeoffset(reader: Reader) -> tuple[SqlType, Any]:
    """The server's own form is UTC, the offset beside it; there is no such type at the endpoint, so it is UTC."""
    scale, size = reader.unsigned(1), reader.unsigned(1)
    kind = SqlType("datetime2", scale=min(scale, 6))
    if not size:
        return kind, None
    clock = _clock(reader.unsigned(size - 5), scale)
    moment = datetime.combine(_days(reader.unsigned(3)), clock)
    reader.take(2)
    return kind, moment


def _datetime(reader: Reader) -> tuple[SqlType, Any]:
    reader.unsigned(1)
    size = reader.unsigned(1)
    kind = SqlType("datetime2", scale=3)
    if not size:
        return kind, None
    if size == 4:
        return kind, _EPOCH + timedelta(days=reader.unsigned(2), minutes=reader.unsigned(2))
    days, ticks = reader.signed(4), reader.unsigned(4)
    return kind, _EPOCH + timedelta(days=days, milliseconds=round(ticks * 10 / 3))


def _guid(reader: Reader) -> tuple[SqlType, Any]:
    reader.unsigned(1)
    size = reader.unsigned(1)
    return SqlType("uniqueidentifier"), uuid.UUID(bytes_le=reader.take(16)) if size else None


def _fixed(kind: SqlType, read: Callable[[Reader], Any]) -> Read:
    return lambda reader: (kind, read(reader))


_READERS: dict[int, Read] = {
    0x1F: _fixed(SqlType("int"), lambda _reader: None),
    0x30: _fixed(SqlType("smallint"), lambda reader: reader.unsigned(1)),
    0x32: _fixed(SqlType("bit"), lambda reader: bool(reader.unsigned(1))),
    0x34: _fixed(SqlType("smallint"), lambda reader: reader.signed(2)),
    0x38: _fixed(SqlType("int"), lambda reader: reader.signed(4)),
    0x7F: _fixed(SqlType("bigint"), lambda reader: reader.signed(8)),
    0x3B: _fixed(SqlType("real"), lambda reader: struct.unpack("<f", reader.take(4))[0]),
    0x3E: _fixed(SqlType("float"), lambda reader: struct.unpack("<d", reader.take(8))[0]),
    0x24: _guid,
    0x26: _integer,
    0x68: _bit,
    0x6A: _decimal,
    0x6C: _decimal,
    0x6D: _float,
    0x6E: _money,
    0x6F: _datetime,
    0x28: _date,
    0x29: _time,
    0x2A: _datetime2,
    0x2B: _datetimeoffset,
    0x23: _text(unicode=False),
    0x63: _text(unicode=True),
    0xA5: _binary,
    0xAD: _binary,
    0xA7: _characters,
    0xAF: _characters,
    0xE7: _unicode,
    0xEF: _unicode,
}
