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
from cloud_emulator.sql.catalog import TableColumn, TableFiles
from cloud_emulator.sql.deltas import DeltaReader
from cloud_emulator.sql.errors import SqlError
from cloud_emulator.sql.literals import sql_type
from cloud_emulator.sql.parameters import Parameter
from cloud_emulator.sql.procedures import Listing
from cloud_emulator.sql.statements import Batch, Query, TableName, Variable
from cloud_emulator.sql.system_views import View
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


@dataclass(frozen=True, slots=True)
class Values:
    """A query's columns, its last row if it has one, and how many rows it has."""

    columns: tuple[Column, ...]
    row: tuple[Any, ...] | None
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


@dataclass(frozen=True, slots=True)
class Asked:
    """A query with all that it needs. ``session`` holds the values of functions such as DB_NAME."""

    query: Query
    sources: Mapping[TableName, TableFiles | View]
    parameters: Mapping[str, Parameter]
    session: Mapping[str, Any]
    cancel: Cancel


class Engine:
    """Parses and runs T-SQL. Its methods are called in threads, and touch nothing of the cloud's state."""

    def __init__(self, folder: Path) -> None:
        self._reader = DeltaReader(folder)

    def parse(self, text: str, database: str, rules: Rules, parameters: Mapping[str, Variable]) -> Batch:
        """The statements of a batch."""
        return batch.parse_batch(text, database, rules, parameters)

    def run(self, asked: Asked, *, utf8: bool) -> Result:
        """The result of a query; texts are encoded as UTF-8 or UTF-16. Raises :class:`SqlError`."""
        with self._executed(asked) as (found, columns):
            encode = row_encoder(columns, utf8=utf8)
            chunks, count = [], 0
            while rows := found.fetchmany(_ROWS_AT_ONCE):
                chunks.append(b"".join(b"\xd1" + encode(row) for row in rows))
                count += len(rows)
            return Result(columns, tuple(chunks), count)

    def values(self, asked: Asked) -> Values:
        """The values of a query's last row. Raises :class:`SqlError`."""
        with self._executed(asked) as (found, columns):
            last, count = None, 0
            while rows := found.fetchmany(_ROWS_AT_ONCE):
                last, count = tuple(rows[-1]), count + len(rows)
            return Values(columns, last, count)

    @contextmanager
    def _executed(self, asked: Asked) -> Iterator[tuple[duckdb.DuckDBPyConnection, tuple[Column, ...]]]:
        columns = {name: _columns(source) for name, source in asked.sources.items()}
        translated = translate.translate(asked.query.tree, columns, asked.parameters, asked.session)
        tables = [self._rows(source) for source in asked.sources.values()]
        with _connection(tables) as connection, asked.cancel.over(connection):
            try:
                found = connection.execute(translated.sql)
                kinds = [sql_type(str(described[1])) for described in found.description or ()]
                yield found, tuple(Column(name, kind) for name, kind in zip(translated.names, kinds, strict=True))
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


def encoded(listing: Listing, *, utf8: bool) -> Result:
    """What a procedure answers, as it goes over the wire."""
    encode = row_encoder(listing.columns, utf8=utf8)
    return Result(listing.columns, tuple(b"\xd1" + encode(row) for row in listing.rows), len(listing.rows))


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
