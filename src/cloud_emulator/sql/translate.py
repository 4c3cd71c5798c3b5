"""T-SQL to DuckDB: names are resolved with regard to case, and what T-SQL means otherwise than DuckDB is rewritten.

Imports sqlglot, which is slow: only the threads that run queries do it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, OptimizeError, UnsupportedError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.schema import MappingSchema

from cloud_emulator.sql import errors, functions
from cloud_emulator.sql.catalog import TableColumn
from cloud_emulator.sql.grammar import DIALECT
from cloud_emulator.sql.literals import duckdb_type
from cloud_emulator.sql.parameters import Parameter
from cloud_emulator.sql.statements import TableName

_UNNAMED = "__unnamed_"
_UNRESOLVED = re.compile(r"Column '\"?([^'\"]*)\"?' could not be resolved(?: for table: '\"?([^'\"]*)\"?')?")


@dataclass(frozen=True, slots=True)
class Translated:
    """A query for DuckDB, and the names of its columns: empty for expressions without one."""

    sql: str
    names: tuple[str, ...]


def table_names(tree: exp.Query) -> list[TableName]:
    """The tables that a query reads, common table expressions aside, each once."""
    return list(dict.fromkeys(_name(table) for table in _tables(tree)))


def internal_name(position: int) -> str:
    """What the table at a position of :func:`table_names` is called in DuckDB."""
    return f"__table_{position}"


def translate(
    tree: exp.Query,
    columns: Mapping[TableName, Iterable[TableColumn]],
    parameters: Mapping[str, Parameter],
    session: Mapping[str, Any],
) -> Translated:
    """The query for DuckDB. ``session`` holds the values of functions such as DB_NAME.

    Raises :class:`~cloud_emulator.sql.errors.SqlError` for columns, functions and variables that aren't there.
    """
    known = {
        internal_name(position): {
            column.name: exp.DataType.build(duckdb_type(column.type), dialect="duckdb") for column in columns[name]
        }
        for position, name in enumerate(table_names(tree))
    }
    functions.check(tree)
    filled = functions.fill_in(tree.copy(), parameters, session)
    _rename_tables(filled)
    _mark_unnamed(filled)
    typed = _typed(filled, known)
    try:
        sql = functions.rewrite(typed).sql("duckdb", unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise errors.not_served(f"this query ({error})") from error
    selected = typed.named_selects if isinstance(typed, exp.Query) else []
    names = tuple("" if each.startswith(_UNNAMED) else each for each in selected)
    return Translated(sql, names)


def _tables(tree: exp.Expr) -> list[exp.Table]:
    found: dict[int, exp.Table] = {}
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                if not isinstance(source.this, exp.Identifier):
                    raise errors.not_served(f"{source.sql('tsql')!r} in FROM")
                found[id(source)] = source  # what an APPLY sees is in two scopes
    return list(found.values())


def _name(table: exp.Table) -> TableName:
    return TableName(table.catalog, table.db, table.name)


def _rename_tables(tree: exp.Expr) -> None:
    """Gives tables their internal names, and the names that they had as aliases."""
    tables = _tables(tree)
    positions = {name: position for position, name in enumerate(dict.fromkeys(_name(table) for table in tables))}
    exposed = {(table.db, table.name) for table in tables if not table.alias}
    for column in tree.find_all(exp.Column):
        if column.args.get("db") is not None:
            if (column.text("db"), column.table) not in exposed:
                raise errors.unbound(column.sql("tsql"))
            column.set("db", None)
            column.set("catalog", None)
    for table in tables:
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
        table.set("this", exp.to_identifier(internal_name(positions[_name(table)]), quoted=True))
        table.set("db", None)
        table.set("catalog", None)
        table.set("hints", None)


def _mark_unnamed(tree: exp.Expr) -> None:
    """Expressions of a result have no name in T-SQL: gives them one by which they can be told."""
    select = tree
    while isinstance(select, exp.SetOperation | exp.Subquery):
        select = select.this
    if not isinstance(select, exp.Select):
        return
    for position, each in enumerate(list(select.expressions)):
        if not isinstance(each, exp.Alias | exp.Column | exp.Star):
            each.replace(exp.alias_(each.copy(), f"{_UNNAMED}{position}", quoted=True))


def _typed(tree: exp.Expr, known: Mapping[str, Mapping[str, exp.DataType]]) -> exp.Expr:
    schema = MappingSchema({name: dict(each) for name, each in known.items()}, dialect=DIALECT, normalize=False)
    try:
        qualified = qualify(tree, schema=schema, dialect=DIALECT, expand_alias_refs=False)
        return annotate_types(qualified, schema=schema, dialect=DIALECT)
    except OptimizeError as error:
        raise _bind_error(str(error), known) from error


def _bind_error(message: str, known: Mapping[str, Mapping[str, exp.DataType]]) -> errors.SqlError:
    found = _UNRESOLVED.search(message)
    if found is None:
        if message.startswith("Alias already used"):
            name = message.partition(": ")[2]
            return errors.SqlError(1011, f"The correlation name '{name}' is specified multiple times in a FROM clause.")
        return errors.not_served(f"this query ({message})")
    column, table = found[1], found[2]
    if table:
        return errors.unbound(f"{table}.{column}")
    if sum(column in columns for columns in known.values()) > 1:
        return errors.ambiguous_column(column)
    return errors.unknown_column(column)
