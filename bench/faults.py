"""Killed anywhere, and worse: each write of an onboarding, struck once by each fault, and the run started again.

``python -m bench.faults`` prints the table of write and fault; ``=`` says that the end is the undisturbed run's.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.contract.world import SharedTime
from tests.onboarding.strikes import FAULTS, struck, undisturbed
from tests.onboarding.world import World, sample_cloud

Table = Mapping[str, Mapping[str, int]]
_SHOWN = 44


async def measure(faults: Sequence[str] = FAULTS) -> Table:
    """By write and fault, at how many paths the end differs from the undisturbed run's."""
    time = SharedTime()
    with tempfile.TemporaryDirectory() as folder:
        world = World(sample_cloud(Path(folder), time), time)
        goal, writes = await undisturbed(world)
        table = {
            f"{position + 1:>2} {_short(write)}": {
                fault: len(await struck(world, fault, position, goal)) for fault in faults
            }
            for position, write in enumerate(writes)
        }
        world.cloud.close()
    return table


def _short(write: str) -> str:
    method, _, path = write.partition(" ")
    parts = [part for part in path.split("/") if part and not (len(part) == 36 and part.count("-") == 4)]
    return f"{method} {'/'.join(parts[-3:])}"[-_SHOWN:]


def lines(table: Table) -> list[str]:
    """The table, a column for each fault."""
    faults = list(next(iter(table.values())))
    names = [f"  {letter}: {fault}" for letter, fault in zip("ABCDEFGHIJKLMNOP", faults, strict=False)]
    head = f"{'write':<{_SHOWN + 4}}" + " ".join("ABCDEFGHIJKLMNOP"[: len(faults)])
    rows = [
        f"{write:<{_SHOWN + 4}}" + " ".join("≠" if found[fault] else "=" for fault in faults)
        for write, found in table.items()
    ]
    wrong = sum(1 for found in table.values() for each in found.values() if each)
    total = sum(len(found) for found in table.values())
    return [*names, head, *rows, f"{total - wrong} of {total} come to the undisturbed run's state"]


def main() -> None:
    """Measures and prints."""
    print("\n".join(lines(asyncio.run(measure()))))


if __name__ == "__main__":
    main()
