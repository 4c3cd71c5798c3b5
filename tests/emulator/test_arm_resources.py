"""Storage accounts, containers, Databricks workspaces, groups and subscriptions as Azure resources."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cloud_emulator.arm import state
from cloud_emulator.arm.access import databricks_is_public
from cloud_emulator.arm.service import make_service
from cloud_emulator.storage import files
from tests.emulator.arm_world import (
    ACCOUNT,
    CONTAINER,
    CONTRIBUTOR,
    GROUP,
    HOST,
    NOBODY,
    READER,
    SUBSCRIPTION,
    SUBSCRIPTION_ID,
    WORKSPACE,
    World,
    arm_cloud,
    code,
)
from tests.emulator.support import TENANT, Wall, serve

NEWEST = "api-version=2026-09-01"
FABRIC = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/Fabric/providers/"
    "Microsoft.Fabric/workspaces/30000000-0000-4000-8000-000000000001"
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    wall = Wall()
    cloud = arm_cloud(tmp_path, wall)
    async with serve(cloud, [("/subscriptions", make_service())]) as client:
        yield World(cloud, wall, client)


async def patch(world: World, acls: dict[str, Any], version: str = NEWEST, who: str = CONTRIBUTOR) -> tuple[int, Any]:
    return await world.ask("PATCH", f"{ACCOUNT}?{version}", who, json={"properties": {"networkAcls": acls}})


def rules(world: World) -> Any:
    return state.table_of(world.cloud, "storageAccounts")["contosolake"]["properties"]["networkAcls"]


async def test_an_account_is_read_with_its_rules(world: World) -> None:
    status, body = await world.ask("GET", f"{ACCOUNT}?{NEWEST}", READER)
    assert status == 200
    assert body["properties"]["isHnsEnabled"] is True
    assert body["properties"]["networkAcls"] == {
        "bypass": "AzureServices", "defaultAction": "Deny", "virtualNetworkRules": [], "resourceAccessRules": [],
        "ipRules": [{"value": "198.51.100.0/24", "action": "Allow"}],
        "ipv6Rules": [{"value": "2001:db8::/64", "action": "Allow"}],
    }  # fmt: skip
    assert code(await world.ask("GET", f"{ACCOUNT}?{NEWEST}", NOBODY)) == (403, "AuthorizationFailed")
    assert code(await world.ask("GET", f"{ACCOUNT}x?{NEWEST}", READER)) == (404, "ResourceNotFound")
    lost = GROUP.replace("contoso-data", "lost")
    wrong_group = ACCOUNT.replace(GROUP, lost)
    assert code(await world.ask("GET", f"{wrong_group}?{NEWEST}", READER)) == (404, "ResourceGroupNotFound")


async def test_a_whole_merge_keeps_everyones_rules(world: World) -> None:
    _, body = await world.ask("GET", f"{ACCOUNT}?{NEWEST}", CONTRIBUTOR)
    acls = body["properties"]["networkAcls"]
    acls["resourceAccessRules"] = [{"tenantId": TENANT, "resourceId": FABRIC}]
    assert (await patch(world, acls))[0] == 200
    assert rules(world) == acls


async def test_what_a_merge_leaves_out_is_gone(world: World) -> None:
    status, _ = await patch(world, {"defaultAction": "Deny", "resourceAccessRules": []})
    assert status == 200
    assert rules(world)["ipRules"] == []


async def test_an_old_api_version_hides_newer_rules_and_a_merge_by_it_loses_them(world: World) -> None:
    old = "api-version=2023-05-01"
    _, body = await world.ask("GET", f"{ACCOUNT}?{old}", CONTRIBUTOR)
    assert "ipv6Rules" not in body["properties"]["networkAcls"]
    assert (await patch(world, body["properties"]["networkAcls"], old))[0] == 200
    assert rules(world)["ipv6Rules"] == []
    oldest = "api-version=2021-04-01"
    _, body = await world.ask("GET", f"{ACCOUNT}?{oldest}", CONTRIBUTOR)
    assert "publicNetworkAccess" not in body["properties"]
    closed = {"properties": {"publicNetworkAccess": "Disabled"}}
    answer = await world.ask("PATCH", f"{ACCOUNT}?{oldest}", CONTRIBUTOR, json=closed)
    assert code(answer) == (400, "InvalidRequestPropertyName")
    older = "api-version=2019-06-01"
    answer = await patch(world, {"defaultAction": "Deny", "resourceAccessRules": []}, older)
    assert code(answer) == (400, "InvalidValuesForRequestParameters")


@pytest.mark.parametrize(
    "acls",
    [
        {"ipRules": [{"value": "10.0.0.1"}]},
        {"ipRules": [{"value": "198.51.100.7/32"}]},
        {"ipRules": [{"value": "198.51.100.7/24"}]},
        {"ipRules": [{"value": "home"}]},
        {"ipv6Rules": [{"value": "198.51.100.7"}]},
        {"bypass": "None, Logging"},
        {"bypass": "Everything"},
        {"virtualNetworkRules": [{"id": "subnet"}]},
        {"resourceAccessRules": [{"tenantId": "contoso", "resourceId": FABRIC}]},
        {"resourceAccessRules": [{"tenantId": TENANT, "resourceId": "workspace"}]},
        {"resourceAccessRules": [{"tenantId": TENANT, "resourceId": f"{FABRIC}{n}"} for n in range(201)]},
    ],
)
async def test_invalid_rules_are_refused(world: World, acls: dict[str, Any]) -> None:
    before = rules(world)
    answer = await patch(world, {"defaultAction": "Deny", **acls})
    assert code(answer) == (400, "InvalidValuesForRequestParameters")
    assert rules(world) == before


@pytest.mark.parametrize(
    "acls",
    [{}, {"defaultAction": "Maybe"}, {"defaultAction": "Deny", "ipRule": []}, {"defaultAction": "Deny", "ipRules": 1}],
)
async def test_malformed_rules_are_refused(world: World, acls: dict[str, Any]) -> None:
    assert code(await patch(world, acls)) == (400, "InvalidRequestContent")


async def test_only_writers_change_an_account(world: World) -> None:
    for who in (READER, NOBODY):
        assert code(await patch(world, {"defaultAction": "Allow"}, who=who)) == (403, "AuthorizationFailed")
    assert rules(world)["defaultAction"] == "Deny"
    await world.assign(ACCOUNT, principal=NOBODY, role="Storage Account Contributor")
    assert (await patch(world, {"defaultAction": "Allow"}, who=NOBODY))[0] == 200
    assert rules(world)["defaultAction"] == "Allow"


async def test_a_put_changes_an_account_that_exists(world: World) -> None:
    body = {
        "location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"},
        "properties": {"publicNetworkAccess": "Disabled"}, "tags": {"a": "b"},
    }  # fmt: skip
    status, after = await world.ask("PUT", f"{ACCOUNT}?{NEWEST}", CONTRIBUTOR, json=body)
    assert (status, after["properties"]["publicNetworkAccess"], after["tags"]) == (200, "Disabled", {"a": "b"})
    assert after["properties"]["networkAcls"]["defaultAction"] == "Deny"
    moved = {**body, "location": "northeurope"}
    answer = await world.ask("PUT", f"{ACCOUNT}?{NEWEST}", CONTRIBUTOR, json=moved)
    assert code(answer) == (409, "InvalidResourceLocation")
    other_kind = {**body, "kind": "BlobStorage"}
    assert code(await world.ask("PUT", f"{ACCOUNT}?{NEWEST}", CONTRIBUTOR, json=other_kind)) == (501, "NotImplemented")


async def test_lists_of_accounts_and_containers(world: World) -> None:
    for path in (SUBSCRIPTION, GROUP):
        _, body = await world.ask("GET", f"{path}/providers/Microsoft.Storage/storageAccounts?{NEWEST}", READER)
        assert [each["name"] for each in body["value"]] == ["contosolake", "contosohr"]
    _, body = await world.ask("GET", f"{ACCOUNT}/blobServices/default/containers?{NEWEST}", READER)
    assert [each["name"] for each in body["value"]] == ["lake"]
    _, body = await world.ask("GET", f"{CONTAINER}?{NEWEST}", READER)
    assert (body["id"], body["properties"]["leaseState"]) == (CONTAINER, "Available")
    held = world.cloud.table(files.CONTAINERS)
    held["contosolake/lake"] = {**held["contosolake/lake"], "lease": {"id": NOBODY}}
    _, leased = await world.ask("GET", f"{CONTAINER}?{NEWEST}", READER)
    told = [leased["properties"][f"lease{name}"] for name in ("Status", "State", "Duration")]
    assert told == ["Locked", "Leased", "Infinite"]
    assert code(await world.ask("GET", f"{CONTAINER}x?{NEWEST}", READER)) == (404, "ContainerNotFound")
    await world.assign(CONTAINER, principal=NOBODY)
    assert (await world.ask("GET", f"{CONTAINER}?{NEWEST}", NOBODY))[0] == 200
    assert code(await world.ask("GET", f"{ACCOUNT}?{NEWEST}", NOBODY)) == (403, "AuthorizationFailed")


async def test_databricks_workspaces(world: World) -> None:
    version = "api-version=2024-05-01"
    _, body = await world.ask("GET", f"{WORKSPACE}?{version}", READER)
    assert body["properties"]["workspaceUrl"] == HOST
    assert body["properties"]["publicNetworkAccess"] == "Enabled"
    assert databricks_is_public(world.cloud, HOST)
    _, body = await world.ask("GET", f"{SUBSCRIPTION}/providers/Microsoft.Databricks/workspaces?{version}", READER)
    assert [each["name"] for each in body["value"]] == ["sales"]
    assert code(await world.ask("GET", f"{WORKSPACE}x?{version}", READER)) == (404, "ResourceNotFound")
    table = state.table_of(world.cloud, "databricksWorkspaces")
    found = table[WORKSPACE.lower()]
    table[WORKSPACE.lower()] = {**found, "properties": {**found["properties"], "publicNetworkAccess": "Disabled"}}
    assert not databricks_is_public(world.cloud, HOST)


async def test_subscriptions_and_groups(world: World) -> None:
    version = "api-version=2022-12-01"
    _, body = await world.ask("GET", f"/subscriptions?{version}", READER)
    assert [each["subscriptionId"] for each in body["value"]] == [SUBSCRIPTION_ID]
    assert await world.ask("GET", f"/subscriptions?{version}", NOBODY) == (200, {"value": []})
    assert (await world.ask("GET", f"{SUBSCRIPTION}?{version}", READER))[0] == 200
    _, body = await world.ask("GET", f"{SUBSCRIPTION}/resourcegroups?api-version=2021-04-01", READER)
    assert [each["name"] for each in body["value"]] == ["contoso-data"]
    answer = await world.ask("GET", f"{SUBSCRIPTION}/resourcegroups/none?api-version=2021-04-01", READER)
    assert code(answer) == (404, "ResourceGroupNotFound")
    unknown = await world.ask("GET", f"{GROUP}?api-version=2021-04-01&expand=x", READER)
    assert code(unknown) == (400, "InvalidQueryParameter")
