"""A small cloud for contract tests: one catalog on a firewalled account that lets us in, one Fabric workspace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from cloud_emulator.arm import seed as arm_seed
from cloud_emulator.arm import service as arm
from cloud_emulator.core.app import Emulator
from cloud_emulator.core.cloud import Cloud, open_cloud
from cloud_emulator.core.service import Service
from cloud_emulator.entra import service as entra
from cloud_emulator.fabric import powerbi
from cloud_emulator.fabric import seed as fabric_seed
from cloud_emulator.fabric import service as fabric
from cloud_emulator.storage import seed as storage_seed
from cloud_emulator.storage import service as storage
from cloud_emulator.unity_catalog import seed as unity_catalog_seed
from cloud_emulator.unity_catalog import service as unity_catalog
from unity_mirror.clouds import Clouds, connect
from unity_mirror.settings import Settings

TENANT = "72f988bf-0000-4000-8000-00000000c0de"
RUNNER, RUNNER_APP = "22220000-0000-4000-8000-00000000a000", "11110000-0000-4000-8000-00000000a000"
READER, READER_APP = "22220000-0000-4000-8000-00000000a001", "11110000-0000-4000-8000-00000000a001"
SUBSCRIPTION = "5b1f0000-0000-4000-8000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/data"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/contosolake"
DATABRICKS = f"{GROUP}/providers/Microsoft.Databricks/workspaces/adb"
CAPACITY = "33330000-0000-4000-8000-000000000001"
WORKSPACE = "44440000-0000-4000-8000-000000000001"
METASTORE = "10000000-0000-4000-8000-000000000001"
HOST = "adb-1234567890123456.7.azuredatabricks.net"
URL = f"https://{HOST}"
LAKE = "abfss://lake@contosolake.dfs.core.windows.net"
TABLES = {"orders": ("headers", "lines"), "customers": ("people",)}
FABRIC_RULE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/Fabric/providers/"
    f"Microsoft.Fabric/workspaces/{WORKSPACE}"
)
_USE = ("USE_SCHEMA", "SELECT", "EXTERNAL_USE_SCHEMA")
_KEY = {"primary_key_constraint": {"name": "pk", "child_columns": ["id"], "rely": True}}


class SharedTime:
    """One time for both sides: the library's sleeping moves the emulator's clock."""

    def __init__(self) -> None:
        self.seconds = 1_790_000_000.0
        self.slept = 0.0

    def wall(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds)
        self.slept += seconds


def services() -> list[tuple[str, Service]]:
    """Return all services by path."""
    resource_manager = arm.make_service()
    return [
        ("/v1", fabric.make_service()),
        ("/v1.0/myorg", powerbi.make_service()),
        ("/subscriptions", resource_manager),
        ("/providers", resource_manager),
        ("/databricks", unity_catalog.make_service()),
        ("/storage", storage.make_service()),
        ("/", entra.make_service()),
    ]


def small_cloud(folder: Path, time: SharedTime) -> Cloud:
    """Return the cloud, filled."""
    cloud = open_cloud(folder, wall=time.wall)
    cloud.directory.tenant_id = TENANT
    for object_id, app_id, name in ((RUNNER, RUNNER_APP, "runner"), (READER, READER_APP, "reader")):
        cloud.directory.add(
            {
                "objectId": object_id,
                "appId": app_id,
                "type": "ServicePrincipal",
                "displayName": name,
                "secret": f"{name}-secret",
            }
        )
    arm_seed.load(cloud, arm_seed.ArmSeed.model_validate(_azure()))
    storage_seed.load(cloud, storage_seed.StorageSeed.model_validate(_files()))
    unity_catalog_seed.load(cloud, unity_catalog_seed.UnityCatalogSeed.model_validate(_databricks()))
    fabric_seed.load(cloud, fabric_seed.FabricSeed.model_validate(_fabric()))
    cloud.store.commit()
    return cloud


def settings(root: str, **more: str) -> Settings:
    """Return the settings that reach a cloud at this address, signed in as the runner."""
    return Settings.from_environment(
        {
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": RUNNER_APP,
            "AZURE_CLIENT_SECRET": "runner-secret",
            "UNITY_MIRROR_FABRIC_URL": f"{root}/v1",
            "UNITY_MIRROR_POWERBI_URL": f"{root}/v1.0/myorg",
            "UNITY_MIRROR_ARM_URL": root,
            "UNITY_MIRROR_AUTHORITY_URL": root,
            "UNITY_MIRROR_DATABRICKS_URL": f"{root}/databricks/{{workspace}}",
            "UNITY_MIRROR_DFS_URL": f"{root}/storage/{{account}}.dfs.core.windows.net",
            "UNITY_MIRROR_BLOB_URL": f"{root}/storage/{{account}}.blob.core.windows.net",
            "UNITY_MIRROR_ONELAKE_URL": f"{root}/storage/onelake",
            **more,
        }
    )


@asynccontextmanager
async def connected(cloud: Cloud, time: SharedTime) -> AsyncIterator[Clouds]:
    """Give clients of the cloud, in this process; what the emulator doesn't know fails the test that asked for it."""
    wire = httpx.ASGITransport(app=Emulator(cloud, services()))
    async with connect(settings("https://localhost:9999"), clock=time, wire=wire) as clouds:
        yield clouds
    unknown = [request for request in cloud.requests if request["status"] == 501]
    assert unknown == []


