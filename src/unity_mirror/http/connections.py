"""Connections that are kept and used again, without looking through all of them for each request.

httpcore's pool walks over its connections several times for every request, and asks each one's socket; with some dozens
of them that was a third of all processor time of a large run. Here each connection is a pool of one, and the idle ones
of an origin lie on a stack, so that as few as needed are used and the others end by themselves.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import httpx

Origin = tuple[str, str, int | None]


class Connections(httpx.AsyncBaseTransport):
    """HTTP/1.1 over as many connections as there are requests at once; whoever calls bounds these."""

    def __init__(self, verify: ssl.SSLContext, keepalive_seconds: float) -> None:
        self._verify = verify
        self._limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=keepalive_seconds)
        self._idle: dict[Origin, list[httpx.AsyncHTTPTransport]] = {}
        self._all: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request over the connection that was last used, or a new one."""
        idle = self._idle.setdefault((request.url.scheme, request.url.host, request.url.port), [])
        connection = idle.pop() if idle else self._another()
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            idle.append(connection)  # it has closed what broke, and connects anew when it is next used
            raise
        response.stream = _Returning(response.stream, idle, connection)
        return response

    def _another(self) -> httpx.AsyncHTTPTransport:
        connection = httpx.AsyncHTTPTransport(verify=self._verify, limits=self._limits)
        self._all.append(connection)
        return connection

    async def aclose(self) -> None:
        """Close all of them."""
        for connection in self._all:
            await connection.aclose()


class _Returning(httpx.AsyncByteStream):
    """An answer's content; its connection is idle again once that has been closed."""

    def __init__(
        self,
        stream: httpx.SyncByteStream | httpx.AsyncByteStream,
        idle: list[httpx.AsyncHTTPTransport],
        connection: httpx.AsyncHTTPTransport,
    ) -> None:
        if not isinstance(stream, httpx.AsyncByteStream):
            raise TypeError("an asynchronous answer has an asynchronous stream")
        self._stream = stream
        self._idle = idle
        self._connection: httpx.AsyncHTTPTransport | None = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            if self._connection is not None:
                self._idle.append(self._connection)
                self._connection = None
