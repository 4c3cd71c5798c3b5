"""Where reality has two legal outcomes, both can be had by a setting; the tests of rules run with the harder ones."""

from __future__ import annotations

from typing import Any

from tests.emulator.rules.seed import (
    CONNECTOR_APP,
    EDITOR,
    HARDER,
    NOBODY,
    OPEN,
    OWNER,
    SPACE,
    SUBSCRIPTION_ID,
    TENANT,
    TRIED,
    VIEWER,
    account_id,
)  # fmt: skip
from tests.emulator.rules.world import CATALOGS, Answer, World, payload

LAKEHOUSES = f"/workspaces/{SPACE}/lakehouses"
ITEM = {"displayName": "fresh"}
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


async def test_the_harder_outcomes_are_set(world: World) -> None:
    settings = (await world.control("GET", "settings")).ok()
    assert {name: settings[name] for name in HARDER} == HARDER


async def test_accepted_or_at_once(world: World) -> None:
    accepted = await world.fabric("POST", LAKEHOUSES, ITEM)
    assert (accepted.status, accepted.body) == (202, None)
    assert (await world.done(accepted))["displayName"] == "fresh"
    await world.behave(long_running="immediate")
    made = await world.fabric("POST", LAKEHOUSES, {"displayName": "another"})
    assert (made.status, made.body["displayName"]) == (201, "another")
    path = f"{CATALOGS}/{world.item}/getDefinition"
    assert (await world.fabric("POST", path)).body["definition"]["parts"]


async def test_an_operation_by_time_or_by_polls(world: World) -> None:
    await world.behave(operation_polls=3)
    path = "/operations/" + (await world.fabric("POST", LAKEHOUSES, ITEM)).headers["x-ms-operation-id"]
    await world.wait(3000)
    states = [(await world.fabric("GET", path)).ok()["status"] for _ in range(4)]
    assert states == ["Running", "Running", "Succeeded", "Succeeded"]


async def test_a_failure_through_the_operation_or_at_once(world: World) -> None:
    body = payload(databricksWorkspaceConnectionId=NOBODY)
    assert await world.failure(await world.fabric("POST", CATALOGS, body)) == "EntityNotFound"
    await world.behave(long_running="immediate")
    assert (await world.fabric("POST", CATALOGS, body)).verdict == (400, "EntityNotFound")


async def test_a_name_reserved_or_free_after_deletion(world: World) -> None:
    await world.behave(name_reservation_seconds=0)
    (await world.fabric("DELETE", f"{LAKEHOUSES}/{world.lakehouse}")).ok()
    assert (await world.fabric("POST", LAKEHOUSES, {"displayName": "lake"})).status == 202


async def sync_details(world: World) -> dict[str, Any]:
    found: dict[str, Any] = (await world.fabric("GET", f"{CATALOGS}/{world.item}")).ok()["properties"]["syncDetails"]
    return found


async def test_a_sync_that_begins_later_or_at_once(world: World) -> None:
    refresh, before = f"{CATALOGS}/{world.item}/refreshCatalogMetadata", await sync_details(world)
    await world.behave(sync_begin_seconds=30, sync_seconds=10)
    await world.done(await world.fabric("POST", refresh))
    assert await sync_details(world) == before
    await world.wait(35)
    assert (await sync_details(world))["status"] == "InProgress"
    await world.wait(10)
    after = await sync_details(world)
    assert after["status"] == "Success"
    assert after["lastSyncDateTime"] > before["lastSyncDateTime"]
    await world.behave(sync_begin_seconds=0)
    await world.done(await world.fabric("POST", refresh))
    assert (await sync_details(world))["status"] == "InProgress"


async def page_counts(world: World) -> list[bool]:
    """Whether there is a second page, of Fabric, Unity Catalog, Azure Resource Manager and storage."""
    assignments = f"/subscriptions/{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleAssignments"
    listing = f"{OPEN}/lake?resource=filesystem&recursive=true"
    return [
        "continuationUri" in (await world.fabric("GET", "/workspaces")).ok(),
        "next_page_token" in (await world.unity("GET", "/catalogs")).ok(),
        "nextLink" in (await world.arm("GET", assignments)).ok(),
        "x-ms-continuation" in (await world.storage("GET", listing)).headers,
    ]


async def test_one_page_or_many(world: World) -> None:
    assert await page_counts(world) == [True] * 4
    await world.behave(page_size=None)
    assert await page_counts(world) == [False] * 4


