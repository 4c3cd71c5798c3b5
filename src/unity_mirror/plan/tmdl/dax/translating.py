"""Translates the SQL expression of a metric view's measure to DAX, where DAX can say the same.

Understood: sums, averages, extremes, medians and counts of columns, sums and the like of arithmetic over columns;
filters that compare columns with constants; arithmetic, ``MEASURE()``, ``COALESCE`` and ``TRY_DIVIDE`` between them.
Anything else is refused: a wrong number is worse than none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from unity_mirror.plan.tmdl.dax.filters import Scope, conditions
from unity_mirror.plan.tmdl.dax.names import quoted_table
from unity_mirror.plan.tmdl.dax.terms import Term, first_of, in_brackets, negative, product, quotient, total
from unity_mirror.plan.tmdl.dax.words import NotSayableError, Words, plain
from unity_mirror.plan.tmdl.model import ModelColumn

_PLAIN = {"SUM": "SUM", "AVG": "AVERAGE", "MEAN": "AVERAGE", "MIN": "MIN", "MAX": "MAX", "MEDIAN": "MEDIAN"}
_ROW_BY_ROW = {"SUM": "SUMX", "AVG": "AVERAGEX", "MEAN": "AVERAGEX", "MIN": "MINX", "MAX": "MAXX"}
_EXTREMES = frozenset({"MIN", "MAX"})
_BETWEEN_VALUES = frozenset({"AVG", "MEAN", "MEDIAN"})
"""What of whole numbers isn't a whole number."""
_WHOLE, _WITH_DECIMALS = "#,0", "#,0.00"
Operand = Callable[[], Term]


def translate(expression: str, scope: Scope, measures: Mapping[str, Term], always: tuple[str, ...] = ()) -> Term:
    """Translate a measure over a table. ``measures``: references to those of the view that were made so far, by name.

    ``always``: conditions (of ``translate_filter``) that hold for each aggregate. Raises NotSayableError.
    """
    return _Reader(Words.of(expression), scope, measures, always).whole()


def translate_filter(text: str, scope: Scope) -> tuple[str, ...]:
    """The conditions of a filter over a whole view. Raises NotSayableError."""
    words = Words.of(text)
    found = conditions(words, scope)
    if not words.ended:
        raise NotSayableError(f"{words.next.text!r} in its filter isn't understood")
    return found


