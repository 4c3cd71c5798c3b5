"""Rules of shortcuts, data access roles and OneLake, broken."""

from __future__ import annotations

from typing import Any

from tests.emulator.rules.registry import breaks
from tests.emulator.rules.seed import ALICE, BOB, CAPACITY, EDITOR, NOBODY, RUNNER, SPACE, TENANT, VIEWER, VIEWER_APP
from tests.emulator.rules.world import CATALOGS, Answer, World

LINES = "Tables/orders/lines"


def items(item: str) -> str:
    return f"/workspaces/{SPACE}/items/{item}"


def shortcut(
    world: World, name: str = "new", path: str = "Tables/dbo", goal: str = LINES, **target: Any
) -> dict[str, Any]:
    target = {"workspaceId": SPACE, "itemId": world.item, "path": goal, **target}
    return {"path": path, "name": name, "target": {"oneLake": target}}


async def link(
    world: World, body: dict[str, Any], policy: str = "Abort", holder: str = "", who: str = EDITOR
) -> Answer:
    path = f"{items(holder or world.lakehouse)}/shortcuts?shortcutConflictPolicy={policy}"
    return await world.fabric("POST", path, body, who)


async def links(world: World) -> list[str]:
    return [each["name"] for each in await world.every(f"{items(world.lakehouse)}/shortcuts")]


@breaks("fabric.shortcuts.limit")
async def test_a_shortcut_too_many(world: World) -> None:
    await world.behave(shortcut_limit=2)
    assert (await link(world, shortcut(world))).status == 201
    assert (await link(world, shortcut(world, "another"))).verdict == (400, "InvalidRequest")


@breaks("fabric.shortcuts.abort")
async def test_a_shortcut_of_that_name(world: World) -> None:
    assert (await link(world, shortcut(world, "lines"))).verdict == (409, "ShorcutsOperationNotAllowed")


@breaks("fabric.shortcuts.unique_name")
async def test_a_name_is_made_up(world: World) -> None:
    answer = await link(world, shortcut(world, "lines"), "GenerateUniqueName")
    assert (answer.status, answer.body["name"]) == (201, "lines_1")
    assert await links(world) == ["lines", "lines_1"]


@breaks("fabric.shortcuts.overwrite_only")
async def test_nothing_to_overwrite(world: World) -> None:
    assert (await link(world, shortcut(world), "OverwriteOnly")).verdict == (404, "EntityNotFound")


@breaks("fabric.shortcuts.each_alone")
async def test_one_of_many_fails(world: World) -> None:
    body = {"createShortcutRequests": [shortcut(world, "lines"), shortcut(world)]}
    answer = await world.fabric("POST", f"{items(world.lakehouse)}/shortcuts/bulkCreate", body, EDITOR)
    assert answer.status == 202
    await world.wait()
    path = f"/operations/{answer.headers['x-ms-operation-id']}/result"
    outcome = (await world.fabric("GET", path, who=EDITOR)).ok()["value"]
    assert [each["status"] for each in outcome] == ["Failed", "Succeeded"]
    assert outcome[0]["error"]["errorCode"] == "ShorcutsOperationNotAllowed"


@breaks("fabric.shortcuts.target_item")
async def test_a_target_that_is_not_there(world: World) -> None:
    assert (await link(world, shortcut(world, itemId=NOBODY))).verdict == (404, "ItemNotFound")


@breaks("fabric.shortcuts.target_root")
async def test_a_target_outside_of_the_items_folders(world: World) -> None:
    assert (await link(world, shortcut(world, goal="Files/x"))).verdict == (400, "InvalidInput")


@breaks("fabric.shortcuts.target_path")
async def test_a_target_with_dots(world: World) -> None:
    for goal in ("Tables/../Tables/orders", "Tables/orders/a+b", "Tables/orders/100%"):
        assert (await link(world, shortcut(world, goal=goal))).verdict == (400, "InvalidInput")


@breaks("fabric.shortcuts.no_loop")
async def test_a_shortcut_to_where_it_stands(world: World) -> None:
    own = shortcut(world, path="Files/a", goal="Files", itemId=world.lakehouse)
    assert (await link(world, own)).verdict == (400, "InvalidRequest")
    other = await make_lakehouse(world)
    there = shortcut(world, path="Files", goal="Files", itemId=other)
    assert (await link(world, there)).status == 201
    back = shortcut(world, path="Files", goal="Files", itemId=world.lakehouse)
    assert (await link(world, back, holder=other)).verdict == (400, "InvalidRequest")


