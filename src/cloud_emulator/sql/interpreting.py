"""Runs the statements of a batch one after the other: queries, variables, branches, messages, calls.

Imported when the first statement comes, for the sake of a fast start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cloud_emulator.sql import declaring, errors, executing, tokens
from cloud_emulator.sql.engine import Asked, Cancel, Values
from cloud_emulator.sql.parameters import Parameter
from cloud_emulator.sql.session import State
from cloud_emulator.sql.statements import (
    Argument,
    Assign,
    Choose,
    Execute,
    ExecuteText,
    Print,
    Query,
    Refused,
    Statement,
    Use,
    Variable,
)
from cloud_emulator.sql.tokens import SELECT, Done, Token

if TYPE_CHECKING:
    from cloud_emulator.sql.running import Runner

Scope = dict[str, Parameter]
"""The variables of one batch, by name."""
_LONGEST_MESSAGE = 8000
_PRINTED = ("varchar", "bit", "tinyint", "smallint", "int", "bigint", "decimal", "date", "uniqueidentifier")
_DEEPEST = 32


class Interpreter:
    """Runs one batch of a session; ``answer`` holds the tokens so far, ``done`` ends each statement."""

    def __init__(self, runner: Runner, state: State, done: Token, cancel: Cancel) -> None:
        self.answer: list[bytes] = []
        self._runner = runner
        self._state = state
        self._done = done
        self._cancel = cancel
        self._depth = 0

    async def batch(self, text: str, parameters: Mapping[str, Parameter]) -> None:
        """Runs a batch. Raises :class:`errors.SqlError`."""
        known = {name: declaring.variable_of(each, name) for name, each in parameters.items()}
        engine, database = self._runner.engine, self._state.database.name
        parsed = await asyncio.to_thread(engine.parse, text, database, self._runner.rules(), known)
        scope = {name: Parameter(name, each.type, None) for name, each in parsed.variables.items()}
        await self._several(parsed.statements, {**scope, **parameters})

    async def _several(self, statements: Sequence[Statement], scope: Scope) -> None:
        for statement in statements:
            if self._cancel.asked:
                return
            await self._one(statement, scope)

    async def _one(self, statement: Statement, scope: Scope) -> None:
        match statement:
            case Query():
                await self._select(statement, scope)
            case Assign():
                await self._assign(statement, scope)
            case Choose():
                await self._choose(statement, scope)
            case Execute():
                await self._execute(statement, scope)
            case ExecuteText():
                await self._nested(await self._text(statement.query, scope), {})
            case Refused():
                raise statement.error
            case Print():
                self._end(tokens.information(0, await self._message(statement.query, scope), state=1))
            case Use():
                self._end(self._runner.use(self._state, statement.database))
            case _:
                self._end()

    def _end(self, *answer: bytes, rows: int = 0) -> None:
        """The end of a statement that answers no rows."""
        self._state.rows = rows
        self.answer += [*answer, tokens.done(Done.MORE, token=self._done)]

    async def _select(self, query: Query, scope: Scope) -> None:
        utf8 = self._state.login.reads_utf8
        asked = self._asked(query, scope)
        result = await asyncio.to_thread(self._runner.engine.run, asked, utf8=utf8)
        self._listed([tokens.columns(result.columns, utf8=utf8), *result.rows], result.count)

    def _listed(self, answer: list[bytes], count: int) -> None:
        self._state.rows = count
        end = tokens.done(Done.MORE | Done.COUNT, count, token=self._done, command=SELECT)
        self.answer += [*answer, end]

    async def _assign(self, statement: Assign, scope: Scope) -> None:
        found = await self._values(statement.query, scope)
        for variable, value in zip(statement.variables, found.row or (), strict=False):
            filled = value.ljust(variable.width) if isinstance(value, str) else value
            scope[variable.name] = Parameter(variable.name, variable.type, filled)
        self._state.rows = found.count
        if not statement.silent:
            self._end(rows=found.count)

    async def _choose(self, statement: Choose, scope: Scope) -> None:
        found = await self._values(statement.condition, scope)
        self._end()
        is_so = found.row is not None and found.row[0] == 1
        await self._several(statement.then if is_so else statement.otherwise, scope)

    async def _message(self, query: Query, scope: Scope) -> str:
        found = await self._values(query, scope)
        kind, value = found.columns[0].type, found.row[0] if found.row else None
        if kind.name not in _PRINTED:
            raise errors.not_served(f"PRINT of the type {kind.name}: CONVERT it to varchar")
        return _printed(value)[:_LONGEST_MESSAGE]

    async def _text(self, query: Query, scope: Scope) -> str:
        found = await self._values(query, scope)
        value = found.row[0] if found.row else None
        if value is not None and not isinstance(value, str):
            raise errors.syntax(str(value))
        return value or ""

    async def _execute(self, statement: Execute, scope: Scope) -> None:
        arguments = [_argument(each, scope) for each in statement.arguments]
        if statement.procedure.lower() == "sp_executesql":
            await self._execute_sql(arguments)
            return
        answer = self._runner.list_catalog(self._state, statement.procedure, arguments)
        self._listed(answer, self._state.rows)

    async def _execute_sql(self, arguments: Sequence[Parameter]) -> None:
        """A statement, the definition of its parameters, and their values."""
        if not arguments:
            message = "Procedure or function 'sp_executesql' expects parameter '@statement', which was not supplied."
            raise errors.SqlError(201, message)
        if any(each.type.name != "varchar" for each in arguments[:2]):
            raise errors.SqlError(214, "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'.")
        defined = _defined(str(arguments[1].value or "")) if len(arguments) > 1 else {}
        scope: Scope = {}
        for given, variable in _paired(arguments[2:], defined):
            held = {variable.name: given}
            conversion = await asyncio.to_thread(declaring.conversion, variable)
            await self._assign(Assign((variable,), conversion, silent=True), held)
            scope |= held
        await self._nested(str(arguments[0].value or ""), scope)

    async def _nested(self, text: str, scope: Scope) -> None:
        """A batch within the batch, whose variables are its own, and whose database is left with it."""
        if self._depth == _DEEPEST:
            message = "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32)."
            raise errors.SqlError(217, message)
        database = self._state.database
        self._depth += 1
        await self.batch(text, scope)
        self._depth -= 1
        self._state.database = database

    async def _values(self, query: Query, scope: Scope) -> Values:
        return await asyncio.to_thread(self._runner.engine.values, self._asked(query, scope))

    def _asked(self, query: Query, scope: Scope) -> Asked:
        sources = {name: self._runner.source(self._state, name) for name in query.tables}
        return Asked(query, sources, dict(scope), self._runner.session(self._state), self._cancel)


def _argument(argument: Argument, scope: Scope) -> Parameter:
    name = f"@{argument.value.name}"
    if name in scope and argument.value.key == "parameter":
        held = scope[name]
        return Parameter(argument.name, held.type, held.value)
    return executing.constant(argument.name, argument.value)


def _defined(text: str) -> dict[str, Variable]:
    return {variable.name: variable for variable, _ in declaring.declared(text)} if text.strip() else {}


def _paired(given: Sequence[Parameter], defined: Mapping[str, Variable]) -> list[tuple[Parameter, Variable]]:
    """Values with the parameters that they are for: by name, or else by place."""
    names = list(defined)
    pairs = []
    for place, each in enumerate(given):
        key = each.name or (names[place] if place < len(names) else "")
        if key not in defined:
            raise errors.SqlError(8145, f"{key or 'A parameter'} is not a parameter for procedure sp_executesql.")
        pairs.append((each, defined[key]))
    missing = defined.keys() - {variable.name for _, variable in pairs}
    if missing:
        message = f"The parameterized query expects the parameter '{min(missing)}', which was not supplied."
        raise errors.SqlError(8178, message)
    return pairs


def _printed(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return str(value)
