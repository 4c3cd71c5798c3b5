"""One client's session: the handshake, the login, and then its batches and calls until it leaves."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.faults import LOST, FaultRule
from cloud_emulator.core.identity import Caller
from cloud_emulator.sql import endpoints, errors, login, tokens
from cloud_emulator.sql.channel import Channel, Closed
from cloud_emulator.sql.endpoints import Database
from cloud_emulator.sql.errors import SqlError
from cloud_emulator.sql.interference import Interference
from cloud_emulator.sql.login import Encryption, Login
from cloud_emulator.sql.tokens import Change, Done
from cloud_emulator.sql.wire import DEFAULT_PACKET_SIZE, Malformed, Packet

if TYPE_CHECKING:
    from cloud_emulator.sql.requests import Requests

Incoming = asyncio.Future[tuple[int, bytes]]

_OK = 200
_LARGEST_PACKET = 32767
_SMALLEST_PACKET = 512


@dataclass(slots=True)
class State:
    """What a session has set and prepared: statements by handle, each with its parameters' definition."""

    caller: Caller
    login: Login
    home: Database
    database: Database
    number: int
    prepared: dict[int, tuple[str, str]] = field(default_factory=dict)
    transaction: bytes = b""
    transactions: int = 0
    rows: int = 0
    """What @@ROWCOUNT is: how many rows the last statement answered."""

    def reset(self) -> None:
        """As if just logged in, for a client that takes the connection from its pool."""
        self.database = self.home
        self.prepared.clear()
        self.transaction = b""
        self.rows = 0


