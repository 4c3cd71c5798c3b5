"""What is vended, made, dropped and given away in Unity Catalog, and what is put on its securables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from cloud_emulator.unity_catalog import state
from cloud_emulator.unity_catalog.seed import UnityCatalogSeed, load
from cloud_emulator.unity_catalog.service import make_service
from tests.emulator.support import RUNNER, serve, small_cloud
from tests.emulator.uc_world import (
    LAKE,
    METASTORE,
    OWNER,
    OWNER_PAT,
    READER,
    UC,
    World,
    account,
    served_world,
)

CUSTOMERS = "sales.orders.customers"


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with served_world(tmp_path) as made:
        yield made


async def credentials(world: World, who: str = READER, **more: Any) -> tuple[int, dict[str, Any]]:
    table_id = state.table_of(world.cloud, "tables")[state.key(METASTORE, CUSTOMERS)]["table_id"]
    body = {"table_id": table_id, "operation": "READ", **more}
    return await world.ask("POST", "/api/2.0/unity-catalog/temporary-table-credentials", who, json=body)


async def test_table_credentials_need_every_right(world: World) -> None:
    await world.grant("catalog", "sales", "ALL_PRIVILEGES")
    status, body = await credentials(world)
    assert (status, body["error_code"]) == (403, "EXTERNAL_ACCESS_DISABLED_ON_METASTORE")
    await world.allow_outside()
    status, body = await credentials(world)
    assert (status, body["error_code"]) == (403, "PERMISSION_DENIED")
    await world.grant("schema", "sales.orders", "EXTERNAL_USE_SCHEMA")
    status, body = await credentials(world)
    assert (status, body["url"]) == (200, f"{LAKE}/sales/customers")
    assert "sig=" in body["azure_user_delegation_sas"]["sas_token"]
    assert body["expiration_time"] == int((world.cloud.clock.time() + 3600) * 1000)
    status, body = await credentials(world, table_id="none")
    assert (status, body["error_code"]) == (404, "TABLE_DOES_NOT_EXIST")
    status, body = await credentials(world, operation="WRITE")
    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


async def test_path_credentials_need_external_use_location(world: World) -> None:
    await world.allow_outside()
    path, url = "/api/2.0/unity-catalog/temporary-path-credentials", f"{LAKE}/sales/customers"
    body = {"url": url, "operation": "PATH_READ"}
    await world.grant("external_location", "lake", "ALL_PRIVILEGES")
    assert await world.refused("POST", path, READER, json=body) == (403, "PERMISSION_DENIED")
    await world.grant("external_location", "lake", "EXTERNAL_USE_LOCATION")
    assert await world.refused("POST", path, READER, json=body) == (403, "PERMISSION_DENIED")
    await world.grant("schema", "sales.orders", "EXTERNAL_USE_SCHEMA")
    status, _ = await world.ask("POST", path, READER, json=body)
    assert status == 200
    elsewhere = {"url": "abfss://lake@other.dfs.core.windows.net/x", "operation": "PATH_READ"}
    assert await world.refused("POST", path, READER, json=elsewhere) == (404, "EXTERNAL_LOCATION_DOES_NOT_EXIST")


async def test_schemas_and_tables_are_made_and_dropped(world: World) -> None:
    new = {"name": "fresh", "catalog_name": "sales"}
    assert await world.refused("POST", f"{UC}/schemas", READER, json=new) == (403, "PERMISSION_DENIED")
    status, schema = await world.ask("POST", f"{UC}/schemas", OWNER_PAT, json=new)
    assert (status, schema["full_name"], schema["owner"]) == (200, "sales.fresh", OWNER)
    assert await world.refused("POST", f"{UC}/schemas", OWNER_PAT, json=new) == (409, "SCHEMA_ALREADY_EXISTS")
    table = {
        "name": "t", "catalog_name": "sales", "schema_name": "fresh", "table_type": "EXTERNAL",
        "data_source_format": "DELTA", "storage_location": f"{LAKE}/sales/t",
    }  # fmt: skip
    await world.allow_outside()
    assert await world.refused("POST", f"{UC}/tables", OWNER_PAT, json=table) == (403, "PERMISSION_DENIED")
    await world.grant("catalog", "sales", "EXTERNAL_USE_SCHEMA", to=OWNER)
    await world.grant("external_location", "lake", "EXTERNAL_USE_LOCATION", "CREATE_EXTERNAL_TABLE", to=OWNER)
    status, made = await world.ask("POST", f"{UC}/tables", OWNER_PAT, json=table)
    assert (status, made["full_name"]) == (200, "sales.fresh.t")
    assert await world.refused("POST", f"{UC}/tables", OWNER_PAT, json={**table, "table_type": "MANAGED"}) == (
        400,
        "INVALID_PARAMETER_VALUE",
    )
    assert await world.refused("DELETE", f"{UC}/schemas/sales.fresh", OWNER_PAT) == (400, "SCHEMA_NOT_EMPTY")
    assert await world.refused("DELETE", f"{UC}/tables/sales.fresh.t", READER) == (403, "PERMISSION_DENIED")
    assert await world.ask("DELETE", f"{UC}/tables/sales.fresh.t", OWNER_PAT) == (200, {})
    assert await world.ask("DELETE", f"{UC}/schemas/sales.fresh", OWNER_PAT) == (200, {})
    assert await world.refused("GET", f"{UC}/schemas/sales.fresh") == (404, "SCHEMA_DOES_NOT_EXIST")


async def test_ownership_changes_hands(world: World) -> None:
    change = {"owner": "analysts"}
    assert await world.refused("PATCH", f"{UC}/catalogs/sales", READER, json=change) == (403, "PERMISSION_DENIED")
    status, catalog = await world.ask("PATCH", f"{UC}/catalogs/sales", RUNNER, json=change)
    assert (status, catalog["owner"]) == (200, "analysts")
    assert await world.refused("PATCH", f"{UC}/schemas/sales.orders", RUNNER, json={"comment": "x"}) == (
        403,
        "PERMISSION_DENIED",
    )
    status, _ = await world.ask("PATCH", f"{UC}/tables/{CUSTOMERS}", READER, json=change)
    assert status == 200
    _, table = await world.ask("GET", f"{UC}/tables/{CUSTOMERS}", READER)
    assert table["owner"] == "analysts"


async def test_locations_and_credentials_show_to_those_who_hold_something(world: World) -> None:
    assert await world.ask("GET", f"{UC}/external-locations", READER) == (200, {})
    assert await world.refused("GET", f"{UC}/external-locations/lake", READER) == (403, "PERMISSION_DENIED")
    await world.grant("external_location", "lake", "READ_FILES")
    _, found = await world.ask("GET", f"{UC}/external-locations", READER)
    assert [each["url"] for each in found["external_locations"]] == [f"{LAKE}/sales"]
    _, found = await world.ask("GET", f"{UC}/storage-credentials")
    assert found["storage_credentials"][0]["azure_managed_identity"]["access_connector_id"]
    _, found = await world.ask("GET", f"{UC}/credentials?purpose=STORAGE")
    assert found["credentials"][0]["purpose"] == "STORAGE"
    assert await world.refused("GET", f"{UC}/credentials/none") == (404, "STORAGE_CREDENTIAL_DOES_NOT_EXIST")


async def test_tags_show_to_those_who_see_what_they_are_on(world: World) -> None:
    path = f"{UC}/entity-tag-assignments/tables/{CUSTOMERS}/tags"
    _, found = await world.ask("GET", path)
    assert [(each["tag_key"], each["tag_value"]) for each in found["tag_assignments"]] == [("pii", "yes")]
    assert await world.refused("GET", path, READER) == (403, "PERMISSION_DENIED")
    wrong = f"{UC}/entity-tag-assignments/schemas/{CUSTOMERS}/tags"
    assert await world.refused("GET", wrong) == (400, "INVALID_PARAMETER_VALUE")


async def test_policies_show_to_managers_with_what_is_inherited(tmp_path: Path) -> None:
    section = account()
    section["metastores"][0]["policies"] = [
        {
            "name": "hide", "on_securable_type": "CATALOG", "on_securable_fullname": "sales",
            "policy_type": "POLICY_TYPE_ROW_FILTER", "to_principals": ["analysts"], "function_name": "f",
        }
    ]  # fmt: skip
    cloud = small_cloud(tmp_path)
    load(cloud, UnityCatalogSeed.model_validate(section))
    cloud.store.commit()
    async with serve(cloud, [("/databricks", make_service())]) as client:
        world = World(cloud, client)
        path = f"{UC}/policies/TABLE/{CUSTOMERS}"
        assert await world.ask("GET", path) == (200, {})
        _, found = await world.ask("GET", f"{path}?include_inherited=true")
        assert found["policies"][0]["row_filter"] == {"function_name": "f"}


async def test_the_request_log_tells_writes_from_vending(world: World) -> None:
    await world.allow_outside()
    await credentials(world)
    assert [each["effect"] for each in world.cloud.requests] == ["write", "auth"]
