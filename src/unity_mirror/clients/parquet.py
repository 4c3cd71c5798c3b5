"""How many row groups a table's Parquet files have, by their footers. Takes pyarrow, the optional dependency ``delta``.

A footer costs one ranged read of 64 KiB. Files are looked at from the largest on, some at a time, until it is sure on
which side of the limit the table is, supposing that no file has more row groups than the larger ones before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from unity_mirror.clients.delta import LogFiles
from unity_mirror.models.delta import DataFile

AT_ONCE = 16
"""Footers read side by side, and as many at least where any has to be read."""
TAIL = 64 * 1024
"""Bytes at a file's end that are read first: most footers are smaller."""
SMALLEST_GROUP = 256 * 1024
"""Bytes of a row group below which no writer is supposed to begin another: a table that can't be past the limit by
this needs no look at its files."""
_MAGIC_BYTES = 8


async def count_row_groups(table: LogFiles, files: Sequence[DataFile], limit: int) -> int | None:
    """How many row groups a table has at least, exact enough to tell whether it is past a limit.

    ``None`` where it can't be past the limit or nobody can count: without pyarrow, or with files elsewhere.
    """
    if sum(map(_most_groups, files)) <= limit or any("://" in file.path for file in files):
        return None
    ordered = sorted(files, key=lambda file: file.size, reverse=True)
    counted = 0
    for start in range(0, len(ordered), AT_ONCE):
        found = await asyncio.gather(*(_groups_of(table, file) for file in ordered[start : start + AT_ONCE]))
        known = [groups for groups in found if groups is not None]
        if len(known) < len(found):
            return None
        counted += sum(known)
        left = len(ordered) - start - len(found)
        if counted > limit or counted + left * max(known) <= limit:
            return counted + left
    return counted


def _most_groups(file: DataFile) -> int:
    by_size = -(-file.size // SMALLEST_GROUP)
    return max(1, by_size if file.rows is None else min(by_size, file.rows))


async def _groups_of(table: LogFiles, file: DataFile) -> int | None:
    """A file's row groups. Raises what reading raises."""
    path = unquote(file.path)
    tail = await table.read(path, (max(0, file.size - TAIL), file.size - 1))
    length = int.from_bytes(tail[-_MAGIC_BYTES:-4], "little") + _MAGIC_BYTES
    if length > len(tail):
        tail = await table.read(path, (max(0, file.size - length), file.size - 1))
    return await asyncio.to_thread(_row_groups, tail)


def _row_groups(tail: bytes) -> int | None:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        return None
    try:
        metadata: Any = parquet.read_metadata(arrow.BufferReader(tail))
    except (arrow.ArrowException, OSError):
        return None
    return int(metadata.num_row_groups)
