"""Whether a model's data is as its relationships and Direct Lake need it, by T-SQL: keys, references, long texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from unity_mirror.clients.sql import QueryResult
from unity_mirror.errors import CloudError
from unity_mirror.models.items import SqlEndpointProperties
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.engines.facts import LONGEST_TEXT
from unity_mirror.plan.tmdl import ModelDefinition, ModelRelationship, ModelTable
from unity_mirror.steps.context import Context
from unity_mirror.steps.sql_asking import Looked, ask_tables, quoted, remarkable, select

KEYS, REFERENCES, TEXTS = "Keys of the one sides", "References of the many sides", "Longest texts"
UNIQUE = "The one sides of relationships hold no value twice"
REFERRED = "The many sides of relationships refer to rows that are there"
SHORT = f"No text is longer than the {LONGEST_TEXT:,} characters that Direct Lake takes"
_End = tuple[TableRef, str]


async def look_at_values(
    context: Context, endpoint: SqlEndpointProperties, definition: ModelDefinition
) -> tuple[Looked, ...]:
    """What the spec asks to know of a model's data. That it can't be looked at is told, and fails nothing."""
    spec = context.spec.semantic_model
    if spec is None:
        return ()
    asked = [(UNIQUE, check_keys), (REFERRED, check_references)] if spec.check_keys else []
    asked += [(SHORT, check_texts)] if spec.check_texts else []
    found: list[Looked] = []
    for title, check in asked:
        try:
            found.append(await check(context, endpoint, definition))
        except CloudError as error:
            return *found, Looked(title, notes=(str(error),), unable=True)
    return tuple(found)


async def check_keys(context: Context, endpoint: SqlEndpointProperties, definition: ModelDefinition) -> Looked:
    """Look for duplicates on the one sides of relationships: with them queries over the relationship fail."""
    found = await _by_column(
        context, endpoint, _one_sides(definition), "COUNT_BIG(*), ", "COUNT_BIG(DISTINCT {})", _key
    )
    notes = (f"{row[0]}.{row[1]} is the one side of a relationship, but {row[-1]}." for row in found if row[-1])
    table = remarkable(KEYS, ("Table", "Column", "Rows", "Distinct", "Remark"), found)
    return Looked(UNIQUE, (table,) if found else (), tuple(notes))


async def check_references(context: Context, endpoint: SqlEndpointProperties, definition: ModelDefinition) -> Looked:
    """Count rows of the many sides that refer to nothing: with referential integrity supposed, they fall out of sums;
    without it they stand under a blank.
    """
    tables = {table.name: table for table in definition.tables}
    many = [one for one in definition.relationships if one.cardinality == "many_to_one"]
    by_ref: dict[TableRef, list[ModelRelationship]] = {}
    for one in many:
        by_ref.setdefault(tables[one.from_table].ref, []).append(one)
    statements = {ref: [_orphans(one, tables) for one in each] for ref, each in by_ref.items()}
    answers = await ask_tables(context, endpoint, statements)
    pairs = [(one, answers[ref][place]) for ref, each in by_ref.items() for place, one in enumerate(each)]
    found = [_reference(one, tables, answer) for one, answer in pairs]
    wrong = {row for row, (one, answer) in zip(found, pairs, strict=True) if one.referential_integrity or answer.error}
    notes = (f"{row[0]}.{row[1]} refers to {row[2]}, but {row[-1]}." for row in found if row[-1] and row in wrong)
    table = remarkable(REFERENCES, ("Table", "Column", "Refers to", "Remark"), found)
    return Looked(REFERRED, (table,) if found else (), tuple(notes))


async def check_texts(context: Context, endpoint: SqlEndpointProperties, definition: ModelDefinition) -> Looked:
    """Measure the texts of the model's columns."""
    texts = (
        (table.ref, column.source)
        for table in definition.tables
        for column in table.columns
        if column.type.data_type == "string"
    )
    found = await _by_column(context, endpoint, texts, "", "MAX(LEN({}))", _text)
    notes = (f"{row[0]}.{row[1]}: {row[-1]}." for row in found if row[-1])
    table = remarkable(TEXTS, ("Table", "Column", "Characters", "Remark"), found)
    return Looked(SHORT, (table,) if found else (), tuple(notes))


