"""The table in docs/coverage.md, held to what the very same test run showed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
COVERAGE = ROOT / "docs" / "coverage.md"
STATES = ("works", "partly", "not yet")
_ROW = re.compile(r"^\| (S\d+) \|")
_TEST = re.compile(r"`(tests/[^`]+)`")


@dataclass(frozen=True)
class Row:
    """One row of the tutorial: its id, its state, and the tests that show it."""

    id: str
    state: str
    tests: tuple[str, ...]


def read_rows(path: Path = COVERAGE) -> list[Row]:
    """The rows of the table, in order."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if _ROW.match(line):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            rows.append(Row(cells[0], cells[-1].split(":")[0].strip(), tuple(_TEST.findall(line))))
    return rows


def unproven(rows: Iterable[Row], passed: Set[str]) -> list[str]:
    """Why rows don't hold that say more than "not yet"; ``passed`` holds node ids without parameters."""
    faults = []
    for row in rows:
        if row.state not in STATES:
            faults.append(f"{row.id}: the state {row.state!r} is none of {', '.join(STATES)}")
        if row.state != "not yet" and not row.tests:
            faults.append(f"{row.id}: no test shows it")
        faults += [f"{row.id}: {test} did not pass in this run" for test in row.tests if test not in passed]
    return faults
