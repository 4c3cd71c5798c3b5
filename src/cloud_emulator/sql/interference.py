"""What a test wants to go wrong with a SQL session, and how late its answers are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.faults import ON_OPERATIONS, FaultRule
from cloud_emulator.core.http import Request
from cloud_emulator.sql import errors, tokens
from cloud_emulator.sql.channel import Channel, Closed
from cloud_emulator.sql.tokens import Done

SERVICE: Final = "sql"


class Interference:
    """Delays and faults of one session. To a fault's rule a login or request has the method that stands in the request
    log (LOGIN, BATCH, RPC), and the database's name as its path. ``latency`` is in seconds."""

    def __init__(self, cloud: Cloud, channel: Channel, latency: float) -> None:
        self._cloud = cloud
        self._channel = channel
        self._latency = latency

    async def meet(self, method: str, database: str) -> FaultRule | None:
        """The rule that strikes, once the answer is as late as it shall be."""
        fault = self._cloud.faults.pick(SERVICE, Request(method, database, database, {}, {}, b"", ""))
        milliseconds = self._cloud.behaviour.latency_ms.get(SERVICE)
        seconds = self._latency if milliseconds is None else milliseconds / 1000
        if seconds:
            await asyncio.sleep(seconds)
        return fault if fault is None or fault.action not in ON_OPERATIONS else None

    async def strike(
        self, fault: FaultRule, answer: bytes, incoming: Awaitable[object] | None = None
    ) -> tuple[bytes, int]:
        """The answer that takes the place of ``answer``, and its number, when the fault is an error. Otherwise the
        answer is lost: raises :class:`Closed`. ``incoming`` is a read that is under way."""
        if fault.action == "status":
            error = errors.SqlError(fault.sql_error, fault.error_message, severity=16)
            return tokens.error(error) + tokens.done(Done.ERROR), error.number
        if fault.action == "kill":
            fault.end_process()
        if fault.action == "hang":
            await self._hang(incoming)
        if fault.action == "half_body":
            await self._channel.write_half(answer)
        self._channel.abort()
        raise Closed(f"cut off by a fault: {fault.action}")

    async def _hang(self, incoming: Awaitable[object] | None) -> None:
        """Says nothing until the client goes away, which raises :class:`Closed`."""
        if incoming is not None:
            await incoming
        while True:
            await self._channel.read()
