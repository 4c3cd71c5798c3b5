"""Items of every type: listed, renamed, deleted; names and the capacity that they need."""

from __future__ import annotations

import pytest

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.identity import Caller
from cloud_emulator.fabric import items, workspaces
from cloud_emulator.fabric.errors import FabricError
from cloud_emulator.fabric.items import ItemType

from .fabric_cloud import BARE, OTHER, PAUSED, READER, WORKSPACE, Fabric, fabric_cloud
from .support import RUNNER

ITEMS = f"/workspaces/{WORKSPACE}/items"
MODEL = ItemType("SemanticModel")


CLOUD = fabric_cloud


def add(cloud: Cloud, kind: str, name: str) -> str:
    item_id = items.create_item(cloud, WORKSPACE, kind, name, f"about {name}", properties={})["id"]
    cloud.store.commit()
    return str(item_id)


def runner(cloud: Cloud) -> Caller:
    caller = cloud.directory.caller(RUNNER)
    assert caller is not None
    return caller


async def test_lists_items_by_type(fabric: Fabric, cloud: Cloud) -> None:
    model = add(cloud, "SemanticModel", "Sales")
    endpoint = add(cloud, "SQLEndpoint", "sales")  # names are unique within a type
    assert [each["id"] for each in (await fabric.get(ITEMS))["value"]] == [model, endpoint]
    (only,) = (await fabric.as_(OTHER).get(f"{ITEMS}?type=SemanticModel&recursive=true"))["value"]
    assert only == await fabric.get(f"{ITEMS}/{model}")
    assert only == {
        "id": model, "type": "SemanticModel", "displayName": "Sales", "description": "about Sales",
        "workspaceId": WORKSPACE,
    }  # fmt: skip
    assert (await fabric.get(f"{ITEMS}?type=Notebook"))["value"] == []
    await fabric.refused(400, "InvalidItemType", "GET", f"{ITEMS}?type=Notebooks")
    await fabric.refused(400, "InvalidParameter", "GET", f"{ITEMS}?recursive=1")
    await fabric.refused(404, "FolderNotFound", "GET", f"{ITEMS}?rootFolderId={model}")
    await fabric.as_(READER).refused(403, "InsufficientPrivileges", "GET", ITEMS)
    await fabric.refused(404, "ItemNotFound", "GET", f"/workspaces/{BARE}/items/{model}")


async def test_changes_an_item(fabric: Fabric, cloud: Cloud) -> None:
    model = f"{ITEMS}/{add(cloud, 'SemanticModel', 'Sales')}"
    add(cloud, "SemanticModel", "Other")
    changed = (await fabric.send("PATCH", model, {"description": "new"})).json()
    assert (changed["displayName"], changed["description"]) == ("Sales", "new")
    assert (await fabric.send("PATCH", model, {"displayName": "SALES"})).json()["displayName"] == "SALES"
    await fabric.refused(409, "ItemDisplayNameAlreadyInUse", "PATCH", model, {"displayName": "OTHER"})
    await fabric.refused(400, "InvalidInput", "PATCH", model, {"description": "x" * 257})
    await fabric.refused(400, "InvalidInput", "PATCH", model, {"displayName": ""})
    await fabric.refused(400, "InvalidRequest", "PATCH", model, {})
    await fabric.as_(OTHER).refused(403, "InsufficientPrivileges", "PATCH", model, {"description": "mine"})
    endpoint = f"{ITEMS}/{add(cloud, 'SQLEndpoint', 'e')}"
    await fabric.refused(400, "InvalidRequest", "PATCH", endpoint, {"displayName": "mine"})
    await fabric.refused(400, "UnsupportedItemType", "DELETE", endpoint)


async def test_a_deleted_item_s_name_is_free_after_a_while(fabric: Fabric, cloud: Cloud) -> None:
    model = add(cloud, "SemanticModel", "Sales")
    other = f"{ITEMS}/{add(cloud, 'SemanticModel', 'Other')}"
    assert (await fabric.send("DELETE", f"{ITEMS}/{model}")).status_code == 200
    await fabric.refused(404, "ItemNotFound", "GET", f"{ITEMS}/{model}")
    name = {"displayName": "sales"}
    answer = await fabric.refused(409, "ItemDisplayNameNotAvailableYet", "PATCH", other, name)
    assert answer.json()["isRetriable"] is True
    cloud.clock.advance(21)
    assert (await fabric.send("PATCH", other, name)).status_code == 200


