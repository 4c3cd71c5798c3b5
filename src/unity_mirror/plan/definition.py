"""The mirrored catalog's definition: what the spec's patterns come to in Fabric's Full, Partial and Exclude.

Rules of the definition's schema and the mirroring documentation: names only, no patterns; Exclude for a schema only
under a Full catalog, for a table only under a Full schema. What appears later in a Full schema is mirrored by itself
until the next run leaves it out; in a Partial one nothing new arrives.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.selection import SchemaView
from unity_mirror.spec import CatalogSpec, matches, matches_any

SCHEMA_URL = (
    "https://developer.microsoft.com/json-schemas/fabric/item/mirroredAzureDatabricksCatalog/definition/"
    "mirroredAzureDatabricksCatalogDefinition/1.0.0/schema.json"
)
_WHOLE = ("*", "*.*")


def mirror_definition(
    spec: CatalogSpec,
    schemas: Sequence[SchemaView],
    databricks_connection: str,
    storage_connection: str | None,
    current: Mapping[str, Any] | None = None,
    hidden: Container[str] = (),
) -> dict[str, Any]:
    """The definition that the spec asks for.

    A schema without EXTERNAL USE SCHEMA is kept out, unless ``current`` mirrors it already: a missing privilege is
    reported, it never takes away what is there. What ``current`` says of schemas that are ``hidden`` from us stays.
    """
    full = any(pattern in _WHOLE for pattern in spec.select.include)
    entries = [_schema(spec, view, full, _is_mirrored(current, view.schema.name)) for view in schemas if view.tables]
    definition: dict[str, Any] = {
        "$schema": SCHEMA_URL,
        "catalogName": spec.catalog,
        "databricksWorkspaceConnectionId": databricks_connection,
        "mirroringMode": "Full" if full else "Partial",
        "autoSync": "Enabled" if spec.auto_sync else "Disabled",
    }
    if storage_connection is not None:
        definition["storageConnectionId"] = storage_connection
    entries += [entry for entry in _entries(current) if entry["name"] in hidden]
    listed = sorted((entry for entry in entries if entry is not None), key=lambda entry: str(entry["name"]))
    if listed:
        definition["mirrorConfiguration"] = {"schemas": listed}
    return definition


def schemas_named(definition: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The schemas that a definition lists."""
    return tuple(str(entry["name"]) for entry in _entries(definition))


def _entries(definition: Mapping[str, Any] | None) -> Sequence[dict[str, Any]]:
    return ((definition or {}).get("mirrorConfiguration") or {}).get("schemas") or ()


def _is_mirrored(current: Mapping[str, Any] | None, schema: str) -> bool:
    """Whether a definition takes a schema in: by naming it, or, where it takes the catalog whole, by not doing so."""
    if current is None:
        return False
    modes = {entry["name"]: entry["mirroringMode"] for entry in _entries(current)}
    return bool(modes.get(schema, "Full" if current["mirroringMode"] == "Full" else "Exclude") != "Exclude")


def follows_new_tables(spec: CatalogSpec) -> str:
    """What happens to tables that appear later, in a sentence."""
    if not spec.auto_sync:
        return "Automatic sync is off: nothing new arrives until the next run."
    if any(pattern in _WHOLE for pattern in spec.select.include):
        return "New schemas and tables arrive by themselves; what the spec excludes is taken out by the next run."
    return "New tables arrive by themselves in schemas selected whole (schema.*); elsewhere with the next run."


def comparable(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition without what carries no meaning: ``$schema``, order, empty lists, letter case of ids and of the
    catalog."""
    schemas = {
        entry["name"]: {
            "mirroringMode": entry["mirroringMode"],
            "tables": {table["name"]: table["mirroringMode"] for table in entry.get("tables") or ()},
        }
        for entry in _entries(definition)
    }
    return {
        "catalogName": str(definition["catalogName"]).lower(),
        "databricksWorkspaceConnectionId": str(definition["databricksWorkspaceConnectionId"]).lower(),
        "storageConnectionId": str(definition.get("storageConnectionId") or "").lower(),
        "mirroringMode": definition["mirroringMode"],
        "autoSync": definition.get("autoSync", "Enabled"),
        "schemas": schemas,
    }


def _schema(spec: CatalogSpec, view: SchemaView, full_catalog: bool, mirrored: bool) -> dict[str, Any] | None:
    """The schema's entry; ``None`` where the catalog's own mode says it already."""
    name = view.schema.name
    usable = mirrored or view.privileges is None or view.privileges.may_have("EXTERNAL USE SCHEMA")
    selected = sorted(table.name for table in view.tables if spec.select.selects(table.ref))
    if not selected or not usable:
        return {"name": name, "mirroringMode": "Exclude"} if full_catalog else None
    if not (full_catalog or _is_whole(spec, name)):
        tables = [{"name": table, "mirroringMode": "Full"} for table in selected]
        return {"name": name, "mirroringMode": "Partial", "tables": tables}
    excluded = sorted(table.name for table in view.tables if matches_any(spec.select.exclude, table.ref))
    entry: dict[str, Any] = {"name": name, "mirroringMode": "Full"}
    if excluded:
        entry["tables"] = [{"name": table, "mirroringMode": "Exclude"} for table in excluded]
    return entry if excluded or not full_catalog else None


def _is_whole(spec: CatalogSpec, schema: str) -> bool:
    """Whether an include pattern takes the schema whole, whatever its tables are called."""
    return any(
        pattern in _WHOLE or (pattern.endswith(".*") and matches(pattern, TableRef(schema, "x")))
        for pattern in spec.select.include
    )
