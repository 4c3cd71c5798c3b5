"""What is known of a Delta table: its protocol, its properties, and how much there is of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from unity_mirror.models.unity_catalog import Table

_FEATURE = "delta.feature."
_LENGTH = re.compile(r"(?:var)?char\((\d+)\)", re.IGNORECASE)
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
class DataFile:
    """A Parquet file of a table: its path as the log has it (URL-encoded), bytes, and rows where statistics tell."""

    path: str
    size: int
    rows: int | None


@dataclass(frozen=True, slots=True)
class DeltaState:
    """A Delta table at its latest version.

    ``features`` are those of the protocol, ``reader_features`` those among them that a reader has to know, both without
    ``-preview``. ``column_types`` has the first level's columns, with types as Delta calls them. Counts are ``None``
    where nothing tells; ``row_groups`` may be how many there are at least. ``nan_columns`` are those in which the
    statistics show NaN, ``longest_texts`` the characters that columns of declared length hold. ``complete`` is false
    when the source says too little to judge by.
    """

    features: frozenset[str]
    reader_features: frozenset[str]
    properties: Mapping[str, str]
    column_types: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None
    files: int | None = None
    size_bytes: int | None = None
    rows: int | None = None
    row_groups: int | None = None
    data_files: tuple[DataFile, ...] = field(default=(), repr=False)
    nan_columns: tuple[str, ...] = ()
    longest_texts: Mapping[str, int] = field(default_factory=dict)
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
        longest_texts=declared_lengths({column.name: column.type_text for column in table.columns}),
        source="Unity Catalog",
        complete=any(name.startswith(("delta.min", _FEATURE)) for name in table.properties),
    )


def declared_lengths(types: Mapping[str, str]) -> dict[str, int]:
    """The characters that columns of the types CHAR(n) and VARCHAR(n) hold."""
    found = ((name, _LENGTH.fullmatch(kind.strip())) for name, kind in types.items() if "(" in kind)
    return {name: int(match[1]) for name, match in found if match}


def _by_type(types: Mapping[str, str]) -> frozenset[str]:
    """Features that a column's type alone gives away."""
    given = {"timestamp_ntz": "timestampNtz", "variant": "variantType"}
    return frozenset(given[kind] for kind in types.values() if kind in given)
