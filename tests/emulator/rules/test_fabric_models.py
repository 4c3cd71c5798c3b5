"""Rules of SQL analytics endpoints, semantic models and their refreshes, broken."""

from __future__ import annotations

from typing import Any

from tests.emulator.rules.registry import breaks
from tests.emulator.rules.seed import ALICE, EDITOR, HOST, NOBODY, OPEN, PRIVATE, SPACE
from tests.emulator.rules.world import Answer, World, parts, payload

MODELS = f"/workspaces/{SPACE}/semanticModels"
PBISM = {
    "$schema": (
        "https://developer.microsoft.com/json-schemas/fabric/item/semanticModel/definitionProperties/1.0.0/schema.json"
    ),
    "version": "4.2",
    "settings": {},
}
TABLE = """\
table lines
	column id
		dataType: int64
		sourceColumn: id

	partition lines = entity
		mode: directLake
		source
			entityName: {table}
			schemaName: {schema}
			expressionSource: Lake
"""


def model(item: str, name: str = "Sales", table: str = "lines", schema: str = "orders", **more: Any) -> dict[str, Any]:
    """The body that creates a model of one table."""
    url = f"https://onelake.dfs.fabric.microsoft.com/{SPACE}/{item}"
    source = f'AzureStorage.DataLake("{url}", [HierarchicalNavigation=true])'
    contents = {
        "definition.pbism": PBISM,
        "definition/database.tmdl": "database\n\tcompatibilityLevel: 1604\n",
        "definition/model.tmdl": "model Model\n\tculture: en-US\n\nref table lines\n",
        "definition/expressions.tmdl": f"expression Lake =\n\t\tlet\n\t\t\tSource = {source}\n\t\tin\n\t\t\tSource\n",
        "definition/tables/lines.tmdl": TABLE.format(table=table, schema=schema),
        **more,
    }
    return {"displayName": name, "definition": {"format": "TMDL", **parts(**contents)}}


async def fails(world: World, body: dict[str, Any]) -> str:
    return await world.failure(await world.fabric("POST", MODELS, body))


async def make(world: World, body: dict[str, Any]) -> str:
    return str((await world.done(await world.fabric("POST", MODELS, body)))["id"])


@breaks("fabric.models.fails_late", "fabric.models.well_formed")
async def test_a_model_that_is_none(world: World) -> None:
    body = model(world.item, **{"definition/tables/lines.tmdl": "table lines\n\tnonsense\n"})
    assert await fails(world, body) == "Workload_FailedToParseFile"


IMPORT = "Dataset_Import_FailedToImportDataset"


@breaks("fabric.models.source_item")
async def test_a_model_of_an_item_that_is_not_there(world: World) -> None:
    assert await fails(world, model(NOBODY)) == IMPORT


@breaks("fabric.models.source_table")
async def test_a_model_of_a_table_that_is_not_there(world: World) -> None:
    assert await fails(world, model(world.item, table="nothing")) == IMPORT


def binding(connection: str) -> dict[str, Any]:
    details = {"type": "AzureDatabricksWorkspace", "path": f"https://{HOST}"}
    return {
        "connectionBinding": {
            "id": connection, "connectivityType": "ShareableCloud", "connectionDetails": details,
        }
    }  # fmt: skip


@breaks("fabric.models.owner_binds")
async def test_somebody_else_binds_a_model(world: World) -> None:
    path = f"{MODELS}/{await make(world, model(world.item))}/bindConnection"
    answer = await world.fabric("POST", path, binding(PRIVATE), EDITOR)
    assert answer.verdict == (403, "InsufficientPrivileges")


@breaks("fabric.models.bound_usable")
async def test_a_model_is_bound_to_somebody_elses_connection(world: World) -> None:
    path = f"{MODELS}/{await make(world, model(world.item))}/bindConnection"
    assert (await world.fabric("POST", path, binding(PRIVATE))).verdict == (400, "InvalidRequest")


async def refresh(world: World, item: str) -> Answer:
    body = {"type": "Full"}
    return await world.power_bi("POST", f"/groups/{SPACE}/datasets/{item}/refreshes", body)


async def outcome(world: World, item: str) -> str:
    await world.wait()
    found = (await world.power_bi("GET", f"/groups/{SPACE}/datasets/{item}/refreshes")).ok()
    return str(found["value"][0]["status"])


@breaks("fabric.models.framing")
async def test_a_table_without_a_log_is_refreshed(world: World) -> None:
    item = await world.mirror(payload("hr", "hr", storage=False))
    made = await make(world, model(item, table="people", schema="staff"))
    assert (await refresh(world, made)).status == 202
    assert await outcome(world, made) == "Completed"
    (await world.storage("DELETE", f"{OPEN}/lake/hr/staff/people/_delta_log?recursive=true")).ok()
    assert (await refresh(world, made)).status == 202
    assert await outcome(world, made) == "Failed"


@breaks("fabric.models.one_refresh")
async def test_a_refresh_during_another(world: World) -> None:
    made = await make(world, model(world.item))
    assert (await refresh(world, made)).status == 202
    assert (await refresh(world, made)).status == 400


def catalog(item: str) -> str:
    return f"/workspaces/{SPACE}/mirroredAzureDatabricksCatalogs/{item}"


@breaks("fabric.sql_endpoint.takes_time")
async def test_an_endpoint_right_after_its_item(world: World) -> None:
    await world.behave(sql_endpoint_seconds=60)
    item = await world.mirror(payload("hr", "hr", storage=False))
    assert "sqlEndpointProperties" not in (await world.fabric("GET", catalog(item))).ok()["properties"]
    await world.wait(60)
    assert "sqlEndpointProperties" in (await world.fabric("GET", catalog(item))).ok()["properties"]


async def endpoint(world: World, item: str = "") -> str:
    properties = (await world.fabric("GET", catalog(item or world.item))).ok()["properties"]
    return f"/workspaces/{SPACE}/items/{properties['sqlEndpointProperties']['id']}"


@breaks("fabric.sql_endpoint.follows")
async def test_an_endpoint_is_deleted_by_itself(world: World) -> None:
    path = await endpoint(world)
    assert (await world.fabric("DELETE", path)).verdict == (400, "UnsupportedItemType")
    assert (await world.fabric("PATCH", path, {"displayName": "Mine"})).verdict == (400, "InvalidRequest")


@breaks("fabric.sql_endpoint.people_only")
async def test_a_service_principal_lists_endpoints(world: World) -> None:
    path = f"/workspaces/{SPACE}/sqlEndpoints"
    assert (await world.fabric("GET", path)).verdict == (403, "InsufficientPrivileges")
    assert len(await world.every(path, ALICE)) == 2


@breaks("fabric.sql_endpoint.own_item")
async def test_an_endpoint_is_an_item_of_its_own(world: World) -> None:
    parent = await world.mirror(payload("hr", "hr", storage=False))
    found = (await world.fabric("GET", await endpoint(world, parent))).ok()
    assert (found["type"], found["displayName"]) == ("SQLEndpoint", "hr")
    assert found["id"] != parent
