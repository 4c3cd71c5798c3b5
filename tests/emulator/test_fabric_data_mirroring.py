"""Mirrored catalogs: creation, definitions, syncs, and what they mirror."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from cloud_emulator.core.cloud import Cloud

from .fabric_cloud import ALICE, CAPACITY, WORKSPACE, Fabric
from .fabric_data_cloud import (
    CATALOGS,
    DATABRICKS,
    MIRRORED,
    PRIVATE,
    STORAGE,
    add_table,
    data_cloud,
    definition,
    drop_table,
    failure,
    mirror,
    parts,
    payload,
    result,
    set_grants,
    settle,
    synced,
    tables,
)  # fmt: skip

CLOUD = data_cloud


async def properties(fabric: Fabric, item_id: str) -> dict[str, Any]:
    return dict((await fabric.get(f"{CATALOGS}/{item_id}"))["properties"])


def by_definition(document: Any, name: str = "sales") -> dict[str, Any]:
    return {"displayName": name, "definition": parts({"definition.json": document})}


async def test_mirrors_all_that_can_be_mirrored_and_nothing_else(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric)
    assert tables(cloud, item_id) == MIRRORED
    shown = await properties(fabric, item_id)
    assert (shown["mirrorStatus"], shown["autoSync"], shown["mirroringMode"]) == ("Mirrored", "Enabled", "Full")
    assert shown["oneLakeTablesPath"].endswith(f"/{WORKSPACE}/{item_id}/Tables")
    assert [each["id"] for each in (await fabric.get(CATALOGS))["value"]] == [item_id]


async def test_without_a_storage_connection_every_account_counts(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric, payload(storage=False))
    assert tables(cloud, item_id)["orders"] == ["far", "headers", "lines"]


async def test_a_sync_goes_from_not_started_through_in_progress_to_success(fabric: Fabric, cloud: Cloud) -> None:
    cloud.behaviour = cloud.behaviour.model_copy(update={"sync_seconds": 100})
    cloud.store.commit()
    answer = await fabric.send("POST", CATALOGS, payload())
    await settle(fabric)
    state = (await fabric.send("GET", "/operations/" + answer.headers["x-ms-operation-id"])).json()
    assert state["status"] == "Succeeded"
    item_id = (await fabric.get(CATALOGS))["value"][0]["id"]
    assert (await properties(fabric, item_id))["syncDetails"]["status"] == "NotStarted"
    await settle(fabric, 20)
    assert (await properties(fabric, item_id))["syncDetails"]["status"] == "InProgress"
    assert tables(cloud, item_id) == {}
    await settle(fabric, 200)
    shown = (await properties(fabric, item_id))["syncDetails"]
    assert shown["status"] == "Success"
    assert shown["lastSyncDateTime"].startswith("2026")


@pytest.mark.parametrize(
    "document",
    [
        {**definition(), "unknown": 1},
        {key: value for key, value in definition().items() if key != "$schema"},
        {key: value for key, value in definition().items() if key != "mirroringMode"},
        {**definition(), "$schema": "https://example.com/schema.json"},
        definition(mode="Exclude"),
        definition(catalog="a.b"),
        definition(storageConnectionId=None),
        definition(storageConnectionId="x"),
        definition(autoSync="On"),
        definition(mode="Partial", schemas=[{"name": "orders", "mirroringMode": "Exclude"}]),
        definition(schemas=[{"name": "orders"}]),
        definition(schemas=[{"name": "orders", "mirroringMode": "Full", "x": 1}]),
        definition(schemas=[{"name": "orders", "mirroringMode": "Full"}] * 2),
        definition(
            schemas=[{"name": "o", "mirroringMode": "Full", "tables": [{"name": "t", "mirroringMode": "Partial"}]}]
        ),
        definition(
            schemas=[{"name": "o", "mirroringMode": "Partial", "tables": [{"name": "t", "mirroringMode": "Exclude"}]}]
        ),
        definition(
            schemas=[{"name": "o", "mirroringMode": "Exclude", "tables": [{"name": "t", "mirroringMode": "Full"}]}]
        ),
        [],
        "no JSON",
    ],
)
async def test_a_bad_definition_fails_as_an_operation(fabric: Fabric, document: Any) -> None:
    code, message = await failure(fabric, "POST", CATALOGS, by_definition(document))
    assert code == "CorruptedPayload"
    assert "definition.json" in message
    assert (await fabric.get(CATALOGS))["value"] == []


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (definition(databricksWorkspaceConnectionId=CAPACITY), "EntityNotFound"),
        (definition(databricksWorkspaceConnectionId=PRIVATE), "EntityNotFound"),
        (definition(databricksWorkspaceConnectionId=STORAGE), "InvalidRequest"),
        (definition(storageConnectionId=DATABRICKS), "InvalidRequest"),
        (definition(catalog="absent"), "EntityNotFound"),
        (definition(catalog="private"), "EntityNotFound"),
        (definition(catalog="lent"), "InvalidRequest"),
    ],
)
async def test_connections_and_catalog_are_looked_at_in_the_operation(fabric: Fabric, document: Any, code: str) -> None:
    assert (await failure(fabric, "POST", CATALOGS, by_definition(document)))[0] == code
    assert (await fabric.get(CATALOGS))["value"] == []


async def test_at_once_failures_are_refusals(fabric: Fabric, cloud: Cloud) -> None:
    cloud.behaviour = cloud.behaviour.model_copy(update={"long_running": "immediate"})
    cloud.store.commit()
    await fabric.refused(400, "CorruptedPayload", "POST", CATALOGS, by_definition({}))
    made = await fabric.send("POST", CATALOGS, payload())
    assert made.status_code == 201
    assert (await synced(fabric, made.json()["id"]))["status"] == "Success"


async def test_takes_a_payload_or_a_definition(fabric: Fabric) -> None:
    both = {**payload(), **by_definition(definition())}
    await fabric.refused(400, "InvalidInput", "POST", CATALOGS, both)
    await fabric.refused(400, "InvalidInput", "POST", CATALOGS, {"displayName": "sales"})
    await fabric.refused(400, "InvalidInput", "POST", CATALOGS, payload(mirroringMode="Exclude"))
    twice = parts({"definition.json": definition()})
    twice["parts"] *= 2
    await fabric.refused(400, "CorruptedPayload", "POST", CATALOGS, {"displayName": "s", "definition": twice})
    odd = parts({"definition.json": definition(), "more.json": {}})
    await fabric.refused(400, "CorruptedPayload", "POST", CATALOGS, {"displayName": "s", "definition": odd})


async def test_names_are_taken_for_a_while(fabric: Fabric) -> None:
    item_id = await mirror(fabric)
    await fabric.refused(409, "ItemDisplayNameAlreadyInUse", "POST", CATALOGS, payload(name="SALES"))
    assert (await fabric.send("DELETE", f"{CATALOGS}/{item_id}")).status_code == 200
    refused = await fabric.refused(409, "ItemDisplayNameNotAvailableYet", "POST", CATALOGS, payload())
    assert refused.json()["isRetriable"]
    await settle(fabric, 21)
    await mirror(fabric)


async def test_contributors_create_viewers_read(fabric: Fabric) -> None:
    item_id = await mirror(fabric)
    viewer = fabric.as_(ALICE)
    await viewer.get(f"{CATALOGS}/{item_id}")
    await viewer.refused(403, "InsufficientPrivileges", "POST", CATALOGS, payload(name="other"))
    await viewer.refused(403, "InsufficientPrivileges", "POST", f"{CATALOGS}/{item_id}/getDefinition")
    await viewer.refused(403, "InsufficientWorkspaceRole", "DELETE", f"{CATALOGS}/{item_id}")


async def test_modes_select_schemas_and_tables(fabric: Fabric, cloud: Cloud) -> None:
    schemas = [
        {"name": "orders", "mirroringMode": "Full", "tables": [{"name": "lines", "mirroringMode": "Exclude"}]},
        {"name": "customers", "mirroringMode": "Exclude"},
    ]
    item_id = await mirror(fabric, by_definition(definition(schemas=schemas)))
    assert tables(cloud, item_id) == {"orders": ["headers"]}
    partial = [{"name": "orders", "mirroringMode": "Partial", "tables": [{"name": "lines", "mirroringMode": "Full"}]}]
    body = {"definition": parts({"definition.json": definition(mode="Partial", schemas=partial)})}
    await result(fabric, "POST", f"{CATALOGS}/{item_id}/updateDefinition", body)
    await synced(fabric, item_id)
    assert tables(cloud, item_id) == {"orders": ["lines"]}
    assert (await properties(fabric, item_id))["mirrorStatus"] == "NotMirrored"


async def test_a_definition_reads_back_as_it_was_sent(fabric: Fabric) -> None:
    sent = definition(schemas=[{"name": "empty", "mirroringMode": "Exclude"}], autoSync="Disabled")
    item_id = await mirror(fabric, by_definition(sent))
    got = await result(fabric, "POST", f"{CATALOGS}/{item_id}/getDefinition")
    contents = {each["path"]: json.loads(base64.b64decode(each["payload"])) for each in got["definition"]["parts"]}
    # automatic sync can be set by updates only
    assert contents["definition.json"] == {**sent, "autoSync": "Enabled"}
    assert contents[".platform"]["metadata"] == {"type": "MirroredAzureDatabricksCatalog", "displayName": "sales"}


async def test_nothing_changes_while_a_sync_runs(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric)
    one = f"{CATALOGS}/{item_id}"
    await result(fabric, "POST", f"{one}/refreshCatalogMetadata")
    cloud.behaviour = cloud.behaviour.model_copy(update={"sync_seconds": 1000})
    cloud.store.commit()
    await synced(fabric, item_id)
    await result(fabric, "POST", f"{one}/refreshCatalogMetadata")
    assert (await properties(fabric, item_id))["syncDetails"]["status"] == "InProgress"
    change = {"definition": parts({"definition.json": definition(mode="Partial")})}
    for method, path, code, body in (
        ("POST", f"{one}/updateDefinition", "OperationNotSupportedForItem", change),
        ("POST", f"{one}/refreshCatalogMetadata", "OperationNotSupportedForItem", None),
        ("PATCH", one, "InvalidRequest", {"properties": {"autoSync": "Disabled"}}),
        ("PATCH", one, "InvalidRequest", {"displayName": "other"}),
    ):
        refused = await fabric.refused(409, code, method, path, body)
        assert refused.json()["isRetriable"]
    assert tables(cloud, item_id) == MIRRORED
    await settle(fabric, 1001)
    assert (await fabric.send("PATCH", one, {"displayName": "other"})).json()["displayName"] == "other"


async def test_updates_change_what_may_change(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric)
    one = f"{CATALOGS}/{item_id}"
    changed = await fabric.send("PATCH", one, {"properties": {"autoSync": "Disabled", "mirroringMode": "Partial"}})
    assert changed.json()["properties"]["autoSync"] == "Disabled"
    await synced(fabric, item_id)
    assert tables(cloud, item_id) == {}
    await fabric.refused(400, "InvalidRequest", "PATCH", one, {"properties": {}})
    await fabric.refused(400, "InvalidRequest", "PATCH", one, {"properties": {"storageConnectionId": DATABRICKS}})
    await fabric.refused(400, "InvalidInput", "PATCH", one, {"properties": {"catalogName": "hr"}})
    other = {"definition": parts({"definition.json": definition(catalog="hr")})}
    assert (await failure(fabric, "POST", f"{one}/updateDefinition", other))[0] == "CorruptedPayload"


async def test_automatic_sync_follows_the_catalog(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric)
    add_table(cloud, "empty", "first")
    drop_table(cloud, "sales.customers.people")
    assert tables(cloud, item_id) == MIRRORED
    await settle(fabric, 900)
    await synced(fabric, item_id)
    assert tables(cloud, item_id) == {"empty": ["first"], "orders": ["headers", "lines"]}
    await fabric.send("PATCH", f"{CATALOGS}/{item_id}", {"properties": {"autoSync": "Disabled"}})
    drop_table(cloud, "sales.empty.first")
    await settle(fabric, 2000)
    assert "empty" in tables(cloud, item_id)
    await result(fabric, "POST", f"{CATALOGS}/{item_id}/refreshCatalogMetadata")
    await synced(fabric, item_id)
    assert "empty" not in tables(cloud, item_id)


async def test_a_sync_fails_when_the_principal_no_longer_sees_the_catalog(fabric: Fabric, cloud: Cloud) -> None:
    item_id = await mirror(fabric)
    set_grants(cloud, "CATALOG", "sales")
    await result(fabric, "POST", f"{CATALOGS}/{item_id}/refreshCatalogMetadata")
    details = await synced(fabric, item_id)
    assert (details["status"], details["errorInfo"]["errorCode"]) == ("Failed", "EntityNotFound")
    assert tables(cloud, item_id) == MIRRORED  # what was mirrored stays


@pytest.mark.parametrize(("checked_at", "expected"), [("read", {"staff": ["people"]}), ("sync", {})])
async def test_external_use_is_checked_at_read_or_sync(
    fabric: Fabric, cloud: Cloud, checked_at: str, expected: dict[str, list[str]]
) -> None:
    cloud.behaviour = cloud.behaviour.model_copy(update={"external_use_checked_at": checked_at})
    set_grants(cloud, "CATALOG", "hr", "USE_CATALOG", "USE_SCHEMA", "SELECT")
    assert tables(cloud, await mirror(fabric, payload("hr", "hr", storage=False))) == expected


async def test_the_sql_endpoint_appears_later(fabric: Fabric, cloud: Cloud) -> None:
    cloud.behaviour = cloud.behaviour.model_copy(update={"sql_endpoint_seconds": 100})
    cloud.store.commit()
    item_id = await mirror(fabric)
    assert "sqlEndpointProperties" not in await properties(fabric, item_id)
    await settle(fabric, 101)
    shown = (await properties(fabric, item_id))["sqlEndpointProperties"]
    items = (await fabric.get(f"/workspaces/{WORKSPACE}/items?type=SQLEndpoint"))["value"]
    assert [(each["id"], each["displayName"]) for each in items] == [(shown["id"], "sales")]
    assert shown["connectionString"].endswith(".datawarehouse.fabric.microsoft.com")
    await fabric.send("PATCH", f"{CATALOGS}/{item_id}", {"displayName": "renamed"})
    assert (await fabric.get(f"/workspaces/{WORKSPACE}/items/{shown['id']}"))["displayName"] == "renamed"
    await fabric.send("DELETE", f"{CATALOGS}/{item_id}?hardDelete=true")
    assert (await fabric.get(f"/workspaces/{WORKSPACE}/items"))["value"] == []


async def test_discovery_shows_what_the_connection_sees(fabric: Fabric) -> None:
    base = f"/workspaces/{WORKSPACE}/azureDatabricks/catalogs"
    query = f"?databricksWorkspaceConnectionId={DATABRICKS}"
    assert [each["name"] for each in (await fabric.get(base + query))["value"]] == ["sales", "hr"]
    schemas = await fabric.get(f"{base}/sales/schemas{query}&maxResults=2")
    assert [each["name"] for each in schemas["value"]] == ["customers", "empty"]
    more = await fabric.get(schemas["continuationUri"].removeprefix("https://cloud.test/v1"))
    assert [each["name"] for each in more["value"]] == ["orders"]
    found = await fabric.every(f"{base}/sales/schemas/orders/tables{query}")
    assert [each["name"] for each in found] == ["far", "headers", "lines"]
    assert found[1]["storageLocation"] == "abfss://lake@contosolake.dfs.core.windows.net/sales/orders/headers"
    absent = await fabric.get(f"{base}/private/schemas{query}")
    assert (absent["value"], absent["Error"]["errorCode"]) == ([], "EntityNotFound")
    await fabric.refused(400, "InvalidParameter", "GET", base)
    await fabric.refused(404, "EntityNotFound", "GET", f"{base}?databricksWorkspaceConnectionId={PRIVATE}")
    await fabric.refused(400, "InvalidRequest", "GET", f"{base}?databricksWorkspaceConnectionId={STORAGE}")
    await fabric.as_(ALICE).refused(404, "EntityNotFound", "GET", base + query)
