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
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from bench import kills
from cloud_emulator.core.cloud import open_cloud
from tests.contract.world import SharedTime
from tests.onboarding.strikes import FAULTS, KILLS, Goal, masked, onboardings, prepared, strike, undisturbed
from tests.onboarding.world import World

Cell = tuple[str, str]
"""An onboarding and a fault: what a column is of."""
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


def columns(
    faults: Sequence[str] = FAULTS, names: Sequence[str] = (), measured: Collection[Cell] = ()
) -> Iterator[tuple[Cell, Column]]:
    """Columns of the table that aren't measured yet, as they get ready; two are worked on at a time, each on a cloud of
    its own."""
    cells = [(name, fault) for name in names or tuple(onboardings()) for fault in faults]
    wanted = [cell for cell in cells if cell not in measured]
    with tempfile.TemporaryDirectory() as folder:
        prepared(Path(folder), SharedTime()).cloud.close()
        pool = ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"))
        try:
            running = {pool.submit(_column, folder, *cell): cell for cell in wanted}
            for count, ready in enumerate(as_completed(running), 1):
                name, fault = running[ready]
                _say(f"{name} struck by: {fault} ({count} of {len(wanted)})")
                yield (name, fault), ready.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _say(text: str) -> None:
    """How far it is."""
    print(text, file=sys.stderr, flush=True)


def table_of(columns: Mapping[Cell, Column]) -> Table:
    """The table, its columns and rows in the order of the faults and of the writes, whichever was ready first."""
    table: dict[str, dict[str, str]] = {}
    for name in onboardings():
        for fault in FAULTS:
            for write, mark in columns.get((name, fault), {}).items():
                table.setdefault(f"{name} {write}", {})[fault] = mark
    return table


def columns_of(table: Table) -> dict[Cell, Column]:
    """The other way round."""
    columns: dict[Cell, dict[str, str]] = {}
    for row, marks in table.items():
        name, _, write = row.partition(" ")
        for fault, mark in marks.items():
            columns.setdefault((name, fault), {})[write] = mark
    return dict(columns)


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
    faults = [fault for fault in FAULTS if any(fault in row for row in table.values())]
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
    print("\n".join(lines(table_of(dict(columns(named))))))


if __name__ == "__main__":
    main()
