"""Names as DAX writes them, and expressions of ours under other names."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(
    r"""(?P<text>"(?:[^"]|"")*")|'(?P<table>(?:[^']|'')*)'(?:\[(?P<column>(?:[^\]]|\]\])*)\])?"""
    r"""|\[(?P<measure>(?:[^\]]|\]\])*)\]"""
)


def quoted_table(name: str) -> str:
    """A table's name in DAX."""
    return "'" + name.replace("'", "''") + "'"


def bracketed(name: str) -> str:
    """A column's or measure's name in DAX."""
    return "[" + name.replace("]", "]]") + "]"


def with_names(
    expression: str,
    tables: Mapping[str, str],
    columns: Mapping[tuple[str, str], str],
    measures: Mapping[str, str],
) -> str:
    """An expression as ``translate`` writes it (columns behind their table, measures alone) with other names in it."""

    def renamed(found: re.Match[str]) -> str:
        if found["text"] is not None:
            return found["text"]
        if found["measure"] is not None:
            measure = found["measure"].replace("]]", "]")
            return bracketed(measures.get(measure, measure))
        table = found["table"].replace("''", "'")
        name = quoted_table(tables.get(table, table))
        if found["column"] is None:
            return name
        column = found["column"].replace("]]", "]")
        return name + bracketed(columns.get((table, column), column))

    return _NAME.sub(renamed, expression)
