"""Makes and stores securables with all the fields that Databricks answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.unity_catalog import state
from cloud_emulator.unity_catalog.types import parse_type, struct_field

_OUTSIDE_READERS = "HAS_DIRECT_EXTERNAL_ENGINE_READ_SUPPORT"
_DELTA_KINDS = {"MANAGED": "TABLE_DELTA", "EXTERNAL": "TABLE_DELTA_EXTERNAL"}
_KINDS = {"STREAMING_TABLE": "TABLE_STREAMING_LIVE_TABLE", "MANAGED": "TABLE_STANDARD"}


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes securables of which metastore, and when (milliseconds since 1970)."""

    cloud: Cloud
    metastore_id: str
    principal: str

    def stamp(self) -> dict[str, Any]:
        """The fields that every securable has."""
        now = int(self.cloud.clock.time() * 1000)
        return {
            "metastore_id": self.metastore_id, "created_at": now, "created_by": self.principal,
            "updated_at": now, "updated_by": self.principal,
        }  # fmt: skip

    def catalog(self, fields: Mapping[str, Any], bound_hosts: Sequence[str] = ()) -> dict[str, Any]:
        """Stores a catalog; ``fields`` has at least name, owner and catalog_type."""
        name = fields["name"]
        body = {
            "isolation_mode": "OPEN", "browse_only": False, "securable_type": "CATALOG", "full_name": name,
            **self.stamp(), **_given(fields),
        }  # fmt: skip
        state.table_of(self.cloud, "catalogs")[state.key(self.metastore_id, name)] = {
            "metastore_id": self.metastore_id,
            "bound_hosts": list(bound_hosts),
            "body": body,
        }
        return body

    def schema(self, fields: Mapping[str, Any], catalog_type: str) -> dict[str, Any]:
        """Stores a schema; ``fields`` has at least name, catalog_name and owner."""
        catalog, full_name = fields["catalog_name"], f"{fields['catalog_name']}.{fields['name']}"
        body = {
            "full_name": full_name, "catalog_type": catalog_type, "schema_id": self.cloud.new_id(),
            "browse_only": False, **self.stamp(), **_given(fields),
        }  # fmt: skip
        state.table_of(self.cloud, "schemas")[state.key(self.metastore_id, full_name)] = {
            "parent": state.key(self.metastore_id, catalog),
            "body": body,
        }
        return body

    def table(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Stores a table or view; ``fields`` has at least name, catalog_name, schema_name, owner and table_type."""
        schema = f"{fields['catalog_name']}.{fields['schema_name']}"
        full_name = f"{schema}.{fields['name']}"
        body = {
            "full_name": full_name, "table_id": self.cloud.new_id(), "browse_only": False, "columns": [],
            "properties": {}, **self.stamp(), "securable_kind_manifest": _manifest(fields), **_given(fields),
        }  # fmt: skip
        state.table_of(self.cloud, "tables")[state.key(self.metastore_id, full_name)] = {
            "parent": state.key(self.metastore_id, schema),
            "table_id": body["table_id"],
            "body": body,
        }
        return body


def column(
    name: str, type_text: str, position: int, *, nullable: bool = True, comment: str | None = None, **more: Any
) -> dict[str, Any]:
    """A column as Unity Catalog tells it. ``type_text`` is Spark's, such as ``decimal(10,2)``."""
    spark_type = parse_type(type_text)
    fields = {
        "name": name, "position": position, "type_text": spark_type.text, "type_name": spark_type.name,
        "type_json": struct_field(name, spark_type, nullable=nullable, comment=comment),
        "type_precision": spark_type.precision, "type_scale": spark_type.scale, "nullable": nullable,
        "comment": comment, **more,
    }  # fmt: skip
    return _given(fields)


def _manifest(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The kind, and whether engines outside Databricks may read it: only plain Delta tables."""
    kind = _securable_kind(fields["table_type"], fields.get("data_source_format") or "")
    guarded = fields.get("row_filter") or any(each.get("mask") for each in fields.get("columns") or ())
    readable = kind in _DELTA_KINDS.values() and not guarded
    return {"securable_type": "TABLE", "securable_kind": kind, "capabilities": [_OUTSIDE_READERS] if readable else []}


def _securable_kind(table_type: str, data_format: str) -> str:
    if data_format == "DELTASHARING":
        return "TABLE_DELTASHARING"
    if table_type == "FOREIGN":
        return f"TABLE_FOREIGN_{data_format.removesuffix('_FORMAT')}"
    if data_format == "DELTA" and table_type in _DELTA_KINDS:
        return _DELTA_KINDS[table_type]
    return _KINDS.get(table_type, f"TABLE_{table_type}")


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value: Databricks leaves the others out."""
    return {name: value for name, value in fields.items() if value is not None}
