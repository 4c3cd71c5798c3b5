"""Connections that are kept and used again, without looking through all of them for each request.

httpx's own transport walks over its pool of connections several times for every request, and asks each one's socket;
with some dozens of them that was a third of all processor time of a large run. Here the idle connections of an origin
lie on a stack, so that as few as needed are used and the others end by themselves. Answers are read whole.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpcore
import httpx

Origin = tuple[bytes, bytes, int | None]


class Connections(httpx.AsyncBaseTransport):
    """HTTP/1.1 over as many connections as there are requests at once; whoever calls bounds these."""

    def __init__(self, verify: ssl.SSLContext, keepalive_seconds: float) -> None:
        self._verify = verify
        self._keepalive_seconds = keepalive_seconds
        self._idle: dict[Origin, list[httpcore.AsyncHTTPConnection]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request over the connection that was last used, or a new one."""
        if not isinstance(request.stream, httpx.AsyncByteStream):
            raise TypeError("an asynchronous request has an asynchronous stream")
        if request.url.scheme not in {"http", "https"}:
            raise httpx.UnsupportedProtocol(f"{request.url.scheme!r} is neither http nor https")
        url = request.url
        sent = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _errors_of_httpx():
            return await self._exchange(sent, (url.raw_scheme, url.raw_host, url.port))

    async def _exchange(self, request: httpcore.Request, origin: Origin) -> httpx.Response:
        idle = self._idle.setdefault(origin, [])
        connection = await self._usable(idle) or self._another(request.url.origin)
        response = await connection.handle_async_request(request)  # which closes what breaks
        try:
            content = await response.aread()
        finally:
            await response.aclose()
        if connection.is_idle():
            idle.append(connection)
        return httpx.Response(
            response.status, headers=response.headers, content=content, extensions=dict(response.extensions)
        )

    async def _usable(self, idle: list[httpcore.AsyncHTTPConnection]) -> httpcore.AsyncHTTPConnection | None:
        while idle:
            connection = idle.pop()
            if not connection.has_expired():  # nor has the server closed it
                return connection
            await connection.aclose()
        return None

    def _another(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        return httpcore.AsyncHTTPConnection(origin, self._verify, keepalive_expiry=self._keepalive_seconds)

    async def aclose(self) -> None:
        """Close those that are idle; no other is left once all requests have ended."""
        for idle in self._idle.values():
            while idle:
                await idle.pop().aclose()


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    """httpx names its errors as httpcore does."""
    try:
        yield
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        named: type[httpx.TransportError] = getattr(httpx, type(error).__name__)
        raise named(str(error)) from error
