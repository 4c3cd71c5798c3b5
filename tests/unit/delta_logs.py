"""Delta logs written by hand, one for each feature that some engine can't read, and tables in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unity_mirror.models.storage import PathEntry

COMMIT = "_delta_log/{:020}.json"


@dataclass
class MemoryTable:
    """A table's files; ``asked`` tells which were read."""

    files: Mapping[str, bytes]
    asked: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path) -> MemoryTable:
        return cls({str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()})

    async def list(self, folder: str) -> list[PathEntry]:
        return [
            PathEntry(name=f"somewhere/{path}", is_directory=False, content_length=len(content), etag=None)
            for path, content in self.files.items()
            if path.rpartition("/")[0] == folder
        ]

    async def read(self, path: str, part: tuple[int, int] | None = None) -> bytes:
        self.asked.append(path)
        return self.files[path] if part is None else self.files[path][part[0] : part[1] + 1]


def lines(*actions: Mapping[str, Any]) -> bytes:
    """A commit."""
    return b"\n".join(json.dumps(action).encode() for action in actions)


def protocol(*reader: str, writer: Iterable[str] = (), versions: tuple[int, int] = (3, 7)) -> dict[str, Any]:
    """A protocol action; a reader's feature is a writer's too."""
    body: dict[str, Any] = {"minReaderVersion": versions[0], "minWriterVersion": versions[1]}
    if versions == (3, 7):
        body |= {"readerFeatures": list(reader), "writerFeatures": [*reader, *writer]}
    return {"protocol": body}


def metadata(types: Mapping[str, Any] | None = None, **configuration: str) -> dict[str, Any]:
    """A metadata action; names of properties in keywords have underscores for dots."""
    fields = [
        {"name": name, "type": kind, "nullable": True, "metadata": {}}
        for name, kind in (types or {"id": "long"}).items()
    ]
    return {
        "metaData": {
            "id": "1",
            "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps({"type": "struct", "fields": fields}),
            "partitionColumns": [],
            "configuration": {name.replace("__", "."): value for name, value in configuration.items()},
        }
    }


def add(path: str, rows: int | None = 1, size: int = 100, **more: Any) -> dict[str, Any]:
    """An added file."""
    stats = {} if rows is None else {"stats": json.dumps({"numRecords": rows})}
    return {
        "add": {
            "path": path, "size": size, "partitionValues": {}, "modificationTime": 0, "dataChange": True,
            **stats, **more,
        }
    }  # fmt: skip


def table(*actions: Mapping[str, Any]) -> MemoryTable:
    """A table of one commit."""
    return MemoryTable({COMMIT.format(0): lines(*actions)})


LOGS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "plain": (protocol(versions=(1, 2)), metadata()),
    "writer features": (protocol(writer=("appendOnly", "invariants", "identityColumns", "rowTracking")), metadata()),
    "vacuum check": (protocol("vacuumProtocolCheck"), metadata()),
    "mapping by name": (protocol("columnMapping"), metadata(delta__columnMapping__mode="name")),
    "mapping by name, old": (protocol(versions=(2, 5)), metadata(delta__columnMapping__mode="name")),
    "mapping by id": (protocol("columnMapping"), metadata(delta__columnMapping__mode="id")),
    "deletion vectors": (protocol("deletionVectors"), metadata(delta__enableDeletionVectors="true")),
    "clustering": (protocol(writer=("clustering", "domainMetadata")), metadata()),
    "timestamp_ntz": (protocol("timestampNtz"), metadata({"at": "timestamp_ntz"})),
    "v2 checkpoints": (protocol("v2Checkpoint"), metadata(delta__checkpointPolicy="v2")),
    "uniform": (
        protocol("columnMapping", writer=("icebergCompatV2",)),
        metadata(delta__universalFormat__enabledFormats="iceberg", delta__columnMapping__mode="name"),
    ),
    "type widening": (protocol("typeWidening"), metadata()),
    "type widening, preview": (protocol("typeWidening-preview"), metadata()),
    "collations": (protocol(writer=("collations-preview",)), metadata()),
    "variant": (protocol("variantType-preview"), metadata({"v": "variant"})),
    "catalog-managed": (protocol("catalogManaged", writer=("inCommitTimestamp",)), metadata()),
    "catalog-owned": (protocol("catalogOwned-preview"), metadata()),
    "coordinated": (
        protocol(writer=("coordinatedCommits-preview",)),
        metadata(None, **{"delta__coordinatedCommits__commitCoordinator-preview": "dynamodb"}),
    ),
    "something new": (protocol("geospatial"), metadata()),
}
"""Logs by what they are about."""
