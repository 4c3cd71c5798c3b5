"""Writes tables as real Delta (or Parquet) files, and reads back what Unity Catalog says about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema, write_deltalake

from cloud_emulator.seeds.contoso.tables import Column, SampleCatalog, SampleSchema, StoredTable
from cloud_emulator.seeds.contoso.values import Draft
from cloud_emulator.unity_catalog.seed_model import ColumnSeed
from cloud_emulator.unity_catalog.types import parse_type

_NAMES = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}
_WRITERS = 4


def local_folder(scratch: Path, catalog: SampleCatalog, schema: SampleSchema, table: StoredTable) -> Path:
    """Where a table is written before it goes into the storage account."""
    return scratch / catalog.name / schema.name / table.name


def write_catalogs(catalogs: Sequence[SampleCatalog], scratch: Path) -> None:
    """Writes the files of all tables."""
    with ThreadPoolExecutor(_WRITERS) as pool:
        writing = [
            pool.submit(_write, table, f"{catalog.name}.{schema.name}.{table.name}", folder)
            for catalog in catalogs
            for schema, table in catalog.stored()
            for folder in [local_folder(scratch, catalog, schema, table)]
        ]
    for each in writing:
        each.result()


def _write(table: StoredTable, full_name: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    rows = _rows(table, full_name)
    if table.data_source_format == "PARQUET":
        pq.write_table(rows, folder / "part-00000.snappy.parquet")
        return
    size = -(-table.rows // table.commits)
    for start in range(0, table.rows, size):
        write_deltalake(
            folder,
            rows.slice(start, size),
            mode="append",
            partition_by=list(table.partition_by) or None,
            name=table.name,
            description=table.comment,
        )


def _rows(table: StoredTable, full_name: str) -> pa.Table:
    draft = Draft(full_name, table.rows)
    for column in table.columns:
        draft.columns[column.name] = column.values(draft)
    return pa.Table.from_pydict(draft.columns, schema=_arrow_schema(table.columns))


def _arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """The schema in which the columns are written; comments go into the fields' metadata, as Databricks does it."""
    fields = [
        {
            "name": column.name,
            "type": parse_type(column.type).form,
            "nullable": not column.required,
            "metadata": {"comment": column.comment} if column.comment else {},
        }
        for column in columns
    ]
    return pa.schema(Schema.from_json(json.dumps({"type": "struct", "fields": fields})).to_arrow())


def described_columns(table: StoredTable, folder: Path) -> tuple[ColumnSeed, ...]:
    """The table's columns as its files have them."""
    masks = {column.name: column.mask for column in table.columns if column.mask is not None}
    if table.data_source_format == "PARQUET":
        return tuple(
            ColumnSeed(name=each.name, type=each.type, nullable=not each.required, comment=each.comment)
            for each in table.columns
        )
    delta = DeltaTable(folder)
    partitions = delta.metadata().partition_columns
    return tuple(
        ColumnSeed(
            name=each["name"],
            type=type_text(each["type"]),
            nullable=each["nullable"],
            comment=each["metadata"].get("comment"),
            partition_index=partitions.index(each["name"]) if each["name"] in partitions else None,
            mask=dict(masks[each["name"]]) if each["name"] in masks else None,
        )
        for each in json.loads(delta.schema().to_json())["fields"]
    )


def described_properties(table: StoredTable, folder: Path) -> dict[str, str]:
    """The table properties that Databricks shows of a Delta table's protocol."""
    if table.data_source_format == "PARQUET":
        return {}
    protocol = DeltaTable(folder).protocol()
    features = {*(protocol.reader_features or ()), *(protocol.writer_features or ())}
    return {
        "delta.minReaderVersion": str(protocol.min_reader_version),
        "delta.minWriterVersion": str(protocol.min_writer_version),
        **{f"delta.feature.{name}": "supported" for name in sorted(features)},
    }


def type_text(form: str | Mapping[str, Any]) -> str:
    """Spark's text for a type given in the JSON form that the Delta log has."""
    if isinstance(form, str):
        return _NAMES.get(form, form)
    if form["type"] == "array":
        return f"array<{type_text(form['elementType'])}>"
    if form["type"] == "map":
        return f"map<{type_text(form['keyType'])},{type_text(form['valueType'])}>"
    fields = [f"{each['name']}:{type_text(each['type'])}" for each in form["fields"]]
    return f"struct<{','.join(fields)}>"
