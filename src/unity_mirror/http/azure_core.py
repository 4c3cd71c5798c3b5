"""azure-core over httpx: lets Azure's own clients send through our client or our transport.

azure-core would otherwise need aiohttp, and would keep connections, retries and counts of its own.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpx
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.core.utils import case_insensitive_dict

from unity_mirror.clock import Clock
from unity_mirror.http.calls import Call
from unity_mirror.http.transport import Transport

Sender = Callable[[HttpRequest], Awaitable[httpx.Response]]
_OPERATION: ContextVar[str] = ContextVar("operation", default="")


@contextmanager
def doing(operation: str) -> Iterator[None]:
    """Name, for errors, what Azure's client is about to do; it has no way to pass it on itself."""
    token = _OPERATION.set(operation)
    try:
        yield
    finally:
        _OPERATION.reset(token)


class _NothingToClose:
    """Closing does nothing: the connections belong to whoever made the sender."""

    async def close(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass


class HttpxTransport(_NothingToClose, AsyncHttpTransport[HttpRequest, AsyncHttpResponse]):
    """An azure-core transport that sends through ``sender`` and sleeps by our clock."""

    def __init__(self, sender: Sender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock

    async def send(self, request: HttpRequest, **_: Any) -> AsyncHttpResponse:
        return HttpxResponse(request, await self._sender(request))

    async def open(self) -> None:
        pass

    async def sleep(self, duration: float) -> None:
        await self._clock.sleep(duration)

    async def __aenter__(self) -> "HttpxTransport":
        return self


def through_client(client: httpx.AsyncClient) -> Sender:
    """Return a sender for signing in: the plain client, with azure-core's own errors and retries."""

    async def send(request: HttpRequest) -> httpx.Response:
        try:
            return await client.request(
                request.method, request.url, headers=dict(request.headers), content=_content(request)
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as fault:
            raise ServiceRequestError(_no_answer(request, fault), error=fault) from fault
        except httpx.TransportError as fault:
            raise ServiceResponseError(_no_answer(request, fault), error=fault) from fault

    return send


def _no_answer(request: HttpRequest, fault: httpx.TransportError) -> str:
    return f"no answer from {httpx.URL(request.url).host}: {str(fault) or type(fault).__name__}"


def through_transport(transport: Transport, service: str, scope: str, budget: str) -> Sender:
    """Return a sender through our transport: signed in, retried, throttled; refusals are raised as our errors."""

    async def send(request: HttpRequest) -> httpx.Response:
        call = Call(
            service=service,
            operation=_OPERATION.get() or f"send {request.method}",
            method=request.method,
            url=request.url,
            scope=scope,
            headers=dict(request.headers),
            content=_content(request),
            budget=budget,
        )
        return await transport.send(call)

    return send


def _content(request: HttpRequest) -> bytes | None:
    content = request.content
    if content is None or isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, dict):
        return str(httpx.QueryParams(content)).encode()
    raise TypeError(f"a request body of {type(content).__name__} can't be sent")


class HttpxResponse(_NothingToClose, AsyncHttpResponse):
    """A wholly read answer in azure-core's form."""

    def __init__(self, request: HttpRequest, response: httpx.Response) -> None:
        self._request = request
        self._response = response
        self._encoding: str | None = None
        self._headers = case_insensitive_dict(dict(response.headers))

    @property
    def request(self) -> HttpRequest:
        return self._request

    @property
    def status_code(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> MutableMapping[str, str]:
        return self._headers

    @property
    def reason(self) -> str:
        return self._response.reason_phrase

    @property
    def content_type(self) -> str | None:
        return self._headers.get("content-type")

    @property
    def is_closed(self) -> bool:
        return True

    @property
    def is_stream_consumed(self) -> bool:
        return True

    @property
    def encoding(self) -> str | None:
        return self._encoding or self._response.encoding

    @encoding.setter
    def encoding(self, value: str | None) -> None:
        self._encoding = value

    @property
    def url(self) -> str:
        return self._request.url

    @property
    def content(self) -> bytes:
        return self._response.content

    def body(self) -> bytes:
        """Return the content; older parts of azure-core and the storage client ask for it by this name."""
        return self._response.content

    def text(self, encoding: str | None = None) -> str:
        return self._response.content.decode(encoding or self.encoding or "utf-8-sig", errors="replace")

    def json(self) -> Any:
        return json.loads(self.text())

    def raise_for_status(self) -> None:
        if self.status_code >= httpx.codes.BAD_REQUEST:
            raise HttpResponseError(response=self)

    async def read(self) -> bytes:
        return self._response.content

    async def load_body(self) -> None:
        """Do nothing: the body is here already."""

    async def iter_raw(self, **_: Any) -> AsyncIterator[bytes]:
        yield self._response.content

    async def iter_bytes(self, **_: Any) -> AsyncIterator[bytes]:
        yield self._response.content
