"""The semantic model on the sample cloud: its options, tables that come and go, and the connection it is bound to."""

from __future__ import annotations

from typing import Any

import pytest

from cloud_emulator.fabric import connections
from cloud_emulator.fabric.items import ITEMS
from cloud_emulator.fabric.semantic_models import REFRESHES
from tests.onboarding.test_drift import NEW_LOCATION, register, write_log
from tests.onboarding.world import World, example, failed
from unity_mirror.errors import CloudError
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.model import StepName
from unity_mirror.plan.tmdl import held_names, tables_shown
from unity_mirror.spec import CatalogSpec
from unity_mirror.steps.model_upkeep import frame
from unity_mirror.steps.runner import Result

WORKSPACE = "55550000-0000-4000-8000-00000000f001"
METRICS = """
version: 0.1
source: sales.orders.fact_sales
measures:
  - {name: revenue, expr: SUM(net_amount)}
  - {name: typical, expr: "percentile(net_amount, 0.5)"}
"""


def model_of(**changes: Any) -> CatalogSpec:
    """examples/sales.yaml with another semantic model."""
    spec = example("sales")
    assert spec.semantic_model is not None
    described = {**spec.semantic_model.model_dump(), **changes}
    return CatalogSpec.model_validate({**spec.model_dump(), "semantic_model": described})


async def definition(world: World, result: Result) -> dict[str, str]:
    async with world.context(example("sales")) as context:
        return await context.clients.fabric.semantic_models.definition(WORKSPACE, str(result.known.semantic_model))


async def settled(world: World, spec: CatalogSpec, *, prune: bool = False) -> Result:
    """Applies, and sees that it works and that a second run finds nothing to do."""
    result = await world.apply(spec, prune=prune)
    assert failed(result.verification) == []
    assert (await world.plan(spec)).plan.changes == ()
    return result


async def test_direct_lake_on_the_sql_endpoint(world: World) -> None:
    result = await settled(world, model_of(storage_mode="sql_endpoint"))
    expression = (await definition(world, result))["definition/expressions.tmdl"]
    assert f'", "{result.known.sql_endpoint}")' in expression
    assert 'Sql.Database("' in expression
    assert ".datawarehouse.fabric.microsoft.com" in expression
    back = await settled(world, example("sales"))
    assert "AzureStorage.DataLake" in (await definition(world, back))["definition/expressions.tmdl"]


async def test_names_folders_and_the_calendar(world: World) -> None:
    result = await settled(world, model_of(names="friendly", display_folders="by_schema"))
    text = "\n".join((await definition(world, result)).values())
    assert "table Sales" in text
    assert "column 'Net Amount'" in text
    assert "dataCategory: Time" in text
    assert "displayFolder: orders" in text


async def test_metric_views_of_the_catalog(world: World) -> None:
    add_metric_view(world)
    result = await settled(world, example("sales"))
    fact = (await definition(world, result))["definition/tables/fact_sales.tmdl"]
    assert "measure revenue = SUM('fact_sales'[net_amount])" in fact
    notes = (await world.plan(example("sales"))).plan.step(StepName.SEMANTIC_MODEL).notes
    assert any("measure typical: the function PERCENTILE isn't translated" in note for note in notes)
    without = await settled(world, model_of(metric_views=False))
    assert "measure" not in (await definition(world, without))["definition/tables/fact_sales.tmdl"]


def add_metric_view(world: World) -> None:
    """A metric view beside the fact table."""
    tables = world.cloud.table("unity_catalog.tables")
    key = next(key for key in tables if key.endswith("sales.orders.recent_sales"))
    body = {**tables[key]["body"], "table_type": "METRIC_VIEW", "view_definition": METRICS}
    tables[key] = {**tables[key], "body": body}
    world.cloud.store.commit()


async def test_relationships_of_the_spec(world: World) -> None:
    wish = {"from_column": "orders.fact_sales.store_key", "to_column": "orders.dim_store.store_key"}
    spec = model_of(relationships="none", more_relationships=[{**wish, "cross_filter": "both"}])
    text = (await definition(world, await settled(world, spec)))["definition/relationships.tmdl"]
    assert text.count("relationship ") == 1
    assert "crossFilteringBehavior: bothDirections" in text


async def test_tables_that_come_and_go_change_the_model_in_place(world: World) -> None:
    first = await settled(world, model_of(tables=["orders.*"]))
    grown = await settled(world, model_of(tables=["orders.*", "marketing.campaigns"]))
    assert grown.known.semantic_model == first.known.semantic_model
    assert TableRef("marketing", "campaigns") in tables_shown(await definition(world, grown))
    kept = await settled(world, model_of(tables=["orders.dim_*"]))
    assert tables_shown(await definition(world, kept)) == tables_shown(await definition(world, grown))
    shrunk = await settled(world, model_of(tables=["orders.dim_*"]), prune=True)
    assert {ref.schema for ref in tables_shown(await definition(world, shrunk))} == {"orders"}
    assert TableRef("orders", "fact_sales") not in tables_shown(await definition(world, shrunk))


