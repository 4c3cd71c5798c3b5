"""What is known of a Delta table: its protocol, its properties, and how much there is of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from unity_mirror.models.unity_catalog import Table

_FEATURE = "delta.feature."
WRITER_FEATURES = frozenset(
    {
        "allowColumnDefaults",
        "appendOnly",
        "changeDataFeed",
        "checkConstraints",
        "checkpointProtection",
        "clustering",
        "collations",
        "coordinatedCommits",
        "domainMetadata",
        "generatedColumns",
        "icebergCompatV1",
        "icebergCompatV2",
        "icebergCompatV3",
        "icebergWriterCompatV1",
        "icebergWriterCompatV3",
        "identityColumns",
        "inCommitTimestamp",
        "invariants",
        "materializePartitionColumns",
        "rowTracking",
    }
)
"""Features of the Delta protocol (PROTOCOL.md) that a reader needs not know."""


def feature_name(name: str) -> str:
    """A feature's name, whether it is called a preview or not."""
    return name.removesuffix("-preview").removesuffix("-dev")


@dataclass(frozen=True, slots=True)
class DeltaState:
    """A Delta table at its latest version.

    ``features`` are those of the protocol, ``reader_features`` those among them that a reader has to know, both without
    ``-preview``. ``column_types`` has the first level's columns, with types as Delta calls them. Counts are ``None``
    where nothing tells. ``complete`` is false when the source says too little to judge by.
    """

    features: frozenset[str]
    reader_features: frozenset[str]
    properties: Mapping[str, str]
    column_types: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None
    files: int | None = None
    size_bytes: int | None = None
    rows: int | None = None
    source: Literal["Delta log", "Unity Catalog"] = "Delta log"
    complete: bool = True


def described_state(table: Table) -> DeltaState:
    """What Unity Catalog tells of a table: Databricks shows a Delta table's features among its properties."""
    features = frozenset(
        feature_name(name.removeprefix(_FEATURE)) for name in table.properties if name.startswith(_FEATURE)
    )
    types = {column.name: (column.type_name or column.type_text).lower() for column in table.columns}
    return DeltaState(
        features=features | _by_type(types),
        reader_features=(features - WRITER_FEATURES) | _by_type(types),
        properties=table.properties,
        column_types=types,
        source="Unity Catalog",
        complete=any(name.startswith(("delta.min", _FEATURE)) for name in table.properties),
    )


def _by_type(types: Mapping[str, str]) -> frozenset[str]:
    """Features that a column's type alone gives away."""
    given = {"timestamp_ntz": "timestampNtz", "variant": "variantType"}
    return frozenset(given[kind] for kind in types.values() if kind in given)
