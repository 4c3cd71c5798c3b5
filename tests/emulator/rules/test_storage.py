"""Rules of storage, broken: firewall, roles, access control lists, protocols, signatures."""

from __future__ import annotations

from typing import Any

from tests.emulator.rules.registry import breaks
from tests.emulator.rules.seed import (
    ADDRESS,
    AUDITOR,
    EDITOR,
    FLAT,
    LAKE,
    MEMBER,
    OPEN,
    OUTSIDER,
    RUNNER,
    SPACE,
    TEAM,
    TRIED,
    VIEWER,
    VIEWER_APP,
    account_id,
)  # fmt: skip
from tests.emulator.rules.world import Answer, World, payload, rule_for

BOX = f"{OPEN}/lake/box"
BASE = "user::rwx,group::r-x,other::---"
RIGHTS, FIREWALL = (403, "AuthorizationPermissionMismatch"), (403, "AuthorizationFailure")
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


def listing(account: str = OPEN, directory: str = "sales") -> str:
    return f"{account}/lake?resource=filesystem&recursive=false&directory={directory}"


async def list_as(world: World, who: str, directory: str = "box", account: str = OPEN) -> tuple[int, str]:
    return (await world.storage("GET", listing(account, directory), who=who)).verdict


async def network(world: World, account: str, **properties: Any) -> None:
    """Changes an account's network rules."""
    body = {"properties": properties}
    (await world.arm("PATCH", account_id(account), body, version="2025-06-01")).ok()


def rules(action: str = "Deny", **fields: Any) -> dict[str, Any]:
    return {"defaultAction": action, **fields}


@breaks("storage.firewall.default")
async def test_an_address_that_no_rule_names(world: World) -> None:
    assert await list_as(world, RUNNER, "sales", LAKE) == FIREWALL
    await network(world, LAKE, networkAcls=rules(ipRules=[{"value": ADDRESS}]))
    assert await list_as(world, RUNNER, "sales", LAKE) == (200, "")


@breaks("storage.firewall.disabled")
async def test_public_access_is_disabled(world: World) -> None:
    await network(world, OPEN, networkAcls=rules(ipRules=[{"value": ADDRESS}]), publicNetworkAccess="Disabled")
    assert await list_as(world, RUNNER, "sales") == FIREWALL


@breaks("storage.firewall.before_rights")
async def test_the_firewall_comes_before_the_token(world: World) -> None:
    answer = await world.storage("GET", listing(LAKE), authorization="Bearer nonsense")
    assert answer.verdict == FIREWALL


@breaks("storage.firewall.instance")
async def test_a_resource_instance_rule_for_another_workspace(world: World) -> None:
    assert (await world.read(world.item)).status == 200
    await network(world, LAKE, networkAcls=rules(resourceAccessRules=[rule_for(TRIED)]))
    assert (await world.read(world.item)).verdict == FIREWALL
    await network(world, LAKE, networkAcls=rules(resourceAccessRules=[rule_for(SPACE, tenant=TRIED)]))
    assert (await world.read(world.item)).verdict == FIREWALL


@breaks("storage.firewall.fabric")
async def test_fabric_without_trusted_access(world: World) -> None:
    item = await world.mirror(payload("hr", "hr", storage=False))
    assert (await world.read(item, "Tables/staff/people")).status == 200
    await network(world, OPEN, networkAcls=rules(ipRules=[{"value": ADDRESS}]))
    assert (await world.read(item, "Tables/staff/people")).verdict == FIREWALL


async def assign(world: World, principal: str, scope: str, role: str, number: int) -> None:
    name = f"90000000-0000-4000-8000-0000000000{number:02}"
    definition = f"/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal"}
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
    (await world.arm("PUT", path, {"properties": properties})).ok()
    await world.wait(301)


@breaks("storage.firewall.delegator")
async def test_trusted_access_by_container_without_delegator(world: World) -> None:
    workspace = (await world.fabric("GET", f"/workspaces/{SPACE}")).ok()
    identity = workspace["workspaceIdentity"]["servicePrincipalId"]
    seeded = (
        f"{account_id(LAKE)}/providers/Microsoft.Authorization/roleAssignments/90000000-0000-4000-8000-000000000001"
    )
    (await world.arm("DELETE", seeded)).ok()
    await assign(world, identity, f"{account_id(LAKE)}/blobServices/default/containers/lake", READER, 20)
    assert (await world.read(world.item)).verdict == RIGHTS
    await assign(world, identity, account_id(LAKE), "db58b8e5-c6ad-4a2a-8342-4190687cbf4a", 21)
    assert (await world.read(world.item)).status == 200


