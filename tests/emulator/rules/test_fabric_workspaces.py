"""Rules of Fabric's workspaces, broken: roles, names, capacities, identities, operations."""

from __future__ import annotations

from typing import Any

from tests.emulator.rules.registry import breaks
from tests.emulator.rules.seed import (
    ALICE,
    BARE,
    BOB,
    CAPACITY,
    CLOSED,
    EDITOR,
    FAR,
    MEMBER,
    OUTSIDER,
    OUTSIDER_APP,
    OWN_TRIAL,
    PAUSED,
    PERSONAL,
    RUNNER,
    SPACE,
    STALLED,
    TENANT,
    TRIAL,
    TRIED,
    VIEWER,
)  # fmt: skip
from tests.emulator.rules.world import Answer, World, payload

ROLES = f"/workspaces/{SPACE}/roleAssignments"
LAKEHOUSES = f"/workspaces/{SPACE}/lakehouses"


async def give(world: World, who: str, role: str, by: str = RUNNER, kind: str = "ServicePrincipal") -> Answer:
    return await world.fabric("POST", ROLES, {"principal": {"id": who, "type": kind}, "role": role}, by)


async def assignment_of(world: World, who: str) -> str:
    found = [each["id"] for each in await world.every(ROLES) if each["principal"]["id"] == who]
    return f"{ROLES}/{found[0]}"


async def make(world: World, name: str = "new", space: str = SPACE, who: str = RUNNER, **more: str) -> Answer:
    return await world.fabric("POST", f"/workspaces/{space}/lakehouses", {"displayName": name, **more}, who)


@breaks("fabric.roles.viewer")
async def test_an_outsider_reads_a_workspace(world: World) -> None:
    assert (await world.fabric("GET", f"/workspaces/{SPACE}", who=VIEWER)).status == 200
    answer = await world.fabric("GET", f"/workspaces/{SPACE}", who=OUTSIDER)
    assert answer.verdict == (403, "InsufficientPrivileges")


@breaks("fabric.roles.contributor")
async def test_a_viewer_makes_an_item(world: World) -> None:
    assert (await make(world, who=VIEWER)).verdict == (403, "InsufficientPrivileges")
    assert (await make(world, who=EDITOR)).status == 202


@breaks("fabric.roles.member")
async def test_a_contributor_gives_roles(world: World) -> None:
    assert (await give(world, OUTSIDER, "Viewer", EDITOR)).verdict == (403, "InsufficientPrivileges")
    assert (await give(world, OUTSIDER, "Viewer", MEMBER)).status == 201


@breaks("fabric.roles.admin")
async def test_a_member_takes_roles_away(world: World) -> None:
    path = await assignment_of(world, VIEWER)
    assert (await world.fabric("DELETE", path, who=MEMBER)).verdict == (403, "InsufficientPrivileges")
    assert (await world.fabric("DELETE", path)).status == 200


@breaks("fabric.roles.not_above_own")
async def test_a_member_makes_an_admin(world: World) -> None:
    assert (await give(world, OUTSIDER, "Admin", MEMBER)).verdict == (403, "InsufficientPrivileges")


@breaks("fabric.roles.one_each")
async def test_a_second_role(world: World) -> None:
    refused = (409, "PrincipalAlreadyHasWorkspaceRolePermissions")
    assert (await give(world, VIEWER, "Contributor")).verdict == refused


@breaks("fabric.roles.last_admin")
async def test_the_last_admin_leaves(world: World) -> None:
    path = await assignment_of(world, RUNNER)
    assert (await world.fabric("DELETE", path)).verdict == (400, "InvalidRequest")
    assert (await world.fabric("PATCH", path, {"role": "Member"})).verdict == (400, "InvalidRequest")


@breaks("fabric.roles.object_id")
async def test_a_role_for_an_application_id(world: World) -> None:
    assert (await give(world, OUTSIDER_APP, "Viewer")).verdict == (404, "PrincipalNotFound")
    assert (await give(world, OUTSIDER, "Viewer")).status == 201


