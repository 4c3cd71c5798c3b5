"""A mirrored catalog whose one table lies behind the firewall of ``lakeone``, and a lakehouse with a shortcut to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric import access_roles, seed
from cloud_emulator.fabric.items import create_item
from cloud_emulator.fabric.onelake import LAKEHOUSE, MIRRORED, SHORTCUTS
from cloud_emulator.fabric.sync import MIRRORED_TABLES, table_key
from cloud_emulator.storage import files
from cloud_emulator.storage import seed as storage_seed
from tests.emulator.storage_world import (
    ACCOUNT,
    CONTAINER,
    LETS_US_IN,
    MOUNTS,
    NOBODY,
    grant,
    headers,
    set_network,
    storage_cloud,
)
from tests.emulator.support import RUNNER, RUNNER_APP, TENANT, Wall, serve

SPACE, CAPACITY = "f0000000-0000-4000-8000-000000000001", "f0000000-0000-4000-8000-000000000002"
DATABRICKS, STORAGE = "f0000000-0000-4000-8000-000000000003", "f0000000-0000-4000-8000-000000000004"
MIRROR, LAKE = "f0000000-0000-4000-8000-000000000005", "f0000000-0000-4000-8000-000000000006"
IDENTITY = "22220000-0000-4000-8000-00000000c001"
TABLE = "sales/orders/lines"
TRUST = {
    "tenantId": TENANT,
    "resourceId": "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/Fabric/providers/"
    f"Microsoft.Fabric/workspaces/{SPACE}",
}


@asynccontextmanager
async def signed_in(cloud: Cloud) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the cloud, signed in as the runner."""
    async with serve(cloud, MOUNTS) as served:
        served.headers.update(headers(cloud, RUNNER))
        yield served


def onelake_cloud(folder: Path, wall: Callable[[], float] | None = None) -> Cloud:
    """The runner is Admin of the workspace, whose identity may read the account, by an instance rule and a role."""
    cloud = storage_cloud(folder, wall or Wall())
    files.put_file(cloud, ACCOUNT, CONTAINER, f"{TABLE}/_delta_log/00000000000000000000.json", b'{"commitInfo":{}}\n')
    files.put_file(cloud, ACCOUNT, CONTAINER, f"{TABLE}/part 0.parquet", b"PAR1....PAR1")
    for path in ("sales", "sales/orders"):
        made = files.make_directory(cloud, ACCOUNT, CONTAINER, path)
        storage_seed.set_access(cloud, made, access_list="user::rwx,group::---,other::---")
    seed.load(cloud, _fabric())
    set_network(cloud, {**LETS_US_IN, "ipRules": [], "resourceAccessRules": [TRUST]})
    grant(cloud, IDENTITY, "Storage Blob Data Reader")
    _add_items(cloud)
    cloud.store.commit()
    return cloud


def _fabric() -> seed.FabricSeed:
    databricks = {
        "id": DATABRICKS, "display_name": "databricks", "type": "AzureDatabricksWorkspace",
        "parameters": {"url": "https://adb-1234567890123456.7.azuredatabricks.net"},
        "credential": {"type": "ServicePrincipal", "client_id": RUNNER_APP, "secret": "runner-secret"},
    }  # fmt: skip
    storage = {
        "id": STORAGE, "display_name": "storage", "type": "AzureDataLakeStorage",
        "parameters": {"server": f"https://{ACCOUNT}.dfs.core.windows.net", "path": f"{CONTAINER}/sales"},
        "credential": {"type": "WorkspaceIdentity"},
    }  # fmt: skip
    workspace = {
        "id": SPACE, "display_name": "Sales Analytics", "capacity_id": CAPACITY,
        "identity": {"object_id": IDENTITY, "app_id": "11110000-0000-4000-8000-00000000c001"},
        "roles": [
            {"principal": RUNNER, "role": "Admin"}, {"principal": NOBODY, "role": "Viewer"},
            {"principal": IDENTITY, "role": "Contributor"},
        ],
    }  # fmt: skip
    capacity = {"id": CAPACITY, "display_name": "capacity", "sku": "F64", "admins": [RUNNER]}
    return seed.FabricSeed.model_validate(
        {"capacities": [capacity], "workspaces": [workspace], "connections": [databricks, storage]}
    )


def _add_items(cloud: Cloud) -> None:
    mirrored = {"storageConnectionId": STORAGE, "databricksWorkspaceConnectionId": DATABRICKS}
    item = create_item(cloud, SPACE, MIRRORED, "sales", item_id=MIRROR, properties=mirrored)
    access_roles.make_default(cloud, item)
    cloud.table(MIRRORED_TABLES)[table_key(MIRROR, "orders", "lines")] = {
        "itemId": MIRROR, "folder": f"{MIRROR}/orders", "schema": "orders", "table": "lines",
        "fullName": "sales.orders.lines", "host": "adb-1234567890123456.7.azuredatabricks.net",
        "account": ACCOUNT, "container": CONTAINER, "path": TABLE,
    }  # fmt: skip
    lake = create_item(cloud, SPACE, LAKEHOUSE, "lake", item_id=LAKE, properties={"defaultSchema": "dbo"})
    access_roles.make_default(cloud, lake)
    target = {"workspaceId": SPACE, "itemId": MIRROR, "path": "Tables/orders/lines"}
    cloud.table(SHORTCUTS)[f"{LAKE}/Tables/dbo/lines"] = {
        "itemId": LAKE, "folder": "Tables/dbo", "path": "Tables/dbo", "name": "lines", "target": {"oneLake": target},
    }  # fmt: skip


def open_onelake_cloud(folder: Path, wall: Callable[[], float] | None = None) -> Cloud:
    """The same, where the account lets us in as well."""
    made = onelake_cloud(folder, wall)
    rules = made.table("arm.storageAccounts")[ACCOUNT]["properties"]["networkAcls"]
    set_network(made, {**rules, "ipRules": LETS_US_IN["ipRules"]})
    return made
