"""The date table: the one that the spec names, or a calendar that can be told by its name and its only column of dates.

Power BI's mark as date table is the data category Time and a key on the column of dates, which must have no gaps,
duplicates or blanks: hence only a column that Unity Catalog calls required.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl.model import ModelTable, NotModelled
from unity_mirror.spec import column_of

_CALENDAR = re.compile(r"((dim|d|lkp)_?)?(calendar|dates?|days?)(_?(dim|table))?", re.IGNORECASE)


def with_date_table(
    tables: Sequence[ModelTable], sources: Sequence[Table], wanted: str, left_out: list[NotModelled]
) -> tuple[ModelTable, ...]:
    """The tables, with the date table marked when there is one."""
    if wanted == "none":
        return tuple(tables)
    if wanted == "auto":
        found = list(_calendars(tables, sources))
        return _marked(tables, found[0]) if len(found) == 1 else tuple(tables)
    ref, column = column_of(wanted)
    table = next((each for each in tables if str(each.ref).casefold() == str(ref).casefold()), None)
    made = table.column(column) if table else None
    if table is None or made is None or made.type.data_type != "dateTime":
        reason = f"it can't mark the date table: {'it is no date' if made else 'it is not in the model'}"
        left_out.append(NotModelled("column", ref, column, reason))
        return tuple(tables)
    return _marked(tables, (table, made.name))


def _calendars(tables: Sequence[ModelTable], sources: Sequence[Table]) -> Iterator[tuple[ModelTable, str]]:
    for table, source in zip(tables, sources, strict=True):
        dates = [column for column in table.columns if column.type.family == "date"]
        required = {column.name for column in source.columns if not column.nullable}
        if _CALENDAR.fullmatch(source.name) and len(dates) == 1 and dates[0].source in required:
            yield table, dates[0].name


def _marked(tables: Sequence[ModelTable], found: tuple[ModelTable, str]) -> tuple[ModelTable, ...]:
    """A table has one key column, and in a date table it is the date."""
    table, date = found
    columns = tuple(replace(column, is_key=column.name == date) for column in table.columns)
    marked = replace(table, columns=columns, date_column=date)
    return tuple(marked if each is table else each for each in tables)
