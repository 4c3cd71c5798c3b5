"""Reads a batch: of each statement what it asks for, and which variables there are.

Imports sqlglot, which is slow: only the threads that run queries do it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from cloud_emulator.core.rules import ALL_ON, Rules
from cloud_emulator.sql import declaring, errors, executing, grammar, procedures
from cloud_emulator.sql.cutting import Branches, Leaf, Part, cut
from cloud_emulator.sql.errors import SqlError
from cloud_emulator.sql.statements import (
    Assign,
    Batch,
    Choose,
    ExecuteText,
    Ignored,
    Print,
    Query,
    Refused,
    Statement,
    Use,
    Variable,
)
from cloud_emulator.sql.translate import table_names

_OPTION = re.compile(
    r"SET\s+(?:TRANSACTION\s+ISOLATION\s+LEVEL\s+(?:READ\s+(?:UN)?COMMITTED|REPEATABLE\s+READ|SNAPSHOT|SERIALIZABLE)"
    r"|(?:TEXTSIZE|LOCK_TIMEOUT|ROWCOUNT|DATEFIRST|QUERY_GOVERNOR_COST_LIMIT)\s+-?\d+"
    r"|(?:LANGUAGE|DATEFORMAT|DEADLOCK_PRIORITY)\s+\S+"
    r"|[A-Z_]+(?:\s*,\s*[A-Z_]+)*\s+(?:ON|OFF))\b",
    re.IGNORECASE,
)
_USE = re.compile(r"USE\s+(?:\[((?:[^\]]|\]\])+)\]|\"([^\"]+)\"|(\w+))", re.IGNORECASE)
_TRANSACTION = re.compile(r"(?:BEGIN|COMMIT|ROLLBACK)(?:\s+TRAN(?:SACTION)?(?:\s+\w+)?)?\b", re.IGNORECASE)
_PROCEDURE_FIRST = re.compile(r"(?:\[?\w+\]?\.){0,2}\[?sp_\w+", re.IGNORECASE)
_CHANGES_DATA = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable)
_SYNTAX = 15
"""Severity of what is found wrong before anything runs, in branches that aren't taken as well."""


def parse_batch(
    text: str, database: str, rules: Rules = ALL_ON, parameters: Mapping[str, Variable] | None = None
) -> Batch:
    """The statements of a batch. Raises :class:`~cloud_emulator.sql.errors.SqlError` for one that can't be parsed, is
    refused, or isn't served: then none is run."""
    parts = cut(text)
    if parts and isinstance(parts[0], Leaf) and _PROCEDURE_FIRST.match(parts[0].text):
        parts = (Leaf(f"EXEC {parts[0].text}"), *parts[1:])
    reader = _Reader(database, rules, parameters or {})
    statements = tuple(reader.several(parts))
    return Batch(statements, reader.declared)


