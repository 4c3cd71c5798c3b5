"""Storage accounts to test against: ``lakeone`` (hierarchical, firewalled, our address let in) and ``flatone``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from azure.core.credentials import AccessToken

from cloud_emulator.arm import state
from cloud_emulator.arm.builtin_roles import ROLES_BY_NAME
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.service import Service
from cloud_emulator.entra.service import make_service as make_entra
from cloud_emulator.storage import files, seed
from cloud_emulator.storage.auth import AUDIENCE
from cloud_emulator.storage.service import make_service
from tests.emulator.support import add_service_principal, small_cloud, token

MOUNTS: list[tuple[str, Service]] = [("/storage", make_service()), ("/", make_entra())]
SUBSCRIPTION = "/subscriptions/5b1f0000-0000-4000-8000-000000000001"
GROUP = f"{SUBSCRIPTION}/resourceGroups/contoso-data"
ACCOUNT, FLAT, CONTAINER = "lakeone", "flatone", "lake"
CLIENT_ADDRESS = "203.0.113.10"
OWNER = "22220000-0000-4000-8000-00000000b001"
CONTRIBUTOR = "22220000-0000-4000-8000-00000000b002"
READER = "22220000-0000-4000-8000-00000000b003"
NOBODY = "22220000-0000-4000-8000-00000000b004"
TEAM = "33330000-0000-4000-8000-00000000b005"
TEAM_MEMBER = "22220000-0000-4000-8000-00000000b006"
VERSION = {"x-ms-version": "2023-11-03"}
OPEN = {"defaultAction": "Allow", "ipRules": [], "resourceAccessRules": [], "virtualNetworkRules": []}
LETS_US_IN = {**OPEN, "defaultAction": "Deny", "ipRules": [{"value": CLIENT_ADDRESS, "action": "Allow"}]}


def storage_cloud(folder: Path, wall: Callable[[], float] | None = None) -> Cloud:
    """A cloud with both accounts, a container in each, and principals with one role each."""
    cloud = small_cloud(folder, wall)
    for index, (object_id, name) in enumerate(
        [
            (OWNER, "owner"),
            (CONTRIBUTOR, "contributor"),
            (READER, "reader"),
            (NOBODY, "nobody"),
            (TEAM_MEMBER, "member"),
        ]
    ):
        add_service_principal(cloud, object_id, f"11110000-0000-4000-8000-00000000b{index:03}", name)
    cloud.directory.add({"objectId": TEAM, "type": "Group", "displayName": "team", "members": [TEAM_MEMBER]})
    add_account(cloud, ACCOUNT, hierarchical=True, rules=LETS_US_IN)
    add_account(cloud, FLAT, hierarchical=False, rules=OPEN)
    for account in (ACCOUNT, FLAT):
        files.create_container(cloud, account, CONTAINER)
        grant(cloud, OWNER, "Storage Blob Data Owner", account)
        grant(cloud, CONTRIBUTOR, "Storage Blob Data Contributor", account)
        grant(cloud, READER, "Storage Blob Data Reader", account)
    cloud.store.commit()
    return cloud


def add_account(cloud: Cloud, name: str, *, hierarchical: bool, rules: Mapping[str, Any]) -> None:
    """Adds a storage account."""
    properties = {"isHnsEnabled": hierarchical, "networkAcls": dict(rules), "publicNetworkAccess": "Enabled"}
    state.table_of(cloud, "storageAccounts")[name] = {
        "id": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{name}", "name": name, "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"}, "location": "westeurope", "properties": properties,
    }  # fmt: skip
    cloud.store.commit()


def set_network(cloud: Cloud, rules: Mapping[str, Any], *, public: str = "Enabled", account: str = ACCOUNT) -> None:
    """Gives an account other network rules."""
    table = state.table_of(cloud, "storageAccounts")
    held = table[account]
    properties = {**held["properties"], "networkAcls": dict(rules), "publicNetworkAccess": public}
    table[account] = {**held, "properties": properties}
    cloud.store.commit()


def grant(cloud: Cloud, object_id: str, role: str, account: str = ACCOUNT, container: str | None = None) -> None:
    """Assigns a role at an account or at a container of it."""
    scope = state.table_of(cloud, "storageAccounts")[account]["id"]
    if container is not None:
        scope = state.container_scope(scope, container)
    definition = f"{SUBSCRIPTION}/{state.PROVIDER}/roleDefinitions/{ROLES_BY_NAME[role].guid}"
    properties = {"principalId": object_id, "roleDefinitionId": definition, "scope": scope}
    body = {"id": state.assignment_id(scope, str(uuid.uuid4())), "properties": properties}
    state.put_assignment(cloud, body, effective_at=0)
    cloud.store.commit()


def directory(cloud: Cloud, path: str, access_list: str | None = None, *, owner: str | None = None) -> None:
    """Makes a directory of the lake, with that access list and owner."""
    made = files.make_directory(cloud, ACCOUNT, CONTAINER, path)
    seed.set_access(cloud, made, owner=owner, access_list=access_list)
    cloud.store.commit()


def file(
    cloud: Cloud, path: str, content: bytes = b"", access_list: str | None = None, *, account: str = ACCOUNT
) -> None:
    """Makes a file, with that access list."""
    made = files.put_file(cloud, account, CONTAINER, path, content)
    seed.set_access(cloud, made, access_list=access_list)
    cloud.store.commit()


def headers(cloud: Cloud, object_id: str, **more: str) -> dict[str, str]:
    """What every request carries: sign-in and version, and more with underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return {"authorization": token(cloud, object_id, AUDIENCE), **VERSION, **named}


class Credential:
    """An azure-core credential that signs in as one principal, sync and async."""

    def __init__(self, cloud: Cloud, object_id: str) -> None:
        self.token = token(cloud, object_id, AUDIENCE).removeprefix("Bearer ")
        self._expiry = int(cloud.clock.time()) + 3600

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """The token, for storage only."""
        assert scopes == ("https://storage.azure.com/.default",)
        return AccessToken(self.token, self._expiry)


class AsyncCredential(Credential):
    """The same for async clients."""

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # type: ignore[override]
        """The token, for storage only."""
        return Credential.get_token(self, *scopes, **options)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> AsyncCredential:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def node(cloud: Cloud, path: str) -> Any:
    """What is held at a path."""
    return files.stat(cloud, ACCOUNT, CONTAINER, path)
