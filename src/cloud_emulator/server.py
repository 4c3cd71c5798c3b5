"""Serves the cloud over TLS: every API on one port, and on another the SQL analytics endpoints."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cloud_emulator.core.app import TRANSPORT, Emulator
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.service import Service
from cloud_emulator.core.tls import ensure_certificates
from cloud_emulator.sql.listener import SqlListener


class _CuttableProtocol(HttpToolsProtocol):
    """Lets a fault rule cut the connection: the ASGI scope carries the transport."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]


def make_server(
    cloud: Cloud, services: Sequence[tuple[str, Service]], *, host: str, port: int, latency: float = 0.0
) -> uvicorn.Server:
    """A server for the cloud, not yet started. ``latency`` is in seconds."""
    files = ensure_certificates(cloud.folder / "tls")
    app: Any = Emulator(cloud, services, latency=latency)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=_CuttableProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        ssl_certfile=str(files.certificate),
        ssl_keyfile=str(files.key),
        timeout_keep_alive=120,
        timeout_graceful_shutdown=2,
        backlog=512,
    )
    logging.getLogger("uvicorn.error").addFilter(_not_on_purpose)
    return uvicorn.Server(config)


def _not_on_purpose(record: logging.LogRecord) -> bool:
    """A fault rule that cuts a connection leaves an answer out on purpose, which is no error to tell of."""
    return not record.getMessage().startswith("ASGI callable returned without")


def run(
    cloud: Cloud,
    services: Sequence[tuple[str, Service]],
    *,
    host: str,
    port: int,
    latency: float,
    sql_port: int | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM; SQL analytics endpoints too, when a port for them is given."""
    server = make_server(cloud, services, host=host, port=port, latency=latency)
    asyncio.run(_serve(server, SqlListener(cloud, latency=latency), host, sql_port))


async def _serve(server: uvicorn.Server, listener: SqlListener, host: str, sql_port: int | None) -> None:
    if sql_port is not None:
        await listener.start(host=host, port=sql_port)
    try:
        await server.serve()
    finally:
        await listener.stop()