class _Reader:
    """Reads the statements in their order, as a variable is known from its declaration on."""

    def __init__(self, database: str, rules: Rules, parameters: Mapping[str, Variable]) -> None:
        self.declared: dict[str, Variable] = {}
        self._database = database
        self._rules = rules
        self._known = dict(parameters)

    def several(self, parts: Sequence[Part]) -> Iterator[Statement]:
        """The statements of parts."""
        for part in parts:
            if isinstance(part, Branches):
                condition = self._condition(part.condition)
                yield Choose(condition, tuple(self._branch(part.then)), tuple(self._branch(part.otherwise)))
            else:
                yield from self._leaf(part.text)

    def _branch(self, parts: Sequence[Part]) -> Iterator[Statement]:
        """Statements that may not be reached: only then what is refused of them fails."""
        for part in parts:
            try:
                yield from self.several([part])
            except SqlError as error:
                if error.severity == _SYNTAX:
                    raise
                yield Refused(error)

    def _leaf(self, text: str) -> Iterator[Statement]:
        first = text.split(None, 1)[0].upper()
        if found := _USE.fullmatch(text):
            yield Use((found[1] or found[2] or found[3]).replace("]]", "]"))
        elif _OPTION.fullmatch(text) or _TRANSACTION.fullmatch(text):
            yield Ignored()
        elif first == "DECLARE":
            yield from self._declare(text[len(first) :].strip())
        elif assigned := declaring.assignment(text):
            name, value = assigned
            yield self._assign(declaring.known(self._known, name), value)
        elif first == "PRINT":
            yield self._print(text[len(first) :].strip())
        elif first in ("EXEC", "EXECUTE") or first.startswith(("EXEC(", "EXECUTE(")):
            yield self._execute(text)
        else:
            yield self._statement(text)

    def _declare(self, text: str) -> Iterator[Statement]:
        for variable, value in declaring.declared(text):
            if variable.name in self._known:
                message = f"The variable name '{variable.name}' has already been declared. Variable names must be"
                raise SqlError(134, f"{message} unique within a query batch or stored procedure.", severity=_SYNTAX)
            given = self._assign(variable, value, silent=True) if value else None
            self._known[variable.name] = self.declared[variable.name] = variable
            if given is not None:
                yield given

    def _assign(self, variable: Variable, value: str, *, silent: bool = False) -> Assign:
        return Assign((variable,), self._query(f"SELECT CAST(({value}) AS {variable.written})"), silent)

    def _print(self, text: str) -> Print:
        if not text:
            raise errors.syntax("PRINT")
        query = self._query(f"SELECT ({text})")
        if len(list(query.tree.find_all(exp.Select))) > 1:
            message = "Subqueries are not allowed in this context. Only scalar expressions are allowed."
            raise SqlError(1046, message, severity=_SYNTAX)
        return Print(query)

    def _condition(self, text: str) -> Query:
        if not text:
            raise errors.syntax("IF")
        return self._query(f"SELECT CASE WHEN {text} THEN 1 ELSE 0 END")

    def _execute(self, text: str) -> Statement:
        if found := executing.TEXT.match(text):
            return ExecuteText(self._query(f"SELECT ({found[1]})"))
        made = executing.call(text)
        if made is None:
            raise errors.not_served(f"calls such as {text[:40]!r}")
        if made.procedure.lower() != "sp_executesql":
            procedures.require(made.procedure)
        for argument in made.arguments:
            declaring.check_names(argument.value, self._known)
        return made

    def _query(self, text: str) -> Query:
        found = self._statement(text)
        if not isinstance(found, Query):
            raise errors.syntax(text[:40])
        return found

    def _statement(self, text: str) -> Statement:
        if not re.match(r"[(\s]*(?:SELECT|WITH)\b", text, re.IGNORECASE):
            _refuse(text, self._database, self._rules)
            return Ignored()
        tree = _parsed(text)
        targets = [(declaring.known(self._known, name), value) for name, value in declaring.assigned(tree)]
        if targets:
            tree.set("expressions", [_cast(value, variable) for variable, value in targets])
        self._check(text, tree)
        query = Query(tree, tuple(table_names(tree)))
        return Assign(tuple(variable for variable, _ in targets), query) if targets else query

    def _check(self, text: str, tree: exp.Query) -> None:
        if self._rules.on("sql.language.dialect"):
            grammar.check_tokens(sqlglot.tokenize(text, read="tsql"))
        grammar.check_tree(tree)
        declaring.check_names(tree, self._known)
        tree.set("options", None)  # hints, which don't change the answer
        if tree.find(exp.Into) is not None:
            raise errors.permission_denied("CREATE TABLE", self._database)


def _parsed(text: str) -> exp.Query:
    if re.search(r"@[\w$#@]+\s*[-+*/%&|^]=", text):
        raise errors.not_served("a SELECT with an operator such as += before the equals sign")
    try:
        tree = sqlglot.parse_one(text, read=grammar.DIALECT)
    except (ParseError, TokenError) as error:
        raise errors.syntax(_near(error)) from error
    if isinstance(tree, _CHANGES_DATA):
        raise errors.read_only()
    if not isinstance(tree, exp.Query):
        raise errors.not_served(f"statements such as {text[:60]!r}")
    return tree


def _cast(value: exp.Expr, variable: Variable) -> exp.Expr:
    return exp.Cast(this=value, to=exp.DataType.build(variable.written, dialect="tsql"))


_DATA = re.compile(r"(INSERT|UPDATE|DELETE|MERGE|TRUNCATE|COPY|BULK)\b", re.IGNORECASE)
_OBJECTS = re.compile(r"(CREATE|ALTER|DROP|GRANT|DENY|REVOKE)\s+(\w+)", re.IGNORECASE)
_SERVED_ELSEWHERE = frozenset(
    {
        "SET", "WHILE", "BREAK", "CONTINUE", "RAISERROR", "THROW", "WAITFOR", "GOTO", "EXPLAIN", "DBCC", "KILL",
        "RETURN", "SAVE",
    }
)  # fmt: skip


def _refuse(text: str, database: str, rules: Rules) -> None:
    """Raises what the read-only endpoint says to anything but a query."""
    if _DATA.match(text):
        if not rules.on("sql.reads.data"):
            return
        raise errors.read_only()
    if found := _OBJECTS.match(text):
        action = f"{found[1]} {found[2]}".upper()
        if found[2].upper() in ("VIEW", "PROCEDURE", "PROC", "FUNCTION", "SCHEMA", "USER", "ROLE"):
            raise errors.not_served(f"{action}, which would be possible")
        if not rules.on("sql.reads.tables"):
            return
        raise errors.permission_denied(action, database)
    first = re.match(r"\w+|.", text)
    if first is not None and first[0].upper() in _SERVED_ELSEWHERE:
        raise errors.not_served(f"statements that begin with {first[0].upper()}")
    raise errors.syntax(text.split(None, 1)[0])


def _near(error: Exception) -> str:
    details = getattr(error, "errors", None) or [{}]
    return str(details[0].get("highlight") or "the end of the statement")
