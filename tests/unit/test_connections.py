"""Connections: used again, as few as there are requests at once, and usable after a failure."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

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


def _answer_and_close(listening: socket.socket, answers: int) -> None:
    for _ in range(answers):
        accepted, _ = listening.accept()
        with accepted:
            accepted.recv(65536)
            accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


async def test_a_connection_that_the_server_closed_while_we_were_busy_is_not_used_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=_answer_and_close, args=(listening, 2))
        serving.start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with httpx.AsyncClient(transport=Connections(ssl.create_default_context(), 30.0)) as opened:
            assert (await opened.get(address)).text == "ok"
            time.sleep(0.1)  # noqa: ASYNC251 - the loop has no chance to hear of the close
            assert (await opened.post(address, content=b"once")).text == "ok"
        serving.join()


async def test_an_answer_that_does_not_come_is_a_read_timeout() -> None:
    async with client() as (opened, server):
        with pytest.raises(httpx.ReadTimeout):
            await opened.get("/together", timeout=httpx.Timeout(0.05, connect=5))
        server.together.set()


async def test_a_server_that_takes_nothing_is_a_write_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with httpx.AsyncClient(transport=Connections(ssl.create_default_context(), 30.0)) as opened:
            # httpcore goes on to look for an early answer, which doesn't come either.
            with pytest.raises(httpx.TimeoutException):
                await opened.post(address, content=bytes(50_000_000), timeout=0.05)


async def test_a_server_that_speaks_no_tls_is_a_connect_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=_answer_and_close, args=(listening, 1))
        serving.start()
        async with httpx.AsyncClient(transport=Connections(ssl.create_default_context(), 30.0)) as opened:
            with pytest.raises(httpx.ConnectError, match="SSL"):
                await opened.get(f"https://127.0.0.1:{listening.getsockname()[1]}")
        serving.join()


@pytest.mark.parametrize("handshaking", [False, True])
async def test_a_connection_cut_off_while_it_is_made_leaves_no_socket_behind(handshaking: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # whose part of the TLS handshake never comes
        address = f"https://127.0.0.1:{listening.getsockname()[1]}"
        async with httpx.AsyncClient(transport=Connections(ssl.create_default_context(), 30.0)) as opened:
            asked = asyncio.create_task(opened.get(address))
            accepted, _ = await asyncio.to_thread(listening.accept)
            with accepted:
                accepted.settimeout(5)
                if handshaking:
                    assert await asyncio.to_thread(accepted.recv, 1)
                asked.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asked
                await asyncio.to_thread(_read_to_the_end, accepted)  # there is one


@pytest.mark.parametrize("first", ["refuses", "never answers"])
async def test_a_host_is_reached_at_its_second_address_when_the_first_leads_nowhere(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = asyncio.open_connection

    async def connecting(host: str, *args: Any, **options: Any) -> Any:
        if host == "127.0.0.2" and first == "refuses":
            raise ConnectionRefusedError
        return await (asyncio.Event().wait() if host == "127.0.0.2" else connect(host, *args, **options))

    async def resolved(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", 0)) for last in (2, 1)]

    async with client() as (opened, _):
        monkeypatch.setattr(asyncio, "open_connection", connecting)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
        assert (await opened.get("/", timeout=httpx.Timeout(5.0, connect=0.4))).text == "ok"


def _read_to_the_end(accepted: socket.socket) -> None:
    with contextlib.suppress(ConnectionResetError):
        while accepted.recv(65536):
            pass


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
