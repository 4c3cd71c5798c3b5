"""Requests go through the proxy that the environment names, and past it to hosts that it excepts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from unity_mirror.clock import ManualClock
from unity_mirror.clouds import connect
from unity_mirror.errors import CredentialError
from unity_mirror.settings import Settings

ENVIRON = {
    "AZURE_TENANT_ID": "00000000-0000-0000-0000-000000000001",
    "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000002",
    "AZURE_CLIENT_SECRET": "hush",
    "UNITY_MIRROR_AUTHORITY_URL": "https://localhost:9",
}


@asynccontextmanager
async def proxy(asked: list[str]) -> AsyncIterator[int]:
    """A proxy that notes whom it is asked for, and refuses."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode().strip())
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def sign_in() -> str:
    """What signing in through the environment's proxy, if any, fails with."""
    settings = Settings.from_environment(ENVIRON)
    async with connect(settings, clock=ManualClock()) as clouds:
        with pytest.raises(CredentialError) as refused:
            await clouds.clients.whoami()
    return str(refused.value)


async def test_the_environment_names_a_proxy_and_whom_it_is_not_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY")
    asked: list[str] = []
    async with proxy(asked) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:pa55word@127.0.0.1:{port}")
        told = await sign_in()
        assert set(asked) == {"CONNECT localhost:9 HTTP/1.1"}
        assert "407" in told
        assert "pa55word" not in told
        asked.clear()
        monkeypatch.setenv("NO_PROXY", "localhost")
        await sign_in()
        assert asked == []