async def _by_column(
    context: Context,
    endpoint: SqlEndpointProperties,
    ends: Iterable[_End],
    first: str,
    each: str,
    read: Callable[[TableRef, str, int, QueryResult], tuple[str, ...]],
) -> list[tuple[str, ...]]:
    """One query for each table asks the same of each column; ``read`` makes a row of a column's place in the answer."""
    by_ref: dict[TableRef, list[str]] = {}
    for ref, column in sorted(set(ends)):
        by_ref.setdefault(ref, []).append(column)
    statements = {
        ref: [select(first + ", ".join(each.replace("{}", quoted(column)) for column in columns), ref)]
        for ref, columns in by_ref.items()
    }
    answers = await ask_tables(context, endpoint, statements)
    return [
        read(ref, column, place, answers[ref][0])
        for ref, columns in by_ref.items()
        for place, column in enumerate(columns)
    ]


def _one_sides(definition: ModelDefinition) -> Iterable[_End]:
    tables = {table.name: table for table in definition.tables}
    for one in definition.relationships:
        if one.cardinality != "many_to_many":
            yield _end(tables[one.to_table], one.to_column)
        if one.cardinality == "one_to_one":
            yield _end(tables[one.from_table], one.from_column)


def _end(table: ModelTable, name: str) -> _End:
    return table.ref, next(column.source for column in table.columns if column.name == name)


def _ends(one: ModelRelationship, tables: Mapping[str, ModelTable]) -> tuple[_End, _End]:
    return _end(tables[one.from_table], one.from_column), _end(tables[one.to_table], one.to_column)


def _key(ref: TableRef, column: str, place: int, answer: QueryResult) -> tuple[str, ...]:
    if answer.error or not answer.rows:
        return str(ref), column, "", "", f"it couldn't be looked at: {answer.error}"
    rows, distinct = int(answer.rows[0][0]), int(answer.rows[0][place + 1])
    remark = f"{rows - distinct:,} of its rows repeat a value or have none" if rows > distinct else ""
    return str(ref), column, f"{rows:,}", f"{distinct:,}", remark


def _orphans(one: ModelRelationship, tables: Mapping[str, ModelTable]) -> str:
    (many, key), (single, referred) = (
        _end(tables[one.from_table], one.from_column),
        _end(tables[one.to_table], one.to_column),
    )
    there = select("1", single, "o") + f" WHERE o.{quoted(referred)} = m.{quoted(key)}"
    return select("COUNT_BIG(*)", many, "m") + f" WHERE m.{quoted(key)} IS NOT NULL AND NOT EXISTS ({there})"


def _reference(one: ModelRelationship, tables: Mapping[str, ModelTable], answer: QueryResult) -> tuple[str, ...]:
    (many, key), (single, referred) = (
        _end(tables[one.from_table], one.from_column),
        _end(tables[one.to_table], one.to_column),
    )
    if answer.error or not answer.rows:
        remark = f"it couldn't be looked at: {answer.error}"
    else:
        orphans = int(answer.rows[0][0])
        remark = f"{orphans:,} of its rows refer to nothing there" if orphans else ""
    return str(many), key, f"{single}.{referred}", remark


def _text(ref: TableRef, column: str, place: int, answer: QueryResult) -> tuple[str, ...]:
    if answer.error or not answer.rows:
        return str(ref), column, "", f"it couldn't be looked at: {answer.error}"
    longest = int(answer.rows[0][place] or 0)
    remark = f"a text of {longest:,} characters; Direct Lake takes {LONGEST_TEXT:,}" if longest > LONGEST_TEXT else ""
    return str(ref), column, f"{longest:,}", remark
