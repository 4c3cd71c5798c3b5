"""Clouds served over TLS from a thread, for clients that bring their own HTTP."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.service import Service
from cloud_emulator.server import make_server
from tests.emulator.checks import check
from tests.emulator.observed import observed


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


def eventually(holds: Callable[[], object], what: str) -> None:
    """Waits until something holds that another thread brings about."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, f"not within a minute: {what}"
        time.sleep(0.002)


@contextmanager
def running(cloud: Cloud, services: Sequence[tuple[str, Service]]) -> Iterator[Address]:
    """Serves the cloud until the block ends. An exchange that isn't as specified is answered by 500."""
    port = free_port()
    server = make_server(cloud, observed(services, check), host="127.0.0.1", port=port)
    loop, done = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(_serve(server, done)), daemon=True)
    thread.start()
    eventually(lambda: server.started, "the emulator has started")
    try:
        yield Address(f"https://localhost:{port}", str(cloud.folder / "tls" / "ca.pem"))
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(timeout=10)
        loop.close()


async def _serve(server: uvicorn.Server, done: asyncio.Event) -> None:
    """Serves until told to end, and then at once: what clients left open is cut, a handshake broken off."""
    serving = asyncio.ensure_future(server.serve())
    await done.wait()
    serving.cancel()
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        if connection.transport is not None:
            connection.transport.abort()
    pending = asyncio.all_tasks() - {asyncio.current_task()}
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    await asyncio.sleep(0.01)
