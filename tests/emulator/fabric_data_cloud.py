"""A small cloud for the tests of Fabric's data half: a catalog with one of everything behind a firewall, one open."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric import onelake, seed
from cloud_emulator.fabric.onelake import Folder, Location, OneLakeDenied
from cloud_emulator.fabric.powerbi import make_service as make_power_bi
from cloud_emulator.fabric.service import make_service
from cloud_emulator.storage import files
from cloud_emulator.unity_catalog import seed as unity_catalog_seed
from cloud_emulator.unity_catalog import state
from cloud_emulator.unity_catalog.build import Maker, column
from cloud_emulator.unity_catalog.seed import UnityCatalogSeed
from cloud_emulator.unity_catalog.state import Securable

from .fabric_cloud import (
    ACCOUNT,
    ALICE,
    ANALYSTS,
    CAPACITY,
    FIREWALLED,
    HOST,
    OTHER,
    OTHER_APP,
    READER,
    READER_APP,
    WORKSPACE,
    Fabric,
    grant_blob_reader,
)  # fmt: skip
from .support import RUNNER, RUNNER_APP, add_service_principal, small_cloud
from .swagger import serve_checked

METASTORE = "77770000-0000-4000-8000-000000000001"
IDENTITY = "22220000-0000-4000-8000-00000000d001"
DATABRICKS = "66660000-0000-4000-8000-000000000011"
STORAGE = "66660000-0000-4000-8000-000000000012"
PRIVATE = "66660000-0000-4000-8000-000000000013"
SCHEMA_URL = (
    "https://developer.microsoft.com/json-schemas/fabric/item/mirroredAzureDatabricksCatalog/definition/"
    "mirroredAzureDatabricksCatalogDefinition/1.0.0/schema.json"
)
CATALOGS = f"/workspaces/{WORKSPACE}/mirroredAzureDatabricksCatalogs"
MIRRORED = {"orders": ["headers", "lines"], "customers": ["people"]}
"""What of the catalog ``sales`` is mirrored with the storage connection."""


def data_cloud(folder: Path, wall: Callable[[], float] | None = None) -> Cloud:
    """The runner is Admin, Alice and OTHER are Viewers by a group, READER has nothing; READER_APP is the connections'
    principal. ``sales`` lies on the firewalled account, ``hr`` on the open one."""
    cloud = small_cloud(folder, wall)
    add_service_principal(cloud, READER, READER_APP, "reader")
    add_service_principal(cloud, OTHER, OTHER_APP, "other")
    person = {"objectId": ALICE, "type": "User", "displayName": "Alice", "userPrincipalName": "alice@contoso.com"}
    cloud.directory.add(person)
    cloud.directory.add({"objectId": ANALYSTS, "type": "Group", "displayName": "Analysts", "members": [OTHER, ALICE]})
    _add_storage(cloud)
    unity_catalog_seed.load(cloud, UnityCatalogSeed.model_validate(_UNITY_CATALOG))
    seed.load(cloud, seed.FabricSeed.model_validate(_FABRIC))
    grant_blob_reader(cloud, IDENTITY, FIREWALLED)
    cloud.store.commit()
    return cloud


@asynccontextmanager
async def served_data(cloud: Cloud) -> AsyncIterator[Fabric]:
    """Fabric and Power BI as the runner; Fabric's exchanges are held to the specification."""
    async with serve_checked(cloud, [("/v1", make_service()), ("/v1.0/myorg", make_power_bi())]) as http:
        yield Fabric(http, cloud)


def payload(catalog: str = "sales", name: str = "sales", *, storage: bool = True, **fields: Any) -> dict[str, Any]:
    """The body that creates a mirrored catalog by payload."""
    creation = {
        "catalogName": catalog,
        "databricksWorkspaceConnectionId": DATABRICKS,
        "mirroringMode": "Full",
        **fields,
    }
    if storage:
        creation["storageConnectionId"] = STORAGE
    return {"displayName": name, "creationPayload": creation}


