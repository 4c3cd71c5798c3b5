"""Thousands of tables quickly, for tests of size."""

from __future__ import annotations

from collections.abc import Iterator

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.unity_catalog.build import Maker, column


def names(schemas: int, tables_each: int) -> Iterator[str]:
    """The tables as ``schema/table``, in order."""
    for number in range(1, schemas + 1):
        yield from (f"schema_{number:04}/table_{position:05}" for position in range(1, tables_each + 1))


def add_tables(
    cloud: Cloud, metastore_id: str, catalog: str, owner: str, *, schemas: int, tables_each: int, root: str
) -> None:
    """Adds external Delta tables ``catalog.schema_0001.table_00001``… without files, and their schemas.

    ``root`` is the folder (``abfss://…``) that the tables' locations lie in. All tables share one list of columns.
    """
    maker = Maker(cloud, metastore_id, owner)
    columns = [
        column("id", "bigint", 0, nullable=False),
        column("name", "string", 1),
        column("amount", "decimal(18,2)", 2),
        column("changed_at", "timestamp", 3),
    ]
    for number in range(1, schemas + 1):
        schema = f"schema_{number:04}"
        maker.schema({"name": schema, "catalog_name": catalog, "owner": owner}, "MANAGED_CATALOG")
        for position in range(1, tables_each + 1):
            name = f"table_{position:05}"
            fields = {
                "name": name, "catalog_name": catalog, "schema_name": schema, "owner": owner, "columns": columns,
                "table_type": "EXTERNAL", "data_source_format": "DELTA",
                "storage_location": f"{root}/{schema}/{name}",
            }  # fmt: skip
            maker.table(fields)