@breaks("fabric.roles.groups")
async def test_a_member_of_a_group_with_a_role(world: World) -> None:
    assert (await world.fabric("GET", f"/workspaces/{SPACE}", who=BOB)).status == 200


@breaks("fabric.workspaces.personal")
async def test_my_workspace_is_administered(world: World) -> None:
    answer = await world.fabric("PATCH", f"/workspaces/{PERSONAL}", {"displayName": "Ours"}, ALICE)
    assert answer.verdict == (400, "InvalidRequest")
    answer = await world.fabric("POST", f"/workspaces/{PERSONAL}/provisionIdentity", who=ALICE)
    assert answer.verdict == (400, "InvalidRequest")


@breaks("fabric.workspaces.unique_name")
async def test_a_second_workspace_of_a_name(world: World) -> None:
    answer = await world.fabric("POST", "/workspaces", {"displayName": "SALES"})
    assert answer.verdict == (409, "WorkspaceNameAlreadyExists")


@breaks("fabric.workspaces.name")
async def test_a_workspace_without_a_name(world: World) -> None:
    for name in (" ", "Admin monitoring", "x" * 257):
        assert (await world.fabric("POST", "/workspaces", {"displayName": name})).verdict == (400, "InvalidInput")


@breaks("fabric.names.unique")
async def test_a_second_item_of_a_name(world: World) -> None:
    assert (await make(world, "lake")).verdict == (409, "ItemDisplayNameAlreadyInUse")


@breaks("fabric.names.case")
async def test_a_name_that_differs_in_case(world: World) -> None:
    assert (await make(world, "LAKE")).verdict == (409, "ItemDisplayNameAlreadyInUse")


@breaks("fabric.names.reserved")
async def test_a_name_that_was_just_given_up(world: World) -> None:
    path = f"{LAKEHOUSES}/{world.lakehouse}"
    (await world.fabric("DELETE", path)).ok()
    refused = await make(world, "lake")
    assert refused.verdict == (409, "ItemDisplayNameNotAvailableYet")
    assert refused.body["isRetriable"] is True
    await world.wait(21)
    assert (await make(world, "lake")).status == 202


@breaks("fabric.names.endpoints")
async def test_a_lakehouse_by_the_name_of_a_mirrored_catalog(world: World) -> None:
    assert (await make(world, "sales")).verdict == (409, "ItemDisplayNameAlreadyInUse")


@breaks("fabric.names.lakehouse")
async def test_a_lakehouse_name_with_a_blank(world: World) -> None:
    for name in ("my lake", "1lake", "la-ke"):
        assert (await make(world, name)).verdict == (400, "InvalidInput")


@breaks("fabric.names.item")
async def test_an_item_name_with_a_control_character(world: World) -> None:
    path = f"/workspaces/{SPACE}/mirroredAzureDatabricksCatalogs"
    for name in ("", " sales2", "a\tb", "x" * 257):
        assert (await world.fabric("POST", path, payload(name=name))).verdict == (400, "InvalidInput")


@breaks("fabric.names.description")
async def test_a_long_description(world: World) -> None:
    assert (await make(world, description="x" * 257)).verdict == (400, "InvalidInput")


@breaks("fabric.capacities.needed")
async def test_an_item_without_a_capacity(world: World) -> None:
    assert (await make(world, space=BARE)).verdict == (403, "FeatureNotAvailable")


@breaks("fabric.capacities.active")
async def test_an_item_on_a_paused_capacity(world: World) -> None:
    assert (await make(world, space=STALLED)).verdict == (404, "CapacityNotActive")


async def move(world: World, capacity: str, space: str = BARE) -> Answer:
    return await world.fabric("POST", f"/workspaces/{space}/assignToCapacity", {"capacityId": capacity})


@breaks("fabric.capacities.contributor")
async def test_somebody_elses_capacity(world: World) -> None:
    assert (await move(world, CLOSED)).verdict == (404, "CapacityNotFound")
    assert (await move(world, CAPACITY)).status == 202


@breaks("fabric.capacities.trial_owner")
async def test_somebody_elses_trial(world: World) -> None:
    assert (await move(world, TRIAL)).verdict == (403, "InsufficientPrivileges")
    assert (await move(world, OWN_TRIAL)).status == 202


