"""Syncs of mirrored catalogs: jobs that look at Unity Catalog and set which tables the item has.

NotStarted until the first begins, then InProgress, then Success or Failed. The tables that were mirrored stay while one
runs and when one fails. While one runs the item can't be changed [D].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.fabric import connections
from cloud_emulator.fabric.connection_types import DATABRICKS, STORAGE
from cloud_emulator.fabric.definition_parts import DEFINITIONS
from cloud_emulator.fabric.errors import FabricError
from cloud_emulator.fabric.items import ITEMS, change_item
from cloud_emulator.fabric.mirror_sources import Source, check_catalog, connection_of, open_source
from cloud_emulator.fabric.mirrored_definition import CatalogDefinition, read_definition
from cloud_emulator.fabric.mirrored_selection import StoragePlace, mirrored
from cloud_emulator.unity_catalog import access as unity_catalog

MIRRORED_TABLES = "fabric.mirroredTables"
NEVER = "0001-01-01T00:00:00Z"
"""``lastSyncDateTime`` before the first sync; the specification requires the field."""


def ask(cloud: Cloud, item_id: str) -> None:
    """Lets a sync of an item begin: at once, or after the behaviour's ``sync_begin_seconds``."""
    wait = cloud.behaviour.sync_begin_seconds
    if wait:
        cloud.jobs.schedule(f"sync:{item_id}", "fabric.sync.begin", {"itemId": item_id}, seconds=wait)
    else:
        begin(cloud, item_id)


def begin(cloud: Cloud, item_id: str) -> None:
    """Starts a sync of an item; it ends after the behaviour's ``sync_seconds``."""
    item = cloud.table(ITEMS)[item_id]
    last = item["properties"]["syncDetails"]["lastSyncDateTime"]
    _set_details(cloud, item, {"status": "InProgress", "lastSyncDateTime": last})
    cloud.jobs.cancel(_next_key(item_id))
    cloud.jobs.schedule(
        f"sync:{item_id}", "fabric.sync.finish", {"itemId": item_id}, seconds=cloud.behaviour.sync_seconds
    )


def begin_soon(cloud: Cloud, item_id: str) -> None:
    """The first sync of a new item, which is NotStarted for a moment."""
    wait = cloud.behaviour.sync_seconds / 10
    cloud.jobs.schedule(f"sync:{item_id}", "fabric.sync.begin", {"itemId": item_id}, seconds=wait)


def is_running(item: Document) -> bool:
    """Whether a sync runs or is about to; the item can't be changed then."""
    return item["properties"]["syncDetails"]["status"] in ("NotStarted", "InProgress")


def plan_next(cloud: Cloud, item_id: str) -> None:
    """Sets or drops the next automatic sync, as the item's ``autoSync`` says."""
    item = cloud.table(ITEMS)[item_id]
    key, arguments = _next_key(item_id), {"itemId": item_id}
    wanted = item["properties"]["autoSync"] == "Enabled" and cloud.rules.on("fabric.mirror.auto_sync")
    if wanted or not cloud.rules.on("fabric.mirror.auto_sync_off"):
        cloud.jobs.schedule(key, "fabric.sync.begin", arguments, seconds=cloud.behaviour.sync_interval_seconds)
    else:
        cloud.jobs.cancel(key)


def forget(cloud: Cloud, item_id: str) -> None:
    """Drops an item's tables and its syncs to come."""
    cloud.jobs.cancel(f"sync:{item_id}")
    cloud.jobs.cancel(_next_key(item_id))
    _replace_tables(cloud, item_id, {})


def definition_of(cloud: Cloud, item: Document) -> CatalogDefinition:
    """The definition of a mirrored catalog as it stands now."""
    properties = item["properties"]
    fields = ("catalogName", "databricksWorkspaceConnectionId", "mirroringMode", "autoSync", "storageConnectionId")
    document = {field: properties[field] for field in fields if properties.get(field) is not None}
    lists = cloud.table(DEFINITIONS)[item["id"]]["mirrorConfiguration"]
    return read_definition({"$schema": None, **document, "mirrorConfiguration": lists}, cloud.rules)


def tables_of(cloud: Cloud, item_id: str) -> list[Document]:
    """The tables that an item mirrors: itemId, folder, schema, table, fullName, host, account, container, path."""
    return cloud.table(MIRRORED_TABLES).by("itemId", item_id)


def table_key(item_id: str, schema: str, table: str) -> str:
    """The key of a mirrored table."""
    return f"{item_id}/{schema}/{table}"


