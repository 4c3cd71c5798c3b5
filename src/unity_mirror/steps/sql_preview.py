"""What T-SQL says at the SQL analytics endpoint: rows counted and compared with the source, first rows, unique keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unity_mirror.clients.sql import QueryResult
from unity_mirror.errors import CloudError
from unity_mirror.models.items import SqlEndpointProperties
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.engines import Engine
from unity_mirror.plan.model import DataTable
from unity_mirror.plan.tmdl import ModelDefinition, build_model
from unity_mirror.steps.context import Context, Known, side_by_side
from unity_mirror.steps.model_input import model_input
from unity_mirror.steps.readers import Readers

COUNTS, FIRST_ROWS, KEYS = "Rows by T-SQL", "First rows of", "Keys of the one sides"
_CONNECTIONS = 4
_TABLES_AT_ONCE = 20
"""As many tables are asked for over one connection; after each such batch its progress is told."""
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Looked:
    """What came out: tables for the report, and what is wrong."""

    tables: tuple[DataTable, ...] = ()
    notes: tuple[str, ...] = ()


async def look(context: Context, known: Known, endpoint: SqlEndpointProperties, readers: Readers) -> tuple[Looked, ...]:
    """What the spec asks to be looked at by T-SQL. That it can't be looked at is told, and fails nothing."""
    found: list[Looked] = []
    model = context.spec.semantic_model
    if context.spec.sql_endpoint.preview:
        try:
            found.append(await preview(context, endpoint, known.mirrored, readers))
        except CloudError as error:
            found.append(Looked(notes=(str(error),)))
    if model is not None and model.check_keys:
        definition = build_model(await model_input(context, known, model, readers))
        found.append(await look_at_keys(context, endpoint, definition))
    return tuple(found)


async def look_at_keys(context: Context, endpoint: SqlEndpointProperties, definition: ModelDefinition) -> Looked:
    """The keys of a model. That they can't be looked at is told, and fails nothing."""
    try:
        return await check_keys(context, endpoint, definition)
    except CloudError as error:
        return Looked(notes=(str(error),))


async def preview(
    context: Context, endpoint: SqlEndpointProperties, refs: Iterable[TableRef], readers: Readers
) -> Looked:
    """Count each table's rows, show the first ones, and compare the numbers with the Delta logs'.

    Tables that the endpoint can't read are left out. Raises what the client raises when nobody can log in.
    """
    wanted = [ref for ref in refs if not readers.obstacle(ref, Engine.SQL_ENDPOINT)]
    top = context.spec.sql_endpoint.rows
    statements = {ref: [_select("COUNT_BIG(*) AS n", ref), *_top(ref, top)] for ref in wanted}
    answers = await _ask(context, endpoint, statements)
    return Looked((_counts(answers, readers), *_first_rows(answers)), tuple(_mismatches(answers, readers)))


async def check_keys(context: Context, endpoint: SqlEndpointProperties, definition: ModelDefinition) -> Looked:
    """Look for duplicates on the one sides of relationships: with them queries over the relationship fail."""
    keys = sorted(set(_one_sides(definition)))
    by_ref: dict[TableRef, list[str]] = {}
    for ref, column in keys:
        by_ref.setdefault(ref, []).append(column)
    statements = {
        ref: [_select(", ".join(["COUNT_BIG(*)", *(f"COUNT_BIG(DISTINCT {_quoted(each)})" for each in columns)]), ref)]
        for ref, columns in by_ref.items()
    }
    answers = await _ask(context, endpoint, statements)
    found = [
        _key(ref, column, place, answers[ref][0])
        for ref, columns in by_ref.items()
        for place, column in enumerate(columns)
    ]
    table = DataTable(
        KEYS,
        ("Table", "Column", "Rows", "Distinct", "Remark"),
        tuple(found),
        frozenset(place for place, row in enumerate(found) if row[-1]),
    )
    notes = (f"{row[0]}.{row[1]} is the one side of a relationship, but {row[-1]}." for row in found if row[-1])
    return Looked((table,) if found else (), tuple(notes))


def _one_sides(definition: ModelDefinition) -> Iterable[tuple[TableRef, str]]:
    tables = {table.name: table for table in definition.tables}
    for one in definition.relationships:
        ends = [(one.to_table, one.to_column)] if one.cardinality != "many_to_many" else []
        ends += [(one.from_table, one.from_column)] if one.cardinality == "one_to_one" else []
        for table, name in ends:
            column = next(column for column in tables[table].columns if column.name == name)
            yield tables[table].ref, column.source


