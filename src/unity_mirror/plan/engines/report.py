"""The matrix of tables by engines, for the report."""

from __future__ import annotations

from collections.abc import Iterable

from unity_mirror.plan.engines.facts import AS_OF, ENGINES
from unity_mirror.plan.engines.judging import Readability, Verdict
from unity_mirror.plan.model import DataTable

TITLE = "Who can read it"


def readers_table(judged: Iterable[Readability]) -> DataTable:
    """One row for each table, one column for each engine; rows with something in the way are marked."""
    rows = sorted(judged, key=lambda one: one.ref)
    return DataTable(
        title=f"{TITLE} ({AS_OF})",
        columns=("Table", *ENGINES, "In the way", "Seen in"),
        rows=tuple(_row(one) for one in rows),
        remarkable=frozenset(place for place, one in enumerate(rows) if not one.plain),
    )


def _row(one: Readability) -> tuple[str, ...]:
    verdicts = (str(one.verdicts[engine]) for engine in ENGINES)
    return str(one.ref), *verdicts, "; ".join(_in_the_way(one)), one.source


def _in_the_way(one: Readability) -> tuple[str, ...]:
    """Each obstacle once, then the remarks."""
    found = [reason for engine in ENGINES if one.verdicts[engine] is not Verdict.YES for reason in one.reasons[engine]]
    return tuple(dict.fromkeys([*found, *one.remarks]))
