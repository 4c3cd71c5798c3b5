"""Between flows and Prefect's server: a proxy that loses the answer to a request, or never hands the request on.

It stands for a load balancer whose replica dies, and for the network. It has its own thread, and one connection for
each request, so that it need not understand answers. Websockets pass.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["answer cut", "502 after", "503 before", "cut before"]
AFTER: tuple[Fault, ...] = ("answer cut", "502 after")
"""The request has its effect. (The others: it has none.)"""
_STATUS = {"502 after": b"502 Bad Gateway", "503 before": b"503 Service Unavailable"}
_READS = ("filter", "count", "paginate", "history", "lateness")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")


@dataclass(frozen=True)
class Request:
    """One request, its path without ids; ``nth`` counts those that look the same."""

    method: str
    path: str
    nth: int
    again: int
    """How often the very same was sent before."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + (f" ({self.nth})" if self.nth > 1 else "")

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET" and not self.path.endswith(_READS)


Rule = Callable[[Request], Fault | None]


def nothing(_request: Request) -> Fault | None:
    """The rule that strikes nothing."""
    return None


def masked(text: str) -> str:
    """Without ids, which differ between runs."""
    return _GUID.sub("*", text)


@dataclass
class Unreliable:
    """The proxy: ``rule`` says which request is struck by what. Requests are counted without their repetitions."""

    server: str
    """The API's address."""
    retry_after: float | None = None
    """Seconds that answers of its own ask to wait; None: nothing is said of it, as by HAProxy."""
    url: str = ""
    """The API's address, as it is to be called."""
    rule: Rule = nothing
    sent: dict[bytes, Request] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    struck: list[Request] = field(default_factory=list)
    lost: list[bytes] = field(default_factory=list)
    """The answers that nobody got."""

    def begin(self, rule: Rule) -> None:
        """Counts from anew, by this rule."""
        self.sent, self.requests, self.struck, self.lost, self.rule = {}, [], [], [], rule

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"\r\nupgrade: websocket\r\n" in head.lower():
                await self._tunnel(head, reader, writer)
            else:
                await self._exchange(head, await reader.readexactly(_length(head)), writer)
        writer.close()

    async def _exchange(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        fault = self._fault_of(head, body)
        answer = b"" if fault and fault not in AFTER else await self._forwarded(head, body)
        if fault:
            self.lost.append(answer)
            if fault not in _STATUS:
                writer.transport.abort()
                return
            answer = self._own_answer(fault)
        writer.write(answer)
        await writer.drain()

    def _fault_of(self, head: bytes, body: bytes) -> Fault | None:
        line = head.split(b"\r\n", 1)[0]
        method, target, _ = line.decode().split(" ")
        path = masked(target.partition("?")[0].removeprefix(urlsplit(self.server).path)).rstrip("/")
        before = self.sent.get(line + body)
        nth = 1 + sum((each.method, each.path) == (method, path) for each in self.requests)
        request = replace(before, again=before.again + 1) if before else Request(method, path, nth, 0)
        self.sent[line + body] = request
        if not before:
            self.requests.append(request)
        if fault := self.rule(request):
            self.struck.append(request)
        return fault

    def _own_answer(self, fault: Fault) -> bytes:
        wait = b"" if self.retry_after is None else b"Retry-After: %f\r\n" % self.retry_after
        return b"HTTP/1.1 %s\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n" % (_STATUS[fault], wait)

    async def _forwarded(self, head: bytes, body: bytes) -> bytes:
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        lines.insert(1, b"Connection: close")
        async with self._connected() as (reader, writer):
            writer.write(b"\r\n".join(lines) + body)
            return await reader.read()

    async def _tunnel(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._connected() as (there, here):
            here.write(head)
            await asyncio.gather(_copy(reader, here), _copy(there, writer))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        parts = urlsplit(self.server)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            yield reader, writer
        finally:
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
    writer.close()


def _length(head: bytes) -> int:
    found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return int(found[1]) if found else 0


@contextmanager
def unreliable(server: str, retry_after: float | None = None) -> Iterator[Unreliable]:
    """A proxy before the API at ``server``, until the block ends."""
    proxy, ready = Unreliable(server, retry_after), Future[asyncio.Event]()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(_run(proxy, ready)), daemon=True)
    thread.start()
    done = ready.result(timeout=10)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(timeout=10)
        loop.close()


async def _run(proxy: Unreliable, ready: Future[asyncio.Event]) -> None:
    done = asyncio.Event()
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    proxy.url = urlsplit(proxy.server)._replace(netloc=f"127.0.0.1:{port}").geturl()
    ready.set_result(done)
    await done.wait()
    listener.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.01)  # connections are closed a little later
