"""Catalogs of thousands of tables from a few lines of a seed, for tests of size."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.storage import files
from cloud_emulator.storage import seed as storage
from cloud_emulator.unity_catalog.bulk import add_tables, names


class LargeCatalog(BaseModel):
    """Tables ``schema_0001.table_00001`` … to be added to a catalog that the seed has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metastore_id: str
    catalog: str
    owner: str = Field(description="Owner of the schemas and tables.")
    schemas: int = Field(ge=1, le=9_999)
    tables_each: int = Field(ge=1, le=99_999, description="Tables in each schema.")
    root: str = Field(
        pattern=r"^abfss://[^@/]+@[^/]+/.+", description="Folder of the tables: abfss://container@account…/folder."
    )
    files: bool = Field(True, description="Whether the tables are there as Delta tables (all with the same rows).")


def load(cloud: Cloud, section: LargeCatalog) -> None:
    """Adds the tables to Unity Catalog, and to the storage unless told otherwise."""
    add_tables(
        cloud, section.metastore_id, section.catalog, section.owner,
        schemas=section.schemas, tables_each=section.tables_each, root=section.root.rstrip("/"),
    )  # fmt: skip
    if section.files:
        _add_files(cloud, section)


def _add_files(cloud: Cloud, section: LargeCatalog) -> None:
    """Writes one table, and shares its contents with all others."""
    place = urlsplit(section.root.rstrip("/"))
    account, container, folder = (place.hostname or "").partition(".")[0], place.username or "", place.path.strip("/")
    first, *others = (f"{folder}/{path}" for path in names(section.schemas, section.tables_each))
    with tempfile.TemporaryDirectory() as scratch:
        _write_table(Path(scratch))
        template = storage.ingest_folder(cloud, account, container, first, Path(scratch))
    storage.copy_tree(cloud, files.stat(cloud, account, container, first) or template, others)


def _write_table(folder: Path) -> None:
    import pyarrow as pa  # slow to import, and not needed by those who serve a small cloud
    from deltalake import write_deltalake

    rows = {
        "id": pa.array([1, 2, 3], pa.int64()),
        "name": pa.array(["one", "two", "three"]),
        "amount": pa.array([Decimal(1), Decimal(2), Decimal(3)], pa.decimal128(18, 2)),
        "changed_at": pa.array([0, 1, 2], pa.timestamp("us", tz="UTC")),
    }
    schema = pa.schema([pa.field(name, values.type, nullable=name != "id") for name, values in rows.items()])
    write_deltalake(folder, pa.table(rows, schema=schema))