@breaks("fabric.capacities.assignable")
async def test_a_move_to_a_paused_capacity(world: World) -> None:
    assert (await move(world, PAUSED)).verdict == (404, "CapacityNotActive")


@breaks("fabric.capacities.region")
async def test_items_move_to_another_region(world: World) -> None:
    assert (await move(world, FAR, SPACE)).verdict == (400, "InvalidRequest")
    assert (await move(world, FAR, TRIED)).status == 202


@breaks("fabric.capacities.items_stay")
async def test_items_without_a_capacity(world: World) -> None:
    answer = await world.fabric("POST", f"/workspaces/{SPACE}/unassignFromCapacity")
    assert answer.verdict == (400, "InvalidRequest")


def identity(space: str, verb: str = "provision") -> str:
    return f"/workspaces/{space}/{verb}Identity"


@breaks("fabric.identity.once")
async def test_a_second_identity(world: World) -> None:
    assert (await world.fabric("POST", identity(SPACE))).verdict == (409, "InvalidRequest")


@breaks("fabric.identity.busy")
async def test_an_identity_while_one_is_being_made(world: World) -> None:
    assert (await world.fabric("POST", identity(TRIED))).status == 202
    assert (await world.fabric("POST", identity(TRIED))).verdict == (409, "InvalidRequest")


@breaks("fabric.identity.present")
async def test_no_identity_to_take_away(world: World) -> None:
    assert (await world.fabric("POST", identity(TRIED, "deprovision"))).verdict == (409, "InvalidRequest")


@breaks("fabric.identity.gone")
async def test_an_identity_outlives_its_workspace(world: World) -> None:
    made = await world.done(await world.fabric("POST", identity(TRIED)))
    (await world.fabric("DELETE", f"/workspaces/{TRIED}")).ok()
    answer = await give(world, made["servicePrincipalId"], "Viewer")
    assert answer.verdict == (404, "PrincipalNotFound")


async def read_behind_the_firewall(world: World) -> tuple[int, str]:
    return (await world.read(world.item)).verdict


@breaks("fabric.trusted_access.paid_capacity")
async def test_trusted_access_from_a_trial(world: World) -> None:
    assert await read_behind_the_firewall(world) == (200, "")
    assert (await move(world, OWN_TRIAL, SPACE)).status == 202
    await world.wait()
    assert await read_behind_the_firewall(world) == (403, "AuthorizationFailure")


@breaks("fabric.trusted_access.identity_role")
async def test_trusted_access_without_a_role_for_the_identity(world: World) -> None:
    who = (await world.fabric("GET", f"/workspaces/{SPACE}")).ok()["workspaceIdentity"]["servicePrincipalId"]
    (await world.fabric("PATCH", await assignment_of(world, who), {"role": "Viewer"})).ok()
    assert await read_behind_the_firewall(world) == (403, "AuthorizationFailure")


@breaks("fabric.capacities.active_reads")
async def test_reading_while_the_capacity_is_paused(world: World) -> None:
    paused = {"id": CAPACITY, "display_name": "main", "sku": "F64", "state": "Inactive", "contributors": [RUNNER]}
    await switch(world, capacities=[paused])
    assert await read_behind_the_firewall(world) == (403, "CapacityNotActive")


async def switch(world: World, **fabric: Any) -> None:
    """What only a tenant's or capacity's administrator does: by a further seed."""
    tenant = {"id": TENANT, "domain": "contoso.example"}
    settings = (await world.control("GET", "settings")).ok()
    before = world.cloud.folder / "seed.sqlite"
    kept = before.read_bytes()
    try:
        document = {"tenant": tenant, "behaviour": settings, "fabric": fabric}
        (await world.control("POST", "seed", document)).ok()
    finally:
        before.write_bytes(kept)


