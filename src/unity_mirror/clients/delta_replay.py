"""What the actions of a table's Delta log amount to. Source: the Delta protocol (PROTOCOL.md)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import Any

from unity_mirror.errors import UnityMirrorError
from unity_mirror.models.delta import WRITER_FEATURES, DataFile, DeltaState, declared_lengths, feature_name


class NoDeltaLog(UnityMirrorError):
    """There is no Delta log that can be understood."""


@dataclass(slots=True)
class Replay:
    """The state that the actions taken up so far, oldest first, amount to."""

    protocol: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    files: dict[str, DataFile] = field(default_factory=dict)
    nan: set[str] = field(default_factory=set)
    uncounted: str = ""
    totals: tuple[int | None, int | None] = (None, None)

    @property
    def described(self) -> bool:
        return bool(self.protocol and self.metadata)

    def commit(self, actions: Iterable[Mapping[str, Any]]) -> None:
        for action in actions:
            self.protocol = action.get("protocol") or self.protocol
            self.metadata = action.get("metaData") or self.metadata
            if removed := action.get("remove"):
                self.files.pop(_file(removed), None)
            if added := action.get("add"):
                statistics = _statistics(added)
                self.nan |= _with_nan(statistics)
                self.files[_file(added)] = DataFile(
                    str(added.get("path")), int(added.get("size") or 0), _rows(added, statistics)
                )

    def checksum(self, checksum: Mapping[str, Any]) -> None:
        """Take up a version checksum, which sums the table up."""
        self.protocol = self.protocol or checksum.get("protocol") or {}
        self.metadata = self.metadata or checksum.get("metadata") or {}
        self.totals = checksum.get("numFiles"), checksum.get("tableSizeBytes")

    def state(self, version: int) -> DeltaState:
        if not self.described:
            raise NoDeltaLog("the table's Delta log tells neither its protocol nor its schema", why=self.uncounted)
        files, size, rows = self._counts()
        fields = json.loads(str(self.metadata.get("schemaString") or "{}")).get("fields") or ()
        reader, writer = (
            frozenset(feature_name(name) for name in self.protocol.get(key) or ())
            for key in ("readerFeatures", "writerFeatures")
        )
        return DeltaState(
            features=reader | writer,
            reader_features=reader - WRITER_FEATURES,
            properties={str(key): str(value) for key, value in (self.metadata.get("configuration") or {}).items()},
            column_types={str(each["name"]): _type(each) for each in fields},
            version=version,
            files=files,
            size_bytes=size,
            rows=rows,
            data_files=() if self.uncounted else tuple(self.files.values()),
            nan_columns=tuple(str(each["name"]) for each in fields if self.nan & {_physical(each)}),
            longest_texts=declared_lengths({str(each["name"]): _declared(each) for each in fields}),
        )

    def _counts(self) -> tuple[int | None, int | None, int | None]:
        if self.uncounted:
            return *self.totals, None
        rows = [file.rows for file in self.files.values()]
        known = [count for count in rows if count is not None]
        size = sum(file.size for file in self.files.values())
        return len(rows), size, sum(known) if len(known) == len(rows) else None


def _file(action: Mapping[str, Any]) -> str:
    """A logical file: a data file and the deletion vector on it."""
    vector = action.get("deletionVector") or {}
    parts = (vector.get(key) for key in ("storageType", "pathOrInlineDv", "offset"))
    return "\n".join(map(str, (action.get("path"), *parts)))


def _statistics(added: Mapping[str, Any]) -> Mapping[str, Any]:
    """A file's statistics: as JSON, or as a checkpoint holds them parsed; none where they can't be read."""
    try:
        held = json.loads(added["stats"]) if added.get("stats") else added.get("stats_parsed")
    except ValueError:
        return {}
    return held if isinstance(held, Mapping) else {}


def _rows(added: Mapping[str, Any], statistics: Mapping[str, Any]) -> int | None:
    """A file's rows, without those that a deletion vector takes away."""
    counted = statistics.get("numRecords")
    deleted = (added.get("deletionVector") or {}).get("cardinality") or 0
    return None if counted is None else int(counted) - int(deleted)


def _with_nan(statistics: Mapping[str, Any]) -> set[str]:
    """Columns with NaN among their values: Spark, for which it is the largest number, writes it as their maximum."""
    bounds = (statistics.get(key) or {} for key in ("minValues", "maxValues"))
    return {name for bound in bounds for name, value in bound.items() if _is_nan(value)}


def _is_nan(value: Any) -> bool:
    return value == "NaN" or (isinstance(value, float) and isnan(value))


def _type(field_: Mapping[str, Any]) -> str:
    kind = field_["type"]
    return str(kind["type"] if isinstance(kind, Mapping) else kind)


def _physical(field_: Mapping[str, Any]) -> str:
    """What statistics call a column of a number type; empty for others, whose text may be NaN."""
    name = (field_.get("metadata") or {}).get("delta.columnMapping.physicalName") or field_["name"]
    return str(name) if _type(field_) in ("double", "float") else ""


def _declared(field_: Mapping[str, Any]) -> str:
    """The type as it was declared, which Delta keeps for CHAR and VARCHAR beside their string."""
    return str((field_.get("metadata") or {}).get("__CHAR_VARCHAR_TYPE_STRING") or "")
