"""Lakehouses, their shortcuts and SQL endpoints."""

from __future__ import annotations

import pytest

from cloud_emulator.core.cloud import Cloud

from .fabric_cloud import ALICE, CAPACITY, WORKSPACE, Fabric
from .fabric_data_cloud import data_cloud, mirror, result, settle
from .swagger import unspecified_mutations
from .test_fabric_data_onelake import LAKEHOUSES, LINES, lakehouse, link, shortcut

CLOUD = data_cloud


def shortcuts(item_id: str) -> str:
    return f"/workspaces/{WORKSPACE}/items/{item_id}/shortcuts"


async def test_a_lakehouse_gets_its_sql_endpoint_after_a_while(fabric: Fabric, cloud: Cloud) -> None:
    cloud.behaviour = cloud.behaviour.model_copy(update={"sql_endpoint_seconds": 100})
    cloud.store.commit()
    lake_id = await lakehouse(fabric)
    shown = (await fabric.get(f"{LAKEHOUSES}/{lake_id}"))["properties"]
    assert shown["sqlEndpointProperties"] == {"provisioningStatus": "InProgress"}
    assert shown["defaultSchema"] == "dbo"
    await settle(fabric, 101)
    shown = (await fabric.get(f"{LAKEHOUSES}/{lake_id}"))["properties"]["sqlEndpointProperties"]
    assert shown["provisioningStatus"] == "Success"
    endpoint = f"/workspaces/{WORKSPACE}/sqlEndpoints/{shown['id']}"
    assert (await fabric.get(f"{endpoint}/connectionString"))["connectionString"] == shown["connectionString"]
    assert await result(fabric, "POST", f"{endpoint}/refreshMetadata") == {"value": []}
    await fabric.refused(404, "ItemNotFound", "GET", f"/workspaces/{WORKSPACE}/sqlEndpoints/{lake_id}/connectionString")


async def test_lakehouses_without_schemas(fabric: Fabric, cloud: Cloud) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric, schemas=False)
    assert "defaultSchema" not in (await fabric.get(f"{LAKEHOUSES}/{lake_id}"))["properties"]
    await link(fabric, lake_id, shortcut("Tables", "lines", item_id, LINES))
    await fabric.refused(
        400, "InvalidInput", "POST", shortcuts(lake_id), shortcut("Tables/dbo", "lines", item_id, LINES)
    )


@pytest.mark.parametrize("name", ["1lake", "my lake", "lake-1", "", "l" * 124])
async def test_lakehouse_names(fabric: Fabric, name: str) -> None:
    await fabric.refused(400, "InvalidInput", "POST", LAKEHOUSES, {"displayName": name})


async def test_lakehouse_bodies(fabric: Fabric) -> None:
    good = {"displayName": "lake", "description": "d", "creationPayload": {"enableSchemas": True}}
    await fabric.refused(400, "InvalidInput", "POST", LAKEHOUSES, {**good, "creationPayload": {"enableSchemas": False}})
    await fabric.refused(404, "EntityNotFound", "POST", LAKEHOUSES, {**good, "folderId": CAPACITY})
    for done, body in unspecified_mutations("Items_CreateLakehouse", good):
        answer = await fabric.send("POST", LAKEHOUSES, body)
        assert answer.status_code == 400, (done, answer.text)


async def test_an_endpoint_of_that_name_stands_in_the_way(fabric: Fabric) -> None:
    await mirror(fabric)
    await fabric.refused(409, "ItemDisplayNameAlreadyInUse", "POST", LAKEHOUSES, {"displayName": "Sales"})


