"""Batches, calls of procedures, and transaction requests: what each is, and the tokens that answer it.

Imported when the first request comes, for the sake of a fast start.
"""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Sequence

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.sql import endpoints, errors, tokens
from cloud_emulator.sql.declaring import any_variable
from cloud_emulator.sql.engine import Cancel
from cloud_emulator.sql.errors import SqlError
from cloud_emulator.sql.parameters import Call, Parameter, parse_call, skip_headers
from cloud_emulator.sql.running import Runner, Work
from cloud_emulator.sql.session import State
from cloud_emulator.sql.tokens import SELECT, Change, Done, Token
from cloud_emulator.sql.wire import Malformed, Packet, utf16_text

_BEGIN, _COMMIT, _ROLLBACK = 5, 7, 8
_DEFINED = re.compile(r"(?:^|,)\s*(@[\w$#@]+)")
OK = 200

logger = logging.getLogger("cloud_emulator")


class Request:
    """A request of a session; ``answer`` may be cancelled by ``cancel``."""

    name = "REQUEST"

    def __init__(self, cloud: Cloud, runner: Runner, state: State, data: bytes) -> None:
        self.cancel = Cancel()
        self._cloud = cloud
        self._runner = runner
        self._state = state
        self._data = data

    async def answer(self) -> tuple[bytes, int]:
        """The tokens of the answer; 200, or the number of the SQL error among them."""
        try:
            if not endpoints.is_open(self._cloud, self._state.caller, self._state.database):
                raise errors.no_such_database()
            endpoints.check_capacity(self._cloud, self._state.database)
            endpoints.check_pace(self._cloud, self._state.caller, self.name)
            return await self._answer(), OK
        except SqlError as error:
            return self._failed(error), error.number
        except Exception:
            logger.exception("%s failed in the emulator", self.name)
            failure = SqlError(50000, "The emulator itself failed; see its log.")
            return self._failed(failure), failure.number

    async def _answer(self) -> bytes:
        raise NotImplementedError

    def _failed(self, error: SqlError) -> bytes:
        return error.answered + tokens.error(error) + tokens.done(Done.ERROR)


class BatchRequest(Request):
    """T-SQL as text."""

    name = "BATCH"

    async def _answer(self) -> bytes:
        reader = skip_headers(self._data)
        text = utf16_text(self._data[reader.position :])
        answer = await self._runner.run(self._state, Work(text, {}, Token.DONE), self.cancel)
        return _final(answer) if answer else tokens.done(Done.FINAL)


class CallRequest(Request):
    """A call of a procedure: those by which drivers run statements with parameters."""

    name = "RPC"

    async def _answer(self) -> bytes:
        call = parse_call(self._data)
        handler = _PROCEDURES.get(call.procedure.lower())
        return self._list_catalog(call) if handler is None else await handler(self, call)

    def _failed(self, error: SqlError) -> bytes:
        end = tokens.return_status(error.number) + tokens.done(Done.ERROR, token=Token.DONE_PROCEDURE)
        return error.answered + tokens.error(error) + end

    async def execute_sql(self, call: Call) -> bytes:
        """``sp_executesql``: statement, definition of the parameters, parameters."""
        statement, *rest = call.parameters
        defined, values = (rest[0], rest[1:]) if rest else (None, [])
        return await self._run(str(statement.value), _text(defined), values)

    async def prepare(self, call: Call) -> bytes:
        """``sp_prepare``: a handle for a statement."""
        _, defined, statement, *_ = call.parameters
        names = _DEFINED.findall(_text(defined))
        await self._runner.check(self._state, str(statement.value), {name: any_variable(name) for name in names})
        return self._with_handle(_remember(self._state, defined, statement)) + _ended()

    async def prepare_and_execute(self, call: Call) -> bytes:
        """``sp_prepexec``: both at once."""
        _, defined, statement, *values = call.parameters
        answer = await self._run(str(statement.value), _text(defined), values, end=False)
        return answer + self._with_handle(_remember(self._state, defined, statement)) + _ended()

    async def execute(self, call: Call) -> bytes:
        """``sp_execute``: a prepared statement with its parameters."""
        handle, *values = call.parameters
        defined, statement = self._prepared(handle)
        return await self._run(statement, defined, values)

    async def unprepare(self, call: Call) -> bytes:
        """``sp_unprepare``: forgets a statement."""
        self._prepared(call.parameters[0])
        del self._state.prepared[call.parameters[0].value]
        return tokens.return_status(0) + _ended()

    async def reset(self, call: Call) -> bytes:
        """``sp_reset_connection``: as if just logged in."""
        del call
        self._state.reset()
        return tokens.return_status(0) + _ended()

    def _list_catalog(self, call: Call) -> bytes:
        """A procedure of the catalog, such as ``sp_tables``."""
        answer = self._runner.list_catalog(self._state, call.procedure, call.parameters)
        flags = Done.MORE | Done.COUNT
        end = tokens.done(flags, self._state.rows, token=Token.DONE_IN_PROCEDURE, command=SELECT)
        return b"".join([*answer, end, tokens.return_status(0), _ended()])

    def _prepared(self, handle: Parameter) -> tuple[str, str]:
        found = self._state.prepared.get(handle.value)
        if found is None:
            raise errors.unknown_handle(handle.value)
        return found

    async def _run(self, text: str, defined: str, values: Sequence[Parameter], *, end: bool = True) -> bytes:
        if any(value.is_output for value in values):
            raise errors.not_served("output parameters")
        names = _DEFINED.findall(defined)
        named = {
            value.name or (names[position] if position < len(names) else ""): value
            for position, value in enumerate(values)
        }
        answer = await self._runner.run(self._state, Work(text, named, Token.DONE_IN_PROCEDURE), self.cancel)
        return b"".join(answer) + (tokens.return_status(0) + _ended() if end else b"")

    def _with_handle(self, handle: int) -> bytes:
        return tokens.return_status(0) + tokens.return_handle(handle)


