"""Deletions only with prune: what the spec or Unity Catalog drops stays in the model, the lakehouse and the roles."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable

import pytest

from cloud_emulator.core.faults import FaultRule
from tests.onboarding.states import differences
from tests.onboarding.test_drift import CATALOG, FABRIC, WORKSPACE, do, item_of, settle
from tests.onboarding.world import World, example, failed
from unity_mirror.models.table_ref import TableRef
from unity_mirror.plan.model import Action, Outcome, Plan, StepName
from unity_mirror.plan.tmdl import tables_shown
from unity_mirror.spec import CatalogSpec
from unity_mirror.steps.verification import Depth

Drop = Callable[[World], Awaitable[CatalogSpec]]
DROPPED = TableRef("orders", "dim_promotion")
GONE = {("OneLake shortcut", "sales_lake/orders.dim_promotion"), ("Semantic model table", "Sales/dim_promotion")}


def deletions(plan: Plan) -> set[tuple[str, str]]:
    return {(change.kind, change.name) for change in plan.changes if change.action is Action.DELETE}


def prunable(plan: Plan) -> set[tuple[str, str]]:
    return {(change.kind, change.name) for change in plan.prunable if change.action is Action.DELETE}


async def shown(world: World) -> frozenset[TableRef]:
    """The tables in the model."""
    async with world.context(example("sales")) as context:
        model = item_of(world, "SemanticModel", "Sales")
        return tables_shown(await context.clients.fabric.semantic_models.definition(WORKSPACE, model))


def shortcuts(world: World) -> set[str]:
    return {str(each["name"]) for each in world.dump()["fabric.shortcuts"].values()}


async def dropped_in_unity_catalog(world: World) -> CatalogSpec:
    await do(world, "databricks", "DELETE", f"{CATALOG}/tables/sales.{DROPPED}")
    return example("sales")


async def dropped_by_the_spec(world: World) -> CatalogSpec:
    del world
    others = "[orders.dim_c*, orders.fact_*]"
    return example("sales", **{"lakehouse.tables": others, "semantic_model.tables": others})


@pytest.mark.parametrize("drop", [dropped_in_unity_catalog, dropped_by_the_spec])
async def test_what_is_dropped_stays_until_it_is_pruned(world: World, drop: Drop) -> None:
    """Without prune a second plan has nothing to do and still says what would go; with it just that goes."""
    await world.apply(example("sales"))
    spec = await drop(world)
    plan = (await world.plan(spec)).plan
    assert deletions(plan) == set()
    assert prunable(plan) >= GONE
    result = await world.apply(spec)
    assert failed(result.verification) == []
    again = (await world.plan(spec)).plan
    assert again.changes == ()
    assert prunable(again) == prunable(plan)
    assert DROPPED in await shown(world)
    assert DROPPED.table in shortcuts(world)
    await settle(world)
    before = world.dump()
    pruning = (await world.plan(spec, prune=True)).plan
    assert deletions(pruning) == prunable(again)
    assert pruning.prunable == ()
    pruned = await world.apply(spec, prune=True)
    assert failed(pruned.verification) == []
    assert DROPPED not in await shown(world)
    assert DROPPED.table not in shortcuts(world)
    moved = {path.partition("|")[0] for path in differences(before, world.dump())}
    assert moved <= {"fabric.definitions", "fabric.shortcuts", "fabric.sqlTables", "fabric.refreshes"}
    assert (await world.plan(spec)).plan.prunable == ()
    assert failed(await world.verify(spec, Depth.FRESH)) == []


async def test_roles_that_we_may_not_see_are_unknown_and_stop_no_other_pruning(world: World) -> None:
    await world.apply(example("sales"))
    spec = (await dropped_by_the_spec(world)).model_copy(update={"access": None})
    denied = {"errorCode": "InsufficientPrivileges", "message": "The caller may not list roles."}
    world.cloud.faults.set([FaultRule(method="GET", path="dataAccessRoles", status=403, body=denied)])
    try:
        plan = (await world.plan(spec, prune=True)).plan
    finally:
        world.cloud.faults.set([])
    assert deletions(plan) >= GONE
    (check,) = plan.step(StepName.ACCESS_ROLES).checks
    assert (check.outcome, check.title) == (Outcome.UNKNOWN, "No OneLake role of ours is left over")


ONLY_MIRRORED = {"lakehouse": "null", "semantic_model": "null"}


async def test_a_lakehouse_and_a_model_that_the_spec_has_no_more_go_when_pruned(world: World) -> None:
    """As if the spec had never had them; what others put into them keeps them."""
    await world.apply(example("sales", **ONLY_MIRRORED))
    await settle(world)
    before = world.dump()
    await world.apply(example("sales"))
    spec = example("sales", **ONLY_MIRRORED)
    assert (await world.plan(spec)).plan.changes == ()
    plan = (await world.plan(spec, prune=True)).plan
    assert deletions(plan) == {("Lakehouse", "sales_lake"), ("Semantic model", "Sales")}
    assert len(plan.changes) == 2
    assert failed((await world.apply(spec, prune=True)).verification) == []
    await settle(world)
    left = {path.partition("|")[0] for path in differences(before, world.dump())}
    assert left <= {"fabric.items", "fabric.sqlTables"}
    assert (await world.plan(spec, prune=True)).plan.changes == ()


async def test_others_work_keeps_a_lakehouse_and_a_model_that_the_spec_has_no_more(world: World) -> None:
    await world.apply(example("sales"))
    lakehouse, model = item_of(world, "Lakehouse", "sales_lake"), item_of(world, "SemanticModel", "Sales")
    target = {"oneLake": {"workspaceId": WORKSPACE, "itemId": lakehouse, "path": "Tables/orders/dim_store"}}
    theirs = {"path": "Files", "name": "theirs", "target": target}
    await do(world, "fabric", "POST", f"{FABRIC}/items/{lakehouse}/shortcuts", theirs)
    parts = world.dump()["fabric.definitions"][model]["parts"]
    role = base64.b64encode(b"role Theirs\n\tmodelPermission: read\n").decode()
    added = {"path": "definition/roles/Theirs.tmdl", "payload": role, "payloadType": "InlineBase64"}
    body = {"definition": {"format": "TMDL", "parts": [*parts, added]}}
    await do(world, "fabric", "POST", f"{FABRIC}/semanticModels/{model}/updateDefinition", body)
    plan = (await world.plan(example("sales", **ONLY_MIRRORED), prune=True)).plan
    assert plan.changes == ()
    notes = " ".join(note for step in plan for note in step.notes)
    assert "Lakehouse sales_lake is ours, and the spec has none; it stays, for it holds Files/theirs" in notes
    assert "it stays, for others made role Theirs in it" in notes