@breaks("fabric.shortcuts.links")
async def test_a_shortcut_through_too_many_others(world: World) -> None:
    (await link(world, shortcut(world, "link1", "Files"))).ok()
    for number in range(2, 6):
        chained = shortcut(world, f"link{number}", "Files", f"Files/link{number - 1}", itemId=world.lakehouse)
        assert (await link(world, chained)).status == 201
    last = shortcut(world, "link6", "Files", "Files/link5", itemId=world.lakehouse)
    assert (await link(world, last)).verdict == (400, "InvalidRequest")


async def make_lakehouse(world: World, who: str = EDITOR, space: str = SPACE) -> str:
    made = await world.fabric("POST", f"/workspaces/{space}/lakehouses", {"displayName": "mine"}, who)
    assert made.status == 202, made.text
    await world.wait()
    path = f"/operations/{made.headers['x-ms-operation-id']}/result"
    return str((await world.fabric("GET", path, who=who)).ok()["id"])


@breaks("fabric.shortcuts.target_readable")
async def test_a_target_that_its_maker_may_not_read(world: World) -> None:
    space = (await world.fabric("POST", "/workspaces", {"displayName": "Own"}, VIEWER)).ok()["id"]
    await to_capacity(world, space)
    mine = await make_lakehouse(world, VIEWER, space)
    body = shortcut(world, path="Tables")
    answer = await world.fabric("POST", f"/workspaces/{space}/items/{mine}/shortcuts", body, VIEWER)
    assert answer.verdict == (403, "InsufficientPrivileges")


async def to_capacity(world: World, space: str) -> None:
    """A workspace's admin has the runner put it on the capacity."""
    role = {"principal": {"id": RUNNER, "type": "ServicePrincipal"}, "role": "Admin"}
    (await world.fabric("POST", f"/workspaces/{space}/roleAssignments", role, VIEWER)).ok()
    (await world.fabric("POST", f"/workspaces/{space}/assignToCapacity", {"capacityId": CAPACITY})).ok()
    await world.wait()


@breaks("fabric.shortcuts.target_gone")
async def test_a_shortcut_to_an_item_that_is_gone(world: World) -> None:
    assert (await world.names(f"onelake/{SPACE}//{world.lakehouse}/Tables/dbo/lines")) == ["_delta_log"]
    (await world.fabric("DELETE", f"{CATALOGS}/{world.item}")).ok()
    answer = await world.read(world.lakehouse, "Tables/dbo/lines")
    assert answer.verdict == (404, "PathNotFound")
    listed = f"onelake/{SPACE}?resource=filesystem&recursive=false&directory={world.lakehouse}/Tables/dbo/lines"
    assert (await world.storage("GET", listed)).verdict == (404, "PathNotFound")


@breaks("fabric.shortcuts.holder")
async def test_a_shortcut_in_a_mirrored_catalog(world: World) -> None:
    body = shortcut(world, path="Tables/orders")
    assert (await link(world, body, holder=world.item)).verdict == (400, "InvalidRequest")


@breaks("fabric.shortcuts.place")
async def test_a_shortcut_too_deep(world: World) -> None:
    assert (await link(world, shortcut(world, path="Tables/dbo/deep"))).verdict == (400, "InvalidInput")


@breaks("fabric.shortcuts.name")
async def test_a_shortcut_with_a_slash_in_its_name(world: World) -> None:
    for name in ("a/b", "a*b", "a "):
        assert (await link(world, shortcut(world, name))).verdict == (400, "InvalidInput")


@breaks("fabric.shortcuts.not_nested")
async def test_a_shortcut_in_a_shortcut(world: World) -> None:
    (await link(world, shortcut(world, "whole", path="Tables"))).ok()
    assert (await link(world, shortcut(world, path="Tables/whole"))).verdict == (400, "InvalidRequest")


@breaks("fabric.shortcuts.callers_rights")
async def test_reading_through_a_shortcut_without_rights_at_its_target(world: World) -> None:
    assert (await world.read(world.lakehouse, "Tables/dbo/lines")).status == 200
    await set_roles(world, role("Readers", ALICE), item=world.lakehouse)
    refused = (403, "AuthorizationPermissionMismatch")
    assert (await world.read(world.lakehouse, "Tables/dbo/lines", ALICE)).verdict == refused