def _key(ref: TableRef, column: str, place: int, answer: QueryResult) -> tuple[str, ...]:
    if answer.error or not answer.rows:
        return str(ref), column, "", "", f"it couldn't be looked at: {answer.error}"
    rows, distinct = int(answer.rows[0][0]), int(answer.rows[0][place + 1])
    remark = f"{rows - distinct:,} of its rows repeat a value or have none" if rows > distinct else ""
    return str(ref), column, f"{rows:,}", f"{distinct:,}", remark


async def _ask(
    context: Context, endpoint: SqlEndpointProperties, statements: Mapping[TableRef, Sequence[str]]
) -> dict[TableRef, list[QueryResult]]:
    """Each table's statements in their order, over a few connections side by side. The endpoint's id is unambiguous."""
    refs = list(statements)
    shares = [refs[start::_CONNECTIONS] for start in range(min(_CONNECTIONS, len(refs)))]
    done = 0

    async def ask(share: Sequence[TableRef]) -> list[QueryResult]:
        nonlocal done
        answers: list[QueryResult] = []
        for start in range(0, len(share), _TABLES_AT_ONCE):
            batch = share[start : start + _TABLES_AT_ONCE]
            flat = [each for ref in batch for each in statements[ref]]
            answers += await context.clients.sql.queries(endpoint.connection_string, endpoint.id, flat)
            done += len(batch)
            await context.progress(done, len(refs), "tables looked at by T-SQL")
        return answers

    answered = await side_by_side(ask(share) for share in shares)
    result: dict[TableRef, list[QueryResult]] = {}
    for share, answers in zip(shares, answered, strict=True):
        rest = iter(answers)
        result |= {ref: [next(rest) for _ in statements[ref]] for ref in share}
    return {ref: result[ref] for ref in refs}


def _counted(answer: QueryResult) -> int | None:
    return int(answer.rows[0][0]) if answer.rows else None


def _in_source(readers: Readers, ref: TableRef) -> int | None:
    found = readers.tables.get(ref)
    return found.state.rows if found and found.state else None


def _counts(answers: Mapping[TableRef, Sequence[QueryResult]], readers: Readers) -> DataTable:
    rows: list[tuple[str, ...]] = []
    for ref, results in answers.items():
        counted, source = _counted(results[0]), _in_source(readers, ref)
        remark = results[0].error or ("differs" if source is not None and counted != source else "")
        rows.append((str(ref), _number(counted), _number(source), remark))
    remarkable = frozenset(place for place, row in enumerate(rows) if row[-1])
    return DataTable(COUNTS, ("Table", "SQL endpoint", "Delta log", "Remark"), tuple(rows), remarkable)


def _mismatches(answers: Mapping[TableRef, Sequence[QueryResult]], readers: Readers) -> Iterable[str]:
    for ref, results in answers.items():
        counted, source = _counted(results[0]), _in_source(readers, ref)
        if results[0].error:
            yield f"{ref} can't be read by T-SQL: {results[0].error}"
        elif source is not None and counted != source:
            yield (
                f"{ref} has {counted:,} rows at the SQL endpoint and {source:,} in its Delta log. It may have changed "
                "meanwhile; if not, refresh the endpoint's metadata."
            )


def _first_rows(answers: Mapping[TableRef, Sequence[QueryResult]]) -> Iterable[DataTable]:
    for ref, results in answers.items():
        if len(results) > 1 and results[1].columns:
            columns = _distinct(results[1].columns)
            rows = tuple(tuple(map(_shown, row)) for row in results[1].rows)
            yield DataTable(f"{FIRST_ROWS} {ref}", columns, rows, quiet=True)


def _distinct(columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{name} ({place})" if name in columns[:place] else name for place, name in enumerate(columns))


def _shown(value: Any) -> str:
    """A value as people read it, and not too long."""
    if value is None:
        return ""
    text = value.hex() if isinstance(value, bytes | bytearray) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _select(what: str, ref: TableRef) -> str:
    return f"SELECT {what} FROM {_quoted(ref.schema)}.{_quoted(ref.table)}"  # noqa: S608 - quoted names only


def _top(ref: TableRef, number: int) -> list[str]:
    return [_select(f"TOP ({number}) *", ref)] if number else []


def _quoted(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"
