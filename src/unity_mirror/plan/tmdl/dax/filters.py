"""Conditions over a table's columns: what SQL asks of rows, as DAX asks it.

In DAX a blank equals 0 and "", and is less than 1, where SQL's null is neither: comparisons leave blanks out.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from unity_mirror.plan.tmdl.dax.names import bracketed, quoted_table
from unity_mirror.plan.tmdl.dax.words import NotSayableError, Words, plain, string_value
from unity_mirror.plan.tmdl.model import ModelColumn, ModelTable

_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_EQUALITIES = frozenset({"=", "<>"})


@dataclass(frozen=True, slots=True)
class Scope:
    """What names in an expression stand for: columns of one table. ``dimensions``: names, in lower case, to which the
    metric view gives another meaning than the table's column."""

    table: ModelTable
    dimensions: AbstractSet[str] = frozenset()

    def column(self, words: Words) -> ModelColumn:
        """The column that comes next. Raises NotSayableError when none does."""
        word = words.pop()
        through_source = word.kind == "name" and bool(words.take("."))
        if through_source:
            if plain(word.text).casefold() != "source":
                raise NotSayableError(f"it reaches through the join {plain(word.text)}")
            word = words.pop()
        name = plain(word.text)
        if not through_source and word.kind == "name" and name.casefold() in self.dimensions:
            raise NotSayableError(f"{name} is a dimension of the view with an expression of its own")
        column = self.table.column(name) if word.kind == "name" else None
        if column is None:
            raise NotSayableError(f"{name} is no column of the model's table {self.table.name}")
        return column

    def reference(self, column: ModelColumn) -> str:
        """A column in DAX."""
        return f"{quoted_table(self.table.name)}{bracketed(column.name)}"


def conditions(words: Words, scope: Scope) -> tuple[str, ...]:
    """Conditions between AND. Raises NotSayableError."""
    found = [_condition(words, scope)]
    while words.take("AND"):
        found.append(_condition(words, scope))
    return tuple(found)


def _condition(words: Words, scope: Scope) -> str:
    column = scope.column(words)
    reference = scope.reference(column)
    if words.take("IS"):
        negated = words.take("NOT")
        words.need("NULL")
        return f"{'NOT ' if negated else ''}ISBLANK({reference})"
    condition = _comparison(words, column, reference)
    return f"{condition} && NOT ISBLANK({reference})" if column.nullable else condition


def _comparison(words: Words, column: ModelColumn, reference: str) -> str:
    if words.take("IN"):
        words.need("(")
        values = [_constant(words, column)]
        while words.take(","):
            values.append(_constant(words, column))
        words.need(")")
        return f"{reference} IN {{{', '.join(values)}}}"
    if words.take("BETWEEN") and column.type.data_type != "boolean":
        low = _constant(words, column)
        words.need("AND")
        return f"{reference} >= {low} && {reference} <= {_constant(words, column)}"
    sign = _COMPARISONS.get(words.pop().text)
    if sign is None or (column.type.data_type == "boolean" and sign not in _EQUALITIES):
        raise _no_comparison(column)
    return f"{reference} {sign} {_constant(words, column)}"


def _constant(words: Words, column: ModelColumn) -> str:
    negative = words.take("-")
    word = words.pop()
    if word.kind == "string" and column.type.data_type == "string" and not negative:
        return '"' + string_value(word.text).replace('"', '""') + '"'
    if word.kind == "number" and column.type.additive:
        return negative + word.text
    if column.type.data_type == "boolean" and word.text.upper() in ("TRUE", "FALSE") and not negative:
        return word.text.upper()
    raise _no_comparison(column)


def _no_comparison(column: ModelColumn) -> NotSayableError:
    return NotSayableError(f"its filter on {column.source} isn't a comparison with a constant of the same type")