def role(name: str, *members: str, path: str = "*", action: str = "Read", **fields: Any) -> dict[str, Any]:
    permission = [
        {"attributeName": "Path", "attributeValueIncludedIn": [path]},
        {"attributeName": "Action", "attributeValueIncludedIn": [action]},
    ]
    entra = [{"tenantId": TENANT, "objectId": each} for each in members]
    rule = {"effect": "Permit", "permission": permission, **fields}
    return {"name": name, "kind": "Policy", "decisionRules": [rule], "members": {"microsoftEntraMembers": entra}}


def roles(item: str, query: str = "") -> str:
    return f"{items(item)}/dataAccessRoles{query}"


async def set_roles(world: World, *wanted: dict[str, Any], item: str = "", query: str = "") -> Answer:
    """Replaces the roles, and waits until that has its effect."""
    answer = await world.fabric("PUT", roles(item or world.item, query), {"value": list(wanted)})
    await world.wait(301)
    return answer


async def held(world: World) -> list[str]:
    return [each["name"] for each in await world.every(roles(world.item))]


@breaks("fabric.access_roles.etag")
async def test_roles_that_changed_meanwhile(world: World) -> None:
    tag = (await world.fabric("GET", roles(world.item))).headers["etag"]
    (await set_roles(world, role("Readers", ALICE))).ok()
    answer = await world.fabric("PUT", roles(world.item), {"value": []}, **{"If-Match": tag})
    assert answer.verdict == (412, "PreconditionFailed")
    assert await held(world) == ["Readers"]


@breaks("fabric.access_roles.quoted")
async def test_an_etag_without_quotes(world: World) -> None:
    tag = (await world.fabric("GET", roles(world.item))).headers["etag"].strip('"')
    answer = await world.fabric("PUT", roles(world.item), {"value": []}, **{"If-Match": tag})
    assert answer.verdict == (400, "InvalidInput")


@breaks("fabric.access_roles.dry_run")
async def test_a_dry_run(world: World) -> None:
    assert (await set_roles(world, role("Readers", ALICE), query="?dryRun=true")).status == 200
    assert await held(world) == ["DefaultReader"]


@breaks("fabric.access_roles.replaces")
async def test_roles_that_are_left_out(world: World) -> None:
    (await set_roles(world, role("Readers", ALICE))).ok()
    assert await held(world) == ["Readers"]


async def add_role(world: World, body: dict[str, Any], query: str = "?preview=true", who: str = RUNNER) -> Answer:
    """Adds a role, and waits until that has its effect."""
    answer = await world.fabric("POST", roles(world.item, query), body, who)
    await world.wait(301)
    return answer


@breaks("fabric.access_roles.abort")
async def test_a_role_of_that_name(world: World) -> None:
    assert (await add_role(world, role("defaultreader", ALICE))).verdict == (409, "Conflict")


@breaks("fabric.access_roles.preview")
async def test_one_role_without_preview(world: World) -> None:
    assert (await add_role(world, role("Readers", ALICE), "")).verdict == (400, "InvalidParameter")


@breaks("fabric.access_roles.member")
async def test_a_contributor_changes_roles(world: World) -> None:
    answer = await add_role(world, role("Readers", ALICE), who=EDITOR)
    assert answer.verdict == (403, "InsufficientPrivileges")


@breaks("fabric.access_roles.object_id")
async def test_an_application_id_as_member(world: World) -> None:
    assert (await add_role(world, role("Readers", VIEWER_APP))).verdict == (404, "PrincipalNotFound")
    assert (await add_role(world, role("Readers", VIEWER))).status == 201


@breaks("fabric.access_roles.tenant")
async def test_a_member_of_another_tenant(world: World) -> None:
    body = role("Readers", ALICE)
    body["members"]["microsoftEntraMembers"][0]["tenantId"] = NOBODY
    assert (await add_role(world, body)).verdict == (400, "InvalidInput")


@breaks("fabric.access_roles.read_only")
async def test_a_role_to_write_a_mirrored_catalog(world: World) -> None:
    assert (await add_role(world, role("Writers", ALICE, action="ReadWrite"))).verdict == (400, "InvalidInput")


@breaks("fabric.access_roles.paths")
async def test_a_role_for_a_path_that_can_not_be(world: World) -> None:
    assert (await add_role(world, role("Readers", ALICE, path="/Files/x"))).verdict == (400, "InvalidInput")