async def test_creates_reads_lists_and_deletes(fabric: Fabric) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric)
    made = await link(fabric, lake_id, shortcut("/Tables/dbo", "lines", item_id, LINES))
    assert made.status_code == 201
    shown = {
        "path": "/Tables/dbo",  # as it was written
        "name": "lines",
        "target": {"type": "OneLake", "oneLake": {"workspaceId": WORKSPACE, "itemId": item_id, "path": LINES}},
    }
    assert made.json() == shown
    one = f"{shortcuts(lake_id)}/Tables%2Fdbo/lines"
    assert made.headers["location"] == f"https://cloud.test/v1{one}"
    assert await fabric.get(one) == shown
    assert (await fabric.get(shortcuts(lake_id)))["value"] == [shown]
    assert (await fabric.get(f"{shortcuts(lake_id)}?parentPath=Tables"))["value"] == [shown]
    assert (await fabric.get(f"{shortcuts(lake_id)}?parentPath=Tab"))["value"] == []
    assert (await fabric.get(shortcuts(item_id)))["value"] == []
    await fabric.as_(ALICE).refused(403, "InsufficientPrivileges", "DELETE", one)
    assert (await fabric.send("DELETE", one)).status_code == 200
    await fabric.refused(404, "EntityNotFound", "GET", one)
    await fabric.refused(404, "EntityNotFound", "DELETE", one)


async def test_lists_in_pages(fabric: Fabric, cloud: Cloud) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric)
    for name in ("a", "b", "c"):
        await link(fabric, lake_id, shortcut("Tables/dbo", name, item_id, LINES))
    cloud.behaviour = cloud.behaviour.model_copy(update={"page_size": 2})
    cloud.store.commit()
    first = await fabric.get(shortcuts(lake_id))
    more = await fabric.get(first["continuationUri"].removeprefix("https://cloud.test/v1"))
    assert [each["name"] for each in (*first["value"], *more["value"])] == ["a", "b", "c"]


async def test_conflict_policies(fabric: Fabric) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric)
    body = shortcut("Tables/dbo", "lines", item_id, LINES)
    only = "?shortcutConflictPolicy=OverwriteOnly"
    await fabric.refused(404, "EntityNotFound", "POST", shortcuts(lake_id) + only, body)
    await link(fabric, lake_id, body)
    await fabric.refused(409, "ShorcutsOperationNotAllowed", "POST", shortcuts(lake_id), body)
    other = shortcut("Tables/dbo", "lines", item_id, "Tables/orders/headers")
    assert (await link(fabric, lake_id, other, only)).status_code == 200
    again = await link(fabric, lake_id, other, "?shortcutConflictPolicy=CreateOrOverwrite")
    assert (again.status_code, again.json()["target"]["oneLake"]["path"]) == (200, "Tables/orders/headers")
    unique = await link(fabric, lake_id, body, "?shortcutConflictPolicy=GenerateUniqueName")
    assert (unique.status_code, unique.json()["name"]) == (201, "lines_1")
    await fabric.refused(400, "InvalidParameter", "POST", shortcuts(lake_id) + "?shortcutConflictPolicy=Merge", body)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Elsewhere", "t"), ("tables/dbo", "t"), ("Tables/dbo/deep", "t"), ("Tables/dbo", "a/b"), ("Tables/dbo", "a%b"),
        ("Tables/dbo", " a"), ("Tables//dbo", "t"),
    ],
)  # fmt: skip
async def test_places_where_no_shortcut_stands(fabric: Fabric, path: str, name: str) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric)
    await fabric.refused(400, "InvalidInput", "POST", shortcuts(lake_id), shortcut(path, name, item_id, LINES))


async def test_folders_and_shortcuts_keep_apart(fabric: Fabric) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric)
    whole = shortcut("Tables", "orders", item_id, "Tables/orders")
    await link(fabric, lake_id, whole)
    inside = shortcut("Tables/orders", "lines", item_id, LINES)
    await fabric.refused(400, "InvalidRequest", "POST", shortcuts(lake_id), inside)
    over_default = shortcut("Tables", "dbo", item_id, "Tables/orders")
    await fabric.refused(409, "ShorcutsOperationNotAllowed", "POST", shortcuts(lake_id), over_default)
    await link(fabric, lake_id, shortcut("Tables/other", "lines", item_id, LINES))
    over_folder = shortcut("Tables", "other", item_id, "Tables/orders")
    await fabric.refused(409, "ShorcutsOperationNotAllowed", "POST", shortcuts(lake_id), over_folder)


