"""The tokens of which the server's answers are made."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum, IntFlag

from cloud_emulator.sql.errors import SqlError
from cloud_emulator.sql.login import Feature
from cloud_emulator.sql.types import COLLATION, Column, type_info
from cloud_emulator.sql.wire import long_text, short_text

PRODUCT = "Microsoft SQL Server"
SERVER_NAME = "unity-mirror"


class Token(IntEnum):
    """Types of tokens."""

    RETURN_STATUS = 0x79
    COLUMNS = 0x81
    ERROR = 0xAA
    INFO = 0xAB
    RETURN_VALUE = 0xAC
    LOGIN_ACK = 0xAD
    FEATURES_ACK = 0xAE
    ROW = 0xD1
    ENVIRONMENT = 0xE3
    DONE = 0xFD
    DONE_PROCEDURE = 0xFE
    DONE_IN_PROCEDURE = 0xFF


class Done(IntFlag):
    """What a DONE token says."""

    FINAL = 0
    MORE = 0x01
    ERROR = 0x02
    COUNT = 0x10
    ATTENTION = 0x20


class Change(IntEnum):
    """What of the environment changed."""

    DATABASE = 1
    LANGUAGE = 2
    PACKET_SIZE = 4
    COLLATION = 7
    BEGIN = 8
    COMMIT = 9
    ROLLBACK = 10
    RESET = 18


SELECT = 0xC1
"""The command that a DONE token names after a query."""


def environment(change: Change, new: str | bytes, old: str | bytes = "") -> bytes:
    """The environment changed; texts or bytes, by the kind of change."""
    parts = [short_text(part) if isinstance(part, str) else bytes([len(part)]) + part for part in (new, old)]
    body = bytes([change]) + b"".join(parts)
    return struct.pack("<BH", Token.ENVIRONMENT, len(body)) + body


def error(fault: SqlError, *, procedure: str = "") -> bytes:
    """An error message."""
    return _message(Token.ERROR, fault.number, fault.state, fault.severity, fault.message, procedure)


def information(number: int, message: str, *, state: int = 2) -> bytes:
    """A message that is no error."""
    return _message(Token.INFO, number, state, 0, message, "")


def _message(token: Token, number: int, state: int, severity: int, message: str, procedure: str) -> bytes:
    body = struct.pack("<iBB", number, state, severity) + long_text(message)
    body += short_text(SERVER_NAME) + short_text(procedure) + struct.pack("<i", 1)
    return struct.pack("<BH", token, len(body)) + body


def login_ack(tds_version: int) -> bytes:
    """The login was accepted, by a server of version 12."""
    body = bytes([1]) + tds_version.to_bytes(4, "big") + short_text(PRODUCT) + bytes([12, 0, 0x07, 0xD0])
    return struct.pack("<BH", Token.LOGIN_ACK, len(body)) + body


def collation() -> bytes:
    """The collation in force."""
    return environment(Change.COLLATION, COLLATION, b"")


def features_ack(asked: frozenset[int]) -> bytes:
    """Which of the features asked for are granted: the token, and UTF-8."""
    granted = b""
    if Feature.FEDERATED_AUTHENTICATION in asked:
        granted += struct.pack("<BI", Feature.FEDERATED_AUTHENTICATION, 0)
    if Feature.UTF8 in asked:
        granted += struct.pack("<BIB", Feature.UTF8, 1, 1)
    return bytes([Token.FEATURES_ACK]) + granted + b"\xff"


def columns(described: Sequence[Column], *, utf8: bool) -> bytes:
    """What the columns of the rows to come are."""
    head = struct.pack("<BH", Token.COLUMNS, len(described))
    return head + b"".join(_column(each, utf8=utf8) for each in described)


def _column(column: Column, *, utf8: bool) -> bytes:
    nullable = 0x0001
    return struct.pack("<IH", 0, nullable) + type_info(column.type, utf8=utf8) + short_text(column.name)


def return_status(status: int) -> bytes:
    """What a procedure returned."""
    return struct.pack("<Bi", Token.RETURN_STATUS, status)


def return_handle(handle: int, *, ordinal: int = 0, name: str = "") -> bytes:
    """An output parameter of the type int: the handle of a prepared statement."""
    head = struct.pack("<BH", Token.RETURN_VALUE, ordinal) + short_text(name)
    return head + struct.pack("<BIHBBBi", 1, 0, 0, 0x26, 4, 4, handle)


def done(flags: Done, rows: int = 0, *, token: Token = Token.DONE, command: int = 0) -> bytes:
    """The end of a statement, a procedure, or the answer."""
    return struct.pack("<BHHQ", token, flags, command, rows)
