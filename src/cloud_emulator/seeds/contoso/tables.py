"""The vocabulary in which the sample catalogs are written down."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cloud_emulator.seeds.contoso.values import Values
from cloud_emulator.unity_catalog.seed_model import TableSeed

Grants = Mapping[str, tuple[str, ...]]
"""Privileges by principal, as Unity Catalog calls it."""

READ = ("USE_SCHEMA", "SELECT")
MIRROR = ("USE_SCHEMA", "SELECT", "EXTERNAL_USE_SCHEMA")
"""What a connecting principal needs on a schema."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its Spark type, such as ``decimal(12,2)``, and where its values come from."""

    name: str
    type: str
    values: Values
    comment: str | None = None
    required: bool = False
    mask: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A reference to the primary key of ``schema.table`` in the same catalog."""

    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]


def references(column: str, parent: str, parent_column: str | None = None) -> ForeignKey:
    """A foreign key of one column."""
    return ForeignKey((column,), parent, (parent_column or column,))


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of a container of a storage account."""

    account: str
    container: str
    folder: str

    @property
    def url(self) -> str:
        """As Unity Catalog writes it."""
        return f"abfss://{self.container}@{self.account}.dfs.core.windows.net/{self.folder}"

    def below(self, *names: str) -> Place:
        """A folder further down."""
        return Place(self.account, self.container, "/".join((self.folder, *names)))


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table with files: Delta, or Parquet. ``commits`` is in how many appends its rows were written."""

    name: str
    comment: str
    rows: int
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    partition_by: tuple[str, ...] = ()
    commits: int = 1
    data_source_format: Literal["DELTA", "PARQUET"] = "DELTA"
    row_filter: Mapping[str, Any] | None = None
    elsewhere: Place | None = None
    grants: Grants = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SampleSchema:
    """A schema: tables with files, and what Unity Catalog has besides."""

    name: str
    comment: str
    tables: tuple[StoredTable, ...] = ()
    others: tuple[TableSeed, ...] = ()
    grants: Grants = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SampleCatalog:
    """A catalog, and where its tables lie: in folders named after them, or where Unity Catalog puts what it manages."""

    name: str
    comment: str
    place: Place
    schemas: tuple[SampleSchema, ...]
    managed: bool = False
    bound_hosts: tuple[str, ...] = ()
    grants: Grants = field(default_factory=dict)

    def stored(self) -> Iterator[tuple[SampleSchema, StoredTable]]:
        """Every table with files, with its schema."""
        return ((schema, table) for schema in self.schemas for table in schema.tables)

    def table_id(self, schema: SampleSchema, table: StoredTable) -> str:
        """The table's id in Unity Catalog: the same in every run."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{table.name}.{schema.name}.{self.name}.contoso.example"))

    def place_of(self, schema: SampleSchema, table: StoredTable) -> Place:
        """Where the table's files lie."""
        if table.elsewhere is not None:
            return table.elsewhere
        if self.managed:
            catalog_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.name}.contoso.example"))
            return self.place.below("__unitystorage", "catalogs", catalog_id, "tables", self.table_id(schema, table))
        return self.place.below(schema.name, table.name)
