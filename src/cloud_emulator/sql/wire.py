"""Bytes of the TDS protocol: a reader, the commonest encodings, and the numbers of packets."""

from __future__ import annotations

import struct
from enum import IntEnum


class Packet(IntEnum):
    """Types of messages."""

    BATCH = 0x01
    RPC = 0x03
    RESPONSE = 0x04
    ATTENTION = 0x06
    BULK = 0x07
    TRANSACTION = 0x0E
    LOGIN = 0x10
    PRELOGIN = 0x12


HEADER = struct.Struct(">BBHHBB")
"""Type, status, length with the header, process id, packet number, window."""
LAST = 0x01
"""Status of a message's last packet."""
RESET = 0x08 | 0x10
"""Status of packets before which the session is to be reset, with or without its transaction."""
DEFAULT_PACKET_SIZE = 4096


class Malformed(Exception):
    """What came is not TDS."""


class Reader:
    """Reads little-endian values from a message. Raises :class:`Malformed` at its end."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        self._data = data
        self.position = position

    @property
    def is_done(self) -> bool:
        """Whether nothing is left."""
        return self.position >= len(self._data)

    def take(self, count: int) -> bytes:
        """The next bytes."""
        end = self.position + count
        if count < 0 or end > len(self._data):
            raise Malformed(f"{count} bytes wanted at {self.position} of {len(self._data)}")
        taken = self._data[self.position : end]
        self.position = end
        return taken

    def unsigned(self, size: int) -> int:
        """An unsigned number of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little")

    def signed(self, size: int) -> int:
        """A signed number of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little", signed=True)

    def text(self, characters: int) -> str:
        """UTF-16 text of that many code units."""
        return utf16_text(self.take(characters * 2))

    def short_text(self) -> str:
        """Text behind a length of one byte."""
        return self.text(self.unsigned(1))


def utf16_text(data: bytes) -> str:
    """Decodes UTF-16LE; lone surrogates, which SQL Server lets pass, are kept."""
    return data.decode("utf-16-le", "surrogatepass")


def utf16(text: str) -> bytes:
    """Encodes UTF-16LE."""
    return text.encode("utf-16-le", "surrogatepass")


def short_text(text: str) -> bytes:
    """Text behind its length in code units, one byte (at most 255 of them)."""
    encoded = utf16(text)[: 255 * 2]
    return bytes([len(encoded) // 2]) + encoded


def long_text(text: str) -> bytes:
    """Text behind its length in code units, two bytes."""
    encoded = utf16(text)[: 0xFFFF * 2]
    return struct.pack("<H", len(encoded) // 2) + encoded