def tell_sql_endpoint(cloud: Cloud, parent_id: str) -> None:
    """Lets the SQL endpoint of an item learn of changed tables, a while later [D]."""
    seconds = cloud.behaviour.sql_endpoint_seconds
    cloud.jobs.schedule(f"sqlLook:{parent_id}", "fabric.sqlEndpoint.look", {"itemId": parent_id}, seconds=seconds)


def register_jobs(cloud: Cloud) -> None:
    """Names the jobs of this module."""
    cloud.jobs.register("fabric.sync.begin", _begin)
    cloud.jobs.register("fabric.sync.finish", _finish)


def _begin(cloud: Cloud, arguments: Mapping[str, Any]) -> None:
    item = cloud.table(ITEMS).get(arguments["itemId"])
    if item is not None and item["properties"]["syncDetails"]["status"] != "InProgress":
        begin(cloud, item["id"])


def _finish(cloud: Cloud, arguments: Mapping[str, Any]) -> None:
    item = cloud.table(ITEMS).get(arguments["itemId"])
    if item is None:
        return
    details: dict[str, Any] = {"lastSyncDateTime": cloud.clock.iso()}
    try:
        tables = _select(cloud, item)
    except FabricError as error:
        details |= {"status": "Failed", "errorInfo": {"errorCode": error.code, "errorMessage": error.message}}
    else:
        _replace_tables(cloud, item["id"], tables)
        details["status"] = "Success"
        tell_sql_endpoint(cloud, item["id"])
    _set_details(cloud, item, details)
    plan_next(cloud, item["id"])


def _select(cloud: Cloud, item: Document) -> dict[str, Document]:
    """The tables to mirror by key. Raises :class:`FabricError` when the sync can't be done."""
    definition = definition_of(cloud, item)
    databricks = connection_of(cloud, definition.databricks_workspace_connection_id, DATABRICKS)
    source = open_source(cloud, databricks)
    check_catalog(cloud, source, definition.catalog_name)
    account = _storage_account(cloud, definition)
    found = {}
    for table, place in mirrored(cloud.rules, definition, source.tables(cloud, definition), only_account=account):
        if account is not None or not _is_refused_early(cloud, source, table["full_name"]):
            found[table_key(item["id"], table["schema_name"], table["name"])] = _entry(item, source, table, place)
    limit = cloud.behaviour.shortcut_limit
    if len(found) > limit and cloud.rules.on("fabric.mirror.limit"):
        message = f"The selection holds {len(found)} tables; an item can have {limit} shortcuts."
        raise FabricError(400, "InvalidRequest", message)
    return found


def _storage_account(cloud: Cloud, definition: CatalogDefinition) -> str | None:
    if definition.storage_connection_id is None:
        return None
    return connections.storage_location(connection_of(cloud, definition.storage_connection_id, STORAGE))[0]


def _is_refused_early(cloud: Cloud, source: Source, full_name: str) -> bool:
    """Whether credentials are refused already at the sync: which of sync and read it is, isn't documented."""
    at_sync = cloud.behaviour.external_use_checked_at == "sync"
    return at_sync and unity_catalog.vend(cloud, source.host, source.principal, full_name) is not None


def _entry(item: Document, source: Source, table: Document, place: StoragePlace) -> Document:
    return {
        "itemId": item["id"], "folder": f"{item['id']}/{table['schema_name']}", "schema": table["schema_name"],
        "table": table["name"], "fullName": table["full_name"], "host": source.host,
        "account": place.account, "container": place.container, "path": place.path,
    }  # fmt: skip


def _replace_tables(cloud: Cloud, item_id: str, tables: Mapping[str, Document]) -> None:
    stored = cloud.table(MIRRORED_TABLES)
    for old in stored.by("itemId", item_id):
        key = table_key(item_id, old["schema"], old["table"])
        if key not in tables:
            del stored[key]
    for key, entry in tables.items():
        if stored.get(key) != entry:
            stored[key] = entry


def _set_details(cloud: Cloud, item: Document, details: Mapping[str, Any]) -> None:
    whole = details["status"] == "Success" and item["properties"]["mirroringMode"] == "Full"
    status = item["properties"]["mirrorStatus"] if details["status"] == "InProgress" else None
    mirror_status = status or ("Mirrored" if whole else "NotMirrored")
    properties = {**item["properties"], "syncDetails": dict(details), "mirrorStatus": mirror_status}
    change_item(cloud, item, properties=properties)


def _next_key(item_id: str) -> str:
    return f"autosync:{item_id}"
