"""Rules of Azure Resource Manager, broken."""

from __future__ import annotations

from typing import Any

from tests.emulator.rules.registry import breaks
from tests.emulator.rules.seed import (
    ADDRESS,
    AUDITOR,
    EDITOR,
    FLAT,
    GROUP,
    LAKE,
    MEMBER,
    MEMBER_APP,
    NOBODY,
    OPEN,
    OUTSIDER,
    SPACE,
    SUBSCRIPTION_ID,
    TEAM,
    TRIED,
    VIEWER,
    account_id,
)  # fmt: skip
from tests.emulator.rules.world import Answer, World, rule_for

READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
STORAGE = "2025-06-01"
NAME = "90000000-0000-4000-8000-0000000000{:02}"


async def assign(
    world: World,
    principal: str,
    scope: str = account_id(OPEN),
    role: str = READER,
    number: int = 10,
    name: str = "",
    kind: str = "ServicePrincipal",
) -> Answer:
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name or NAME.format(number)}"
    properties = {
        "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{role}",
        "principalId": principal,
        **({"principalType": kind} if kind else {}),
    }
    return await world.arm("PUT", path, {"properties": properties})


@breaks("arm.api_version.required")
async def test_no_api_version(world: World) -> None:
    path = f"/subscriptions/{SUBSCRIPTION_ID}"
    assert (await world.arm("GET", path, version="")).verdict == (400, "MissingApiVersionParameter")


@breaks("arm.api_version.known")
async def test_an_unknown_api_version(world: World) -> None:
    path = f"/subscriptions/{SUBSCRIPTION_ID}"
    assert (await world.arm("GET", path, version="1999-01-01")).verdict == (400, "InvalidApiVersionParameter")


@breaks("arm.access.action")
async def test_a_reader_writes(world: World) -> None:
    path, body = account_id(OPEN), {"tags": {"a": "b"}}
    assert (await world.arm("GET", path, who=VIEWER, version=STORAGE)).status == 200
    assert (await world.arm("PATCH", path, body, VIEWER, STORAGE)).verdict == (403, "AuthorizationFailed")
    assert (await world.arm("PATCH", path, body, version=STORAGE)).status == 200


async def reads_blobs(world: World, who: str, account: str = OPEN, container: str = "lake") -> bool:
    path = f"{account}/{container}?resource=filesystem&recursive=false&directory=sales"
    return (await world.storage("GET", path, who=who)).status == 200


@breaks("arm.access.groups")
async def test_a_role_by_a_group(world: World) -> None:
    (await assign(world, TEAM, kind="Group")).ok()
    await world.wait(301)
    assert await reads_blobs(world, AUDITOR)


@breaks("arm.access.scope")
async def test_a_role_beside_its_scope(world: World) -> None:
    (await assign(world, OUTSIDER, f"{account_id(OPEN)}/blobServices/default/containers/other")).ok()
    await world.wait(301)
    assert not await reads_blobs(world, OUTSIDER)
    assert not await reads_blobs(world, MEMBER, FLAT)


@breaks("arm.roles.guid")
async def test_a_role_assignment_by_a_name_of_words(world: World) -> None:
    assert (await assign(world, EDITOR, name="mine")).verdict == (400, "InvalidRoleAssignmentId")


@breaks("arm.roles.scope")
async def test_a_role_at_a_scope_that_is_not_there(world: World) -> None:
    assert (await assign(world, EDITOR, account_id("nobodys"))).verdict == (404, "ResourceNotFound")


@breaks("arm.roles.definition")
async def test_a_role_that_is_not_there(world: World) -> None:
    assert (await assign(world, EDITOR, role=NOBODY)).verdict == (404, "RoleDefinitionDoesNotExist")


@breaks("arm.roles.object_id")
async def test_a_role_for_an_application_id(world: World) -> None:
    assert (await assign(world, MEMBER_APP)).verdict == (400, "PrincipalNotFound")
    assert (await assign(world, EDITOR)).status == 201


