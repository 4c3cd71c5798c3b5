"""Splits a batch into statements, and says of each what it asks for.

Imports sqlglot, which is slow: only the threads that run queries do it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from cloud_emulator.core.rules import ALL_ON, Rules
from cloud_emulator.sql import errors, executing, grammar

DIALECT = "tsql, normalization_strategy=case_sensitive"
_OPTION = re.compile(
    r"SET\s+(?:TRANSACTION\s+ISOLATION\s+LEVEL\s+(?:READ\s+(?:UN)?COMMITTED|REPEATABLE\s+READ|SNAPSHOT|SERIALIZABLE)"
    r"|(?:TEXTSIZE|LOCK_TIMEOUT|ROWCOUNT|DATEFIRST|QUERY_GOVERNOR_COST_LIMIT)\s+-?\d+"
    r"|(?:LANGUAGE|DATEFORMAT|DEADLOCK_PRIORITY)\s+\S+"
    r"|[A-Z_]+(?:\s*,\s*[A-Z_]+)*\s+(?:ON|OFF))\b",
    re.IGNORECASE,
)
_USE = re.compile(r"USE\s+(?:\[((?:[^\]]|\]\])+)\]|\"([^\"]+)\"|(\w+))", re.IGNORECASE)
_TRANSACTION = re.compile(
    r"(?:IF\s+@@TRANCOUNT\s*>\s*0\s+)?(?:BEGIN|COMMIT|ROLLBACK)(?:\s+TRAN(?:SACTION)?)?\b", re.IGNORECASE
)
_CHANGES_DATA = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A session option or a transaction's begin or end, without effect here."""


@dataclass(frozen=True, slots=True)
class Use:
    """Another database is to be the current one."""

    database: str


@dataclass(frozen=True, slots=True)
class Query:
    """A SELECT, parsed."""

    tree: exp.Query


Statement = Ignored | Use | Query


def parse_batch(text: str, database: str, rules: Rules = ALL_ON) -> list[Statement]:
    """The statements of a batch. Raises :class:`~cloud_emulator.sql.errors.SqlError` for one that can't be parsed, is
    refused, or isn't served: then none is run."""
    return [statement for part in _split(text) for statement in _statements(part, database, rules)]


def _split(text: str) -> Iterator[str]:
    """The parts between semicolons."""
    try:
        tokens = sqlglot.tokenize(text, read="tsql")
    except TokenError as error:
        raise errors.unclosed(text.rpartition("'")[2][:40]) from error
    part: list[Token] = []
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            yield _text(text, part)
            part = []
        else:
            part.append(token)
    yield _text(text, part)


def _text(text: str, part: list[Token]) -> str:
    return text[part[0].start : part[-1].end + 1] if part else ""


def _statements(part: str, database: str, rules: Rules) -> Iterator[Statement]:
    """T-SQL needs no semicolons: options and USE may stand in front of another statement."""
    while part:
        found = _USE.match(part)
        if found is not None:
            yield Use((found[1] or found[2] or found[3]).replace("]]", "]"))
        else:
            if call := executing.CALL.match(part):
                yield from _call(part[call.end() :], database, rules)
                return
            found = _OPTION.match(part) or _TRANSACTION.match(part)
            if found is None:
                yield _query(part, database, rules)
                return
            yield Ignored()
        part = part[found.end() :].lstrip()


def _call(text: str, database: str, rules: Rules) -> Iterator[Statement]:
    """The statements that a call of sp_executesql runs."""
    held = executing.executed(text)
    for statement in parse_batch(held.text, database, rules):
        yield Query(held.filled(statement.tree)) if isinstance(statement, Query) else statement


def _query(text: str, database: str, rules: Rules) -> Statement:
    if not re.match(r"[(\s]*(?:SELECT|WITH)\b", text, re.IGNORECASE):
        _refuse(text, database, rules)
        return Ignored()
    try:
        tree = sqlglot.parse_one(text, read=DIALECT)
    except (ParseError, TokenError) as error:
        raise errors.syntax(_near(error)) from error
    if isinstance(tree, _CHANGES_DATA):
        raise errors.read_only()
    if not isinstance(tree, exp.Query):
        raise errors.not_served(f"statements such as {text[:60]!r}")
    if rules.on("sql.language.dialect"):
        grammar.check_tokens(sqlglot.tokenize(text, read="tsql"))
    grammar.check_tree(tree)
    tree.set("options", None)  # hints, which don't change the answer
    if tree.find(exp.Into) is not None:
        raise errors.permission_denied("CREATE TABLE", database)
    return Query(tree)


_DATA = re.compile(r"(INSERT|UPDATE|DELETE|MERGE|TRUNCATE|COPY|BULK)\b", re.IGNORECASE)
_OBJECTS = re.compile(r"(CREATE|ALTER|DROP|GRANT|DENY|REVOKE)\s+(\w+)", re.IGNORECASE)
_PROCEDURE = re.compile(r"EXEC(?:UTE)?\s+(?:[\w\[\]]+\.)*\[?(\w+)", re.IGNORECASE)
_SERVED_ELSEWHERE = frozenset(
    {
        "DECLARE", "SET", "IF", "WHILE", "BEGIN", "PRINT", "RAISERROR", "THROW", "WAITFOR", "EXPLAIN", "DBCC", "KILL",
        "RETURN",
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
    if found := _PROCEDURE.match(text):
        raise errors.unknown_procedure(found[1])
    first = text.split(None, 1)[0]
    if first.upper() in _SERVED_ELSEWHERE:
        raise errors.not_served(f"statements that begin with {first.upper()}")
    raise errors.syntax(first)


def _near(error: Exception) -> str:
    details = getattr(error, "errors", None) or [{}]
    return str(details[0].get("highlight") or "the end of the statement")
