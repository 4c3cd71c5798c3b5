"""What a person or service principal may do, asked of the emulator as them; and changes that administrators make."""

from __future__ import annotations

import httpx

from cloud_emulator.core.app import Emulator
from cloud_emulator.seeds.contoso.identities import App, Person
from cloud_emulator.services import mounts
from cloud_emulator.unity_catalog import access as unity_catalog
from tests.onboarding.world import ROOT, World
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.model import RestCall

SALES_HOST = "adb-1234567890123456.7.azuredatabricks.net"


async def onelake(world: World, who: App | Person, workspace: str, item: str, path: str) -> int:
    """The HTTP status with which OneLake answers someone who lists a folder of an item."""
    principal = world.cloud.directory.by_object_id(who.object_id)
    assert principal is not None
    token = world.cloud.tokens.issue(principal, "https://storage.azure.com", "https://login.test/v2.0")
    headers = {"authorization": f"Bearer {token}", "x-ms-version": "2023-11-03"}
    url = f"{ROOT}/storage/onelake/{workspace}?resource=filesystem&recursive=false&directory={item}/{path}"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=Emulator(world.cloud, mounts()))) as client:
        return (await client.get(url, headers=headers)).status_code


async def readable(
    world: World, who: App | Person, workspace: str, item: str, tables: tuple[TableRef, ...]
) -> set[TableRef]:
    """Which tables someone can list the Delta log of."""
    return {
        ref for ref in tables if await onelake(world, who, workspace, item, f"{ref.onelake_path}/_delta_log") == 200
    }


def granted(
    world: World, grantee: str, catalog: str, tables: tuple[TableRef, ...], host: str = SALES_HOST
) -> set[TableRef]:
    """Which tables Unity Catalog's rules let someone read."""
    return {ref for ref in tables if unity_catalog.readable(world.cloud, host, grantee, ref.full_name(catalog)) is None}


async def grant(
    world: World,
    kind: str,
    full_name: str,
    principal: str,
    *,
    add: tuple[str, ...] = (),
    remove: tuple[str, ...] = (),
    host: str = SALES_HOST,
) -> None:
    """Grants or revokes, as the catalog's owner."""
    url = f"https://{host}/api/2.1/unity-catalog/permissions/{kind}/{full_name}"
    change = {
        "principal": principal,
        **({"add": list(add)} if add else {}),
        **({"remove": list(remove)} if remove else {}),
    }
    answer = await world.call(RestCall("databricks", "PATCH", url, {"changes": [change]}))
    assert answer.is_success, answer.text


def make_workspace_admin(world: World, host: str, grantee: str) -> None:
    """Lets someone ask a Databricks workspace's SCIM API."""
    table = world.cloud.table("unity_catalog.workspaces")
    table[host] = {**table[host], "admins": [*table[host]["admins"], grantee]}
