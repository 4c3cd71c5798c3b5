"""Translates the SQL expression of a metric view's measure to DAX, where DAX can say the same.

Understood: sums, averages, extremes, medians and counts of columns, sums and the like of arithmetic over columns;
filters that compare columns with constants; arithmetic, ``MEASURE()``, ``COALESCE`` and ``TRY_DIVIDE`` between them.
Anything else is refused: a wrong number is worse than none. In DAX a blank equals 0 and "", and is less than 1, where
SQL's null is neither: comparisons leave blanks out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from unity_mirror.plan.tmdl.dax_text import NotSayableError, bracketed, plain, quoted_table, tokens_of
from unity_mirror.plan.tmdl.model import ModelColumn, ModelTable

_PLAIN = {"SUM": "SUM", "AVG": "AVERAGE", "MEAN": "AVERAGE", "MIN": "MIN", "MAX": "MAX", "MEDIAN": "MEDIAN"}
_ROW_BY_ROW = {"SUM": "SUMX", "AVG": "AVERAGEX", "MEAN": "AVERAGEX", "MIN": "MINX", "MAX": "MAXX"}
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_NUMBERS_ONLY = frozenset(_PLAIN) - {"MIN", "MAX"}


@dataclass(frozen=True)
class Translation:
    """The DAX, and how its result is to be shown."""

    text: str
    format_string: str | None = None


def translate(
    expression: str, table: ModelTable, measures: Mapping[str, str], conditions: Sequence[str] = ()
) -> Translation:
    """Translate a measure over a table. ``measures`` maps the view's measures made so far to their names in the model.

    ``conditions`` (of ``translate_filter``) hold for each aggregate. Raises NotSayableError.
    """
    return _Reader(tokens_of(expression), table, measures, tuple(conditions)).whole()


def translate_filter(text: str, table: ModelTable) -> tuple[str, ...]:
    """The conditions of a filter over a whole view. Raises NotSayableError."""
    reader = _Reader(tokens_of(text), table, {})
    conditions = reader.conditions()
    if reader.at < len(reader.tokens):
        raise NotSayableError(f"{reader.tokens[reader.at][1]!r} in its filter isn't understood")
    return conditions


@dataclass
class _Reader:
    """Reads the tokens by recursive descent: sums of products of aggregates, numbers and brackets."""

    tokens: list[tuple[str, str]]
    table: ModelTable
    measures: Mapping[str, str]
    always: tuple[str, ...] = ()
    at: int = 0
    formats: list[str | None] = field(default_factory=list)

    def whole(self) -> Translation:
        text = self._sum(self._aggregate)
        if self.at < len(self.tokens):
            raise NotSayableError(f"{self.tokens[self.at][1]!r} in it isn't understood")
        if not self.formats:
            raise NotSayableError("it holds no aggregate")
        return Translation(text, self.formats[0] if len(self.formats) == 1 else None)

    def _peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def _take(self, *signs: str) -> bool:
        """Go past the next token if it is one of these signs or words."""
        if self._peek().upper() in signs:
            self.at += 1
            return True
        return False

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            raise NotSayableError(f"{self._peek() or 'its end'!r} stands where {sign!r} is expected")

    def _next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise NotSayableError("it ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def _sum(self, operand: Callable[[], str]) -> str:
        text = self._product(operand)
        while (sign := self._peek()) in ("+", "-"):
            self.at += 1
            text = f"{text} {sign} {self._product(operand)}"
        return text

    def _product(self, operand: Callable[[], str]) -> str:
        text = self._factor(operand)
        while (sign := self._peek()) in ("*", "/"):
            self.at += 1
            factor = self._divisor(operand) if sign == "/" else self._factor(operand)
            text = f"{text} * {factor}" if sign == "*" else f"DIVIDE({text}, {factor})"
        return text

    def _divisor(self, operand: Callable[[], str]) -> str:
        """DIVIDE gives a blank by itself where ``NULLIF(…, 0)`` is there to."""
        if not self._take("NULLIF"):
            return self._factor(operand)
        self._need("(")
        text = self._sum(operand)
        self._need(",")
        self._need("0")
        self._need(")")
        return text

    def _factor(self, operand: Callable[[], str]) -> str:
        if self._take("-"):
            return f"-{self._factor(operand)}"
        if self._take("("):
            text = self._sum(operand)
            self._need(")")
            return f"({text})"
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "number":
            return self._next()[1]
        return operand()

    def _aggregate(self) -> str:
        kind, name = self._next()
        function = name.upper()
        if kind != "name" or not self._take("("):
            raise NotSayableError(f"{name!r} in it is neither an aggregate nor a number")
        if function == "MEASURE":
            return self._measure()
        if function in ("TRY_DIVIDE", "COALESCE"):
            return self._pair("DIVIDE" if function == "TRY_DIVIDE" else function)
        if function == "COUNT_IF":
            self.formats.append("#,0")
            counted = self.conditions()
            self._need(")")
            return self._filtered(f"COUNTROWS({quoted_table(self.table.name)})", counted)
        if function == "COUNT":
            text = self._count()
        elif function in _PLAIN:
            text = self._of_column(function)
        else:
            raise NotSayableError(f"the function {function} isn't translated")
        return self._filtered(text)

    def _pair(self, function: str) -> str:
        """A function of two aggregates."""
        first = self._sum(self._aggregate)
        self._need(",")
        second = self._sum(self._aggregate)
        self._need(")")
        self.formats.append(None)
        return f"{function}({first}, {second})"

    def _measure(self) -> str:
        name = plain(self._next()[1])
        self._need(")")
        if name.casefold() not in self.measures:
            raise NotSayableError(f"it needs the measure {name}, which isn't in the model")
        self.formats.append(None)
        return bracketed(self.measures[name.casefold()])

    def _count(self) -> str:
        self.formats.append("#,0")
        if self._take("*", "1"):
            text = f"COUNTROWS({quoted_table(self.table.name)})"
        elif self._take("DISTINCT"):
            text = f"DISTINCTCOUNTNOBLANK({self._column_text()})"
        else:
            text = f"COUNTA({self._column_text()})"
        self._need(")")
        return text

    def _of_column(self, function: str) -> str:
        start = self.at
        column = self._column()
        if self._take(")"):
            if function in _NUMBERS_ONLY and not column.type.additive:
                raise NotSayableError(f"{column.source} is no number")
            self.formats.append(column.type.format_string)
            return f"{_PLAIN[function]}({self._reference(column)})"
        if function not in _ROW_BY_ROW:
            raise NotSayableError(f"{function} isn't translated of more than a column")
        self.at = start
        inner = self._sum(self._number)
        self._refuse_sums_with_nulls(start)
        self._need(")")
        self.formats.append(None)
        return f"{_ROW_BY_ROW[function]}({quoted_table(self.table.name)}, {inner})"

    def _refuse_sums_with_nulls(self, start: int) -> None:
        """A row where one part of a sum is null counts as nothing in SQL, and as the other part in DAX."""
        inside = self.tokens[start : self.at]
        nullable = [
            column.source
            for kind, text in inside
            if kind == "name" and (column := self.table.column(plain(text))) is not None and column.nullable
        ]
        if nullable and any(text in ("+", "-") for _, text in inside):
            raise NotSayableError(f"it adds within a row, and {nullable[0]} may be null there")

    def _number(self) -> str:
        column = self._column()
        if not column.type.additive:
            raise NotSayableError(f"{column.source} is no number")
        return self._reference(column)

    def _filtered(self, text: str, counted: tuple[str, ...] = ()) -> str:
        """``FILTER (WHERE …)``: the filter narrows whatever the report filters already."""
        conditions = [*self.always, *counted]
        if self._take("FILTER"):
            self._need("(")
            self._need("WHERE")
            conditions += self.conditions()
            self._need(")")
        if not conditions:
            return text
        return f"CALCULATE({text}, {', '.join(f'KEEPFILTERS({condition})' for condition in conditions)})"

    def conditions(self) -> tuple[str, ...]:
        """Conditions between AND."""
        found = [self._condition()]
        while self._take("AND"):
            found.append(self._condition())
        return tuple(found)

    def _condition(self) -> str:
        column = self._column()
        reference = self._reference(column)
        if self._take("IS"):
            negated = self._take("NOT")
            self._need("NULL")
            return f"{'NOT ' if negated else ''}ISBLANK({reference})"
        if self._take("IN"):
            self._need("(")
            values = [self._constant(column)]
            while self._take(","):
                values.append(self._constant(column))
            self._need(")")
            return self._not_blank(column, f"{reference} IN {{{', '.join(values)}}}")
        if self._take("BETWEEN"):
            low = self._constant(column)
            self._need("AND")
            return self._not_blank(column, f"{reference} >= {low} && {reference} <= {self._constant(column)}")
        sign = _COMPARISONS.get(self._next()[1])
        if sign is None:
            raise NotSayableError(f"its filter on {column.source} isn't a comparison with a constant of the same type")
        return self._not_blank(column, f"{reference} {sign} {self._constant(column)}")

    def _not_blank(self, column: ModelColumn, condition: str) -> str:
        return f"{condition} && NOT ISBLANK({self._reference(column)})" if column.nullable else condition

    def _constant(self, column: ModelColumn) -> str:
        negative = "-" if self._take("-") else ""
        kind, value = self._next()
        if kind == "string" and column.type.data_type == "string" and not negative:
            return '"' + value[1:-1].replace("''", "'").replace('"', '""') + '"'
        if kind == "number" and column.type.additive:
            return negative + value
        if column.type.data_type == "boolean" and value.upper() in ("TRUE", "FALSE"):
            return value.upper()
        raise NotSayableError(f"its filter on {column.source} isn't a comparison with a constant of the same type")

    def _column_text(self) -> str:
        return self._reference(self._column())

    def _column(self) -> ModelColumn:
        kind, text = self._next()
        if kind == "name" and self._take("."):
            if plain(text).casefold() != "source":
                raise NotSayableError(f"it reaches through the join {plain(text)}")
            kind, text = self._next()
        column = self.table.column(plain(text)) if kind == "name" else None
        if column is None:
            raise NotSayableError(f"{plain(text)} is no column of the model's table {self.table.name}")
        return column

    def _reference(self, column: ModelColumn) -> str:
        return f"{quoted_table(self.table.name)}{bracketed(column.name)}"
