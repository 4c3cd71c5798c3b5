"""Listens for TDS clients in the emulator's own process. What runs queries is imported when the first one comes."""

from __future__ import annotations

import asyncio
import itertools
import logging
import shutil
import struct
from functools import cache
from typing import TYPE_CHECKING

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.tls import ensure_certificates
from cloud_emulator.sql.channel import Channel, Closed, make_contexts
from cloud_emulator.sql.session import Session
from cloud_emulator.sql.wire import Malformed

if TYPE_CHECKING:
    from cloud_emulator.sql.requests import Requests

logger = logging.getLogger("cloud_emulator")


class SqlListener:
    """Serves all SQL analytics endpoints of a cloud on one port, each answer ``latency`` seconds late."""

    def __init__(self, cloud: Cloud, *, latency: float = 0.0) -> None:
        files = ensure_certificates(cloud.folder / "tls")
        self._cloud = cloud
        self._latency = latency
        self._contexts = make_contexts(str(files.certificate), str(files.key))
        self._numbers = itertools.count(51)
        self._requests = cache(self._make_requests)
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    async def start(self, *, host: str, port: int) -> None:
        """Begins to listen. Raises ``OSError`` for a port that is in use."""
        shutil.rmtree(self._cloud.folder / "sql", ignore_errors=True)
        self._server = await asyncio.start_server(self._accept, host, port)

    async def stop(self) -> None:
        """Ends listening, and all sessions."""
        if self._server is not None:
            self._server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.ensure_future(self._serve(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = Channel(reader, writer)
        session = Session(self._cloud, channel, self._contexts, self._requests, next(self._numbers), self._latency)
        try:
            await session.serve()
        except Closed:
            pass
        except (Malformed, struct.error, UnicodeDecodeError) as error:
            logger.warning("a SQL client sent what is no TDS: %s", error)
        except Exception:
            logger.exception("a SQL session failed in the emulator")
        finally:
            channel.close()

    def _make_requests(self) -> Requests:
        from cloud_emulator.sql.requests import Requests

        return Requests(self._cloud)
