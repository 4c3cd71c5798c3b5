"""Killed anywhere, and worse: each write of an onboarding, struck once by each fault, and the run started again.

``python -m bench.faults`` prints the table of write and fault. The kills are real: the emulator sends SIGKILL to the
process of the command line. The other faults strike the library in this process, where no time really passes.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from bench import kills
from cloud_emulator.core.cloud import open_cloud
from tests.contract.world import SharedTime
from tests.onboarding.strikes import FAULTS, KILLS, Goal, masked, onboardings, prepared, strike, undisturbed
from tests.onboarding.world import World

Column = Mapping[str, str]
"""By write, a mark: how the onboarding came to its end."""
Table = Mapping[str, Mapping[str, str]]
WORKERS = 2
ALONE, AGAIN, DIFFERENT, MEANINGLESS = "=", "2", "≠", "·"
LEGEND = (
    f"  {ALONE} the run itself came to the undisturbed run's state, nothing doubled; {AGAIN} the next run did;"
    f" {DIFFERENT} the state differs; {MEANINGLESS} the write starts no operation that could fail"
)
_SHOWN = 48


def measure(faults: Sequence[str] = FAULTS, names: Sequence[str] = ()) -> Table:
    """By write and fault, how it ended; two columns are worked on at a time, each on a cloud of its own."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder)
        prepared(template, SharedTime()).cloud.close()
        cells = [(name, fault) for name in names or tuple(onboardings()) for fault in faults]
        with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
            running = {cell: pool.submit(_column, str(template), *cell) for cell in cells}
            columns = {cell: _awaited(cell, future) for cell, future in running.items()}
    return _table(columns)


def _awaited(cell: tuple[str, str], column: Future[Column]) -> Column:
    """Waits, and says on standard error how far it is."""
    found = column.result()
    print(f"{cell[0]} struck by: {cell[1]}", file=sys.stderr, flush=True)
    return found


def _table(columns: Mapping[tuple[str, str], Column]) -> Table:
    table: dict[str, dict[str, str]] = {}
    for (name, fault), column in columns.items():
        for write, mark in column.items():
            table.setdefault(f"{name} {write}", {})[fault] = mark
    return table


def _column(template: str, name: str, fault: str) -> Column:
    """One onboarding, each of its writes struck by one fault."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "cloud"
        shutil.copytree(template, place)
        if fault in KILLS:
            return kills.column(place, onboardings()[name], fault)
        return asyncio.run(_struck(place, name, fault))


async def _struck(place: Path, name: str, fault: str) -> Column:
    time = SharedTime()
    world = World(open_cloud(place, wall=time.wall), time)
    goal = await undisturbed(world, onboardings()[name])
    column = {}
    for position, label in enumerate(labels(goal.writes)):
        column[label] = await _cell(world, goal, fault, position)
    world.cloud.close()
    return column


async def _cell(world: World, goal: Goal, fault: str, position: int) -> str:
    if not goal.can_strike(fault, position):
        return MEANINGLESS
    outcome = await strike(world, goal, fault, position)
    if outcome.moved:
        sys.stderr.write(f"{fault} {goal.writes[position]}: {outcome.moved}\n")
    return mark(outcome.runs, bool(outcome.moved))


def mark(runs: int, differs: bool) -> str:
    """A cell of the table."""
    if differs:
        return DIFFERENT
    return ALONE if runs == 1 else str(runs)


def labels(writes: Sequence[str]) -> list[str]:
    """The writes, short, and numbered where several look the same: their order differs where they run side by side."""
    names = [_short(masked(write)) for write in writes]
    return [
        f"{name} ({names[: place + 1].count(name)})" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]


def _short(write: str) -> str:
    method, _, path = write.partition(" ")
    parts = [part for part in path.split("/") if part not in ("", "*")]
    return f"{method} {'/'.join(parts[-2:])}"[:_SHOWN]


def lines(table: Table) -> list[str]:
    """The table, a column for each fault."""
    faults = list(dict.fromkeys(fault for row in table.values() for fault in row))
    letters = "ABCDEFGHIJKLMNOP"[: len(faults)]
    width = max(map(len, table))
    rows = [f"{write:<{width}} " + " ".join(row.get(fault, " ") for fault in faults) for write, row in table.items()]
    return [
        *(f"  {letter}: {fault}" for letter, fault in zip(letters, faults, strict=True)),
        LEGEND,
        f"{'write':<{width}} " + " ".join(letters),
        *rows,
        summary(table),
    ]


def summary(table: Table) -> str:
    """How many of the cells are as they should be."""
    marks = Counter(mark for row in table.values() for mark in row.values() if mark != MEANINGLESS)
    total, wrong = marks.total(), marks[DIFFERENT]
    return f"{total - wrong} of {total} come to the undisturbed run's state, {marks[ALONE]} without another run"


def main() -> None:
    """Measures and prints; arguments are faults."""
    named = sys.argv[1:] or FAULTS
    if unknown := [fault for fault in named if fault not in FAULTS]:
        sys.exit(f"there is no fault {unknown[0]!r}; there are: {', '.join(FAULTS)}")
    print("\n".join(lines(measure(named))))


if __name__ == "__main__":
    main()
