"""What a table's Delta log says of it, and what of that the SQL analytics endpoint can't read.

[D] Delta Lake interoperability, edition of April 2025: keep the list below in step with it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.onelake_location import Location
from cloud_emulator.storage import files

UNREADABLE = {
    "timestampNtz": "columns of the type TIMESTAMP_NTZ",
    "v2Checkpoint": "V2 checkpoints",
    "typeWidening": "type widening",
    "collations": "collations",
    "variantType": "the type VARIANT",
    "variantShredding": "the type VARIANT",
    "catalogManaged": "catalog-managed commits",
    "catalogOwned": "catalog-managed commits",
    "coordinatedCommits": "coordinated commits",
}
"""Features of the Delta protocol (without ``-preview``) that no SQL analytics endpoint reads."""
READABLE = frozenset({"columnMapping", "deletionVectors", "vacuumProtocolCheck"})
"""Features that a reader has to know and that both the SQL analytics endpoint and Direct Lake do. By the Delta protocol
a reader refuses a table with a feature that it doesn't know."""
_VERSION = re.compile(r"(\d{20})\.(json|checkpoint\..*parquet)")


@dataclass(frozen=True, slots=True)
class DeltaState:
    """A table at its latest version: features by protocol, properties, and the schema's fields as the log has them."""

    version: int
    features: frozenset[str]
    properties: Mapping[str, str]
    fields: tuple[Mapping[str, Any], ...]
    reader_features: frozenset[str] = frozenset()

    def unheard_of(self, known: Collection[str]) -> str | None:
        """A feature that a reader has to know and that is neither readable nor among those known to be unreadable."""
        plain = sorted(feature.removesuffix("-preview") for feature in self.reader_features)
        return next((f"the feature {each}" for each in plain if each not in READABLE and each not in known), None)

    def unreadable(self) -> str | None:
        """What the SQL analytics endpoint can't read, or ``None``."""
        for feature in sorted(self.features):
            if feature.removesuffix("-preview") in UNREADABLE:
                return UNREADABLE[feature.removesuffix("-preview")]
        if self.properties.get("delta.columnMapping.mode") == "id":
            return "column mapping by id"
        if self.properties.get("delta.universalFormat.enabledFormats"):
            return "UniForm"
        return self.unheard_of(UNREADABLE)


def log_version(name: str) -> int | None:
    """The version to which a file of a log belongs, or ``None``."""
    found = _VERSION.fullmatch(name)
    return int(found[1]) if found else None


def latest_version(cloud: Cloud, location: Location) -> int | None:
    """The latest version of the table that lies there, or ``None`` when there is no log."""
    versions = (log_version(_name(node)) for node in _log(cloud, location))
    return max((version for version in versions if version is not None), default=None)


def read_state(cloud: Cloud, location: Location) -> DeltaState | None:
    """The table that lies there, or ``None`` when its log has no protocol or no schema."""
    found: dict[str, Mapping[str, Any]] = {}
    for action in _actions(cloud, location):
        for kind in ("protocol", "metaData"):
            if action.get(kind):
                found.setdefault(kind, action[kind])
        if len(found) == 2:
            return _state(latest_version(cloud, location) or 0, found["protocol"], found["metaData"])
    return None


def _state(version: int, protocol: Mapping[str, Any], metadata: Mapping[str, Any]) -> DeltaState:
    features = {*(protocol.get("readerFeatures") or ()), *(protocol.get("writerFeatures") or ())}
    schema = orjson.loads(metadata["schemaString"])
    properties = dict(metadata.get("configuration") or {})
    readers = frozenset(protocol.get("readerFeatures") or ())
    return DeltaState(version, frozenset(features), properties, tuple(schema["fields"]), readers)


def _actions(cloud: Cloud, location: Location) -> Iterator[Mapping[str, Any]]:
    """The log's actions, latest commit first; the checkpoints come last, for logs whose first commits are gone."""
    nodes = _log(cloud, location)
    for node in sorted(nodes, key=_name, reverse=True):
        if log_version(_name(node)) is not None and _name(node).endswith(".json"):
            yield from _lines(files.content(cloud, node))
    for node in sorted(nodes, key=_name, reverse=True):
        if log_version(_name(node)) is not None and _name(node).endswith(".parquet"):
            yield from _checkpoint(files.content(cloud, node))


def _lines(content: bytes) -> Iterator[Mapping[str, Any]]:
    for line in content.splitlines():
        if line.strip():
            yield orjson.loads(line)


def _checkpoint(content: bytes) -> Iterable[Mapping[str, Any]]:
    import pyarrow.parquet as parquet  # slow to import, and few logs need it

    table = parquet.read_table(io.BytesIO(content), columns=["protocol", "metaData"])
    for row in table.to_pylist():
        if row["metaData"] is not None:
            row["metaData"]["configuration"] = dict(row["metaData"].get("configuration") or ())
        yield row


def _log(cloud: Cloud, location: Location) -> list[Document]:
    return files.children(cloud, location.account, location.container, f"{location.path}/_delta_log")


def _name(node: Document) -> str:
    return str(node["path"]).rpartition("/")[2]