async def test_a_table_of_a_name_that_is_in_the_model_already_leaves_that_one_alone(world: World) -> None:
    """Reports know a table by its name; a table of another schema must not take it, nor change it."""
    spec = model_of(tables=["orders.*", "marketing.dim_date"])
    await settled(world, spec)
    await write_log(world, "sales/marketing/dim_date")
    await register(world, "marketing", "dim_date", NEW_LOCATION.replace("orders/returns_again", "marketing/dim_date"))
    grown = await definition(world, await settled(world, spec))
    tables = {TableRef("orders", "dim_date"): "dim_date", TableRef("marketing", "dim_date"): "marketing.dim_date"}
    assert tables.items() <= held_names(grown).items()


async def test_an_inactive_relationship_is_told_with_its_reason(world: World) -> None:
    notes = (await world.plan(example("sales"))).plan.step(StepName.SEMANTIC_MODEL).notes
    assert any("fact_sales[ship_date_key]" in note and "active path" in note for note in notes)


async def test_a_model_is_bound_to_its_connection_once(world: World) -> None:
    result = await world.apply(example("sales"))
    connection_id = connect(world, result)
    spec = model_of(connection=connection_id)
    bound = await settled(world, spec)
    model = world.cloud.table(ITEMS)[str(bound.known.semantic_model)]
    assert list(model["bindings"].values()) == [connection_id]
    world.cloud.table(ITEMS)[str(bound.known.semantic_model)] = {**model, "bindings": {}}
    world.cloud.store.commit()
    (change,) = (await world.plan(spec)).plan.changes
    assert (change.kind, change.reason) == ("Semantic model", "it isn't bound to its connection any more")
    repaired = await settled(world, spec)
    assert list(world.cloud.table(ITEMS)[str(repaired.known.semantic_model)]["bindings"].values()) == [connection_id]


async def test_a_connection_that_does_not_fit_is_tried_again(world: World) -> None:
    """The model that was made stays, and the next run doesn't take it for bound."""
    spec = model_of(connection="99990000-0000-4000-8000-000000000009")
    with pytest.raises(CloudError, match="bind the semantic model"):
        await world.apply(spec)
    planned = (await world.plan(spec)).plan
    assert [change.kind for change in planned.changes] == ["Semantic model"]


async def test_a_framing_that_failed_is_told_and_tried_again(world: World) -> None:
    result = await world.apply(example("sales"))
    (note,) = next(step for step in result.steps if step.step is StepName.SEMANTIC_MODEL).done.notes
    assert note.startswith("The semantic model was framed: Completed 2026-")
    refreshes = world.cloud.table(REFRESHES)
    (key,) = (key for key, each in refreshes.items() if each["modelId"] == result.known.semantic_model)
    refreshes[key] = {**refreshes[key], "status": "Failed", "error": "the capacity was paused"}
    world.cloud.store.commit()
    assert [check.id for check in failed(await world.verify(example("sales")))] == ["framing"]
    (change,) = (await world.plan(example("sales"))).plan.changes
    assert change.reason == "its last framing failed: the capacity was paused"
    await settled(world, example("sales"))


async def test_a_framing_that_runs_already_is_let_end_and_another_follows(world: World) -> None:
    result = await world.apply(example("sales"))
    model_id = str(result.known.semantic_model)
    async with world.context(example("sales")) as context:
        await context.clients.powerbi.refresh(WORKSPACE, model_id, {"type": "full"})
        (note,) = await frame(context, WORKSPACE, model_id)
        assert note.startswith("The semantic model was framed: Completed")
        refreshes = await context.clients.powerbi.refreshes(WORKSPACE, model_id)
    assert [each.status for each in refreshes] == ["Completed"] * 3


def connect(world: World, result: Result) -> str:
    """A connection to the mirrored item in OneLake, which signs in as whoever runs us and is that identity's own."""
    held = world.cloud.table(connections.CONNECTIONS)[str(result.known.storage_connection)]
    connection_id = "99990000-0000-4000-8000-000000000001"
    path = f"https://onelake.dfs.fabric.microsoft.com/{WORKSPACE}/{result.known.item}"
    world.cloud.table(connections.CONNECTIONS)[connection_id] = {
        **held,
        "id": connection_id,
        "displayName": "model",
        "connectionDetails": {"type": "AzureDataLakeStorage", "path": path},
    }
    roles = world.cloud.table("fabric.connectionRoleAssignments")
    role = next(each for each in roles.values() if each["connectionId"] == held["id"])
    roles[connection_id] = {**role, "id": connection_id, "connectionId": connection_id}
    credentials = world.cloud.table("fabric.connectionCredentials")
    credentials[connection_id] = credentials[held["id"]]
    world.cloud.store.commit()
    return connection_id
