"""Clouds served over TLS from a thread, for clients that bring their own HTTP."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.service import Service
from cloud_emulator.server import make_server
from tests.emulator.observed import observed
from tests.emulator.swagger import check_served


@dataclass(frozen=True)
class Address:
    """Where the cloud answers, and the certificate authority to trust."""

    url: str
    authority: str


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(cloud: Cloud, services: Sequence[tuple[str, Service]]) -> Iterator[Address]:
    """Serves the cloud until the block ends. An exchange with Fabric that isn't as specified is answered by 500."""
    port = free_port()
    server = make_server(cloud, observed(services, check_served), host="127.0.0.1", port=port)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_serve, args=(loop, server), daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "the emulator did not start"
        time.sleep(0.01)
    try:
        yield Address(f"https://localhost:{port}", str(cloud.folder / "tls" / "ca.pem"))
    finally:
        loop.call_soon_threadsafe(_cut, server)
        server.should_exit = True
        thread.join(timeout=10)
        loop.close()


def _serve(loop: asyncio.AbstractEventLoop, server: uvicorn.Server) -> None:
    loop.run_until_complete(server.serve())
    loop.run_until_complete(_end())


async def _end() -> None:
    """Ends what is still at work, such as a handshake that a client broke off."""
    pending = asyncio.all_tasks() - {asyncio.current_task()}
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    await asyncio.sleep(0.01)


def _cut(server: uvicorn.Server) -> None:
    """Ends what clients left open: some keep connections past their own end, and the server would wait for them."""
    for connection in list(server.server_state.connections):
        if connection.transport is not None:
            connection.transport.abort()
