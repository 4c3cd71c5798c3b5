"""What T-SQL says at the SQL analytics endpoint: rows counted and compared with the source, and the first ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from unity_mirror.clients.sql import QueryResult
from unity_mirror.errors import CloudError
from unity_mirror.models.items import SqlEndpointProperties
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.engines import Engine
from unity_mirror.plan.model import DataTable
from unity_mirror.plan.tmdl import build_model
from unity_mirror.steps.context import Context, Known
from unity_mirror.steps.model_input import model_input
from unity_mirror.steps.readers import Readers
from unity_mirror.steps.sql_asking import Looked, ask_tables, remarkable, select
from unity_mirror.steps.sql_values import look_at_values

COUNTS, FIRST_ROWS = "Rows by T-SQL", "First rows of"
SAME = "T-SQL counts as many rows as the Delta logs do"
_LONGEST = 80


async def look(context: Context, known: Known, endpoint: SqlEndpointProperties, readers: Readers) -> tuple[Looked, ...]:
    """What the spec asks to be looked at by T-SQL. That it can't be looked at is told, and fails nothing."""
    found: list[Looked] = []
    model = context.spec.semantic_model
    if context.spec.sql_endpoint.preview:
        try:
            found.append(await preview(context, endpoint, known.mirrored, readers))
        except CloudError as error:
            found.append(Looked(SAME, notes=(str(error),), unable=True))
    if model is not None and (model.check_keys or model.check_texts):
        definition = build_model(await model_input(context, known, model, readers))
        found += await look_at_values(context, endpoint, definition)
    return tuple(found)


async def preview(
    context: Context, endpoint: SqlEndpointProperties, refs: Iterable[TableRef], readers: Readers
) -> Looked:
    """Count each table's rows, show the first ones, and compare the numbers with the Delta logs'.

    Tables that the endpoint can't read are left out. Raises what the client raises when nobody can log in.
    """
    wanted = [ref for ref in refs if not readers.obstacle(ref, Engine.SQL_ENDPOINT)]
    top = context.spec.sql_endpoint.rows
    statements = {ref: [select("COUNT_BIG(*) AS n", ref), *_top(ref, top)] for ref in wanted}
    answers = await ask_tables(context, endpoint, statements)
    return Looked(SAME, (_counts(answers, readers), *_first_rows(answers)), tuple(_mismatches(answers, readers)))


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
    return remarkable(COUNTS, ("Table", "SQL endpoint", "Delta log", "Remark"), rows)


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


def _top(ref: TableRef, number: int) -> list[str]:
    return [select(f"TOP ({number}) *", ref)] if number else []