def definition(
    catalog: str = "sales", mode: str = "Full", schemas: list[Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A ``definition.json`` with the storage connection."""
    document = {
        "$schema": SCHEMA_URL, "catalogName": catalog, "databricksWorkspaceConnectionId": DATABRICKS,
        "mirroringMode": mode, "storageConnectionId": STORAGE, **more,
    }  # fmt: skip
    return document if schemas is None else {**document, "mirrorConfiguration": {"schemas": schemas}}


def parts(contents: Mapping[str, Any]) -> dict[str, Any]:
    """A definition of parts; anything that isn't text is written as JSON."""
    texts = {path: each if isinstance(each, str) else json.dumps(each) for path, each in contents.items()}
    return {
        "parts": [
            {"path": path, "payload": base64.b64encode(text.encode()).decode(), "payloadType": "InlineBase64"}
            for path, text in texts.items()
        ]
    }


async def result(fabric: Fabric, method: str, path: str, body: Any = None) -> Any:
    """The result of a long-running operation that succeeds."""
    answer = await fabric.send(method, path, body)
    ended = await fabric.finish(answer)
    assert ended.json()["status"] == "Succeeded", ended.text
    if "location" not in ended.headers:
        return None
    return await fabric.get("/operations/" + answer.headers["x-ms-operation-id"] + "/result")


async def failure(fabric: Fabric, method: str, path: str, body: Any = None) -> tuple[str, str]:
    """Code and message of a long-running operation that fails."""
    ended = (await fabric.finish(await fabric.send(method, path, body))).json()
    assert ended["status"] == "Failed", ended
    return ended["error"]["errorCode"], ended["error"]["message"]


async def mirror(fabric: Fabric, body: Any = None) -> str:
    """Creates a mirrored catalog and waits for its first sync; its id."""
    made = await result(fabric, "POST", CATALOGS, body or payload())
    await synced(fabric, made["id"])
    return str(made["id"])


async def synced(fabric: Fabric, item_id: str) -> dict[str, Any]:
    """Waits for the sync that is running or due; the item's ``syncDetails``."""
    for _ in range(3):
        await settle(fabric)
    details: dict[str, Any] = (await fabric.get(f"{CATALOGS}/{item_id}"))["properties"]["syncDetails"]
    assert details["status"] in ("Success", "Failed"), details
    return details


async def settle(fabric: Fabric, seconds: float = 2) -> None:
    """Lets time pass, and what is due happen."""
    fabric.cloud.clock.advance(seconds)
    await fabric.get("/workspaces")


def listed(cloud: Cloud, item_id: str, caller: str = RUNNER, path: str = "Tables") -> list[str]:
    """The names in a folder of an item in OneLake."""
    found = resolved(cloud, item_id, path, caller)
    assert isinstance(found, Folder), found
    return [entry.name for entry in found.entries]


def resolved(cloud: Cloud, item_id: str, path: str, caller: str = RUNNER) -> Folder | Location:
    """What OneLake makes of a path."""
    who = cloud.directory.caller(caller)
    assert who is not None
    return onelake.resolve(cloud, who, WORKSPACE, item_id, path)


def refusal(cloud: Cloud, item_id: str, path: str, caller: str = RUNNER) -> tuple[int, str, str]:
    """How OneLake refuses a path."""
    try:
        found = resolved(cloud, item_id, path, caller)
    except OneLakeDenied as denied:
        return denied.denial.status, denied.denial.code, denied.denial.message
    raise AssertionError(f"{path} is {found}")


def tables(cloud: Cloud, item_id: str) -> dict[str, list[str]]:
    """Schemas and tables of a mirrored catalog as OneLake shows them."""
    return {schema: listed(cloud, item_id, path=f"Tables/{schema}") for schema in listed(cloud, item_id)}


def add_table(cloud: Cloud, schema: str, name: str, *, account: str = FIREWALLED, catalog: str = "sales") -> None:
    """A managed Delta table with two columns and a commit in its log."""
    path = f"{catalog}/{schema}/{name}"
    maker = Maker(cloud, METASTORE, OTHER_APP)
    columns = [column("id", "bigint", 0), column("name", "string", 1), column("blob", "binary", 2)]
    maker.table(
        {
            "name": name, "catalog_name": catalog, "schema_name": schema, "owner": OTHER_APP, "table_type": "MANAGED",
            "data_source_format": "DELTA", "columns": columns,
            "storage_location": f"abfss://lake@{account}.dfs.core.windows.net/{path}",
        }
    )  # fmt: skip
    files.put_file(cloud, account, "lake", f"{path}/_delta_log/{0:020}.json", b"{}")
    cloud.store.commit()


def drop_table(cloud: Cloud, full_name: str) -> None:
    """Drops a table from the catalog; its files stay."""
    del state.table_of(cloud, "tables")[state.key(METASTORE, full_name)]
    cloud.store.commit()


def set_grants(cloud: Cloud, kind: str, full_name: str, *privileges: str) -> None:
    """What the connections' principal holds on a securable."""
    state.put_grants(cloud, METASTORE, Securable(kind, full_name), {READER_APP: privileges})
    cloud.store.commit()


def _add_storage(cloud: Cloud) -> None:
    for name, action in ((ACCOUNT, "Allow"), (FIREWALLED, "Deny")):
        rule = {
            "tenantId": cloud.directory.tenant_id,
            "resourceId": "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/Fabric/providers/"
            f"Microsoft.Fabric/workspaces/{WORKSPACE}",
        }
        cloud.table("arm.storageAccounts")[name] = {
            "id": f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/{name}",
            "name": name,
            "properties": {
                "isHnsEnabled": True,
                "publicNetworkAccess": "Enabled",
                "networkAcls": {"defaultAction": action, "ipRules": [], "resourceAccessRules": [rule]},
            },
        }
        files.create_container(cloud, name, "lake")
        for path in ("sales/orders/lines", "sales/orders/headers", "sales/customers/people", "hr/staff/people"):
            files.put_file(cloud, name, "lake", f"{path}/_delta_log/{0:020}.json", b"{}")


def _table(path: str, account: str = FIREWALLED, **fields: Any) -> dict[str, Any]:
    columns = [
        {"name": "id", "type": "bigint"}, {"name": "name", "type": "string"}, {"name": "blob", "type": "binary"},
    ]  # fmt: skip
    location = f"abfss://lake@{account}.dfs.core.windows.net/{path}"
    return {
        "name": path.rpartition("/")[2], "table_type": "MANAGED", "storage_location": location, "columns": columns,
        **fields,
    }  # fmt: skip


_MASK = {"function_name": "sales.orders.mask", "using_column_names": []}
_FILTER = {"function_name": "sales.orders.filter", "input_column_names": ["id"]}
_ORDERS = [
    _table("sales/orders/lines"),
    _table("sales/orders/headers", table_type="EXTERNAL"),
    _table("sales/orders/far", ACCOUNT),
    _table("sales/orders/masked", columns=[{"name": "id", "type": "bigint", "mask": _MASK}]),
    _table("sales/orders/filtered", row_filter=_FILTER),
    _table("sales/orders/policied"),
    _table("sales/orders/parquet", table_type="EXTERNAL", data_source_format="PARQUET"),
    _table("sales/orders/streamed", table_type="STREAMING_TABLE"),
    _table("sales/orders/foreign", table_type="FOREIGN", data_source_format="POSTGRESQL_FORMAT"),
    {"name": "view", "table_type": "VIEW", "data_source_format": None, "view_definition": "select 1"},
    {"name": "materialized", "table_type": "MATERIALIZED_VIEW", "view_definition": "select 1"},
]
_USE = ("USE_CATALOG", "USE_SCHEMA", "SELECT", "EXTERNAL_USE_SCHEMA")
_UNITY_CATALOG = {
    "users": [{"user_name": "alice@contoso.com", "external_id": ALICE}],
    "service_principals": [
        {"application_id": READER_APP, "display_name": "reader", "external_id": READER},
        {"application_id": OTHER_APP, "display_name": "other", "external_id": OTHER},
    ],
    "metastores": [
        {
            "metastore_id": METASTORE,
            "name": "m",
            "owner": OTHER_APP,
            "external_access_enabled": True,
            "catalogs": [
                {
                    "name": "sales",
                    "owner": OTHER_APP,
                    "grants": {READER_APP: ("USE_CATALOG",)},
                    "schemas": [
                        {"name": "orders", "tables": _ORDERS, "grants": {READER_APP: _USE[1:]}},
                        {
                            "name": "customers",
                            "tables": [_table("sales/customers/people")],
                            "grants": {READER_APP: _USE[1:]},
                        },
                        {"name": "empty", "grants": {READER_APP: _USE[1:]}},
                        {"name": "secret", "tables": [_table("sales/secret/hidden")]},
                    ],
                },
                {
                    "name": "hr",
                    "owner": OTHER_APP,
                    "grants": {READER_APP: _USE},
                    "schemas": [{"name": "staff", "tables": [_table("hr/staff/people", ACCOUNT)]}],
                },
                {"name": "lent", "owner": OTHER_APP, "catalog_type": "FOREIGN_CATALOG", "grants": {READER_APP: _USE}},
                {"name": "private", "owner": OTHER_APP},
            ],
            "policies": [
                {
                    "name": "rows",
                    "on_securable_type": "TABLE",
                    "on_securable_fullname": "sales.orders.policied",
                    "policy_type": "POLICY_TYPE_ROW_FILTER",
                    "to_principals": ["account users"],
                    "function_name": "sales.orders.filter",
                }
            ],
        }
    ],
    "workspaces": [
        {"host": HOST, "workspace_id": 1234567890123456, "metastore_id": METASTORE, "members": [READER_APP]},
    ],
}


def _connection(
    connection_id: str, name: str, kind: str, parameters: dict[str, str], credential: Any, user: str
) -> Any:
    return {
        "id": connection_id, "display_name": name, "type": kind, "parameters": parameters, "credential": credential,
        "roles": [{"principal": user, "role": "Owner"}],
    }  # fmt: skip


_SERVICE_PRINCIPAL = {"type": "ServicePrincipal", "client_id": READER_APP, "secret": "reader-secret"}
_URL = {"url": f"https://{HOST}"}
_FOLDER = {"server": f"https://{FIREWALLED}.dfs.core.windows.net", "path": "lake/sales"}
_FABRIC = {
    "capacities": [{"id": CAPACITY, "display_name": "main", "sku": "F64", "contributors": [RUNNER]}],
    "workspaces": [
        {
            "id": WORKSPACE,
            "display_name": "Sales Analytics",
            "capacity_id": CAPACITY,
            "identity": {"object_id": IDENTITY, "app_id": "11110000-0000-4000-8000-00000000d001"},
            "roles": [
                {"principal": RUNNER, "role": "Admin"},
                {"principal": ANALYSTS, "role": "Viewer"},
                {"principal": IDENTITY, "role": "Contributor"},
            ],
        }
    ],
    "connections": [
        _connection(DATABRICKS, "databricks", "AzureDatabricksWorkspace", _URL, _SERVICE_PRINCIPAL, RUNNER),
        _connection(STORAGE, "lake", "AzureDataLakeStorage", _FOLDER, {"type": "WorkspaceIdentity"}, RUNNER),
        _connection(PRIVATE, "private", "AzureDatabricksWorkspace", _URL, _SERVICE_PRINCIPAL, ALICE),
    ],
}

assert RUNNER_APP != RUNNER
