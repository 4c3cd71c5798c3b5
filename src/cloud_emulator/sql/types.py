"""SQL Server's types on the wire: how columns are described and values written."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from cloud_emulator.sql.wire import utf16

COLLATION_NAME = "Latin1_General_100_BIN2_UTF8"
COLLATION = struct.pack("<IB", 0x0409 | 1 << 25 | 1 << 26 | 2 << 28, 0)
"""Locale 1033, BIN2, UTF-8, version 2 (``100``), no sort id."""
_UNICODE_COLLATION = struct.pack("<IB", 0x0409 | 1 << 25 | 2 << 28, 0)

_FIXED = {
    "tinyint": (0x26, 1), "smallint": (0x26, 2), "int": (0x26, 4), "bigint": (0x26, 8), "bit": (0x68, 1),
    "real": (0x6D, 4), "float": (0x6D, 8), "uniqueidentifier": (0x24, 16),
}  # fmt: skip
_MAX = 0xFFFF
_NULL_MAX = b"\xff" * 8
_EPOCH = date(1, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class SqlType:
    """A type by its T-SQL name; precision and scale are a decimal's, the scale a time's too."""

    name: str
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result; without a name it is an expression's."""

    name: str
    type: SqlType


Encoder = Callable[[Any], bytes]


def type_info(kind: SqlType, *, utf8: bool) -> bytes:
    """The description of a type. Texts are varchar for clients that read UTF-8 there, else nvarchar."""
    if kind.name in _FIXED:
        return bytes(_FIXED[kind.name])
    if kind.name == "varchar":
        return (
            struct.pack("<BH", 0xA7, _MAX) + COLLATION if utf8 else struct.pack("<BH", 0xE7, _MAX) + _UNICODE_COLLATION
        )
    if kind.name == "varbinary":
        return struct.pack("<BH", 0xA5, _MAX)
    if kind.name == "decimal":
        return bytes([0x6A, 17, kind.precision, kind.scale])
    if kind.name == "date":
        return b"\x28"
    return bytes([{"time": 0x29, "datetime2": 0x2A}[kind.name], kind.scale])


def row_encoder(columns: Sequence[Column], *, utf8: bool) -> Callable[[Sequence[Any]], bytes]:
    """What writes a row's values one behind the other."""
    encoders = [encoder(column.type, utf8=utf8) for column in columns]
    return lambda row: b"".join(encode(value) for encode, value in zip(encoders, row, strict=True))


def encoder(kind: SqlType, *, utf8: bool) -> Encoder:
    """What writes values of a type, ``None`` among them."""
    if kind.name == "varchar":
        return _long(lambda text: text.encode("utf-8", "surrogatepass")) if utf8 else _long(utf16)
    if kind.name == "varbinary":
        return _long(bytes)
    return _short(_PLAIN[kind.name](kind))


def _long(encode: Encoder) -> Encoder:
    def write(value: Any) -> bytes:
        if value is None:
            return _NULL_MAX
        data = encode(value)
        chunk = struct.pack("<I", len(data)) + data if data else b""
        return struct.pack("<Q", len(data)) + chunk + b"\0\0\0\0"

    return write


def _short(encode: Encoder) -> Encoder:
    def write(value: Any) -> bytes:
        if value is None:
            return b"\0"
        data = encode(value)
        return bytes([len(data)]) + data

    return write


def _packed(layout: str) -> Callable[[SqlType], Encoder]:
    def encode(value: Any) -> bytes:
        return struct.pack(layout, value)

    return lambda _kind: encode


def _decimal(kind: SqlType) -> Encoder:
    size = next(size for most, size in ((9, 4), (19, 8), (28, 12), (38, 16)) if kind.precision <= most)

    def encode(value: Decimal) -> bytes:
        unscaled = int(Decimal(value).scaleb(kind.scale).to_integral_value())
        return bytes([unscaled >= 0]) + abs(unscaled).to_bytes(size, "little")

    return encode


def _date(_kind: SqlType) -> Encoder:
    return _days


def _days(value: date) -> bytes:
    return (value.toordinal() - _EPOCH).to_bytes(3, "little")


def _time(kind: SqlType) -> Encoder:
    size = 3 if kind.scale <= 2 else 4 if kind.scale <= 4 else 5
    unit = 10 ** (6 - kind.scale)

    def encode(value: time | datetime) -> bytes:
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        units: int = (seconds * 1_000_000 + value.microsecond) // unit
        return units.to_bytes(size, "little")

    return encode


def _datetime(kind: SqlType) -> Encoder:
    clock = _time(kind)

    def encode(value: datetime) -> bytes:
        told = value.astimezone(UTC) if value.tzinfo is not None else value
        return clock(told) + _days(told)

    return encode


def _guid(_kind: SqlType) -> Encoder:
    return lambda value: bytes(uuid.UUID(str(value)).bytes_le)


_PLAIN: dict[str, Callable[[SqlType], Encoder]] = {
    "tinyint": _packed("<B"),
    "smallint": _packed("<h"),
    "int": _packed("<i"),
    "bigint": _packed("<q"),
    "bit": _packed("<?"),
    "real": _packed("<f"),
    "float": _packed("<d"),
    "decimal": _decimal,
    "date": _date,
    "time": _time,
    "datetime2": _datetime,
    "uniqueidentifier": _guid,
}
