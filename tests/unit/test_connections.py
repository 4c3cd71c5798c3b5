"""Connections: used again, as few as there are requests at once, and usable after a failure."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from unity_mirror.http.client import open_wire
from unity_mirror.http.connections import Connections
from unity_mirror.settings import Settings


class Server:
    """Speaks just enough HTTP; counts connections. A request for /cut has its connection cut, one for /last is the last
    that its connection answers, and those for /together are put down in ``waiting`` until they are answered."""

    def __init__(self) -> None:
        self.connections = 0
        self.together = asyncio.Event()
        self.waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self.writers: list[asyncio.StreamWriter] = []
        self.lines: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        while line := await reader.readline():
            self.lines.append(line)
            await reader.readuntil(b"\r\n\r\n")
            if b"/cut" in line:
                break
            if b"/together" in line:
                self.waiting.put_nowait(line)
                await self.together.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            if b"/last" in line:
                break
        writer.close()


@asynccontextmanager
async def client() -> AsyncIterator[tuple[httpx.AsyncClient, Server]]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    transport = Connections(ssl.create_default_context(), 30.0)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{port}") as opened:
        yield opened, server
    listening.close()
    for writer in server.writers:
        writer.close()
    await asyncio.sleep(0)


async def test_one_after_the_other_use_one_connection() -> None:
    async with client() as (opened, server):
        for _ in range(3):
            assert (await opened.get("/")).text == "ok"
        assert server.connections == 1


async def test_as_many_connections_as_requests_at_once_and_no_more() -> None:
    async with client() as (opened, server):
        for _ in range(2):
            server.together.clear()
            asked = [asyncio.create_task(opened.get("/together")) for _ in range(5)]
            for _ in asked:
                await server.waiting.get()
            server.together.set()
            assert [(await each).text for each in asked] == ["ok"] * 5
        assert server.connections == 5


async def test_after_a_cut_connection_the_next_request_gets_through() -> None:
    async with client() as (opened, server):
        with pytest.raises(httpx.TransportError):
            await opened.get("/cut")
        assert (await opened.get("/")).text == "ok"
        assert server.connections == 2


async def test_a_request_that_nobody_waits_for_any_more_leaves_its_place_usable() -> None:
    async with client() as (opened, server):
        waiting = asyncio.create_task(opened.get("/together"))
        await server.waiting.get()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        server.together.set()
        assert (await opened.get("/")).text == "ok"


async def test_a_connection_that_the_server_has_closed_since_is_not_used_again() -> None:
    async with client() as (opened, server):
        assert (await opened.get("/last")).text == "ok"
        await server.writers[0].wait_closed()
        assert (await opened.post("/", content=b"")).text == "ok"
        assert server.connections == 2


async def test_a_host_that_nobody_listens_at_is_an_error_of_httpx() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{held.getsockname()[1]}"
        async with httpx.AsyncClient(transport=Connections(ssl.create_default_context(), 30.0)) as opened:
            with pytest.raises(httpx.ConnectError):
                await opened.get(address)


async def test_a_proxy_that_the_environment_names_is_asked_for_the_whole_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with client() as (opened, server):
        monkeypatch.setenv("HTTP_PROXY", str(opened.base_url))
        async with open_wire(Settings()) as wire:
            request = httpx.Request("GET", "http://elsewhere.test/things", headers={"X-Kept": "yes"})
            response = await wire.handle_async_request(request)
            assert await response.aread() == b"ok"
        assert server.lines == [b"GET http://elsewhere.test/things HTTP/1.1\r\n"]


async def test_hosts_that_no_proxy_is_for_are_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NO_PROXY", "localhost,.internal")
    async with open_wire(Settings()) as wire:
        assert isinstance(wire, Connections)