@breaks("arm.roles.replication")
async def test_a_role_for_a_principal_that_is_new(world: World) -> None:
    made = await world.done(await world.fabric("POST", f"/workspaces/{TRIED}/provisionIdentity"))
    fresh = made["servicePrincipalId"]
    assert (await assign(world, fresh, kind="")).verdict == (400, "PrincipalNotFound")
    assert (await assign(world, fresh)).status == 201
    await world.wait(121)
    assert (await assign(world, fresh, GROUP, kind="", number=11)).status == 201


@breaks("arm.roles.principal_type")
async def test_a_wrong_principal_type(world: World) -> None:
    assert (await assign(world, EDITOR, kind="User")).verdict == (400, "UnmatchedPrincipalType")


@breaks("arm.roles.exists")
async def test_the_same_assignment_by_another_name(world: World) -> None:
    (await assign(world, EDITOR)).ok()
    assert (await assign(world, EDITOR, number=11)).verdict == (409, "RoleAssignmentExists")
    assert (await assign(world, EDITOR)).status == 200


@breaks("arm.roles.unchangeable")
async def test_another_principal_for_an_assignment(world: World) -> None:
    (await assign(world, EDITOR)).ok()
    assert (await assign(world, VIEWER)).verdict == (400, "RoleAssignmentUpdateNotPermitted")


@breaks("arm.roles.propagation")
async def test_a_role_at_once(world: World) -> None:
    (await assign(world, EDITOR)).ok()
    assert not await reads_blobs(world, EDITOR)
    await world.wait(301)
    assert await reads_blobs(world, EDITOR)


async def rules_of(world: World, account: str = LAKE, version: str = STORAGE) -> Any:
    return (await world.arm("GET", account_id(account), version=version)).ok()["properties"]["networkAcls"]


async def set_rules(world: World, account: str = LAKE, version: str = STORAGE, **rules: Any) -> Answer:
    acls = {"defaultAction": "Deny", **rules}
    return await world.arm("PATCH", account_id(account), {"properties": {"networkAcls": acls}}, version=version)


@breaks("arm.network.replaces")
async def test_rules_that_are_left_out_are_gone(world: World) -> None:
    assert len((await rules_of(world))["resourceAccessRules"]) == 1
    (await set_rules(world, ipRules=[{"value": ADDRESS}])).ok()
    held = await rules_of(world)
    assert (held["resourceAccessRules"], [each["value"] for each in held["ipRules"]]) == ([], [ADDRESS])


INVALID = (400, "InvalidValuesForRequestParameters")


@breaks("arm.network.most_resources")
async def test_a_resource_instance_rule_too_many(world: World) -> None:
    many = [rule_for(SPACE)] * 201
    assert (await set_rules(world, resourceAccessRules=many)).verdict == INVALID


@breaks("arm.network.addresses")
async def test_a_private_address(world: World) -> None:
    assert (await set_rules(world, ipRules=[{"value": "10.0.0.1"}])).verdict == INVALID
    assert (await set_rules(world, ipRules=[{"value": "198.51.100.0/31"}])).verdict == INVALID


@breaks("arm.network.resource_id")
async def test_a_resource_that_is_no_resource_id(world: World) -> None:
    rule = {**rule_for(SPACE), "resourceId": "the workspace"}
    assert (await set_rules(world, resourceAccessRules=[rule])).verdict == INVALID


@breaks("arm.network.bypass")
async def test_a_bypass_that_is_none(world: World) -> None:
    assert (await set_rules(world, bypass="None, Logging")).verdict == INVALID


@breaks("arm.network.old_versions")
async def test_an_old_version_hides_newer_rules(world: World) -> None:
    assert "resourceAccessRules" not in await rules_of(world, version="2019-06-01")
    answer = await set_rules(world, version="2019-06-01", resourceAccessRules=[rule_for(SPACE)])
    assert answer.verdict == INVALID


@breaks("arm.accounts.fixed")
async def test_an_account_moves(world: World) -> None:
    body = {"location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    answer = await world.arm("PUT", account_id(OPEN), body, version=STORAGE)
    assert answer.verdict == (409, "InvalidResourceLocation")


@breaks("arm.roles.delete_absent")
async def test_an_assignment_that_is_not_there_is_deleted(world: World) -> None:
    path = f"{account_id(OPEN)}/providers/Microsoft.Authorization/roleAssignments/{NAME.format(50)}"
    assert (await world.arm("DELETE", path)).status == 204