@breaks("fabric.tenant.use_apis")
async def test_service_principals_are_kept_from_the_apis(world: World) -> None:
    await switch(world, tenant_settings={"service_principals_can_use_apis": False})
    assert (await world.fabric("GET", "/workspaces")).verdict == (403, "FeatureNotAvailable")
    assert (await world.fabric("GET", "/workspaces", who=ALICE)).status == 200


@breaks("fabric.tenant.create")
async def test_service_principals_are_kept_from_creating(world: World) -> None:
    await switch(world, tenant_settings={"service_principals_can_create_workspaces_and_connections": False})
    body = {"displayName": "Another"}
    assert (await world.fabric("POST", "/workspaces", body)).verdict == (403, "FeatureNotAvailable")
    assert (await world.fabric("POST", "/workspaces", body, ALICE)).status == 201


@breaks("fabric.operations.own")
async def test_somebody_elses_operation(world: World) -> None:
    path = "/operations/" + (await make(world)).headers["x-ms-operation-id"]
    assert (await world.fabric("GET", path, who=MEMBER)).verdict == (404, "EntityNotFound")
    assert (await world.fabric("GET", path)).status == 200


@breaks("fabric.operations.result")
async def test_a_result_before_its_time(world: World) -> None:
    path = "/operations/" + (await make(world)).headers["x-ms-operation-id"]
    assert (await world.fabric("GET", f"{path}/result")).verdict == (400, "InvalidRequest")


@breaks("fabric.items.hard_delete")
async def test_a_contributor_deletes_for_good(world: World) -> None:
    path = f"{LAKEHOUSES}/{world.lakehouse}?hardDelete=true"
    assert (await world.fabric("DELETE", path, who=EDITOR)).verdict == (403, "InsufficientWorkspaceRole")
    assert (await world.fabric("DELETE", path)).status == 200


@breaks("fabric.items.soft_delete")
async def test_a_deleted_item_is_kept(world: World) -> None:
    (await world.fabric("DELETE", f"{LAKEHOUSES}/{world.lakehouse}")).ok()
    assert world.lakehouse in (await world.control("GET", "state")).ok().get("fabric.deletedItems", {})


@breaks("fabric.operations.null_body", "fabric.operations.location")
async def test_where_a_result_is(world: World) -> None:
    answer = await make(world)
    assert (answer.status, answer.text) == (202, "null")
    path = answer.headers["location"].removeprefix("https://cloud.test/v1")
    assert (await world.fabric("GET", path)).headers["location"] == answer.headers["location"]
    await world.wait()
    ended = await world.fabric("GET", path)
    assert ended.headers["location"] == answer.headers["location"] + "/result"
    assert "retry-after" not in ended.headers


@breaks("fabric.operations.poll_body")
async def test_what_a_poll_tells(world: World) -> None:
    path = "/operations/" + (await make(world)).headers["x-ms-operation-id"]
    running = (await world.fabric("GET", path)).ok()
    assert set(running) == {"status", "percentComplete", "createdTimeUtc", "lastUpdatedTimeUtc", "error"}
    assert (running["status"], running["percentComplete"], running["error"]) == ("Running", None, None)
    assert not running["createdTimeUtc"].endswith("Z")
    await world.wait()
    assert (await world.fabric("GET", path)).ok()["percentComplete"] == 100


@breaks("fabric.operations.retry_after")
async def test_when_to_ask_again(world: World) -> None:
    assert int((await make(world)).headers["retry-after"]) >= 1


@breaks("fabric.errors.top_level", "fabric.errors.header")
async def test_where_an_errors_code_is(world: World) -> None:
    refused = await make(world, "lake")
    assert refused.body["errorCode"] == refused.headers["x-ms-public-api-error-code"] == "ItemDisplayNameAlreadyInUse"


@breaks("fabric.workspaces.capacity_progress")
async def test_how_far_a_capacitys_assignment_is(world: World) -> None:
    (await move(world, CAPACITY)).ok()
    assert (await world.fabric("GET", f"/workspaces/{BARE}")).ok()["capacityAssignmentProgress"] == "InProgress"
    await world.wait()
    assert (await world.fabric("GET", f"/workspaces/{BARE}")).ok()["capacityAssignmentProgress"] == "Completed"