class Session:
    """Serves one connection. ``requests`` gives what answers requests, when the first one comes."""

    def __init__(
        self,
        cloud: Cloud,
        channel: Channel,
        contexts: tuple[ssl.SSLContext, ssl.SSLContext],
        requests: Callable[[], Requests],
        number: int,
        latency: float = 0.0,
    ) -> None:
        self._cloud = cloud
        self._interference = Interference(cloud, channel, latency)
        self._channel = channel
        self._inner, self._strict = contexts
        self._requests = requests
        self._number = number

    async def serve(self) -> None:
        """Serves until the client leaves. Raises :class:`Closed`, or :class:`Malformed` for what isn't TDS."""
        if not await self._greet():
            return
        state = await self._log_in()
        if state is not None:
            await self._loop(state)

    async def _greet(self) -> bool:
        """Agrees on encryption; false when the client can't do it."""
        strict = await self._channel.opens_with_tls()
        if strict:
            await self._channel.start_strict(self._strict)
        kind, data = await self._channel.read()
        if kind != Packet.PRELOGIN:
            raise Malformed(f"packet {kind} before the pre-login")
        asked = login.parse_pre_login(data)
        plain = asked.encryption == Encryption.NOT_SUPPORTED and not self._cloud.rules.on("sql.login.encrypted")
        await self._channel.write(login.pre_login_answer(asked, unencrypted=strict or plain))
        if strict or plain:
            return True
        if asked.encryption == Encryption.NOT_SUPPORTED:
            return False
        await self._channel.start_inner(self._inner)
        return True

    async def _log_in(self) -> State | None:
        kind, data = await self._channel.read()
        if kind != Packet.LOGIN:
            raise Malformed(f"packet {kind} in place of the login")
        asked = login.parse_login(data)
        size = min(max(asked.packet_size or DEFAULT_PACKET_SIZE, _SMALLEST_PACKET), _LARGEST_PACKET)
        fault = await self._interference.meet("LOGIN", asked.database)
        if fault is not None:
            answer, number = await self._strike(fault, b"", "LOGIN", asked.database)
            await self._refuse(asked, answer, number)
            return None
        try:
            if not login.is_supported(asked):
                raise errors.not_served("other versions of TDS than 7.4 and 8.0")
            state = self._open(asked)
        except SqlError as error:
            also = b"" if error.number == errors.LOGIN_FAILED else tokens.error(errors.login_failed())
            await self._refuse(asked, tokens.error(error) + also + tokens.done(Done.ERROR), error.number)
            return None
        self._log("LOGIN", asked.database, _OK, "auth")
        await self._channel.write(_welcome(state, size))
        self._channel.packet_size = size
        return state

    async def _refuse(self, asked: Login, answer: bytes, number: int) -> None:
        self._log("LOGIN", asked.database, number, "auth")
        await self._channel.write(answer)

    def _open(self, asked: Login) -> State:
        with self._cloud.store.transaction():
            self._cloud.jobs.run_due(self._cloud)
        caller = endpoints.sign_in(self._cloud, asked)
        endpoints.check_pace(self._cloud, caller, "LOGIN")
        database = endpoints.open_database(self._cloud, caller, asked)
        return State(caller, asked, database, database, self._number)

    async def _loop(self, state: State) -> None:
        """Answers one request after the other; an attention signal cancels the one that runs."""
        incoming: Incoming = asyncio.ensure_future(self._channel.read())
        try:
            while True:
                kind, data = await incoming
                reset = self._channel.asks_reset
                incoming = asyncio.ensure_future(self._channel.read())
                if kind == Packet.ATTENTION:
                    await self._channel.write(tokens.done(Done.ATTENTION))
                    continue
                incoming = await self._answer(state, kind, data, incoming, reset=reset)
        finally:
            incoming.cancel()
            await asyncio.gather(incoming, return_exceptions=True)

    async def _answer(self, state: State, kind: int, data: bytes, incoming: Incoming, *, reset: bool) -> Incoming:
        """Answers a request; the next message that is waited for."""
        with self._cloud.store.transaction():
            self._cloud.jobs.run_due(self._cloud)
        if reset:
            state.reset()
        request = self._requests().request(state, kind, data)
        fault = await self._interference.meet(request.name, state.database.name)
        if fault is not None and fault.when == "before":
            answer, status = await self._strike(fault, b"", request.name, state.database.name, incoming)
            self._log(request.name, state.database.name, status, "read")
            await self._channel.write(answer)
            return incoming
        answering = asyncio.ensure_future(request.answer())
        pair: set[asyncio.Future[Any]] = {answering, incoming}
        await asyncio.wait(pair, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            request.cancel.ask()
        answer, status = await answering
        if fault is not None:
            answer, status = await self._strike(fault, answer, request.name, state.database.name, incoming)
        self._log(request.name, state.database.name, status, "read")
        if request.cancel.asked:
            kind, _ = await incoming
            if kind != Packet.ATTENTION:
                raise Malformed(f"packet {kind} while a request runs")
            await self._channel.write(tokens.done(Done.ATTENTION))
            return asyncio.ensure_future(self._channel.read())
        acknowledged = tokens.environment(Change.RESET, b"", b"") if reset else b""
        await self._channel.write(acknowledged + answer)
        return incoming

    async def _strike(
        self, fault: FaultRule, answer: bytes, method: str, database: str, incoming: Incoming | None = None
    ) -> tuple[bytes, int]:
        """As :meth:`Interference.strike`, an answer that is cut off logged."""
        try:
            return await self._interference.strike(fault, answer, incoming)
        except Closed:
            if fault.action in LOST:
                self._log(method, database, 0, "auth" if method == "LOGIN" else "read")
            raise

    def _log(self, method: str, database: str, status: int, effect: str) -> None:
        """The request log holds 200, the number of the SQL error, or 0 when the answer was cut off."""
        entry = {"service": "sql", "method": method, "path": database, "status": status}
        self._cloud.requests.append({**entry, "at": self._cloud.clock.iso(), "effect": effect})


def _welcome(state: State, packet_size: int) -> bytes:
    """All that a server says after a login, in its order; ODBC wants it complete [C]."""
    name = state.database.name
    parts = [
        tokens.environment(Change.DATABASE, name, "master"),
        tokens.information(5701, f"Changed database context to '{name}'."),
        tokens.collation(),
        tokens.environment(Change.LANGUAGE, "us_english"),
        tokens.information(5703, "Changed language setting to us_english.", state=1),
        tokens.login_ack(state.login.tds_version),
        tokens.environment(Change.PACKET_SIZE, str(packet_size), str(DEFAULT_PACKET_SIZE)),
        tokens.features_ack(state.login.features),
        tokens.done(Done.FINAL),
    ]
    return b"".join(parts)


__all__ = ["Closed", "Session", "State"]
