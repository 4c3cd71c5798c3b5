"""A spec that was changed between runs, and offboarding by it: what of ours stays is said, what is others' stays."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from cloud_emulator.core.faults import FaultRule
from cloud_emulator.seeds.contoso import identities
from tests.onboarding.states import differences
from tests.onboarding.test_drift import FABRIC, do, item_of, settle
from tests.onboarding.test_offboard import offboard
from tests.onboarding.world import World, example, failed
from unity_mirror.errors import CloudError
from unity_mirror.plan.model import Plan
from unity_mirror.plan.ownership import Made
from unity_mirror.steps.offboard import plan_offboarding
from unity_mirror.steps.record import made_by

SIGN_IN = {
    "kind": "service_principal",
    "tenant_id": identities.TENANT,
    "client_id": identities.SALES_READER.app_id,
    "secret": {"env": "SALES_DATABRICKS_SECRET"},
}


async def offboarding(world: World, sets: Mapping[str, str]) -> Plan:
    """The plan of offboarding ``sales`` by a changed spec."""
    async with world.context(example("sales", **sets)) as context:
        return (await plan_offboarding(context)).plan


def notes_of(plan: Plan) -> list[str]:
    return [note for step in plan for note in step.notes]


def names(plan: Plan, kind: str) -> set[str]:
    return {change.name for change in plan.changes if change.kind == kind}


async def test_a_storage_connection_of_another_name_is_made_and_used_in_one_run(world: World) -> None:
    """It is ours: made by this run, not one that was there."""
    await world.apply(example("sales"))
    renamed = {"storage.connection.name": "adls-renamed"}
    result = await world.apply(example("sales", **renamed))
    assert failed(result.verification) == []
    assert (await world.plan(example("sales", **renamed))).plan.changes == ()
    item = world.dump()["fabric.items"][item_of(world, "MirroredAzureDatabricksCatalog", "sales")]
    assert Made.CONNECTION_STORAGE_THEIRS not in made_by(item["description"])
    assert "adls-renamed" in names(await offboarding(world, renamed), "Fabric connection")


CHANGED = {
    "the section went": (
        {"storage": "null"},
        "What we made for the storage (acl, acl-0, identity, identity-role, network-rule, storage-connection) stays: ",
    ),
    "another folder": (
        {"storage.url": "https://contosolake.dfs.core.windows.net/lake"},
        "What we made for the storage (acl, acl-0) stays: ",
    ),
    "another sign-in": (
        {"storage.auth": json.dumps(SIGN_IN)},
        "What the workspace's identity holds on https://contosolake.dfs.core.windows.net/lake/sales stays: ",
    ),
    "another connection to Databricks": (
        {"databricks.connection.name": "another"},
        "Fabric connection databricks-sales stays: the spec calls it 'another'",
    ),
    "another connection to the storage": (
        {"storage.connection.name": "another"},
        "Fabric connection adls-sales stays: the spec calls it 'another'",
    ),
}


@pytest.mark.parametrize("what", CHANGED)
async def test_what_offboarding_cannot_find_by_the_spec_any_more_is_said(world: World, what: str) -> None:
    await world.apply(example("sales"))
    sets, note = CHANGED[what]
    told = notes_of(await offboarding(world, sets))
    assert [each for each in told if each.startswith(note)], told
    assert notes_of(await offboarding(world, {})) == []


async def test_a_role_that_others_gave_the_new_principal_is_not_taken_for_the_identitys(world: World) -> None:
    await world.apply(example("sales"))
    member = {"principal": {"id": identities.SALES_READER.object_id, "type": "ServicePrincipal"}, "role": "Viewer"}
    await do(world, "fabric", "POST", f"{FABRIC}/roleAssignments", member)
    plan = await offboarding(world, {"storage.auth": json.dumps(SIGN_IN)})
    roles = names(plan, "Fabric workspace role")
    assert roles == {"Sales Analytics: workspace identity as Contributor"}
    assert names(plan, "Fabric workspace identity") == {"Sales Analytics"}


@pytest.mark.parametrize("now", ["null", '{"name": "another_lake", "workspace": "People Analytics"}'])
async def test_a_lakehouse_that_the_spec_has_no_more_goes_when_the_catalog_does(world: World, now: str) -> None:
    before = world.dump()
    await world.apply(example("sales"))
    sets = {"lakehouse": now}
    await world.apply(example("sales", **sets))
    assert "Lakehouse" in await offboard(world, "sales", sets=sets)
    left = differences(before, world.dump())
    assert [path for path in left if path.startswith("fabric.items")] == []


async def test_shortcuts_in_a_lakehouse_without_schemas_are_rolled_back(world: World) -> None:
    """The lakehouse is others', so that only the shortcuts go."""
    await do(world, "fabric", "POST", f"{FABRIC}/lakehouses", {"displayName": "Plain"})
    await settle(world)
    world.cloud.faults.set([FaultRule(method="POST", path="semanticModels$", status=403)])
    spec = {"lakehouse.name": "plain", "lakehouse.tables": '["orders.dim_date"]', "on_failure": "rollback"}
    with pytest.raises(CloudError, match=r"Undone: .*OneLake shortcut Plain/orders.dim_date"):
        await world.apply(example("sales", **spec))
    world.cloud.faults.set([])
    assert world.dump().get("fabric.shortcuts", {}) == {}