@breaks("fabric.access_roles.unique_name")
async def test_two_roles_of_a_name(world: World) -> None:
    answer = await set_roles(world, role("Readers", ALICE), role("READERS", BOB))
    assert answer.verdict == (400, "InvalidInput")


@breaks("fabric.access_roles.name")
async def test_a_role_with_a_blank_in_its_name(world: World) -> None:
    assert (await add_role(world, role("All readers", ALICE))).verdict == (400, "InvalidInput")


REFUSED = (403, "AuthorizationPermissionMismatch")


@breaks("fabric.access_roles.deny_by_default")
async def test_a_viewer_without_a_role(world: World) -> None:
    (await set_roles(world, role("Lines", ALICE, path=f"/{LINES}"))).ok()
    assert (await world.read(world.item, LINES, ALICE)).status == 200
    assert (await world.read(world.item, "Tables/orders/headers", ALICE)).verdict == REFUSED
    assert (await world.read(world.item, LINES, BOB)).verdict == REFUSED
    assert await world.tables(who=ALICE) == ["lines"]


@breaks("fabric.access_roles.constrained")
async def test_a_table_under_a_row_constraint(world: World) -> None:
    rows = [{"tablePath": f"/{LINES}", "value": "select * from lines where id = 1"}]
    (await set_roles(world, role("Some", ALICE, path=f"/{LINES}", constraints={"rows": rows}))).ok()
    assert (await world.read(world.item, LINES, ALICE)).verdict == REFUSED


@breaks("fabric.access_roles.not_narrowing")
async def test_a_contributor_without_a_role(world: World) -> None:
    (await set_roles(world, role("Lines", ALICE))).ok()
    assert (await world.read(world.item, LINES, EDITOR)).status == 200


@breaks("fabric.onelake.one_addressing")
async def test_a_workspace_by_name_and_an_item_by_id(world: World) -> None:
    query = f"?resource=filesystem&recursive=false&directory={world.item}/Tables"
    assert (await world.storage("GET", f"onelake/Sales{query}")).verdict == (400, "InvalidUri")
    named = "?resource=filesystem&recursive=false&directory=sales.MirroredAzureDatabricksCatalog/Tables"
    assert (await world.storage("GET", f"onelake/Sales{named}")).status == 200


@breaks("fabric.onelake.first_level")
async def test_a_file_beside_the_items_folders(world: World) -> None:
    answer = await world.storage("PUT", f"onelake/{SPACE}/{world.lakehouse}/Other?resource=directory")
    assert answer.verdict == (403, "BlobImmutable")


@breaks("fabric.onelake.writers")
async def test_a_viewer_writes_a_file(world: World) -> None:
    path = f"onelake/{SPACE}/{world.lakehouse}/Files/a?resource=file"
    assert (await world.storage("PUT", path, who=EDITOR)).status == 201
    answer = await world.storage("PUT", path.replace("/a?", "/b?"), who=VIEWER)
    assert answer.verdict == (403, "AuthorizationPermissionMismatch")


@breaks("fabric.onelake.no_acl")
async def test_an_access_list_in_onelake(world: World) -> None:
    path = f"onelake/{SPACE}/{world.item}/Tables?action=setAccessControl"
    answer = await world.storage("PATCH", path, x_ms_acl="user::rwx,group::r-x,other::---")
    assert answer.verdict == (400, "AccessControlNotAllowed")


@breaks("fabric.onelake.anonymous_owner")
async def test_who_owns_a_file_in_onelake(world: World) -> None:
    log = f"onelake/{SPACE}/{world.item}/{LINES}/_delta_log/{0:020}.json"
    headers = (await world.storage("HEAD", log)).headers
    assert (headers["x-ms-owner"], headers["x-ms-permissions"]) == ("$superuser", "---------")


@breaks("fabric.access_roles.default_reader")
async def test_the_role_of_a_new_item(world: World) -> None:
    assert [each["name"] for each in await world.every(roles(await make_lakehouse(world)))] == ["DefaultReader"]


@breaks("fabric.onelake.rejected_headers")
async def test_headers_that_onelake_ignores(world: World) -> None:
    log = f"onelake/{SPACE}/{world.item}/{LINES}/_delta_log/{0:020}.json"
    assert (await world.storage("HEAD", log, x_ms_acl="user::rwx")).headers["x-ms-rejected-headers"] == "x-ms-acl"
