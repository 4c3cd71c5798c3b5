"""What OneLake shows of mirrored catalogs and lakehouses, to whom, and where the files really lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric import onelake
from cloud_emulator.fabric.onelake import Folder, Location, OneLakeDenied
from cloud_emulator.fabric.onelake_location import unreadable
from cloud_emulator.storage import files

from .fabric_cloud import ALICE, ANALYSTS, CAPACITY, FIREWALLED, OTHER, READER, WORKSPACE, Fabric
from .fabric_data_cloud import (
    CATALOGS,
    DATABRICKS,
    IDENTITY,
    data_cloud,
    listed,
    mirror,
    payload,
    refusal,
    resolved,
    result,
    set_grants,
    settle,
)  # fmt: skip
from .support import RUNNER, TENANT

LAKEHOUSES = f"/workspaces/{WORKSPACE}/lakehouses"
LINES = "Tables/orders/lines"


CLOUD = data_cloud


async def lakehouse(fabric: Fabric, name: str = "lake", *, schemas: bool = True) -> str:
    body: dict[str, Any] = {"displayName": name}
    if schemas:
        body["creationPayload"] = {"enableSchemas": True}
    made = await result(fabric, "POST", LAKEHOUSES, body)
    await settle(fabric)
    return str(made["id"])


def shortcut(path: str, name: str, item_id: str, target: str) -> dict[str, Any]:
    one_lake = {"workspaceId": WORKSPACE, "itemId": item_id, "path": target}
    return {"path": path, "name": name, "target": {"oneLake": one_lake}}


async def link(fabric: Fabric, lake_id: str, body: dict[str, Any], policy: str = "") -> Any:
    answer = await fabric.send("POST", f"/workspaces/{WORKSPACE}/items/{lake_id}/shortcuts{policy}", body)
    assert answer.is_success, answer.text
    return answer


async def permit(fabric: Fabric, item_id: str, path: str, object_id: str) -> None:
    permission = [
        {"attributeName": "Path", "attributeValueIncludedIn": [path]},
        {"attributeName": "Action", "attributeValueIncludedIn": ["Read"]},
    ]
    body = {
        "name": "readers",
        "decisionRules": [{"effect": "Permit", "permission": permission}],
        "members": {"microsoftEntraMembers": [{"tenantId": TENANT, "objectId": object_id}]},
    }
    where = f"/workspaces/{WORKSPACE}/items/{item_id}/dataAccessRoles?preview=true"
    answer = await fabric.send("POST", where, body)
    assert answer.status_code == 201, answer.text
    fabric.cloud.clock.advance(301)


async def test_a_storage_connection_reads_as_its_identity_from_its_workspace(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric)
    place = resolved(cloud, item_id, f"{LINES}/_delta_log")
    assert isinstance(place, Location)
    assert (place.account, place.container, place.path) == (FIREWALLED, "lake", "sales/orders/lines/_delta_log")
    assert (place.object_id, place.source.fabric_workspace_id) == (IDENTITY, WORKSPACE)
    table = resolved(cloud, item_id, LINES)
    assert isinstance(table, Location)
    assert unreadable(cloud, table) is None


def no_rule(cloud: Cloud) -> None:
    account = cloud.table("arm.storageAccounts")[FIREWALLED]
    rules = {**account["properties"]["networkAcls"], "resourceAccessRules": []}
    changed = {**account["properties"], "networkAcls": rules}
    cloud.table("arm.storageAccounts")[FIREWALLED] = {**account, "properties": changed}


def no_rights(cloud: Cloud) -> None:
    cloud.table("arm.roleAssignments").clear()


def trial_capacity(cloud: Cloud) -> None:
    capacity = cloud.table("fabric.capacities")[CAPACITY]
    cloud.table("fabric.capacities")[CAPACITY] = {**capacity, "sku": "FT1"}


def no_workspace_role(cloud: Cloud) -> None:
    table = cloud.table("fabric.workspaceRoleAssignments")
    for key in [key for key, each in table.items() if each["principalId"] == IDENTITY]:
        del table[key]


def no_files(cloud: Cloud) -> None:
    node = files.stat(cloud, FIREWALLED, "lake", "sales/orders/lines")
    assert node is not None
    files.remove(cloud, node)


@pytest.mark.parametrize(
    ("take_away", "status"),
    [(no_rule, 403), (no_rights, 403), (trial_capacity, 403), (no_workspace_role, 403), (no_files, 404)],
)
async def test_reading_needs_each_of_its_prerequisites(
    fabric: Fabric, cloud: Cloud, take_away: Callable[[Cloud], None], status: int
) -> None:
    item_id = await mirror(fabric)
    take_away(cloud)
    place = resolved(cloud, item_id, LINES)
    assert isinstance(place, Location)
    denial = unreadable(cloud, place)
    assert denial is not None
    assert denial.status == status


async def test_reading_needs_the_workspace_identity(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric)
    workspace = cloud.table("fabric.workspaces")[WORKSPACE]
    cloud.table("fabric.workspaces")[WORKSPACE] = {**workspace, "workspaceIdentity": None}
    status, _, message = refusal(cloud, item_id, LINES)
    assert status == 403
    assert "workspace identity" in message


async def test_without_one_unity_catalog_vends_each_time(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric, payload("hr", "hr", storage=False))
    place = resolved(cloud, item_id, "Tables/staff/people")
    assert isinstance(place, Location)
    assert (place.object_id, place.source.fabric_workspace_id, place.source.address) == (None, None, None)
    assert unreadable(cloud, place) is None
    set_grants(cloud, "CATALOG", "hr", "USE_CATALOG", "USE_SCHEMA", "SELECT")
    status, code, message = refusal(cloud, item_id, "Tables/staff/people")
    assert (status, code) == (403, "AuthorizationFailure")
    assert "EXTERNAL USE SCHEMA" in message
    assert listed(cloud, item_id, path="Tables/staff") == ["people"]


async def test_a_deleted_connection_ends_reading(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric, payload("hr", "hr", storage=False))
    del cloud.table("fabric.connections")[DATABRICKS]
    assert refusal(cloud, item_id, "Tables/staff/people")[0] == 403


async def test_viewers_read_by_roles_only(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric)
    assert refusal(cloud, item_id, LINES, ALICE)[0] == 403
    assert refusal(cloud, item_id, "", ALICE)[0] == 403
    await permit(fabric, item_id, "/Tables/orders/lines", ANALYSTS)  # by a group
    assert isinstance(resolved(cloud, item_id, f"{LINES}/_delta_log", ALICE), Location)
    assert listed(cloud, item_id, ALICE) == ["orders"]
    assert listed(cloud, item_id, ALICE, "Tables/orders") == ["lines"]
    assert refusal(cloud, item_id, "Tables/orders/headers", ALICE)[0] == 403
    await permit_nothing_more(fabric, item_id)
    assert refusal(cloud, item_id, LINES, ALICE)[0] == 403


async def permit_nothing_more(fabric: Fabric, item_id: str) -> None:
    where = f"/workspaces/{WORKSPACE}/items/{item_id}/dataAccessRoles/readers?preview=true"
    assert (await fabric.send("DELETE", where)).status_code == 200
    fabric.cloud.clock.advance(301)


async def test_a_role_without_a_workspace_role_is_not_enough(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric)
    await permit(fabric, item_id, "*", READER)
    assert refusal(cloud, item_id, LINES, READER)[0] == 403


async def test_names_and_guids_are_not_mixed(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric)
    who = cloud.directory.caller(RUNNER)
    assert who is not None
    by_name = onelake.resolve(cloud, who, "sales analytics", "sales.MirroredAzureDatabricksCatalog", LINES)
    assert by_name == resolved(cloud, item_id, LINES)
    for workspace, item, status in (
        (WORKSPACE, "sales.MirroredAzureDatabricksCatalog", 400),
        ("Sales Analytics", item_id, 400),
        ("Sales Analytics", "sales", 404),
        ("Sales Analytics", "sales.Lakehouse", 404),
        ("Nowhere", "sales.Lakehouse", 404),
    ):
        with pytest.raises(OneLakeDenied) as denied:
            onelake.resolve(cloud, who, workspace, item, "Tables")
        assert denied.value.denial.status == status, (workspace, item)
    whole = onelake.resolve(cloud, who, "Sales Analytics", "", "")
    assert isinstance(whole, Folder)
    assert [entry.name for entry in whole.entries] == ["sales.MirroredAzureDatabricksCatalog"]


async def test_what_is_not_there_is_404(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric)
    assert listed(cloud, item_id, path="") == ["Tables"]
    for path in ("Files", "Tables/absent", "Tables/empty", "Tables/orders/far", "Tables/orders/view"):
        assert refusal(cloud, item_id, path)[:2] == (404, "PathNotFound"), path
    assert refusal(cloud, item_id, "Tables/../Tables")[0] == 400


async def test_a_paused_capacity_stops_onelake(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric)
    capacity = cloud.table("fabric.capacities")[CAPACITY]
    cloud.table("fabric.capacities")[CAPACITY] = {**capacity, "state": "Inactive"}
    assert refusal(cloud, item_id, LINES)[:2] == (403, "CapacityNotActive")


async def test_shortcuts_lead_on(fabric: Fabric, cloud: Cloud) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric)
    assert listed(cloud, lake_id) == ["dbo"]
    await link(fabric, lake_id, shortcut("Tables/dbo", "lines", item_id, LINES))
    await link(fabric, lake_id, shortcut("Tables", "orders", item_id, "Tables/orders"))
    assert listed(cloud, lake_id) == ["dbo", "orders"]
    assert listed(cloud, lake_id, path="Tables/orders") == ["headers", "lines"]
    assert listed(cloud, lake_id, path="Tables/dbo") == ["lines"]
    for path in ("Tables/dbo/lines/_delta_log", "Tables/orders/lines/_delta_log"):
        assert resolved(cloud, lake_id, path) == resolved(cloud, item_id, f"{LINES}/_delta_log")


async def test_shortcuts_carry_the_callers_own_rights(fabric: Fabric, cloud: Cloud) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric)
    await link(fabric, lake_id, shortcut("Tables/dbo", "lines", item_id, LINES))
    await permit(fabric, lake_id, "*", OTHER)
    assert refusal(cloud, lake_id, "Tables/dbo/lines", OTHER)[0] == 403
    await permit(fabric, item_id, "/Tables/orders", OTHER)
    assert isinstance(resolved(cloud, lake_id, "Tables/dbo/lines", OTHER), Location)


async def test_deleting_the_target_breaks_a_shortcut(fabric: Fabric, cloud: Cloud) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric)
    await link(fabric, lake_id, shortcut("Tables/dbo", "lines", item_id, LINES))
    await fabric.send("DELETE", f"{CATALOGS}/{item_id}")
    assert refusal(cloud, lake_id, "Tables/dbo/lines")[0] == 404
    assert len((await fabric.get(f"/workspaces/{WORKSPACE}/items/{lake_id}/shortcuts"))["value"]) == 1


async def test_a_missing_path_may_be_the_target(fabric: Fabric, cloud: Cloud) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric)
    await link(fabric, lake_id, shortcut("Tables/dbo", "later", item_id, "Tables/orders/later"))
    assert refusal(cloud, lake_id, "Tables/dbo/later")[0] == 404


async def test_loops_are_refused(fabric: Fabric, cloud: Cloud) -> None:
    one, two = await lakehouse(fabric, "one"), await lakehouse(fabric, "two")
    await link(fabric, one, shortcut("Files", "there", two, "Files/back"))
    where = f"/workspaces/{WORKSPACE}/items/{two}/shortcuts"
    await fabric.refused(400, "InvalidRequest", "POST", where, shortcut("Files", "back", one, "Files/there"))
    await fabric.refused(400, "InvalidRequest", "POST", where, shortcut("Files", "back", one, "Files"))
    assert refusal(cloud, one, "Files/there/x")[0] == 404
