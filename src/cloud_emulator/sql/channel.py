"""One client's connection: TDS packets over TCP, with TLS inside TDS packets (7.4) or round them (8.0)."""

from __future__ import annotations

import asyncio
import ssl

from cloud_emulator.sql.wire import DEFAULT_PACKET_SIZE, HEADER, LAST, RESET, Malformed, Packet

STRICT_ALPN = "tds/8.0"
_TLS_RECORD = 0x16
_CHUNK = 65536
_MOST = 64 * 1024 * 1024
"""Longest message that is accepted, in bytes."""


class Closed(Exception):
    """The client went away."""


def make_contexts(certificate: str, key: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS settings for TDS 7.4 and for TDS 8.0. Inside TDS packets TLS 1.3 isn't possible: it speaks after the
    handshake."""
    inner, strict = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2))
    for context in (inner, strict):
        context.load_cert_chain(certificate, key)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    inner.maximum_version = ssl.TLSVersion.TLSv1_2
    strict.set_alpn_protocols([STRICT_ALPN])
    return inner, strict


class Channel:
    """Messages to and from one client. All methods raise :class:`Closed` when it goes away."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._buffer = bytearray()
        self.packet_size = DEFAULT_PACKET_SIZE
        self.asks_reset = False

    async def opens_with_tls(self) -> bool:
        """Whether the client begins with TLS, as TDS 8.0 does."""
        first = await self._receive()
        self._buffer += first
        return first[0] == _TLS_RECORD

    async def start_strict(self, context: ssl.SSLContext) -> None:
        """TLS first, TDS within it."""
        self._incoming.write(bytes(self._buffer))
        self._buffer.clear()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while not self._shake():
            await self._flush()
            self._incoming.write(await self._receive())
        await self._flush()

    async def start_inner(self, context: ssl.SSLContext) -> None:
        """The handshake travels in pre-login packets; afterwards TDS travels in TLS."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._tls = tls
        while not self._shake():
            await self._send_handshake()
            self._tls = None
            kind, data = await self.read()
            self._tls = tls
            if kind != Packet.PRELOGIN:
                raise Malformed(f"packet {kind} in the TLS handshake")
            self._incoming.write(data)
        await self._send_handshake()

    async def read(self) -> tuple[int, bytes]:
        """The next message: its type and contents. ``asks_reset`` tells whether it wants a session as if new."""
        message = bytearray()
        self.asks_reset = False
        while True:
            kind, status, length, *_ = HEADER.unpack(await self._take(HEADER.size))
            self.asks_reset = self.asks_reset or bool(status & RESET)
            if length < HEADER.size or len(message) > _MOST:
                raise Malformed(f"a packet of {length} bytes")
            message += await self._take(length - HEADER.size)
            if status & LAST:
                return kind, bytes(message)

    async def write(self, message: bytes, kind: Packet = Packet.RESPONSE) -> None:
        """Sends a message."""
        room = self.packet_size - HEADER.size
        starts = range(0, max(len(message), 1), room)
        for number, start in enumerate(starts, 1):
            part = message[start : start + room]
            status = LAST if start + room >= len(message) else 0
            header = HEADER.pack(kind, status, len(part) + HEADER.size, 0, number % 256, 0)
            await self._send(header + part)
        await self._drain()

    async def write_half(self, message: bytes) -> None:
        """Sends a packet that is shorter than it says."""
        part = message[: self.packet_size - HEADER.size]
        await self._send(HEADER.pack(Packet.RESPONSE, LAST, len(part) + HEADER.size, 0, 1, 0) + part[: len(part) // 2])
        await self._drain()

    def abort(self) -> None:
        """Cuts the connection."""
        self._writer.transport.abort()

    def close(self) -> None:
        """Ends the connection."""
        self._writer.close()

    def _shake(self) -> bool:
        if self._tls is None:
            raise RuntimeError("TLS was not started")
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise Closed(f"the TLS handshake failed: {error}") from error
        return True

    async def _send_handshake(self) -> None:
        pending = self._outgoing.read()
        if pending:
            self._writer.write(HEADER.pack(Packet.PRELOGIN, LAST, len(pending) + HEADER.size, 0, 0, 0) + pending)
            await self._drain()

    async def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._buffer += await self._decrypted() if self._tls else await self._receive()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _decrypted(self) -> bytes:
        if self._tls is None:
            raise RuntimeError("TLS was not started")
        while True:
            try:
                data = self._tls.read(_CHUNK)
            except ssl.SSLWantReadError:
                await self._flush()
                self._incoming.write(await self._receive())
            except ssl.SSLError as error:
                raise Closed(str(error)) from error
            else:
                if not data:
                    raise Closed("the client ended TLS")
                return data

    async def _receive(self) -> bytes:
        try:
            data = await self._reader.read(_CHUNK)
        except OSError as error:
            raise Closed(str(error)) from error
        if not data:
            raise Closed("the client closed the connection")
        return data

    async def _send(self, data: bytes) -> None:
        if self._tls is None:
            self._writer.write(data)
            return
        self._tls.write(data)
        await self._flush()

    async def _flush(self) -> None:
        pending = self._outgoing.read()
        if pending:
            self._writer.write(pending)
            await self._drain()

    async def _drain(self) -> None:
        try:
            await self._writer.drain()
        except OSError as error:
            raise Closed(str(error)) from error
