"""Asking many tables by T-SQL: statements for each, over a few connections side by side, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unity_mirror.clients.sql import QueryResult
from unity_mirror.models.items import SqlEndpointProperties
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.model import DataTable, Outcome
from unity_mirror.steps.context import Context, side_by_side

_CONNECTIONS = 4
_TABLES_AT_ONCE = 20
"""As many tables are asked for over one connection; after each such batch its progress is told."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What came out of one question: its title, tables for the report, and what is wrong.

    ``unable`` when nobody could look: the notes say why.
    """

    title: str
    tables: tuple[DataTable, ...] = ()
    notes: tuple[str, ...] = ()
    unable: bool = False

    @property
    def outcome(self) -> Outcome:
        """The same as a check's."""
        if self.unable:
            return Outcome.UNKNOWN
        return Outcome.FAILED if self.notes else Outcome.PASSED


async def ask_tables(
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


def select(what: str, ref: TableRef, alias: str = "") -> str:
    """A query of one table."""
    name = f"{quoted(ref.schema)}.{quoted(ref.table)}"
    return f"SELECT {what} FROM {name}{f' AS {alias}' if alias else ''}"  # noqa: S608 - quoted names only


def quoted(name: str) -> str:
    """A name as T-SQL takes it, whatever signs are in it."""
    return "[" + name.replace("]", "]]") + "]"


def remarkable(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> DataTable:
    """A table for the report whose last column remarks on what is wrong with a row."""
    marked = frozenset(place for place, row in enumerate(rows) if row[-1])
    return DataTable(title, columns, tuple(rows), marked)