@dataclass(slots=True)
class _Reader:
    """Reads the words by recursive descent: sums of products of aggregates, numbers and brackets."""

    words: Words
    scope: Scope
    measures: Mapping[str, Term]
    always: tuple[str, ...]
    aggregates: int = 0

    def whole(self) -> Term:
        term = self._sum(self._aggregate)
        if not self.words.ended:
            raise NotSayableError(f"{self.words.next.text!r} in it isn't understood")
        if not self.aggregates:
            raise NotSayableError("it holds no aggregate")
        return term

    def _sum(self, operand: Operand) -> Term:
        terms = [("", self._product(operand))]
        while sign := self.words.take("+", "-"):
            terms.append((sign, self._product(operand)))
        return total(terms)

    def _product(self, operand: Operand) -> Term:
        term = self._factor(operand)
        while sign := self.words.take("*", "/"):
            term = product(term, self._factor(operand)) if sign == "*" else quotient(term, self._divisor(operand))
        return term

    def _divisor(self, operand: Operand) -> Term:
        """DIVIDE gives a blank by itself where ``NULLIF(…, 0)`` is there to."""
        if not self.words.take("NULLIF"):
            return self._factor(operand)
        self.words.need("(")
        term = self._sum(operand)
        for sign in (",", "0", ")"):
            self.words.need(sign)
        return term

    def _factor(self, operand: Operand) -> Term:
        if self.words.take("-"):
            return negative(self._factor(operand))
        if self.words.take("("):
            term = self._sum(operand)
            self.words.need(")")
            return in_brackets(term)
        if self.words.next.kind == "number":
            return Term(self.words.pop().text)
        return operand()

    def _aggregate(self) -> Term:
        word = self.words.pop()
        function = word.text.upper()
        if word.kind != "name" or not self.words.take("("):
            raise NotSayableError(f"{word.text!r} in it is neither an aggregate nor a number")
        self.aggregates += 1
        if function == "MEASURE":
            return self._measure()
        if function == "TRY_DIVIDE":
            return self._pair(quotient)
        if function == "COALESCE":
            return self._pair(first_of)
        if function == "COUNT_IF":
            return self._counted_rows()
        if function == "COUNT":
            return self._filtered(Term(self._count(), counts=True, format_string=_WHOLE))
        if function in _PLAIN:
            return self._filtered(self._of_columns(function))
        raise NotSayableError(f"the function {function} isn't translated")

    def _pair(self, function: Callable[[Term, Term], Term]) -> Term:
        """A function of two aggregates."""
        first = self._sum(self._aggregate)
        self.words.need(",")
        second = self._sum(self._aggregate)
        self.words.need(")")
        return function(first, second)

    def _measure(self) -> Term:
        name = plain(self.words.pop().text)
        self.words.need(")")
        if name.casefold() not in self.measures:
            raise NotSayableError(f"it needs the measure {name}, which isn't in the model")
        return self.measures[name.casefold()]

    def _counted_rows(self) -> Term:
        counted = conditions(self.words, self.scope)
        self.words.need(")")
        return self._filtered(Term(self._rows(), counts=True, format_string=_WHOLE), counted)

    def _rows(self) -> str:
        return f"COUNTROWS({self._table()})"

    def _table(self) -> str:
        return quoted_table(self.scope.table.name)

    def _count(self) -> str:
        if self.words.take("*", "1"):
            text = self._rows()
        else:
            function = "DISTINCTCOUNTNOBLANK" if self.words.take("DISTINCT") else "COUNTA"
            text = f"{function}({self.scope.reference(self.scope.column(self.words))})"
        self.words.need(")")
        return text

    def _of_columns(self, function: str) -> Term:
        """An aggregate of one column, or row by row of arithmetic over several."""
        start = self.words.at
        if self.words.next.kind == "name":
            column = self.scope.column(self.words)
            if self.words.take(")"):
                return self._of_column(function, column)
        if function not in _ROW_BY_ROW:
            raise NotSayableError(f"{function} isn't translated of more than a column")
        self.words.at = start
        inner = self._sum(self._number)
        self._refuse_sums_with_nulls(start)
        self.words.need(")")
        return Term(f"{_ROW_BY_ROW[function]}({self._table()}, {inner.text})", nullable=True)

    def _of_column(self, function: str, column: ModelColumn) -> Term:
        if not column.type.additive and function not in _EXTREMES:
            raise NotSayableError(f"{column.source} is no number")
        if column.type.data_type == "boolean":
            raise NotSayableError(f"DAX has no {function} of true and false, which {column.source} is")
        shown = column.type.format_string
        if function in _BETWEEN_VALUES and column.type.data_type == "int64":
            shown = _WITH_DECIMALS
        return Term(f"{_PLAIN[function]}({self.scope.reference(column)})", nullable=True, format_string=shown)

    def _refuse_sums_with_nulls(self, start: int) -> None:
        """A row where one part of a sum is null counts as nothing in SQL, and as the other part in DAX."""
        inside = self.words.all[start : self.words.at]
        named = (self.scope.table.column(plain(word.text)) for word in inside if word.kind == "name")
        nullable = [column.source for column in named if column is not None and column.nullable]
        if nullable and any(word.text in ("+", "-") for word in inside):
            raise NotSayableError(f"it adds within a row, and {nullable[0]} may be null there")

    def _number(self) -> Term:
        column = self.scope.column(self.words)
        if not column.type.additive:
            raise NotSayableError(f"{column.source} is no number")
        return Term(self.scope.reference(column))

    def _filtered(self, term: Term, counted: tuple[str, ...] = ()) -> Term:
        """``FILTER (WHERE …)``: the filter narrows whatever the report filters already."""
        found = [*self.always, *counted]
        if self.words.take("FILTER"):
            for sign in ("(", "WHERE"):
                self.words.need(sign)
            found += conditions(self.words, self.scope)
            self.words.need(")")
        if not found:
            return term
        kept = ", ".join(f"KEEPFILTERS({condition})" for condition in found)
        return Term(f"CALCULATE({term.text}, {kept})", term.nullable, term.counts, term.format_string)
