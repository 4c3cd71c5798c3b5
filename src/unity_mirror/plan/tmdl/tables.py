"""From Unity Catalog's tables to the model's: names, types, and what has to stay out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import Column, Table
from unity_mirror.plan.tmdl.dates import with_date_table
from unity_mirror.plan.tmdl.model import ModelColumn, ModelTable, NotModelled
from unity_mirror.plan.tmdl.names import friendly, has_control, unique
from unity_mirror.plan.tmdl.types import TABLE_UNREADABLE, map_type, type_name

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NOT_SUMMED = re.compile(
    r"""
    ids?|keys?|sk|fk|pk|codes?|number|no|nr|rank|index|version|phone|zip|postcode|postal
    |year|month|week|day|quarter|hour|minute|second|age|latitude|longitude|lat|lon|lng
    |rate|ratio|percent|percentage|pct|price
    """,
    re.VERBOSE,
)
"""Last words of the names of numbers whose sum says nothing."""
_PREFIX = re.compile(r"^(dim|fact|fct|tbl|d|f)_(?=\w)", re.IGNORECASE)
NO_COLUMNS = "none of its columns can be in a Direct Lake model"
CONTROL = "its name holds a control character, which a model's definition can't"


@dataclass(frozen=True)
class Tables:
    """The model's tables, in a stable order, and what was left out of them."""

    tables: tuple[ModelTable, ...]
    left_out: tuple[NotModelled, ...]


def model_tables(
    tables: Iterable[Table],
    *,
    friendly_names: bool = False,
    date_table: str = "auto",
    held: Mapping[TableRef, str] = MappingProxyType({}),
) -> Tables:
    """Map the tables, by schema and name. A table keeps its name (or gets a friendly one), with its schema before it
    where two are equal. ``held``: the names that a model gives already; reports know its tables by them.
    """
    say = friendly if friendly_names else str
    left_out: list[NotModelled] = []
    kept: list[tuple[Table, list[Column]]] = []
    for table in sorted(tables, key=lambda one: one.ref):
        columns = _possible_columns(table, left_out)
        if columns:
            kept.append((table, columns))
    names = _table_names([table for table, _ in kept], say, held)
    made = [_table(table, columns, name, say) for (table, columns), name in zip(kept, names, strict=True)]
    return Tables(with_date_table(made, [table for table, _ in kept], date_table, left_out), tuple(left_out))


def _possible_columns(table: Table, left_out: list[NotModelled]) -> list[Column]:
    """The columns that can be in the model, in their order; none when the table can't."""
    reason = _unreadable(table)
    if reason:
        left_out.append(NotModelled("table", table.ref, table.name, reason))
        return []
    columns: list[Column] = []
    for column in sorted(table.columns, key=lambda one: one.position):
        fault = _column_fault(column)
        if fault:
            left_out.append(NotModelled("column", table.ref, column.name, fault))
        else:
            columns.append(column)
    if not columns:
        left_out.append(NotModelled("table", table.ref, table.name, NO_COLUMNS))
    return columns


def _unreadable(table: Table) -> str:
    names = (table.name, table.schema_name)
    if any(has_control(name) for name in names):
        return CONTROL
    if any(not name or name != name.strip() for name in names):
        return "its name or its schema's begins or ends with a blank"
    reasons = (TABLE_UNREADABLE.get(type_name(column)) for column in table.columns)
    return next((reason for reason in reasons if reason), "")


def _column_fault(column: Column) -> str:
    if not column.name.strip():
        return "its name is blank"
    if has_control(column.name):
        return CONTROL
    if map_type(column) is None:
        return f"Direct Lake can't hold columns of type {type_name(column) or 'unknown'}"
    return ""


def _table_names(tables: Sequence[Table], say: Callable[[str], str], held: Mapping[TableRef, str]) -> list[str]:
    """The short name where only one wants it, else the long one; but a table that has either already keeps it."""
    short = {table.ref: _said(table.name, say, _PREFIX) for table in tables}
    long = {table.ref: _with_schema(table, say) for table in tables}
    kept = dict(_kept(held, short, long))
    closed = {name.casefold() for name in kept.values()}
    count = Counter(name.casefold() for name in short.values())
    new = [ref for ref in short if ref not in kept]
    alone = {ref for ref in new if count[short[ref].casefold()] == 1 and short[ref].casefold() not in closed}
    given = dict(zip(new, unique((short[ref] if ref in alone else long[ref] for ref in new), closed), strict=True))
    return [(kept.get(table.ref) or given[table.ref]) for table in tables]


def _kept(
    held: Mapping[TableRef, str], short: Mapping[TableRef, str], long: Mapping[TableRef, str]
) -> Iterator[tuple[TableRef, str]]:
    """The names that stay, also those of tables that aren't wanted any more: nobody else gets them."""
    closed: set[str] = set()
    for ref, name in sorted(held.items()):
        stays = ref not in short or name in (short[ref], long[ref])
        if stays and name.casefold() not in closed:
            closed.add(name.casefold())
            yield ref, name


def _with_schema(table: Table, say: Callable[[str], str]) -> str:
    if say is str:
        return f"{table.schema_name}.{table.name}"
    return f"{say(table.schema_name)} {say(table.name)}".strip()


def _said(name: str, say: Callable[[str], str], prefix: re.Pattern[str]) -> str:
    return name if say is str else say(prefix.sub("", name)) or name


def _table(table: Table, columns: Sequence[Column], name: str, say: Callable[[str], str]) -> ModelTable:
    key = table.primary_key.child_columns if table.primary_key else ()
    key_column = key[0].casefold() if len(key) == 1 else None
    names = unique(say(column.name.strip()) or column.name.strip() for column in columns)
    made = tuple(_column(column, name, key_column) for column, name in zip(columns, names, strict=True))
    return ModelTable(name, table.ref, table.catalog_name, made, table.comment)


def _column(column: Column, name: str, key_column: str | None) -> ModelColumn:
    mapping = map_type(column)
    assert mapping is not None, "columns without a mapping were left out"  # noqa: S101
    is_key = column.name.casefold() == key_column
    return ModelColumn(
        name, column.name, mapping, column.position, column.comment, is_key=is_key, nullable=column.nullable
    )


def summarised(column: ModelColumn) -> bool:
    """Whether a report should sum the column by itself: a number that isn't a key nor named like a label or a rate."""
    if not column.type.additive or column.is_key or column.is_hidden:
        return False
    words = _WORDS.findall(column.source)
    return not words or _NOT_SUMMED.fullmatch(words[-1].lower()) is None
