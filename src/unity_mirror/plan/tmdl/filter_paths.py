"""Along which ways filters flow: between two tables there may be one active way only, and no circle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import count

Ways = Mapping[str, list[tuple[str, int]]]


class FilterPaths:
    """The active relationships so far, as ways from table to table."""

    def __init__(self) -> None:
        self._onward: dict[str, list[tuple[str, int]]] = defaultdict(list)
        self._backward: dict[str, list[tuple[str, int]]] = defaultdict(list)
        self._numbers = count()

    def add(self, one: str, many: str, *, both_ways: bool = False) -> str:
        """Let filters flow from one table to the other (and back) as well.

        Returns why that can't be, and leaves the ways as they were; empty when it can.
        """
        number = next(self._numbers)
        ends = [(one, many), (many, one)] if both_ways else [(one, many)]
        for start, end in ends:
            self._onward[start].append((end, number))
            self._backward[end].append((start, number))
        fault = self._fault(one, many, both_ways=both_ways)
        if fault:
            for start, end in ends:
                self._onward[start].pop()
                self._backward[end].pop()
        return fault

    def _fault(self, one: str, many: str, *, both_ways: bool) -> str:
        if not both_ways and one in _reached(self._onward, many)[0]:
            return f"it would close a cycle: {many} already filters {one}"
        above = _reached(self._backward, one)[0] | {one}
        if both_ways:
            above |= _reached(self._backward, many)[0] | {many}
        for table in sorted(above):
            twice = sorted(_reached(self._onward, table)[1])
            if twice:
                return f"there is an active path from {table} to {twice[0]} already, and there may be only one"
        return ""


def _reached(ways: Ways, start: str) -> tuple[set[str], set[str]]:
    """The tables reached from one, and those reached twice; a way isn't taken back along its own relationship."""
    reached: set[str] = set()
    twice: set[str] = set()
    waiting = [(start, -1)]
    while waiting:
        table, came_by = waiting.pop()
        for after, number in ways.get(table, ()):
            if number == came_by:
                continue
            if after in reached or after == start:
                twice.add(after)
            else:
                reached.add(after)
                waiting.append((after, number))
    return reached, twice