@breaks("storage.rights.needed")
async def test_neither_role_nor_entry(world: World) -> None:
    assert await list_as(world, OUTSIDER, "sales") == RIGHTS


@breaks("storage.rights.role_first")
async def test_a_role_is_enough(world: World) -> None:
    assert await list_as(world, MEMBER, "sales") == (200, "")


@breaks("storage.rights.reader_reads")
async def test_a_reader_writes(world: World) -> None:
    assert (await world.storage("PUT", f"{BOX}?resource=directory", who=MEMBER)).verdict == RIGHTS


@breaks("storage.rights.containers")
async def test_a_container_by_access_list(world: World) -> None:
    await acl(world, "", f"user::rwx,user:{EDITOR}:rwx,group::r-x,mask::rwx,other::---")
    answer = await world.storage("PUT", f"{OPEN}/fresh?resource=filesystem", who=EDITOR)
    assert answer.verdict == RIGHTS
    assert (await world.storage("HEAD", f"{OPEN}/lake?resource=filesystem", who=EDITOR)).status == 403


@breaks("storage.rights.no_keys")
async def test_an_account_key(world: World) -> None:
    answer = await world.storage("GET", listing(), authorization=f"SharedKey {OPEN}:c2lnbmF0dXJl")
    assert answer.verdict == (403, "KeyBasedAuthenticationNotPermitted")


async def acl(world: World, path: str, text: str, who: str = RUNNER, **headers: str) -> Answer:
    """Sets an access list."""
    query = "?action=setAccessControl"
    return await world.storage("PATCH", f"{OPEN}/lake/{path}{query}", b"", who, x_ms_acl=text, **headers)


async def make_box(world: World, text: str = BASE, *, root: str = BASE, path: str = "box", owner: str = "") -> None:
    """A directory with a list, below a root with a list."""
    (await acl(world, "", root)).ok()
    (await world.storage("PUT", f"{OPEN}/lake/{path}?resource=directory")).ok()
    headers = {"x_ms_owner": owner} if owner else {}
    (await acl(world, path, text, **headers)).ok()


THROUGH = f"user::rwx,user:{VIEWER}:--x,group::r-x,mask::r-x,other::--x"


def named(bits: str, mask: str = "rwx", other: str = "---") -> str:
    return f"user::rwx,user:{VIEWER}:{bits},group::r-x,mask::{mask},other::{other}"


@breaks("storage.acl.traversal")
async def test_no_way_through_the_root(world: World) -> None:
    await make_box(world, named("r-x"))
    assert await list_as(world, VIEWER) == RIGHTS
    (await acl(world, "", THROUGH)).ok()
    assert await list_as(world, VIEWER) == (200, "")


@breaks("storage.acl.list")
async def test_a_directory_that_may_only_be_read(world: World) -> None:
    await make_box(world, named("r--"), root=THROUGH)
    assert await list_as(world, VIEWER) == RIGHTS


@breaks("storage.acl.owner")
async def test_an_owner_without_rights(world: World) -> None:
    await make_box(world, "user::---,group::---,other::r-x", root=THROUGH, owner=EDITOR)
    assert await list_as(world, EDITOR) == RIGHTS
    assert await list_as(world, OUTSIDER) == (200, "")


@breaks("storage.acl.named_user")
async def test_a_named_user_with_less_than_others(world: World) -> None:
    await make_box(world, named("---", other="r-x"), root=THROUGH)
    assert await list_as(world, VIEWER) == RIGHTS
    assert await list_as(world, OUTSIDER) == (200, "")


@breaks("storage.acl.groups")
async def test_a_member_of_a_named_group(world: World) -> None:
    await make_box(world, f"user::rwx,group::r-x,group:{TEAM}:r-x,mask::r-x,other::---", root=THROUGH)
    assert await list_as(world, AUDITOR) == (200, "")
    assert await list_as(world, OUTSIDER) == RIGHTS


@breaks("storage.acl.mask")
async def test_a_mask_that_takes_away(world: World) -> None:
    await make_box(world, named("r-x", mask="--x"), root=THROUGH)
    assert await list_as(world, VIEWER) == RIGHTS


@breaks("storage.acl.other")
async def test_someone_who_is_not_named(world: World) -> None:
    await make_box(world, "user::rwx,group::r-x,other::r-x", root=THROUGH)
    assert await list_as(world, OUTSIDER) == (200, "")


async def list_of(world: World, path: str) -> str:
    answer = await world.storage("HEAD", f"{OPEN}/lake/{path}?action=getAccessControl")
    assert answer.status == 200
    return str(answer.headers["x-ms-acl"])


