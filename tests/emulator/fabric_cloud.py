"""A small cloud for the tests of Fabric's platform, and requests to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cloud_emulator.arm import state as arm
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric import seed
from cloud_emulator.fabric.service import AUDIENCES
from cloud_emulator.storage import files
from cloud_emulator.unity_catalog import seed as unity_catalog_seed
from cloud_emulator.unity_catalog.seed import UnityCatalogSeed

from .support import RUNNER, RUNNER_APP, TENANT, Wall, add_service_principal, small_cloud, token

READER_APP, READER = "11110000-0000-4000-8000-00000000a001", "22220000-0000-4000-8000-00000000a001"
OTHER_APP, OTHER = "11110000-0000-4000-8000-00000000a002", "22220000-0000-4000-8000-00000000a002"
ALICE = "22220000-0000-4000-8000-00000000b001"
ANALYSTS = "22220000-0000-4000-8000-00000000c001"

CAPACITY = "33330000-0000-4000-8000-000000000001"
TRIAL = "33330000-0000-4000-8000-000000000002"
PAUSED = "33330000-0000-4000-8000-000000000003"
FAR = "33330000-0000-4000-8000-000000000004"
HIDDEN = "33330000-0000-4000-8000-000000000005"

WORKSPACE = "44440000-0000-4000-8000-000000000001"
BARE = "44440000-0000-4000-8000-000000000002"
PERSONAL = "44440000-0000-4000-8000-000000000003"

GATEWAY = "55550000-0000-4000-8000-000000000001"
PERSON_CONNECTION = "66660000-0000-4000-8000-000000000001"
VAULT_CONNECTION = "66660000-0000-4000-8000-000000000002"

HOST = "adb-1234567890123456.7.azuredatabricks.net"
OTHER_HOST = "adb-2234567890123456.16.azuredatabricks.net"
PAT = "dapi0123456789abcdef"
ACCOUNT = "contosohr"
FIREWALLED = "contosolake"


def fabric_cloud(folder: Path, wall: Wall | None = None) -> Cloud:
    """Capacities of each kind, three workspaces, a gateway, a key vault, two connections; two Databricks workspaces;
    two storage accounts, of which one has a firewall."""
    cloud = small_cloud(folder, wall)
    add_service_principal(cloud, READER, READER_APP, "reader")
    add_service_principal(cloud, OTHER, OTHER_APP, "other")
    cloud.directory.add(
        {"objectId": ALICE, "type": "User", "displayName": "Alice", "userPrincipalName": "alice@contoso.com"}
    )
    cloud.directory.add({"objectId": ANALYSTS, "type": "Group", "displayName": "Analysts", "members": [OTHER, ALICE]})
    _add_storage(cloud)
    unity_catalog_seed.load(cloud, UnityCatalogSeed.model_validate(_UNITY_CATALOG))
    seed.load(cloud, seed.FabricSeed.model_validate(_FABRIC))
    cloud.store.commit()
    return cloud


@dataclass
class Fabric:
    """Requests as one caller."""

    http: httpx.AsyncClient
    cloud: Cloud
    caller: str = RUNNER

    def as_(self, object_id: str) -> Fabric:
        """The same as somebody else."""
        return Fabric(self.http, self.cloud, object_id)

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One request; ``path`` is without ``/v1``."""
        headers = {"Authorization": token(self.cloud, self.caller, AUDIENCES[0]), **headers}
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        content = json.dumps(body).encode() if body is not None else b""
        return await self.http.request(method, f"/v1{path}", content=content, headers=headers)

    async def get(self, path: str) -> Any:
        """The body of a successful GET."""
        answer = await self.send("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def every(self, path: str) -> list[Any]:
        """All entries of a list, of however many pages."""
        found: list[Any] = []
        while path:
            body = await self.get(path)
            found += body["value"]
            path = body.get("continuationUri", "").removeprefix("https://cloud.test/v1")
        return found

    async def refused(self, status: int, code: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """Asserts that a request is refused with that status and code."""
        answer = await self.send(method, path, body)
        assert (answer.status_code, answer.json().get("errorCode")) == (status, code), answer.text
        return answer

    async def finish(self, answer: httpx.Response) -> httpx.Response:
        """Waits for a long-running operation on the cloud's clock; answers its last state."""
        assert answer.status_code == 202, answer.text
        self.cloud.clock.advance(60)
        return await self.send("GET", "/operations/" + answer.headers["x-ms-operation-id"])


def databricks_connection(name: str = "databricks", **credentials: Any) -> dict[str, Any]:
    """The body that creates a Databricks connection, as the reader unless said otherwise."""
    return {
        "connectivityType": "ShareableCloud",
        "displayName": name,
        "connectionDetails": {
            "type": "AzureDatabricksWorkspace",
            "creationMethod": "AzureDatabricksWorkspace.Actions",
            "parameters": [{"dataType": "Text", "name": "url", "value": f"https://{HOST}"}],
        },
        "privacyLevel": "Organizational",
        "credentialDetails": {
            "singleSignOnType": "None",
            "connectionEncryption": "NotEncrypted",
            "skipTestConnection": False,
            "credentials": credentials or service_principal(),
        },
    }


def service_principal(app_id: str = READER_APP, secret: str | None = "reader-secret", **fields: Any) -> dict[str, Any]:
    """Credentials of a service principal."""
    made = {
        "credentialType": "ServicePrincipal", "tenantId": TENANT, "servicePrincipalClientId": app_id, **fields,
    }  # fmt: skip
    return {**made, "servicePrincipalSecret": secret} if secret is not None else made


def storage_connection(name: str, account: str, path: str, credentials: dict[str, Any]) -> dict[str, Any]:
    """The body that creates a storage connection."""
    body = databricks_connection(name, **credentials)
    body["connectionDetails"] = {
        "type": "AzureDataLakeStorage",
        "creationMethod": "AzureDataLakeStorage",
        "parameters": [
            {"dataType": "Text", "name": "server", "value": f"https://{account}.dfs.core.windows.net"},
            {"dataType": "Text", "name": "path", "value": path},
        ],
    }
    return body


def grant_blob_reader(cloud: Cloud, object_id: str, account: str) -> None:
    """Makes a principal Storage Blob Data Reader of an account."""
    scope = arm.account(cloud, account)["id"]  # type: ignore[index]
    role = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    arm.put_assignment(
        cloud,
        {
            "id": arm.assignment_id(scope, cloud.new_id()),
            "properties": {"principalId": object_id, "roleDefinitionId": f"/roles/{role}", "scope": scope},
        },
        effective_at=0,
    )
    cloud.store.commit()


def _add_storage(cloud: Cloud) -> None:
    for name, action in ((ACCOUNT, "Allow"), (FIREWALLED, "Deny")):
        cloud.table("arm.storageAccounts")[name] = {
            "id": f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/{name}",
            "name": name,
            "properties": {
                "isHnsEnabled": True,
                "publicNetworkAccess": "Enabled",
                "networkAcls": {"defaultAction": action, "ipRules": [], "resourceAccessRules": []},
            },
        }
        files.create_container(cloud, name, "lake")
        files.make_directory(cloud, name, "lake", "sales")


_UNITY_CATALOG = {
    "users": [{"user_name": "alice@contoso.com", "external_id": ALICE}],
    "service_principals": [
        {"application_id": READER_APP, "display_name": "reader", "external_id": READER},
        {"application_id": OTHER_APP, "display_name": "other", "external_id": OTHER},
    ],
    "metastores": [
        {
            "metastore_id": "77770000-0000-4000-8000-000000000001",
            "name": "m",
            "region": "westeurope",
            "owner": OTHER_APP,
        }
    ],
    "workspaces": [
        {
            "host": HOST,
            "workspace_id": 1234567890123456,
            "metastore_id": "77770000-0000-4000-8000-000000000001",
            "members": [READER_APP, "alice@contoso.com"],
            "tokens": [{"token": PAT, "principal": READER_APP}],
        },
        {
            "host": OTHER_HOST,
            "workspace_id": 2234567890123456,
            "metastore_id": "77770000-0000-4000-8000-000000000001",
            "members": [READER_APP],
            "ip_access_lists_enabled": True,
        },
    ],
}

_FABRIC = {
    "capacities": [
        {"id": CAPACITY, "display_name": "main", "sku": "F64", "admins": [ALICE], "contributors": [RUNNER, READER]},
        {"id": TRIAL, "display_name": "trial", "sku": "FT1", "admins": [ALICE], "contributors": [RUNNER]},
        {"id": PAUSED, "display_name": "paused", "sku": "F2", "state": "Inactive", "contributors": [RUNNER]},
        {"id": FAR, "display_name": "far", "sku": "F2", "region": "Japan East", "contributors": [ANALYSTS, RUNNER]},
        {"id": HIDDEN, "display_name": "hidden", "sku": "F2", "admins": [ALICE]},
    ],
    "workspaces": [
        {
            "id": WORKSPACE,
            "display_name": "Sales Analytics",
            "capacity_id": CAPACITY,
            "roles": [{"principal": RUNNER, "role": "Admin"}, {"principal": ANALYSTS, "role": "Viewer"}],
        },
        {"id": BARE, "display_name": "Bare", "roles": [{"principal": RUNNER, "role": "Admin"}]},
        {
            "id": PERSONAL,
            "display_name": "My workspace",
            "type": "Personal",
            "capacity_id": CAPACITY,
            "roles": [{"principal": ALICE, "role": "Admin"}],
        },
    ],
    "key_vaults": [{"name": "contoso-secrets", "secrets": {"reader": "reader-secret"}, "readers": [OTHER]}],
    "storage_secrets": [{"account": ACCOUNT, "shared_access_signatures": ["sv=2026&sig=good"]}],
    "gateways": [
        {
            "id": GATEWAY,
            "display_name": "vnet",
            "capacity_id": CAPACITY,
            "subscription_id": "5b1f0000-0000-4000-8000-000000000001",
            "resource_group": "contoso-data",
            "virtual_network": "vnet",
            "subnet": "gateways",
            "users": [RUNNER],
        }
    ],
    "connections": [
        {
            "id": PERSON_CONNECTION,
            "display_name": "alice's",
            "type": "AzureDatabricksWorkspace",
            "parameters": {"url": f"https://{HOST}"},
            "credential": {"type": "OAuth2", "object_id": ALICE},
            "roles": [{"principal": ALICE, "role": "Owner"}, {"principal": RUNNER, "role": "User"}],
        },
        {
            "id": VAULT_CONNECTION,
            "display_name": "vault",
            "type": "AzureKeyVault",
            "parameters": {"accountName": "contoso-secrets"},
            "credential": {"type": "ServicePrincipal", "client_id": OTHER_APP, "secret": "other-secret"},
            "roles": [{"principal": OTHER, "role": "Owner"}, {"principal": RUNNER, "role": "User"}],
        },
    ],
}

assert RUNNER_APP != RUNNER
