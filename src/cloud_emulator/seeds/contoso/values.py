"""Made-up values for columns: the same in every run, since each table draws from a generator seeded with its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any


class Draft:
    """A table in the making: how many rows, where chance comes from, and the columns so far."""

    def __init__(self, name: str, rows: int) -> None:
        self.random = Random(name)  # noqa: S311  # sample data has to be the same each time
        self.rows = rows
        self.columns: dict[str, Sequence[Any]] = {}


Values = Callable[[Draft], Sequence[Any]]
"""Makes the values of one column, one for each row."""


def serial(first: int = 1) -> Values:
    """Consecutive numbers."""
    return lambda draft: range(first, first + draft.rows)


def numbered(template: str, first: int = 1) -> Values:
    """A text for each row, with its number in the place of ``{}``."""
    return lambda draft: [template.format(number) for number in range(first, first + draft.rows)]


def each(function: Callable[[Random, int], Any]) -> Values:
    """Whatever a function makes of chance and the row's index."""
    return lambda draft: [function(draft.random, index) for index in range(draft.rows)]


def pick(*options: Any, weights: Sequence[float] | None = None) -> Values:
    """One of the options."""
    return lambda draft: draft.random.choices(options, weights=weights, k=draft.rows)


def cycle(*options: Any) -> Values:
    """The options in turn."""
    return lambda draft: [options[index % len(options)] for index in range(draft.rows)]


def whole(low: int, high: int) -> Values:
    """A whole number from ``low`` to ``high``."""
    return lambda draft: draft.random.choices(range(low, high + 1), k=draft.rows)


def real(low: float, high: float) -> Values:
    """A floating-point number with three decimals."""
    return lambda draft: [round(draft.random.uniform(low, high), 3) for _ in range(draft.rows)]


def money(low: int, high: int, scale: int = 2) -> Values:
    """A decimal between two whole numbers."""
    first, last = low * 10**scale, high * 10**scale
    return lambda draft: [Decimal(draft.random.randint(first, last)).scaleb(-scale) for _ in range(draft.rows)]


def day(first: date, days: int) -> Values:
    """A date among the ``days`` from ``first`` on."""
    return lambda draft: [first + timedelta(days=offset) for offset in draft.random.choices(range(days), k=draft.rows)]


def moment(first: date, days: int, *, zone: bool = True) -> Values:
    """A time among the ``days`` from ``first`` on, to the second; in UTC, or without a time zone."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC if zone else None)
    seconds = range(days * 86_400)
    return lambda draft: [start + timedelta(seconds=offset) for offset in draft.random.choices(seconds, k=draft.rows)]


def sometimes(values: Values, share: float) -> Values:
    """Another column's kind of values in that share of the rows, and null in the others."""

    def make(draft: Draft) -> Sequence[Any]:
        return [value if draft.random.random() < share else None for value in values(draft)]

    return make


def derive(function: Callable[..., Any], *columns: str) -> Values:
    """What a function makes of columns made before."""
    return lambda draft: [function(*row) for row in zip(*(draft.columns[name] for name in columns), strict=True)]


def date_key(value: date) -> int:
    """A date as the key of the date dimension: 20250131."""
    return value.year * 10_000 + value.month * 100 + value.day


CALENDAR_START = date(2023, 1, 1)
CALENDAR_DAYS = 1_096
"""Days of the date dimension: three years."""


def calendar_key() -> Values:
    """The key of a day of the date dimension."""
    keys = [date_key(CALENDAR_START + timedelta(days=offset)) for offset in range(CALENDAR_DAYS)]
    return pick(*keys)
