"""Databricks' APIs: sign-in, lists, grants, credentials, each by what a client gets back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cloud_emulator.unity_catalog import state
from cloud_emulator.unity_catalog.service import make_service
from tests.emulator.support import RUNNER, RUNNER_APP, Wall, serve, token
from tests.emulator.uc_world import (
    AUDIENCE,
    BARE_HOST,
    HOST,
    METASTORE,
    OTHER_HOST,
    OWNER,
    OWNER_PAT,
    READER,
    READER_APP,
    STRANGER,
    UC,
    World,
    served_world,
    uc_cloud,
)

CUSTOMERS = "sales.orders.customers"


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with served_world(tmp_path) as made:
        yield made


async def test_the_first_workspace_answers_at_the_bare_address(world: World) -> None:
    header = {"Authorization": token(world.cloud, RUNNER, AUDIENCE)}
    answer = await world.client.get(f"{UC}/current-metastore-assignment", headers=header)
    assert answer.json()["workspace_id"] == 1234567890123456
    metadata = (await world.client.get("/.well-known/databricks-config")).json()
    assert metadata["workspace_id"] == "1234567890123456"
    assert metadata["cloud"] == "Azure"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer nonsense", "Bearer dapi0000", "audience", "expired"],
)
async def test_bad_credentials_are_unauthenticated(world: World, header: str) -> None:
    if header == "audience":
        header = token(world.cloud, RUNNER, "https://management.azure.com")
    elif header == "expired":
        header = token(world.cloud, RUNNER, AUDIENCE, seconds=-1)
    answer = await world.client.get(f"{UC}/catalogs", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


async def test_strangers_are_turned_away(world: World) -> None:
    status, body = await world.ask("GET", f"{UC}/catalogs", STRANGER)
    assert (status, body["message"]) == (403, "Unauthorized access to Org: 1234567890123456")
    status, _ = await world.ask("GET", f"{UC}/catalogs", READER, host=OTHER_HOST)
    assert status == 403
    status, _ = await world.ask("GET", f"{UC}/catalogs", OWNER_PAT, host=OTHER_HOST)
    assert status == 401


async def test_unknown_routes_methods_and_parameters_are_refused(world: World) -> None:
    assert await world.refused("GET", f"{UC}/volumes") == (501, "NOT_IMPLEMENTED")
    assert await world.refused("PUT", f"{UC}/catalogs/sales") == (501, "NOT_IMPLEMENTED")
    assert await world.refused("GET", f"{UC}/catalogs?owner=me") == (400, "INVALID_PARAMETER_VALUE")
    assert await world.refused("GET", f"{UC}/catalogs?include_browse=1") == (400, "INVALID_PARAMETER_VALUE")
    status, code = await world.refused("GET", f"{UC}/catalogs", host="adb-9.9.azuredatabricks.net")
    assert (status, code) == (404, "WORKSPACE_DOES_NOT_EXIST")


async def test_a_workspace_without_a_metastore_says_so(world: World) -> None:
    assert await world.refused("GET", f"{UC}/metastore_summary", host=BARE_HOST) == (404, "METASTORE_DOES_NOT_EXIST")


async def test_blocked_addresses_and_closed_workspaces_are_refused(world: World) -> None:
    table = state.table_of(world.cloud, "workspaces")
    blocked = {"list_type": "BLOCK", "ip_addresses": ["203.0.113.0/24"], "enabled": True}
    table[HOST] = {**table[HOST], "ip_access_lists_enabled": True, "ip_access_lists": [blocked]}
    status, body = await world.ask("GET", f"{UC}/catalogs")
    assert status == 403
    assert "203.0.113.10 is blocked" in body["message"]
    table[HOST] = {**table[HOST], "ip_access_lists_enabled": False}
    world.cloud.table("arm.databricksWorkspaces")["w"] = {
        "properties": {"workspaceUrl": HOST, "publicNetworkAccess": "Disabled"}
    }
    assert await world.refused("GET", f"{UC}/catalogs") == (403, "PERMISSION_DENIED")


async def test_only_a_metastore_admin_changes_the_metastore(world: World) -> None:
    change = {"json": {"external_access_enabled": True}}
    assert await world.refused("PATCH", f"{UC}/metastores/{METASTORE}", OWNER_PAT, **change) == (
        403,
        "PERMISSION_DENIED",
    )
    assert await world.refused("GET", f"{UC}/metastores/{METASTORE}", OWNER_PAT) == (403, "PERMISSION_DENIED")
    _, summary = await world.ask("GET", f"{UC}/metastore_summary", OWNER_PAT)
    assert summary["external_access_enabled"] is False
    await world.allow_outside()
    _, summary = await world.ask("GET", f"{UC}/metastore_summary", OWNER_PAT)
    assert summary["external_access_enabled"] is True
    assert await world.refused("PATCH", f"{UC}/metastores/{METASTORE}", json={"external": 1}) == (
        400,
        "INVALID_PARAMETER_VALUE",
    )


async def test_lists_leave_out_what_the_caller_cannot_see(world: World) -> None:
    assert await world.ask("GET", f"{UC}/catalogs", READER) == (200, {})
    assert await world.refused("GET", f"{UC}/schemas?catalog_name=sales", READER) == (403, "PERMISSION_DENIED")
    assert await world.refused("GET", f"{UC}/schemas?catalog_name=none", READER) == (404, "CATALOG_DOES_NOT_EXIST")
    await world.grant("catalog", "sales", "USE_CATALOG")
    await world.grant("schema", "sales.orders", "USE_SCHEMA")
    _, schemas = await world.ask("GET", f"{UC}/schemas?catalog_name=sales", READER)
    assert [each["name"] for each in schemas["schemas"]] == ["orders"]
    tables = f"{UC}/tables?catalog_name=sales&schema_name=orders"
    assert await world.every(tables, "tables", READER) == []
    await world.grant("table", CUSTOMERS, "SELECT")
    assert [each["full_name"] for each in await world.every(tables, "tables", READER)] == [CUSTOMERS]
    assert await world.refused("GET", f"{UC}/tables/sales.orders.lines", READER) == (403, "PERMISSION_DENIED")
    assert await world.refused("GET", f"{UC}/tables/sales.orders.none", READER) == (404, "TABLE_DOES_NOT_EXIST")
    assert await world.refused("GET", f"{UC}/tables/sales.none.x", READER) == (404, "SCHEMA_DOES_NOT_EXIST")
    assert await world.refused("GET", f"{UC}/tables/sales.orders", READER) == (400, "INVALID_PARAMETER_VALUE")


async def test_browsing_must_be_asked_for(world: World) -> None:
    await world.grant("catalog", "sales", "BROWSE")
    assert await world.ask("GET", f"{UC}/catalogs", READER) == (200, {})
    _, found = await world.ask("GET", f"{UC}/catalogs?include_browse=true", READER)
    assert [(each["name"], each["browse_only"]) for each in found["catalogs"]] == [("sales", True)]
    assert await world.refused("GET", f"{UC}/tables/{CUSTOMERS}", READER) == (403, "PERMISSION_DENIED")
    _, table = await world.ask("GET", f"{UC}/tables/{CUSTOMERS}?include_browse=true", READER)
    assert table["browse_only"] is True
    assert "storage_location" not in table


async def test_a_list_of_tables_leaves_out_constraints_that_a_read_has(world: World) -> None:
    tables = f"{UC}/tables?catalog_name=sales&schema_name=orders"
    _, found = await world.ask("GET", tables)
    assert not any("table_constraints" in each or "securable_kind_manifest" in each for each in found["tables"])
    _, found = await world.ask("GET", f"{tables}&omit_columns=true&omit_properties=true&omit_username=true")
    assert not any({"columns", "properties", "owner"} & set(each) for each in found["tables"])
    _, table = await world.ask("GET", f"{UC}/tables/{CUSTOMERS}?include_manifest_capabilities=true")
    assert table["table_constraints"][0]["primary_key_constraint"]["child_columns"] == ["id"]
    assert table["securable_kind_manifest"]["securable_kind"] == "TABLE_DELTA_EXTERNAL"
    assert table["columns"][0]["type_name"] == "LONG"


async def test_pages_may_be_empty_and_not_the_last(world: World) -> None:
    await world.grant("catalog", "sales", "USE_CATALOG", "USE_SCHEMA")
    await world.grant("table", "sales.orders.lines", "SELECT")
    tables = f"{UC}/tables?catalog_name=sales&schema_name=orders&max_results=2"
    query, pages = "", []
    while True:
        _, found = await world.ask("GET", tables + query, READER)
        pages.append([each["name"] for each in found.get("tables", ())])
        if "next_page_token" not in found:
            break
        query = f"&page_token={found['next_page_token']}"
    assert pages == [[], ["lines"], []]
    assert await world.refused("GET", f"{tables}&page_token=x") == (400, "INVALID_PARAMETER_VALUE")
    assert await world.refused("GET", f"{UC}/catalogs?max_results=-1") == (400, "INVALID_PARAMETER_VALUE")


async def test_the_behaviours_page_size_holds_for_every_list(world: World) -> None:
    world.cloud.behaviour = world.cloud.behaviour.model_copy(update={"page_size": 1})
    _, found = await world.ask("GET", f"{UC}/schemas?catalog_name=sales")
    assert len(found["schemas"]) == 1
    assert "next_page_token" in found


async def test_summaries_match_like_patterns(world: World) -> None:
    found = await world.every(f"{UC}/table-summaries?catalog_name=sales&schema_name_pattern=ord%25", "tables")
    assert len(found) == 6
    assert found[0]["full_name"] == CUSTOMERS
    found = await world.every(f"{UC}/table-summaries?catalog_name=sales&table_name_pattern=t_p", "tables")
    assert [each["full_name"] for each in found] == ["sales.staging.tmp"]


async def test_grants_take_application_ids_and_refuse_object_ids(world: World) -> None:
    change = {"changes": [{"principal": READER, "add": ["SELECT"]}]}
    path = f"{UC}/permissions/table/{CUSTOMERS}"
    assert await world.refused("PATCH", path, OWNER_PAT, json=change) == (404, "PRINCIPAL_DOES_NOT_EXIST")
    change = {"changes": [{"principal": READER_APP, "add": ["USE_CATALOG"]}]}
    assert await world.refused("PATCH", path, OWNER_PAT, json=change) == (400, "INVALID_PARAMETER_VALUE")
    change = {"changes": [{"principal": READER_APP, "add": ["USE SCHEMA"]}]}
    assert await world.refused("PATCH", path, OWNER_PAT, json=change) == (400, "INVALID_PARAMETER_VALUE")
    change = {"changes": [{"principal": READER_APP, "add": ["SELECT"]}]}
    assert await world.refused("PATCH", path, READER, json=change) == (403, "PERMISSION_DENIED")
    await world.grant("table", CUSTOMERS, "SELECT")
    _, held = await world.ask("GET", path)
    assert held == {"privilege_assignments": [{"principal": READER_APP, "privileges": ["SELECT"]}]}
    status, after = await world.ask(
        "PATCH", path, OWNER_PAT, json={"changes": [{"principal": READER_APP, "remove": ["SELECT"]}]}
    )
    assert (status, after) == (200, {})
    assert await world.ask("GET", path) == (200, {})


async def test_only_the_catalogs_owner_grants_external_use_schema(world: World) -> None:
    path = f"{UC}/permissions/schema/sales.orders"
    change = {"changes": [{"principal": READER_APP, "add": ["EXTERNAL_USE_SCHEMA"]}]}
    assert await world.refused("PATCH", path, RUNNER, json=change) == (403, "PERMISSION_DENIED")
    await world.grant("catalog", "sales", "MANAGE", to=RUNNER_APP)
    assert await world.refused("PATCH", path, RUNNER, json=change) == (403, "PERMISSION_DENIED")
    status, _ = await world.ask("PATCH", path, OWNER_PAT, json=change)
    assert status == 200


async def test_effective_permissions_expand_inheritance_but_not_groups(world: World) -> None:
    await world.grant("catalog", "sales", "USE_CATALOG", "EXTERNAL_USE_SCHEMA")
    await world.grant("catalog", "sales", "SELECT", to="analysts")
    await world.grant("schema", "sales.orders", "USE_SCHEMA")
    path = f"{UC}/effective-permissions/SCHEMA/sales.orders"
    _, found = await world.ask("GET", f"{path}?principal={READER_APP}&max_results=0")
    (row,) = found["privilege_assignments"]
    origin = {"inherited_from_type": "CATALOG", "inherited_from_name": "sales"}
    assert row == {
        "principal": READER_APP,
        "privileges": [{"privilege": "USE_SCHEMA"}, {"privilege": "EXTERNAL_USE_SCHEMA", **origin}],
    }
    everyone = await world.every(path, "privilege_assignments")
    assert [each["principal"] for each in everyone] == [READER_APP, "analysts"]
    assert await world.refused("GET", f"{path}?max_results=149") == (400, "INVALID_PARAMETER_VALUE")
    assert await world.refused("GET", f"{path}?principal={READER}") == (404, "PRINCIPAL_DOES_NOT_EXIST")


async def test_others_see_only_their_own_grants(world: World) -> None:
    await world.grant("schema", "sales.orders", "USE_SCHEMA")
    path = f"{UC}/permissions/schema/sales.orders"
    assert await world.refused("GET", path, READER) == (403, "PERMISSION_DENIED")
    await world.grant("catalog", "sales", "USE_CATALOG", to="analysts")
    await world.grant("schema", "sales.orders", "SELECT", to=RUNNER_APP)
    _, found = await world.ask("GET", path, READER)
    assert [each["principal"] for each in found["privilege_assignments"]] == [READER_APP]
    assert await world.refused("GET", f"{path}?principal={OWNER}", READER) == (403, "PERMISSION_DENIED")


async def test_pages_of_grants_never_tear_an_assignment(world: World) -> None:
    world.cloud.behaviour = world.cloud.behaviour.model_copy(update={"page_size": 2})
    for principal in (READER_APP, RUNNER_APP):
        await world.grant("catalog", "sales", "USE_CATALOG", "USE_SCHEMA", to=principal)
    path = f"{UC}/permissions/catalog/sales?max_results=0"
    _, first = await world.ask("GET", path)
    _, second = await world.ask("GET", f"{path}&page_token={first['next_page_token']}")
    assert [len(each["privilege_assignments"]) for each in (first, second)] == [1, 1]
    assert "next_page_token" not in second


SCIM = "/api/2.0/preview/scim/v2"


async def test_scim_tells_admins_the_groups_and_their_entra_ids(world: World) -> None:
    assert (await world.ask("GET", f"{SCIM}/Groups", READER))[0] == 403
    _, found = await world.ask("GET", f'{SCIM}/Groups?filter=displayName eq "analysts"')
    (group,) = found["Resources"]
    assert group["externalId"] == "44440000-0000-4000-8000-00000000a001"
    _, member = await world.ask("GET", f"{SCIM}/{group['members'][0]['$ref']}")
    assert member["applicationId"] == READER_APP
    assert member["externalId"] == READER
    _, page = await world.ask("GET", f"{SCIM}/Groups?startIndex=2&count=1&attributes=displayName")
    assert (page["totalResults"], page["itemsPerPage"]) == (3, 1)
    assert set(page["Resources"][0]) == {"id", "schemas", "displayName"}
    assert (await world.ask("GET", f"{SCIM}/Groups/1"))[0] == 404
    assert (await world.ask("GET", f"{SCIM}/Groups?filter=meta.x pr"))[0] == 400
    assert (await world.ask("GET", f'{SCIM}/Groups?filter=nickName eq "x"'))[0] == 400
    assert (await world.ask("GET", f"{SCIM}/Groups?sortBy=nickName"))[0] == 400
    _, me = await world.ask("GET", f"{SCIM}/Me", READER)
    assert (me["userName"], me.get("applicationId")) == (READER_APP, None)


async def test_admins_read_the_workspaces_configuration(world: World) -> None:
    assert await world.ask("GET", "/api/2.0/workspace-conf?keys=enableIpAccessLists") == (
        200,
        {"enableIpAccessLists": None},
    )
    assert (await world.refused("GET", "/api/2.0/workspace-conf?keys=x"))[0] == 400
    assert (await world.refused("GET", "/api/2.0/workspace-conf?keys=enableIpAccessLists", READER))[0] == 403
    assert await world.ask("GET", "/api/2.0/ip-access-lists") == (200, {})
    assert (await world.refused("GET", "/api/2.0/ip-access-lists", READER))[0] == 403


async def test_a_refused_change_leaves_nothing_behind(world: World) -> None:
    path = f"{UC}/permissions/catalog/sales"
    changes = [{"principal": READER_APP, "add": ["SELECT"]}, {"principal": "nobody", "add": ["SELECT"]}]
    assert await world.refused("PATCH", path, OWNER_PAT, json={"changes": changes}) == (404, "PRINCIPAL_DOES_NOT_EXIST")
    assert await world.ask("GET", path) == (200, {})


async def test_time_is_the_clouds(tmp_path: Path) -> None:
    wall = Wall()
    cloud = uc_cloud(tmp_path, wall)
    assert state.metastore(cloud, METASTORE) is not None
    wall.seconds += 10
    async with serve(cloud, [("/databricks", make_service())]) as client:
        world = World(cloud, client)
        await world.allow_outside()
        _, found = await world.ask("GET", f"{UC}/metastores/{METASTORE}")
    assert found["updated_at"] - found["created_at"] == 10_000
    assert found["updated_by"] == RUNNER_APP
