"""Runs translated queries in DuckDB over the rows of Delta tables.

Slow to import: only the threads that run queries do it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from cloud_emulator.core.rules import Rules
from cloud_emulator.sql import batch, errors, translate
from cloud_emulator.sql.batch import Query, Statement
from cloud_emulator.sql.catalog import TableColumn, TableFiles
from cloud_emulator.sql.deltas import DeltaReader
from cloud_emulator.sql.errors import SqlError
from cloud_emulator.sql.literals import sql_type
from cloud_emulator.sql.parameters import Parameter
from cloud_emulator.sql.system_views import View
from cloud_emulator.sql.translate import TableName
from cloud_emulator.sql.types import Column, row_encoder

_ROWS_AT_ONCE = 10_000
_ARROW = {"varchar": pa.string(), "int": pa.int32(), "bit": pa.bool_()}
_GROUPING = re.compile(r'column "?([^"]+?)"? must appear in the GROUP BY', re.IGNORECASE)
_CONVERSION = re.compile(r"Could not convert \w+ '(.*?)' to (\w+)", re.DOTALL)
_OVERFLOW = re.compile(r"out of range for the destination type (\w+)|Overflow|Could not cast value", re.IGNORECASE)
_MOMENT = re.compile(r"(?:date|time|timestamp) field value|invalid (?:date|time|timestamp)", re.IGNORECASE)
_TOO_SMALL = re.compile(r"with value (-?\d+) can't be cast .* type (UINT8|INT16)\b", re.DOTALL)
_OPERAND = re.compile(r"argument types '(sum|avg|stddev|stddev_samp|var_samp|variance)\((VARCHAR|BOOLEAN|DATE|BLOB)\)'")
_TYPES = {
    "boolean": "bit", "blob": "varbinary", "int32": "int", "int64": "bigint", "int16": "smallint", "double": "float",
    "bool": "bit",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """A result: its columns, and its rows as they go over the wire, some at a time."""

    columns: tuple[Column, ...]
    rows: tuple[bytes, ...]
    count: int


class Cancel:
    """Lets another thread stop the query that runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self.asked = False

    def ask(self) -> None:
        """Stops the query, or the next one."""
        with self._lock:
            self.asked = True
            if self._connection is not None:
                self._connection.interrupt()

    @contextmanager
    def over(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """While this lasts, the connection is what is stopped."""
        with self._lock:
            self._connection = connection
        try:
            yield
        finally:
            with self._lock:
                self._connection = None


class Engine:
    """Parses and runs T-SQL. Its methods are called in threads, and touch nothing of the cloud's state."""

    def __init__(self, folder: Path) -> None:
        self._reader = DeltaReader(folder)

    def parse(self, text: str, database: str, rules: Rules) -> list[tuple[Statement, list[TableName]]]:
        """The statements of a batch, each with the tables that it reads."""
        found = batch.parse_batch(text, database, rules)
        return [(each, translate.table_names(each.tree) if isinstance(each, Query) else []) for each in found]

    def run(
        self,
        query: Query,
        sources: Mapping[TableName, TableFiles | View],
        parameters: Mapping[str, Parameter],
        session: Mapping[str, Any],
        cancel: Cancel,
        *,
        utf8: bool,
    ) -> Result:
        """The result of a query; texts are encoded as UTF-8 or UTF-16. Raises :class:`SqlError`."""
        columns = {name: _columns(source) for name, source in sources.items()}
        translated = translate.translate(query.tree, columns, parameters, session)
        tables = [self._rows(source) for source in sources.values()]
        with _connection(tables) as connection, cancel.over(connection):
            try:
                return _fetch(connection.execute(translated.sql), translated.names, utf8=utf8)
            except duckdb.Error as error:
                raise _explain(error) from error

    def _rows(self, source: TableFiles | View) -> pa.Table:
        return _view_rows(source) if isinstance(source, View) else self._reader.read(source)


def _columns(source: TableFiles | View) -> tuple[TableColumn, ...]:
    return source.columns if isinstance(source, View) else source.table.columns


def _view_rows(view: View) -> pa.Table:
    schema = pa.schema([(column.name, _ARROW[column.type.name]) for column in view.columns])
    rows = [dict(zip(schema.names, row, strict=True)) for row in view.rows]
    return pa.Table.from_pylist(rows, schema=schema)


@contextmanager
def _connection(tables: list[pa.Table]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database of its own for one query: only the tables are in reach, no files and no extensions."""
    connection = duckdb.connect(
        ":memory:", config={"enable_external_access": "false", "threads": "2", "autoload_known_extensions": "false"}
    )
    try:
        connection.execute("SET TimeZone = 'UTC'")
        for position, table in enumerate(tables):
            connection.register(translate.internal_name(position), table)
        yield connection
    finally:
        connection.close()


def _fetch(result: duckdb.DuckDBPyConnection, names: tuple[str, ...], *, utf8: bool) -> Result:
    kinds = [sql_type(str(described[1])) for described in result.description or ()]
    columns = tuple(Column(name, kind) for name, kind in zip(names, kinds, strict=True))
    encode = row_encoder(columns, utf8=utf8)
    chunks, count = [], 0
    while rows := result.fetchmany(_ROWS_AT_ONCE):
        chunks.append(b"".join(b"\xd1" + encode(row) for row in rows))
        count += len(rows)
    return Result(columns, tuple(chunks), count)


def _explain(error: duckdb.Error) -> SqlError:
    """DuckDB's errors as the server would put them."""
    message = str(error)
    for matches, explain in _EXPLANATIONS:
        if matches(error, message):
            return explain(message)
    if isinstance(error, duckdb.InterruptException):
        return SqlError(3617, "The query was cancelled.", severity=0)
    return errors.not_served(f"this query ({message.splitlines()[0]})")


def _conversion(message: str) -> SqlError:
    if _MOMENT.search(message):
        return SqlError(241, "Conversion failed when converting date and/or time from character string.")
    if found := _TOO_SMALL.search(message):
        kind = {"UINT8": "tinyint", "INT16": "smallint"}[found[2]]
        return SqlError(220, f"Arithmetic overflow error for data type {kind}, value = {found[1]}.")
    found = _CONVERSION.search(message)
    if found is None:
        return _overflow(message)
    kind = found[2].lower()
    message = f"Conversion failed when converting the varchar value '{found[1]}' to data type {_TYPES.get(kind, kind)}."
    return SqlError(245, message)


def _operand(message: str) -> SqlError:
    found = _OPERAND.search(message)
    function, kind = (found[1], found[2].lower()) if found else ("?", "?")
    return SqlError(8117, f"Operand data type {_TYPES.get(kind, kind)} is invalid for {function} operator.")


def _overflow(message: str) -> SqlError:
    found = _OVERFLOW.search(message)
    kind = (found[1] or "").lower() if found else ""
    target = f"data type {_TYPES.get(kind, kind)}" if kind else "the expression's data type"
    return SqlError(8115, f"Arithmetic overflow error converting expression to {target}.")


def _ungrouped(message: str) -> SqlError:
    found = _GROUPING.search(message)
    name = found[1] if found else "?"
    reason = "because it is not contained in either an aggregate function or the GROUP BY clause."
    return SqlError(8120, f"Column '{name}' is invalid in the select list {reason}")


def _says(words: str, _error: duckdb.Error, message: str) -> bool:
    return words in message


def _refused(number: int, words: str, _message: str) -> SqlError:
    return SqlError(number, words)


_REFUSALS = {
    "WHERE clause cannot contain aggregates": SqlError(
        147,
        "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING clause or a "
        "select list, and the column being aggregated is an outer reference.",
    ),
    "More than one row returned by a subquery": SqlError(
        512,
        "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or "
        "when the subquery is used as an expression.",
    ),
    "Set operations can only apply to expressions with the same number": SqlError(
        205,
        "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in "
        "their target lists.",
    ),
}
"""What DuckDB says, and SQL Server's number and words for it."""

_EXPLANATIONS: tuple[tuple[Callable[[duckdb.Error, str], bool], Callable[[str], SqlError]], ...] = (
    (
        lambda _error, message: "SQL:8134" in message,
        lambda _message: SqlError(8134, "Divide by zero error encountered."),
    ),
    (lambda _error, message: bool(_OPERAND.search(message)), _operand),
    *(
        (partial(_says, words), partial(_refused, refusal.number, refusal.message))
        for words, refusal in _REFUSALS.items()
    ),
    (lambda _error, message: bool(_GROUPING.search(message)), _ungrouped),
    (lambda error, _message: isinstance(error, duckdb.ConversionException), _conversion),
    (lambda error, _message: isinstance(error, duckdb.OutOfRangeException), _overflow),
    (
        lambda error, _message: isinstance(error, duckdb.ParserException),
        lambda message: errors.syntax(message.partition("near ")[2].partition("\n")[0].strip('"') or "the statement"),
    ),
)
