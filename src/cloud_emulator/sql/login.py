"""What a client says before and at login, and what it is answered before."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from cloud_emulator.sql.wire import Malformed, Reader, utf16_text

_VERSION, _ENCRYPTION, _INSTANCE, _THREAD, _MARS, _TRACE, _FEDERATED, _NONCE = range(8)
_END = 0xFF
_SERVER_VERSION = struct.pack(">BBHH", 12, 0, 2000, 0)
_SECURITY_TOKEN = 1
_TDS74, _TDS80 = 0x74000004, 0x08000000
_FIXED_LENGTH = 94


class Encryption(IntEnum):
    """Values of the pre-login option ENCRYPTION."""

    OFF = 0
    ON = 1
    NOT_SUPPORTED = 2
    REQUIRED = 3


class Feature(IntEnum):
    """Feature extensions that the emulator knows."""

    FEDERATED_AUTHENTICATION = 0x02
    UTF8 = 0x0A


@dataclass(frozen=True, slots=True)
class PreLogin:
    """What the client wants."""

    encryption: int
    federated: bool


@dataclass(frozen=True, slots=True)
class Login:
    """What a client logs in with; ``token`` is an Entra access token, ``user`` stands for SQL authentication."""

    database: str
    server: str
    application: str
    user: str
    token: str | None
    packet_size: int
    tds_version: int
    features: frozenset[int]

    @property
    def reads_utf8(self) -> bool:
        """Whether the client takes UTF-8 in varchar."""
        return Feature.UTF8 in self.features


def parse_pre_login(data: bytes) -> PreLogin:
    """Reads the client's pre-login message. Raises :class:`Malformed`."""
    options: dict[int, bytes] = {}
    position = 0
    while position < len(data) and data[position] != _END:
        try:
            option, offset, length = struct.unpack_from(">BHH", data, position)
        except struct.error as error:
            raise Malformed("the pre-login message ends early") from error
        options[option] = data[offset : offset + length]
        position += 5
    encryption = options.get(_ENCRYPTION, b"")[:1] or bytes([Encryption.NOT_SUPPORTED])
    return PreLogin(encryption[0], options.get(_FEDERATED, b"\0")[:1] == b"\1")


def pre_login_answer(asked: PreLogin, *, unencrypted: bool) -> bytes:
    """The server's pre-login message: encryption is required [M], unless nothing more is to be encrypted: in TDS 8.0
    TLS is there already."""
    encryption = Encryption.ON if asked.encryption == Encryption.ON else Encryption.REQUIRED
    options = {
        _VERSION: _SERVER_VERSION,
        _ENCRYPTION: bytes([Encryption.NOT_SUPPORTED if unencrypted else encryption]),
        _INSTANCE: b"\0",
        _THREAD: b"",
        _MARS: b"\0",
    }
    if asked.federated:
        options[_FEDERATED] = b"\1"
    offset = len(options) * 5 + 1
    head = bytearray()
    for option, value in options.items():
        head += struct.pack(">BHH", option, offset, len(value))
        offset += len(value)
    return bytes(head) + bytes([_END]) + b"".join(options.values())


def parse_login(data: bytes) -> Login:
    """Reads a LOGIN7 message. Raises :class:`Malformed`."""
    if len(data) < _FIXED_LENGTH:
        raise Malformed("the login message is too short")
    version, packet_size = struct.unpack_from("<II", data, 4)
    extends = bool(data[27] & 0x10)
    features = _features(data) if extends else {}
    return Login(
        database=_text(data, 68),
        server=_text(data, 52),
        application=_text(data, 48),
        user=_text(data, 40),
        token=_token(features.get(Feature.FEDERATED_AUTHENTICATION)),
        packet_size=packet_size,
        tds_version=version,
        features=frozenset(features),
    )


def is_supported(login: Login) -> bool:
    """Whether the client speaks TDS 7.4 or 8.0."""
    return login.tds_version in (_TDS74, _TDS80)


def _text(data: bytes, position: int) -> str:
    offset, length = struct.unpack_from("<HH", data, position)
    return Reader(data, offset).text(length)


def _features(data: bytes) -> Mapping[int, bytes]:
    """Feature extensions by their ids; where they lie is written where the extension's offset points."""
    (where,) = struct.unpack_from("<H", data, 56)
    reader = Reader(data, Reader(data, where).unsigned(4))
    found: dict[int, bytes] = {}
    while (feature := reader.unsigned(1)) != _END:
        found[feature] = reader.take(reader.unsigned(4))
    return found


def _token(feature: bytes | None) -> str | None:
    """The access token; other libraries than the security token's (Entra by browser, Kerberos) aren't served."""
    if feature is None:
        return None
    reader = Reader(feature)
    if reader.unsigned(1) >> 1 != _SECURITY_TOKEN:
        return None
    return utf16_text(reader.take(reader.unsigned(4)))
