"""What a batch can ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from cloud_emulator.sql.errors import SqlError
from cloud_emulator.sql.types import SqlType


@dataclass(frozen=True, slots=True)
class TableName:
    """A table as a query names it: without a schema it is in ``dbo``, without a database in the current one."""

    database: str
    schema: str
    name: str

    def __str__(self) -> str:
        return ".".join(part for part in (self.database, self.schema, self.name) if part)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A session option or a transaction's begin or end, without effect here."""


@dataclass(frozen=True, slots=True)
class Use:
    """Another database is to be the current one."""

    database: str


@dataclass(frozen=True, slots=True)
class Query:
    """A SELECT, parsed, and the tables that it reads."""

    tree: exp.Query
    tables: tuple[TableName, ...] = ()


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable as it was declared. ``written`` is its type in T-SQL; texts are filled up to ``width`` characters."""

    name: str
    written: str
    type: SqlType
    width: int = 0


@dataclass(frozen=True, slots=True)
class Assign:
    """Variables take the values of a query's last row, if it has one. A declaration with a value is ``silent``."""

    variables: tuple[Variable, ...]
    query: Query
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Print:
    """A message for the client: the value of a query of one row."""

    query: Query


@dataclass(frozen=True, slots=True)
class Choose:
    """An IF. The condition is a query that answers 1 or 0."""

    condition: Query
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call: its name with ``@`` (or empty), and a constant or the variable that is handed over."""

    name: str
    value: exp.Expr


@dataclass(frozen=True, slots=True)
class Execute:
    """A call of a procedure."""

    procedure: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class ExecuteText:
    """``EXEC (…)``: the query's value is a batch."""

    query: Query


@dataclass(frozen=True, slots=True)
class Refused:
    """A statement of a branch that fails when it is reached."""

    error: SqlError


Statement = Ignored | Use | Query | Assign | Print | Choose | Execute | ExecuteText | Refused


@dataclass(frozen=True, slots=True)
class Batch:
    """The statements of a batch, and the variables that it declares, wherever it does."""

    statements: tuple[Statement, ...]
    variables: Mapping[str, Variable]
