"""Reads Delta tables with deltalake, from folders of links to the emulator's own files.

Slow to import: only the threads that run queries do it.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections import OrderedDict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from cloud_emulator.fabric.delta_log import log_version
from cloud_emulator.sql import errors
from cloud_emulator.sql.catalog import TableFiles

_CACHE_BYTES = 256 * 1024 * 1024


class DeltaReader:
    """Reads tables; what was read stays in memory as long as there is room. May be used from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: OrderedDict[str, pa.Table] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, source: TableFiles) -> pa.Table:
        """The rows of a table at its version, with the columns that the endpoint shows. Raises SQL error 13807."""
        key = f"{source.key}/{source.table.longest}/{source.table.columns}"
        with self._lock:
            held = self._tables.get(key)
            if held is not None:
                self._tables.move_to_end(key)
                return held
            read = self._read(source)
            self._tables[key] = read
            while sum(each.nbytes for each in self._tables.values()) > _CACHE_BYTES and len(self._tables) > 1:
                self._tables.popitem(last=False)
            return read

    def _read(self, source: TableFiles) -> pa.Table:
        place = self._link(source)
        names = [column.name for column in source.table.columns]
        try:
            delta = DeltaTable(place, version=source.table.version)
            if not names:
                return pa.table({"": pa.nulls(delta.count())})
            rows = pa.table(delta.scan(columns=names))
            return pa.table({name: _shown(rows[name], source.table.longest) for name in names})
        except (DeltaError, OSError, ValueError, pa.ArrowException) as error:
            raise errors.unreadable_table(f"{source.table.schema}/{source.table.name}", str(error)) from error

    def _link(self, source: TableFiles) -> Path:
        """A folder with the table's files as of its version."""
        place = self._folder / source.key
        if place.exists():
            return place
        making = place.with_suffix(".partial")
        shutil.rmtree(making, ignore_errors=True)
        for name, content in source.files.items():
            if _belongs(name, source.table.version):
                target = making / name
                target.parent.mkdir(parents=True, exist_ok=True)
                _place(content, target)
        making.mkdir(parents=True, exist_ok=True)
        making.replace(place)
        return place


def _shown(values: pa.ChunkedArray, longest: int | None) -> pa.ChunkedArray:
    """A column as T-SQL has it: times in UTC without a zone, bytes as smallint, texts cut where they are bounded."""
    kind = values.type
    if pa.types.is_timestamp(kind):
        return values.cast(pa.timestamp("us"))
    if pa.types.is_int8(kind):
        return values.cast(pa.int16())
    if longest is not None and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return pc.utf8_slice_codeunits(values, 0, longest)
    if pa.types.is_string_view(kind):
        return _shown(values.cast(pa.string()), longest)
    return values


def _belongs(name: str, version: int) -> bool:
    """Whether a file counts at that version: later commits don't, nor does the hint at the last checkpoint."""
    folder, _, file = name.rpartition("/")
    if folder != "_delta_log":
        return True
    found = log_version(file)
    return found <= version if found is not None else file != "_last_checkpoint"


def _place(content: Path, target: Path) -> None:
    try:
        os.link(content, target)
    except OSError:
        shutil.copyfile(content, target)