def definition(databricks_connection: str, storage_connection: str) -> dict[str, Any]:
    """Return the definition of a mirrored catalog with all of sales."""
    return {
        "$schema": (
            "https://developer.microsoft.com/json-schemas/fabric/item/mirroredAzureDatabricksCatalog/definition/"
            "mirroredAzureDatabricksCatalogDefinition/1.0.0/schema.json"
        ),
        "catalogName": "sales",
        "databricksWorkspaceConnectionId": databricks_connection,
        "storageConnectionId": storage_connection,
        "mirroringMode": "Full",
        "autoSync": "Enabled",
    }


def databricks_connection(name: str) -> dict[str, Any]:
    """Return the body that creates a Databricks connection as the reader."""
    credentials = {
        "credentialType": "ServicePrincipal",
        "tenantId": TENANT,
        "servicePrincipalClientId": READER_APP,
        "servicePrincipalSecret": "reader-secret",
    }
    parameters = [{"dataType": "Text", "name": "url", "value": URL}]
    return _connection(name, "AzureDatabricksWorkspace", "AzureDatabricksWorkspace.Actions", parameters, credentials)


def storage_connection(name: str) -> dict[str, Any]:
    """Return the body that creates an ADLS connection as the workspace's identity."""
    parameters = [
        {"dataType": "Text", "name": "server", "value": "https://contosolake.dfs.core.windows.net"},
        {"dataType": "Text", "name": "path", "value": "lake/sales"},
    ]
    credentials = {"credentialType": "WorkspaceIdentity"}
    return _connection(name, "AzureDataLakeStorage", "AzureDataLakeStorage", parameters, credentials)


def _connection(
    name: str, kind: str, method: str, parameters: list[dict[str, str]], credentials: dict[str, str]
) -> dict[str, Any]:
    return {
        "connectivityType": "ShareableCloud",
        "displayName": name,
        "connectionDetails": {"type": kind, "creationMethod": method, "parameters": parameters},
        "privacyLevel": "Organizational",
        "credentialDetails": {
            "singleSignOnType": "None",
            "connectionEncryption": "NotEncrypted",
            "skipTestConnection": False,
            "credentials": credentials,
        },
    }


def _azure() -> dict[str, Any]:
    placed = {"subscription_id": SUBSCRIPTION, "resource_group": "data"}
    firewall = {
        "default_action": "Deny",
        "ip_rules": ["203.0.113.10"],
        "ipv6_rules": ["2001:db8::1"],
        "virtual_network_rules": [f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"],
        "resource_access_rules": [{"tenant_id": TENANT, "resource_id": f"{GROUP}/providers/Theirs/thing/x"}],
    }
    roles = ("Owner", "Storage Blob Data Owner")
    return {
        "subscriptions": [{"subscription_id": SUBSCRIPTION, "display_name": "contoso"}],
        "resource_groups": [{"subscription_id": SUBSCRIPTION, "name": "data"}],
        "storage_accounts": [{**placed, "name": "contosolake", "network_rules": firewall}],
        "databricks_workspaces": [{**placed, "name": "adb", "host": HOST, "workspace_id": 1234567890123456}],
        "role_assignments": [{"scope": GROUP, "principal_id": RUNNER, "role": role} for role in roles],
    }


def _files() -> dict[str, Any]:
    logs = [
        {"path": f"sales/{schema}/{table}/_delta_log/{0:020}.json", "text": "{}"}
        for schema, tables in TABLES.items()
        for table in tables
    ]
    return {"accounts": [{"name": "contosolake", "containers": [{"name": "lake", "paths": logs}]}]}


def _databricks() -> dict[str, Any]:
    def table(schema: str, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "storage_location": f"{LAKE}/sales/{schema}/{name}",
            "columns": [{"name": "id", "type": "bigint"}],
            "table_constraints": [_KEY],
        }

    schemas = [
        {"name": name, "tables": [table(name, each) for each in tables], "grants": {READER_APP: _USE}}
        for name, tables in TABLES.items()
    ]
    catalog = {
        "name": "sales",
        "owner": RUNNER_APP,
        "grants": {READER_APP: ("USE_CATALOG",)},
        "schemas": [*schemas, {"name": "empty"}],
    }
    metastore = {
        "metastore_id": METASTORE,
        "name": "main",
        "owner": "admins",
        "external_access_enabled": True,
        "catalogs": [catalog],
    }
    return {
        "service_principals": [
            {"application_id": RUNNER_APP, "display_name": "runner", "external_id": RUNNER},
            {"application_id": READER_APP, "display_name": "reader", "external_id": READER},
        ],
        "groups": [{"name": "admins", "members": [RUNNER_APP]}],
        "metastores": [metastore],
        "workspaces": [
            {
                "host": HOST,
                "workspace_id": 1234567890123456,
                "metastore_id": METASTORE,
                "admins": ["admins"],
                "members": [READER_APP],
            }
        ],
    }


def _fabric() -> dict[str, Any]:
    return {
        "capacities": [{"id": CAPACITY, "display_name": "main", "sku": "F64", "contributors": [RUNNER]}],
        "workspaces": [
            {
                "id": WORKSPACE,
                "display_name": "Sales Analytics",
                "capacity_id": CAPACITY,
                "roles": [{"principal": RUNNER, "role": "Admin"}],
            }
        ],
    }
