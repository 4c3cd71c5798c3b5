"""Rules of mirrored catalogs and their discovery, broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.emulator.rules.registry import breaks
from tests.emulator.rules.seed import (
    CONNECTOR_APP,
    DATABRICKS,
    EDITOR,
    NOBODY,
    OWNER,
    PRIVATE,
    SPACE,
    SPENT,
)  # fmt: skip
from tests.emulator.rules.world import CATALOGS, Answer, World, by_definition, definition, parts, payload


async def create(world: World, body: Mapping[str, Any], who: str = "") -> Answer:
    return await (world.fabric("POST", CATALOGS, body, who) if who else world.fabric("POST", CATALOGS, body))


async def fails(world: World, body: Mapping[str, Any]) -> str:
    return await world.failure(await create(world, body))


async def status(world: World, item: str) -> Any:
    return (await world.fabric("GET", f"{CATALOGS}/{item}")).ok()["properties"]["syncDetails"]


@breaks("fabric.mirror.one_way")
async def test_by_payload_and_by_definition_at_once(world: World) -> None:
    assert (await create(world, {**payload(), **by_definition(definition())})).verdict == (400, "InvalidInput")


@breaks("fabric.mirror.fails_late")
async def test_a_bad_definition_is_accepted_first(world: World) -> None:
    assert await fails(world, by_definition({"$schema": None, "catalogName": "sales"})) == "CorruptedPayload"
    assert "again" not in [each["displayName"] for each in await world.every(CATALOGS)]


@breaks("fabric.mirror.connection_known")
async def test_a_connection_that_is_not_there(world: World) -> None:
    assert await fails(world, payload(databricksWorkspaceConnectionId=NOBODY)) == "EntityNotFound"
    assert await fails(world, payload(storageConnectionId=NOBODY)) == "EntityNotFound"


@breaks("fabric.mirror.connection_usable")
async def test_somebody_elses_connection(world: World) -> None:
    assert await fails(world, payload(databricksWorkspaceConnectionId=PRIVATE)) == "EntityNotFound"


@breaks("fabric.mirror.connection_type")
async def test_a_databricks_connection_in_place_of_storage(world: World) -> None:
    assert await fails(world, payload(storageConnectionId=DATABRICKS)) == "InvalidRequest"


@breaks("fabric.mirror.signs_in")
async def test_the_token_of_someone_who_left_databricks(world: World) -> None:
    assert await fails(world, payload(databricksWorkspaceConnectionId=SPENT)) == "InvalidRequest"


@breaks("fabric.mirror.catalog_seen")
async def test_a_catalog_that_the_connection_does_not_see(world: World) -> None:
    assert await fails(world, payload("private")) == "EntityNotFound"


@breaks("fabric.mirror.catalog_type")
async def test_a_foreign_catalog(world: World) -> None:
    assert await fails(world, payload("lent")) == "InvalidRequest"


def schema(mode: str, *tables: tuple[str, str], name: str = "orders") -> dict[str, Any]:
    listed = [{"name": table, "mirroringMode": each} for table, each in tables]
    return {"name": name, "mirroringMode": mode, **({"tables": listed} if listed else {})}


@breaks("fabric.mirror.exclude_schema")
async def test_a_schema_excluded_from_a_partial_catalog(world: World) -> None:
    body = definition("Partial", [schema("Exclude")])
    assert await fails(world, by_definition(body)) == "CorruptedPayload"


@breaks("fabric.mirror.exclude_table")
async def test_a_table_excluded_from_a_partial_schema(world: World) -> None:
    body = definition("Full", [schema("Partial", ("lines", "Exclude"))])
    assert await fails(world, by_definition(body)) == "CorruptedPayload"


@breaks("fabric.mirror.excluded_is_empty")
async def test_an_excluded_schema_with_tables(world: World) -> None:
    body = definition("Full", [schema("Exclude", ("lines", "Full"))])
    assert await fails(world, by_definition(body)) == "CorruptedPayload"


@breaks("fabric.mirror.listed_once")
async def test_a_schema_listed_twice(world: World) -> None:
    body = definition("Full", [schema("Full"), schema("Partial")])
    assert await fails(world, by_definition(body)) == "CorruptedPayload"


@breaks("fabric.mirror.parts")
async def test_a_definition_with_a_part_that_is_none(world: World) -> None:
    body = {"displayName": "again", "definition": parts(**{"definition.json": definition(), "other.json": {}})}
    assert (await create(world, body)).verdict == (400, "CorruptedPayload")


async def redefine(world: World, document: Any, item: str = "") -> Answer:
    body = {"definition": parts(**{"definition.json": document})}
    return await world.fabric("POST", f"{CATALOGS}/{item or world.item}/updateDefinition", body)


@breaks("fabric.mirror.fixed")
async def test_another_catalog_for_an_item(world: World) -> None:
    answer = await redefine(world, definition(catalogName="hr"))
    assert await world.failure(answer) == "CorruptedPayload"


async def refresh(world: World) -> Answer:
    return await world.fabric("POST", f"{CATALOGS}/{world.item}/refreshCatalogMetadata")


async def while_syncing(world: World) -> None:
    """Starts a sync that runs for a while yet."""
    await world.behave(sync_seconds=600)
    await world.done(await refresh(world))


@breaks("fabric.mirror.idle_update")
async def test_an_update_during_a_sync(world: World) -> None:
    await while_syncing(world)
    body = {"properties": {"autoSync": "Disabled"}}
    assert (await world.fabric("PATCH", f"{CATALOGS}/{world.item}", body)).verdict == (409, "InvalidRequest")


@breaks("fabric.mirror.idle_definition")
async def test_a_definition_during_a_sync(world: World) -> None:
    await while_syncing(world)
    refused = await redefine(world, definition())
    assert refused.verdict == (409, "OperationNotSupportedForItem")
    assert refused.body["isRetriable"] is True
    await world.wait(600)
    assert (await redefine(world, definition())).status == 202


@breaks("fabric.mirror.idle_refresh")
async def test_a_refresh_during_a_sync(world: World) -> None:
    await while_syncing(world)
    assert (await refresh(world)).verdict == (409, "OperationNotSupportedForItem")


async def mirrored(world: World, document: Any, table: str = "orders") -> list[str]:
    item = await world.mirror(by_definition(document))
    return await world.tables(item, table)


@breaks("fabric.mirror.full")
async def test_a_full_schema_but_for_what_is_excluded(world: World) -> None:
    assert await mirrored(world, definition("Full", [schema("Full", ("lines", "Exclude"))])) == ["headers"]


@breaks("fabric.mirror.partial")
async def test_a_partial_schema(world: World) -> None:
    assert await mirrored(world, definition("Full", [schema("Partial", ("lines", "Full"))])) == ["lines"]


@breaks("fabric.mirror.types")
async def test_streaming_tables_are_left_out(world: World) -> None:
    assert "streamed" not in await mirrored(world, definition())


@breaks("fabric.mirror.delta")
async def test_csv_tables_are_left_out(world: World) -> None:
    assert "csv" not in await mirrored(world, definition())


@breaks("fabric.mirror.row_filters")
async def test_filtered_tables_are_left_out(world: World) -> None:
    assert "filtered" not in await mirrored(world, definition())


@breaks("fabric.mirror.masks")
async def test_masked_tables_are_left_out(world: World) -> None:
    assert "masked" not in await mirrored(world, definition())


@breaks("fabric.mirror.policies")
async def test_tables_under_a_policy_are_left_out(world: World) -> None:
    assert "policied" not in await mirrored(world, definition())


@breaks("fabric.mirror.one_account")
async def test_tables_in_another_account_are_left_out(world: World) -> None:
    assert "external" not in await mirrored(world, definition())


@breaks("fabric.mirror.sees")
async def test_what_the_connection_does_not_see_is_left_out(world: World) -> None:
    item = await world.mirror(by_definition(definition()))
    assert await world.names(f"onelake/{SPACE}//{item}/Tables") == ["customers", "orders"]


DROPPED = "sales.orders.headers"


@breaks("fabric.mirror.auto_sync")
async def test_tables_come_and_go_by_automatic_sync(world: World) -> None:
    assert await world.tables() == ["headers", "lines"]
    for wanted in ("Disabled", "Enabled"):
        (await world.fabric("PATCH", f"{CATALOGS}/{world.item}", {"properties": {"autoSync": wanted}})).ok()
    (await world.unity("DELETE", f"/tables/{DROPPED}", who=OWNER)).ok()
    (await world.unity("DELETE", "/schemas/sales.customers?force=true", who=OWNER)).ok()
    grant = {"changes": [{"principal": CONNECTOR_APP, "add": ["USE_SCHEMA", "SELECT"]}]}
    (await world.unity("PATCH", "/permissions/schema/sales.secret", grant, OWNER)).ok()
    await world.wait(901)
    await world.wait()
    assert await world.tables() == ["lines"]
    assert await world.names(f"onelake/{SPACE}//{world.item}/Tables") == ["orders", "secret"]


@breaks("fabric.mirror.auto_sync_off")
async def test_nothing_comes_or_goes_without_automatic_sync(world: World) -> None:
    off = {"properties": {"autoSync": "Disabled"}}
    (await world.fabric("PATCH", f"{CATALOGS}/{world.item}", off)).ok()
    (await world.unity("DELETE", f"/tables/{DROPPED}", who=OWNER)).ok()
    await world.wait(901)
    await world.wait()
    assert await world.tables() == ["headers", "lines"]
    await world.done(await refresh(world))
    await world.wait()
    assert await world.tables() == ["lines"]


@breaks("fabric.mirror.auto_sync_default")
async def test_automatic_sync_is_on_at_first(world: World) -> None:
    item = await world.mirror(by_definition(definition(autoSync="Disabled")))
    assert (await world.fabric("GET", f"{CATALOGS}/{item}")).ok()["properties"]["autoSync"] == "Enabled"


@breaks("fabric.mirror.limit")
async def test_more_tables_than_shortcuts(world: World) -> None:
    await world.behave(shortcut_limit=2)
    item = await world.mirror(by_definition(definition()))
    assert (await status(world, item))["status"] == "Failed"


async def vended(world: World) -> Answer:
    """Reading a table whose item has no storage connection."""
    return await world.read(await world.mirror(), "Tables/staff/people")


@breaks("fabric.mirror.vended")
async def test_no_external_use_schema_where_credentials_are_vended(world: World) -> None:
    revoke = {"changes": [{"principal": CONNECTOR_APP, "remove": ["EXTERNAL_USE_SCHEMA"]}]}
    (await world.unity("PATCH", "/permissions/catalog/hr", revoke, OWNER)).ok()
    assert (await vended(world)).verdict == (403, "AuthorizationFailure")


def discovery(path: str = "", connection: str = DATABRICKS) -> str:
    return f"/workspaces/{SPACE}/azureDatabricks/catalogs{path}?databricksWorkspaceConnectionId={connection}"


@breaks("fabric.discovery.error_field")
async def test_discovery_of_what_can_not_be_seen(world: World) -> None:
    body = (await world.fabric("GET", discovery("/private/schemas"))).ok()
    assert (body["value"], body["Error"]["errorCode"]) == ([], "EntityNotFound")


@breaks("fabric.discovery.usable")
async def test_discovery_by_somebody_elses_connection(world: World) -> None:
    assert (await world.fabric("GET", discovery(), who=EDITOR)).verdict == (404, "EntityNotFound")


@breaks("fabric.discovery.mirrorable")
async def test_discovery_of_tables_that_can_not_be_mirrored(world: World) -> None:
    found = [each["name"] for each in await world.every(discovery("/sales/schemas/orders/tables"))]
    assert found == ["external", "headers", "lines"]