@breaks("storage.acl.inherited")
async def test_a_new_child_of_a_directory_with_defaults(world: World) -> None:
    defaults = f"default:user::rwx,default:user:{VIEWER}:r-x,default:group::r-x,default:mask::r-x,default:other::r-x"
    await make_box(world, f"{BASE},{defaults}")
    (await world.storage("PUT", f"{BOX}/child?resource=file")).ok()
    assert await list_of(world, "box/child") == f"user::rwx,user:{VIEWER}:r-x,group::r-x,mask::r-x,other::---"


@breaks("storage.acl.umask")
async def test_a_new_child_without_defaults(world: World) -> None:
    await make_box(world)
    (await world.storage("PUT", f"{BOX}/child?resource=directory")).ok()
    assert await list_of(world, "box/child") == BASE


INVALID = (400, "InvaldAccessControlList")  # the service's own spelling


@breaks("storage.acl.bases")
async def test_a_list_without_others(world: World) -> None:
    await make_box(world)
    assert (await acl(world, "box", "user::rwx,group::r-x")).verdict == INVALID


@breaks("storage.acl.most_entries")
async def test_a_list_too_long(world: World) -> None:
    await make_box(world)
    many = ",".join(f"user:22220000-0000-4000-8000-00000000{number:04}:r-x" for number in range(29))
    assert (await acl(world, "box", f"{BASE},mask::r-x,{many}")).verdict == INVALID
    fewer = many.rpartition(",")[0]
    assert (await acl(world, "box", f"{BASE},mask::r-x,{fewer}")).status == 200


@breaks("storage.acl.default_on_directory")
async def test_defaults_for_a_file(world: World) -> None:
    await make_box(world)
    (await world.storage("PUT", f"{BOX}/child?resource=file")).ok()
    defaults = "default:user::rwx,default:group::r-x,default:other::---"
    assert (await acl(world, "box/child", f"{BASE},{defaults}")).verdict == INVALID


@breaks("storage.acl.who_sets")
async def test_someone_else_sets_a_list(world: World) -> None:
    await make_box(world, named("rwx"), root=THROUGH)
    assert (await acl(world, "box", named("rwx"), VIEWER)).verdict == RIGHTS


@breaks("storage.acl.who_owns")
async def test_an_owner_gives_away_ownership(world: World) -> None:
    await make_box(world, root=THROUGH, owner=EDITOR)
    assert (await acl(world, "box", BASE, EDITOR)).status == 200
    assert (await acl(world, "box", BASE, EDITOR, x_ms_owner=VIEWER)).verdict == RIGHTS


@breaks("storage.acl.recursive_failures")
async def test_a_list_on_a_tree_in_part_of_others(world: World) -> None:
    await make_box(world, root=THROUGH, owner=EDITOR)
    (await world.storage("PUT", f"{BOX}/child?resource=directory")).ok()
    await world.behave(page_size=None)
    query = "?action=setAccessControlRecursive&mode=modify"
    done = await world.storage("PATCH", BOX + query, who=EDITOR, x_ms_acl=f"user:{VIEWER}:r-x")
    assert (done.ok()["directoriesSuccessful"], done.body["failureCount"]) == (1, 1)
    assert done.body["failedEntries"][0]["name"] == "box/child"


@breaks("storage.namespace.needed")
async def test_a_directory_in_a_flat_namespace(world: World) -> None:
    answer = await world.storage("PUT", f"{FLAT}/lake/box?resource=directory")
    assert answer.verdict == (400, "HierarchicalNamespaceNotEnabled")


@breaks("storage.conditions.if_match")
async def test_a_list_that_changed_meanwhile(world: World) -> None:
    await make_box(world)
    tag = (await world.storage("HEAD", f"{BOX}?action=getAccessControl")).headers["etag"]
    (await acl(world, "box", named("r-x"))).ok()
    assert (await acl(world, "box", BASE, if_match=tag)).verdict == (412, "ConditionNotMet")


@breaks("storage.conditions.if_none_match")
async def test_a_path_that_is_there(world: World) -> None:
    await make_box(world)
    answer = await world.storage("PUT", f"{BOX}?resource=directory", if_none_match="*")
    assert answer.verdict == (409, "PathAlreadyExists")


@breaks("storage.acl.object_id")
async def test_an_application_id_in_a_list(world: World) -> None:
    text = f"user::rwx,user:{VIEWER_APP}:r-x,group::r-x,mask::r-x,other::---"
    await make_box(world, text, root="user::rwx,group::r-x,other::--x")
    assert await list_as(world, VIEWER) == RIGHTS