async def reads_once_assigned(world: World) -> bool:
    name = "90000000-0000-4000-8000-000000000030"
    scope = account_id(OPEN)
    role = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
    definition = f"/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    properties = {"roleDefinitionId": definition, "principalId": EDITOR, "principalType": "ServicePrincipal"}
    (await world.arm("PUT", role, {"properties": properties})).ok()
    path = f"{OPEN}/lake?resource=filesystem&recursive=false"
    return (await world.storage("GET", path, who=EDITOR)).status == 200


async def test_a_role_effective_in_a_while_or_now(world: World) -> None:
    assert not await reads_once_assigned(world)
    await world.reset()
    await world.behave(role_propagation_seconds=0)
    assert await reads_once_assigned(world)


async def reads_once_permitted(world: World) -> bool:
    permission = [
        {"attributeName": "Path", "attributeValueIncludedIn": ["*"]},
        {"attributeName": "Action", "attributeValueIncludedIn": ["Read"]},
    ]
    members = {"microsoftEntraMembers": [{"tenantId": TENANT, "objectId": VIEWER}]}
    role = {"name": "All", "decisionRules": [{"effect": "Permit", "permission": permission}], "members": members}
    path = f"/workspaces/{SPACE}/items/{world.item}/dataAccessRoles"
    (await world.fabric("POST", f"{path}?preview=true", role)).ok()
    assert "All" in [each["name"] for each in await world.every(path)]
    return (await world.read(world.item, who=VIEWER)).status == 200


async def test_a_data_access_role_effective_in_a_while_or_now(world: World) -> None:
    assert not await reads_once_permitted(world)
    await world.wait(301)
    assert (await world.read(world.item, who=VIEWER)).status == 200
    await world.reset()
    await world.behave(data_access_role_seconds=0)
    assert await reads_once_permitted(world)


async def test_a_principal_known_in_a_while_or_now(world: World) -> None:
    await world.behave(principal_replication_seconds=0)
    made = await world.done(await world.fabric("POST", f"/workspaces/{TRIED}/provisionIdentity"))
    scope = f"{account_id(OPEN)}/providers/Microsoft.Authorization/roleAssignments/{NOBODY}"
    definition = f"/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    properties = {"roleDefinitionId": definition, "principalId": made["servicePrincipalId"]}
    assert (await world.arm("PUT", scope, {"properties": properties})).status == 201


async def mirrored_without_external_use(world: World) -> list[str]:
    body = {"changes": [{"principal": CONNECTOR_APP, "remove": ["EXTERNAL_USE_SCHEMA"]}]}
    (await world.unity("PATCH", "/permissions/catalog/hr", body, OWNER)).ok()
    item = await world.mirror()
    return await world.names(f"onelake/{SPACE}//{item}/Tables")


async def test_external_use_checked_at_the_read_or_at_the_sync(world: World) -> None:
    assert await mirrored_without_external_use(world) == ["staff"]
    await world.reset()
    await world.behave(external_use_checked_at="sync")
    assert await mirrored_without_external_use(world) == []


async def link(world: World, path: str) -> Answer:
    target = {"workspaceId": SPACE, "itemId": world.item, "path": path}
    body: dict[str, Any] = {"path": "Tables/dbo", "name": "new", "target": {"oneLake": target}}
    return await world.fabric("POST", f"/workspaces/{SPACE}/items/{world.lakehouse}/shortcuts", body)


async def test_a_shortcut_to_a_missing_path_made_or_refused(world: World) -> None:
    assert (await link(world, "Tables/orders/nothing")).status == 201
    assert (await world.read(world.lakehouse, "Tables/dbo/new")).verdict == (404, "PathNotFound")
    await world.reset()
    await world.behave(shortcut_target_paths="checked")
    assert (await link(world, "Tables/orders/nothing")).verdict == (404, "EntityNotFound")
    assert (await link(world, "Tables/orders/lines")).status == 201


async def test_what_changes_between_pages_is_neither_lost_nor_told_twice(world: World) -> None:
    async def files(token: str = "") -> Answer:
        query = "resource=filesystem&recursive=false&directory=box"
        return await world.storage("GET", f"{OPEN}/lake?{query}{f'&continuation={token}' if token else ''}")

    for name in ("a", "c", "d"):
        (await world.storage("PUT", f"{OPEN}/lake/box/{name}?resource=file")).ok()
    first = await files()
    (await world.storage("PUT", f"{OPEN}/lake/box/b?resource=file")).ok()
    (await world.storage("DELETE", f"{OPEN}/lake/box/a?recursive=false")).ok()
    second = await files(first.headers["x-ms-continuation"])
    found = [each["name"] for answer in (first, second) for each in answer.ok()["paths"]]
    assert found == ["box/a", "box/c"]