async def test_targets_must_be_there_and_readable(fabric: Fabric, cloud: Cloud) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric)
    await fabric.refused(404, "ItemNotFound", "POST", shortcuts(lake_id), shortcut("Tables/dbo", "t", CAPACITY, LINES))
    elsewhere = shortcut("Tables/dbo", "t", item_id, LINES)
    elsewhere["target"]["oneLake"]["workspaceId"] = CAPACITY
    await fabric.refused(404, "ItemNotFound", "POST", shortcuts(lake_id), elsewhere)
    await fabric.refused(
        400, "InvalidInput", "POST", shortcuts(lake_id), shortcut("Tables/dbo", "t", item_id, "Files/x")
    )
    await fabric.refused(400, "InvalidRequest", "POST", shortcuts(item_id), shortcut("Tables", "t", item_id, LINES))
    s3 = {"path": "Files", "name": "t", "target": {"amazonS3": {}}}
    assert (await fabric.send("POST", shortcuts(lake_id), s3)).status_code == 501


async def test_bulk_creation_answers_for_each(fabric: Fabric, cloud: Cloud) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric)
    good = shortcut("Tables/dbo", "lines", item_id, LINES)
    wanted = [good, good, shortcut("Tables/dbo", "x", CAPACITY, LINES)]
    body = {"createShortcutRequests": wanted}
    answer = (await result(fabric, "POST", f"{shortcuts(lake_id)}/bulkCreate", body))["value"]
    assert [each["status"] for each in answer] == ["Succeeded", "Failed", "Failed"]
    assert answer[0]["result"]["path"] == "Tables/dbo"
    assert [each["error"]["errorCode"] for each in answer[1:]] == ["ShorcutsOperationNotAllowed", "ItemNotFound"]
    assert answer[1]["request"] == {"path": "Tables/dbo", "name": "lines"}
    policy = "?shortcutConflictPolicy=GenerateUniqueName"
    more = await result(
        fabric, "POST", f"{shortcuts(lake_id)}/bulkCreate{policy}", {"createShortcutRequests": [good] * 2}
    )
    assert [each["result"]["name"] for each in more["value"]] == ["lines_1", "lines_2"]
    await fabric.refused(
        400, "InvalidInput", "POST", f"{shortcuts(lake_id)}/bulkCreate", {"createShortcutRequests": []}
    )
    for done, changed in unspecified_mutations(
        "OneLakeShortcuts_CreatesShortcutsInBulk", {"createShortcutRequests": [good]}
    ):
        refused = await fabric.send("POST", f"{shortcuts(lake_id)}/bulkCreate", changed)
        assert refused.status_code in (400, 501), (done, refused.text)


async def test_refreshing_metadata_tells_table_by_table(fabric: Fabric, cloud: Cloud) -> None:
    item_id, lake_id = await mirror(fabric), await lakehouse(fabric)
    await link(fabric, lake_id, shortcut("Tables", "orders", item_id, "Tables/orders"))
    endpoint_id = (await fabric.get(f"{LAKEHOUSES}/{lake_id}"))["properties"]["sqlEndpointProperties"]["id"]
    refresh = f"/workspaces/{WORKSPACE}/sqlEndpoints/{endpoint_id}/refreshMetadata"
    found = (await result(fabric, "POST", refresh, {"recreateTables": True}))["value"]
    assert [(each["tableName"], each["status"]) for each in found] == [
        ("orders.headers", "Success"),
        ("orders.lines", "Success"),
    ]
    cloud.table("arm.roleAssignments").clear()
    cloud.store.commit()
    found = (await result(fabric, "POST", refresh))["value"]
    assert {each["status"] for each in found} == {"Failure"}
    assert found[0]["error"]["errorCode"] == "AuthorizationPermissionMismatch"
    await fabric.refused(400, "InvalidInput", "POST", refresh, {"timeout": {"value": 1, "timeUnit": "Years"}})
    await fabric.as_(ALICE).refused(403, "InsufficientPrivileges", "POST", refresh)


async def test_sql_endpoints_are_listed_for_people(fabric: Fabric) -> None:
    await lakehouse(fabric)
    path = f"/workspaces/{WORKSPACE}/sqlEndpoints"
    await fabric.refused(403, "InsufficientPrivileges", "GET", path)  # service principals can't
    assert [each["displayName"] for each in (await fabric.as_(ALICE).get(path))["value"]] == ["lake"]
