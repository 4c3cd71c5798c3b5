"""Writes a catalog's spec from what is there: for a new one the least, for one set up by hand what makes no change."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from unity_mirror.clients import Clients
from unity_mirror.errors import NotFound
from unity_mirror.models.fabric import Connection, Workspace
from unity_mirror.models.items import Lakehouse, MirroredCatalog
from unity_mirror.models.storage import StorageUrl
from unity_mirror.models.table_ref import TableRef
from unity_mirror.steps.connection_choice import reusable
from unity_mirror.steps.context import side_by_side
from unity_mirror.steps.discover import find_fabric_workspaces, host_of
from unity_mirror.steps.lakehouses import our_shortcuts
from unity_mirror.steps.missing import no_catalog


async def write_spec(clients: Clients, catalog: str, databricks: str, fabric: str) -> dict[str, Any]:
    """The spec. Raises ``SpecError`` when the catalog or the workspace isn't there."""
    client = clients.unity_catalog(databricks)
    try:
        catalog = (await client.catalog(catalog)).name
    except NotFound as error:
        raise await no_catalog("CATALOG", catalog, client) from error
    workspace = (await find_fabric_workspaces(clients, fabric))[0]
    spec: dict[str, Any] = {
        "kind": "catalog",
        "catalog": catalog,
        "databricks": {"workspace": databricks},
        "fabric": {"workspace": workspace.display_name},
    }
    item = await _find_item(clients, catalog, databricks, workspace)
    if item is not None:
        return {**spec, **await _as_it_is(clients, spec, workspace, item)}
    if not reusable(databricks, await clients.fabric.connections.list()):
        connection = _new_connection(catalog, (await clients.whoami()).tenant_id)
        spec["databricks"] = {**spec["databricks"], "connection": connection}
    return spec


async def storage_of(clients: Clients, catalog: str, databricks: str) -> str | None:
    """The URL of the folder in which a catalog keeps its managed tables, where Unity Catalog tells and it is ADLS."""
    found = await clients.unity_catalog(databricks).catalog(catalog)
    with suppress(ValueError):
        return StorageUrl.parse(found.storage_root or found.storage_location or "").https_url
    return None


def _new_connection(catalog: str, tenant: str) -> dict[str, Any]:
    """One that signs in as an application; who that is, and its secret, the environment says."""
    prefix = re.sub(r"[^A-Z0-9]+", "_", f"{catalog}_DATABRICKS".upper()).lstrip("_0123456789")
    auth = {
        "kind": "service_principal",
        "tenant_id": tenant,
        "client_id": f"${{{prefix}_CLIENT_ID}}",
        "secret": {"env": f"{prefix}_SECRET"},
    }
    return {"name": f"databricks-{catalog}", "auth": auth}


async def _find_item(clients: Clients, catalog: str, databricks: str, workspace: Workspace) -> MirroredCatalog | None:
    connections = {each.id.lower(): each for each in await clients.fabric.connections.list()}
    for item in await clients.fabric.mirrored_catalogs.list(workspace.id):
        connection = connections.get(item.properties.databricks_workspace_connection_id.lower())
        elsewhere = connection is not None and host_of(connection.connection_details.path or "") != host_of(databricks)
        if item.properties.catalog_name.lower() == catalog.lower() and not elsewhere:
            return item
    return None


async def _as_it_is(
    clients: Clients, spec: Mapping[str, Any], workspace: Workspace, item: MirroredCatalog
) -> dict[str, Any]:
    definition = await clients.fabric.mirrored_catalogs.definition(workspace.id, item.id)
    connections = await clients.fabric.connections.list()
    catalog = str(spec["catalog"])
    databricks_id = str(definition["databricksWorkspaceConnectionId"])
    found: dict[str, Any] = {"databricks": {**spec["databricks"], "connection": {"id": databricks_id}}}
    if item.display_name != catalog:
        found["fabric"] = {**spec["fabric"], "item_name": item.display_name}
    select = _select(definition)
    if select:
        found["select"] = select
    if definition.get("autoSync", "Enabled") == "Disabled":
        found["auto_sync"] = False
    storage = _storage(definition, connections)
    if storage:
        found["storage"] = storage
    lakehouse = await _lakehouse(clients, workspace, item)
    if lakehouse:
        found["lakehouse"] = lakehouse
    return found


def _select(definition: Mapping[str, Any]) -> dict[str, list[str]]:
    """Patterns that come to the same definition; none where everything is mirrored."""
    include: list[str] = []
    exclude: list[str] = []
    for schema in (definition.get("mirrorConfiguration") or {}).get("schemas") or ():
        name, tables = schema["name"], schema.get("tables") or ()
        if schema["mirroringMode"] == "Exclude":
            exclude.append(f"{name}.*")
        elif schema["mirroringMode"] == "Full":
            include.append(f"{name}.*")
            exclude += [f"{name}.{table['name']}" for table in tables if table["mirroringMode"] == "Exclude"]
        else:
            include += [f"{name}.{table['name']}" for table in tables]
    if definition["mirroringMode"] == "Full":
        include = ["*"]
    patterns = {"include": include, "exclude": exclude}
    return (
        {} if patterns == {"include": ["*"], "exclude": []} else {key: each for key, each in patterns.items() if each}
    )


def _storage(definition: Mapping[str, Any], connections: Sequence[Connection]) -> dict[str, Any] | None:
    """What the storage connection leads to; the spec can't say so when the connection isn't shared with us."""
    wanted = str(definition.get("storageConnectionId") or "").lower()
    connection = next((each for each in connections if each.id.lower() == wanted), None)
    if connection is None:
        return None
    details = connection.credential_details
    by_identity = details is not None and details.credential_type == "WorkspaceIdentity"
    url = StorageUrl.parse(connection.connection_details.path or "").https_url
    auth = {"kind": "workspace_identity"} if by_identity else {"kind": "existing"}
    return {"url": url, "auth": auth, "connection": {"id": connection.id}}


async def _lakehouse(clients: Clients, workspace: Workspace, item: MirroredCatalog) -> dict[str, Any] | None:
    """The lakehouse with most shortcuts to the item."""
    listed = await clients.fabric.lakehouses.list(workspace.id)
    tables = await side_by_side(_shortcuts(clients, workspace, each, item) for each in listed)
    best = max(zip(listed, tables, strict=True), key=lambda pair: len(pair[1]), default=None)
    if best is None or not best[1]:
        return None
    return {"name": best[0].display_name, "tables": sorted(map(str, best[1])), "schemas": best[0].has_schemas}


async def _shortcuts(
    clients: Clients, workspace: Workspace, lakehouse: Lakehouse, item: MirroredCatalog
) -> list[TableRef]:
    held = {}
    with suppress(NotFound):
        held = {each.place: each for each in await clients.fabric.shortcuts.list(workspace.id, lakehouse.id)}
    return list(our_shortcuts(held, lakehouse.has_schemas, item.id))