class TransactionRequest(Request):
    """The begin or end of a transaction. Nothing can be changed here, so that there is nothing to do."""

    name = "TRANSACTION"

    async def _answer(self) -> bytes:
        reader = skip_headers(self._data)
        asked = reader.unsigned(2)
        if asked == _BEGIN:
            return self._begin() + tokens.done(Done.FINAL)
        if asked not in (_COMMIT, _ROLLBACK):
            raise errors.not_served(f"transaction requests of the type {asked}")
        reader.take(reader.unsigned(1))
        begins = bool(reader.unsigned(1) & 1)
        return self._end(asked) + (self._begin() if begins else b"") + tokens.done(Done.FINAL)

    def _begin(self) -> bytes:
        state = self._state
        state.transactions += 1
        state.transaction = struct.pack("<II", state.transactions, state.number)
        return tokens.environment(Change.BEGIN, state.transaction, b"")

    def _end(self, asked: int) -> bytes:
        if not self._state.transaction:
            number, word = (3902, "COMMIT") if asked == _COMMIT else (3903, "ROLLBACK")
            message = f"The {word} TRANSACTION request has no corresponding BEGIN TRANSACTION."
            raise SqlError(number, message)
        old, self._state.transaction = self._state.transaction, b""
        return tokens.environment(Change.COMMIT if asked == _COMMIT else Change.ROLLBACK, b"", old)


_KINDS = {Packet.BATCH: BatchRequest, Packet.RPC: CallRequest, Packet.TRANSACTION: TransactionRequest}
_PROCEDURES = {
    "sp_executesql": CallRequest.execute_sql,
    "sp_prepare": CallRequest.prepare,
    "sp_prepexec": CallRequest.prepare_and_execute,
    "sp_execute": CallRequest.execute,
    "sp_unprepare": CallRequest.unprepare,
    "sp_reset_connection": CallRequest.reset,
}


class Requests:
    """Makes the requests of all sessions."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._runner = Runner(cloud)

    def request(self, state: State, kind: int, data: bytes) -> Request:
        """What a message asks for. Raises :class:`Malformed` for a kind that isn't served."""
        try:
            made = _KINDS[Packet(kind)]
        except (KeyError, ValueError) as error:
            raise Malformed(f"packet {kind} is no request that is served") from error
        return made(self._cloud, self._runner, state, data)


def _text(parameter: Parameter | None) -> str:
    return "" if parameter is None or parameter.value is None else str(parameter.value)


def _remember(state: State, defined: Parameter, statement: Parameter) -> int:
    handle = max(state.prepared, default=0) + 1
    state.prepared[handle] = (_text(defined), str(statement.value))
    return handle


def _ended() -> bytes:
    return tokens.done(Done.FINAL, token=Token.DONE_PROCEDURE)


def _final(answer: list[bytes]) -> bytes:
    """The last statement's end says that nothing follows."""
    last = bytearray(answer[-1])
    last[-12] &= ~Done.MORE
    return b"".join(answer[:-1]) + bytes(last)