async def test_deleting_for_good_needs_an_admin(fabric: Fabric, cloud: Cloud) -> None:
    workspaces.add_role(cloud, WORKSPACE, READER, "ServicePrincipal", "Contributor")
    model = f"{ITEMS}/{add(cloud, 'SemanticModel', 'Sales')}"
    reader = fabric.as_(READER)
    await reader.refused(403, "InsufficientWorkspaceRole", "DELETE", f"{model}?hardDelete=true")
    await fabric.as_(OTHER).refused(403, "InsufficientWorkspaceRole", "DELETE", model)
    assert (await reader.send("DELETE", model)).status_code == 200
    again = f"{ITEMS}/{add(cloud, 'SemanticModel', 'Again')}"
    assert (await fabric.send("DELETE", f"{again}?hardDelete=true")).status_code == 200
    assert (await fabric.get(ITEMS))["value"] == []


def test_soft_deletion_keeps_the_item_aside(cloud: Cloud) -> None:
    kind = ItemType("Lakehouse", soft_delete=True)
    for name, hard, kept in (("a", False, True), ("b", True, False)):
        item = items.create_item(cloud, WORKSPACE, "Lakehouse", name)
        items.delete_item(cloud, item, kind, hard=hard)
        assert (item["id"] in cloud.table(items.DELETED_ITEMS)) is kept
        assert item["id"] not in cloud.table(items.ITEMS)


def test_types_are_told_of_changes_and_deletions(cloud: Cloud) -> None:
    told: list[str] = []
    kind = ItemType(
        "Lakehouse",
        on_delete=lambda _, item: told.append(f"deleted {item['displayName']}"),
        on_change=lambda _, before, after: told.append(f"{before['displayName']} to {after['displayName']}"),
    )
    item = items.create_item(cloud, WORKSPACE, "Lakehouse", "a")
    item = items.update_item(cloud, item, kind, "b", None)
    items.delete_item(cloud, item, kind)
    assert told == ["a to b", "deleted b"]


@pytest.mark.parametrize(
    ("workspace_id", "capacity", "code"),
    [(BARE, None, "FeatureNotAvailable"), (BARE, PAUSED, "CapacityNotActive"), (PAUSED, None, "WorkspaceNotFound")],
)
def test_a_new_item_needs_an_active_capacity(cloud: Cloud, workspace_id: str, capacity: str | None, code: str) -> None:
    if capacity is not None:
        table = cloud.table("fabric.workspaces")
        table[workspace_id] = {**table[workspace_id], "capacityId": capacity}
    with pytest.raises(FabricError) as refused:
        items.check_new_item(cloud, runner(cloud), workspace_id, MODEL, "Sales")
    assert refused.value.code == code


def test_a_new_item_needs_a_free_and_valid_name(cloud: Cloud) -> None:
    assert items.check_new_item(cloud, runner(cloud), WORKSPACE, MODEL, "Sales")["id"] == WORKSPACE
    add(cloud, "SemanticModel", "Sales")
    for name, description, code in (
        ("sALES", "", "ItemDisplayNameAlreadyInUse"),
        (" x", "", "InvalidInput"),
        ("x", "d" * 257, "InvalidInput"),
    ):
        with pytest.raises(FabricError) as refused:
            items.check_new_item(cloud, runner(cloud), WORKSPACE, MODEL, name, description)
        assert refused.value.code == code
    reader = cloud.directory.caller(OTHER)
    assert reader is not None
    with pytest.raises(FabricError) as refused:
        items.check_new_item(cloud, reader, WORKSPACE, MODEL, "x")
    assert refused.value.code == "InsufficientPrivileges"


async def test_a_paused_capacity_stops_changes(fabric: Fabric, cloud: Cloud) -> None:
    model = f"{ITEMS}/{add(cloud, 'SemanticModel', 'Sales')}"
    table = cloud.table("fabric.workspaces")
    table[WORKSPACE] = {**table[WORKSPACE], "capacityId": PAUSED}
    cloud.store.commit()
    await fabric.refused(404, "CapacityNotActive", "PATCH", model, {"description": "x"})
    assert (await fabric.get(model))["description"] == "about Sales"
