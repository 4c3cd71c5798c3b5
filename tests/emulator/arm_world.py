"""A small subscription for tests: two storage accounts, a Databricks workspace, principals with roles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cloud_emulator.arm.builtin_roles import ROLES_BY_NAME
from cloud_emulator.arm.seed import ArmSeed, load
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.storage import files
from tests.emulator.support import RUNNER, Wall, add_service_principal, small_cloud, token

SUBSCRIPTION_ID = "5b1f0000-0000-4000-8000-000000000001"
SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION_ID}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/contoso-data"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/contosolake"
CONTAINER = f"{ACCOUNT}/blobServices/default/containers/lake"
WORKSPACE = f"{GROUP}/providers/Microsoft.Databricks/workspaces/sales"
HOST = "adb-1234567890123456.7.azuredatabricks.net"
READER = "22220000-0000-4000-8000-00000000c001"
CONTRIBUTOR = "22220000-0000-4000-8000-00000000c002"
GRANTER = "22220000-0000-4000-8000-00000000c003"
NOBODY = "22220000-0000-4000-8000-00000000c004"
NOBODY_APP = "11110000-0000-4000-8000-00000000c004"
TEAM = "33330000-0000-4000-8000-00000000c005"
MEMBER = "22220000-0000-4000-8000-00000000c006"
AUDIENCE = "https://management.azure.com"
VERSION = "api-version=2022-04-01"
NAME = "9a000000-0000-4000-8000-000000000001"
DATA_READER = "Storage Blob Data Reader"
ASSIGNMENTS = "providers/Microsoft.Authorization/roleAssignments"


def subscription() -> ArmSeed:
    """The seed section."""
    place = {"subscription_id": SUBSCRIPTION_ID, "resource_group": "contoso-data"}
    rules = {"default_action": "Deny", "ip_rules": ["198.51.100.0/24"], "ipv6_rules": ["2001:db8::/64"]}
    roles = {
        RUNNER: "Owner",
        READER: "Reader",
        CONTRIBUTOR: "Contributor",
        GRANTER: "Role Based Access Control Administrator",
    }
    return ArmSeed.model_validate(
        {
            "subscriptions": [{"subscription_id": SUBSCRIPTION_ID, "display_name": "contoso"}],
            "resource_groups": [{"subscription_id": SUBSCRIPTION_ID, "name": "contoso-data"}],
            "storage_accounts": [
                {**place, "name": "contosolake", "network_rules": rules},
                {**place, "name": "contosohr"},
            ],
            "databricks_workspaces": [{**place, "name": "sales", "host": HOST, "workspace_id": 1234567890123456}],
            "role_assignments": [
                {"scope": SUBSCRIPTION, "principal_id": who, "role": role} for who, role in roles.items()
            ],
        }
    )


def arm_cloud(folder: Path, wall: Wall | None = None) -> Cloud:
    """A cloud with that subscription and the container ``lake``."""
    cloud = small_cloud(folder, wall)
    for number, (who, name) in enumerate(
        [
            (READER, "reader"),
            (CONTRIBUTOR, "contributor"),
            (GRANTER, "granter"),
            (NOBODY, "nobody"),
            (MEMBER, "member"),
        ],
        start=1,
    ):
        add_service_principal(cloud, who, f"11110000-0000-4000-8000-00000000c{number:03}", name)
    cloud.directory.add({"objectId": TEAM, "type": "Group", "displayName": "team", "members": [MEMBER]})
    load(cloud, subscription())
    files.create_container(cloud, "contosolake", "lake")
    cloud.store.commit()
    return cloud


@dataclass
class World:
    """A cloud whose clock a test moves, and a client of it."""

    cloud: Cloud
    wall: Wall
    client: httpx.AsyncClient

    async def ask(self, method: str, path: str, who: str = GRANTER, **more: Any) -> tuple[int, Any]:
        headers = {"Authorization": token(self.cloud, who, AUDIENCE), **more.pop("headers", {})}
        answer = await self.client.request(method, path, headers=headers, **more)
        return answer.status_code, answer.json() if answer.content else None

    async def put(
        self,
        scope: str,
        name: str = NAME,
        principal: str = NOBODY,
        role: str = DATA_READER,
        who: str = GRANTER,
        **more: Any,
    ) -> tuple[int, Any]:
        properties = {"roleDefinitionId": definition(role), "principalId": principal, **more}
        path = f"{scope}/{ASSIGNMENTS}/{name}?{VERSION}"
        return await self.ask("PUT", path, who, json={"properties": properties})

    async def assign(self, scope: str, name: str = NAME, **more: Any) -> tuple[int, Any]:
        """As :meth:`put`, and waits until the role has taken effect."""
        answer = await self.put(scope, name, **more)
        self.wall.seconds += self.cloud.behaviour.role_propagation_seconds
        return answer

    async def every(self, path: str, who: str = GRANTER) -> list[Any]:
        """All entries of a list, of however many pages."""
        found: list[Any] = []
        while path:
            status, body = await self.ask("GET", path, who)
            assert status == 200, body
            found += body["value"]
            path = body.get("nextLink", "")
        return found

    async def listed(self, scope: str, expression: str = "", who: str = GRANTER) -> list[str]:
        query = f"{VERSION}&$filter={expression}" if expression else VERSION
        found = await self.every(f"{scope}/{ASSIGNMENTS}?{query}", who)
        return [each["properties"]["scope"] for each in found]


def definition(role: str) -> str:
    return f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ROLES_BY_NAME[role].guid}"


def code(answer: tuple[int, Any]) -> tuple[int, str]:
    status, body = answer
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    return status, body["error"]["code"]
