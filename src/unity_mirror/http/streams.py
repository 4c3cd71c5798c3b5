"""A connection of asyncio's own, in the form that httpcore's HTTP/1.1 takes.

httpcore's usual one goes through anyio, whose scopes and TLS took a quarter of the processor time of each request.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import ssl
from typing import Any

import httpcore

_BUFFER = 256 * 1024
"""Bytes that lie ready before the server has to wait: a page of a large list fits in."""


async def open_stream(origin: httpcore.Origin, verify: ssl.SSLContext, seconds: float | None) -> AsyncioStream:
    """Connect, with TLS where the origin asks for it. Raises httpcore's ConnectTimeout and ConnectError."""
    host = origin.host.decode("ascii")
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await _connect(host, origin.port, seconds)
            if origin.scheme == b"https":
                await _start_tls(writer, verify, host)
    except TimeoutError as error:
        raise httpcore.ConnectTimeout(str(error)) from error
    except OSError as error:  # ssl.SSLError is one
        raise httpcore.ConnectError(str(error)) from error
    return AsyncioStream(reader, writer)


async def _connect(host: str, port: int, seconds: float | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Try the host's addresses in turn, each for its share of the time: IPv6 is there and leads nowhere at times.

    asyncio could try them side by side, and would leave a socket behind when it is cut off at the wrong moment.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    *others, last = dict.fromkeys(str(address[0]) for *_, address in found)
    for address in others:
        with contextlib.suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(seconds and seconds / (len(others) + 1)):
                return await asyncio.open_connection(address, port, limit=_BUFFER)
    return await asyncio.open_connection(last, port, limit=_BUFFER)


async def _start_tls(writer: asyncio.StreamWriter, verify: ssl.SSLContext, host: str) -> None:
    try:
        await writer.start_tls(verify, server_hostname=host)
    except BaseException:
        writer.transport.abort()
        raise


class AsyncioStream(httpcore.AsyncNetworkStream):
    """Bytes to and from a server; errors are httpcore's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's name
        """Return what has come; nothing at the end."""
        try:
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's name
        """Send, and wait while the server takes nothing more."""
        if not buffer:
            return
        try:
            self._writer.write(buffer)
            async with asyncio.timeout(timeout if self._writer.transport.get_write_buffer_size() else None):
                await self._writer.drain()
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        """Let go of it at once: whatever is still under way is of no use to anybody."""
        self._writer.transport.abort()
        await asyncio.sleep(0)  # the socket is closed when the loop comes round

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks for: ``is_readable`` before a connection is used again, when nothing is due."""
        if info == "is_readable":
            return self._reader.at_eof() or self._writer.transport.is_closing() or self._has_news()
        return self._writer.get_extra_info(info)

    def _has_news(self) -> bool:
        """Whether something has come that the loop, busy with other things, hasn't looked at: the server's goodbye."""
        if not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self._writer.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))
