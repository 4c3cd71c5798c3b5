"""A run that fails: what it made is kept for the next one, or undone; what another tool manages is never changed."""

from __future__ import annotations

import pytest

from cloud_emulator.core.faults import FaultRule
from tests.onboarding.states import differences, timeless
from tests.onboarding.test_drift import drop_network_rule, settle
from tests.onboarding.test_offboard import moved_on, offboard
from tests.onboarding.world import World, example, failed
from unity_mirror.errors import CloudError
from unity_mirror.plan.model import StepName
from unity_mirror.plan.ownership import Made
from unity_mirror.steps.record import made_by

REFUSED = {
    "the item": "mirroredAzureDatabricksCatalogs$",
    "the semantic model": "semanticModels$",
    "a connection": "connections$",
    "the network rule": "storageAccounts/contosolake$",
}


def refuse(world: World, path: str) -> None:
    """Lets every write there fail for good."""
    methods = ("POST", "PATCH", "PUT")
    world.cloud.faults.set([FaultRule(method=method, path=path, status=403) for method in methods])


@pytest.mark.parametrize("what", REFUSED)
async def test_a_rollback_leaves_no_trace(world: World, what: str) -> None:
    before = world.dump()
    refuse(world, REFUSED[what])
    with pytest.raises(CloudError) as failure:
        await world.apply(example("sales", on_failure="rollback"))
    assert "Undone: " in str(failure.value)
    world.cloud.faults.set([])
    await settle(world)
    assert set(differences(before, world.dump())) <= set(moved_on(before))


async def test_by_default_what_was_made_stays_and_the_next_run_goes_on(world: World) -> None:
    await world.apply(example("sales"))
    await settle(world)
    undisturbed = world.dump()
    world.cloud.reset()
    refuse(world, "semanticModels$")
    with pytest.raises(CloudError):
        await world.apply(example("sales"))
    world.cloud.faults.set([])
    await world.apply(example("sales"))
    await settle(world)
    assert differences(timeless(undisturbed), timeless(world.dump())) == {}


async def test_rollback_of_a_later_run_keeps_the_earlier(world: World) -> None:
    """Only what this run made is undone: the rule, not the item that was there."""
    await world.apply(example("sales"))
    await drop_network_rule(world)
    await settle(world)
    before = world.dump()
    refuse(world, "storageAccounts/contosolake$")
    with pytest.raises(CloudError):
        await world.apply(example("sales", on_failure="rollback"))
    world.cloud.faults.set([])
    assert {path for path in differences(before, world.dump()) if not path.endswith("|description")} == set()


REFUSED_TO_US = {
    "Storage network rule": ("PATCH", "storageAccounts/contosolake$"),
    "Storage ACL": ("PATCH", "storage/contosolake"),
    "Fabric workspace role": ("POST", "roleAssignments$"),
}


@pytest.mark.parametrize("kind", REFUSED_TO_US)
async def test_what_an_administrator_made_after_our_failure_is_not_ours(world: World, kind: str) -> None:
    """It was noted ahead, as everything is that the run was about to make; once the run is through, it is theirs."""
    spec = example("sales")
    method, path = REFUSED_TO_US[kind]
    world.cloud.faults.set([FaultRule(method=method, path=path, status=403)])
    with pytest.raises(CloudError):
        await world.apply(spec)
    world.cloud.faults.set([])
    wanted = [change for change in (await world.plan(spec)).plan.changes if change.kind == kind]
    for change in wanted:
        assert change.remedy is not None
        await world.carry_out(change.remedy)
    await settle(world)
    assert kind not in {change.kind for change in (await world.plan(spec)).plan.changes}
    assert failed((await world.apply(spec)).verification) == []
    gone = await offboard(world, "sales")
    assert kind not in gone
    assert "Mirrored Azure Databricks catalog" in gone
    assert gone.count("Fabric connection") == 2


async def test_what_was_noted_ahead_and_never_begun_is_not_said_to_be_ours(world: World) -> None:
    refuse(world, "roleAssignments$")
    with pytest.raises(CloudError):
        await world.apply(example("sales"))
    records = [each for each in world.dump()["fabric.items"].values() if each["type"] == "VariableLibrary"]
    assert [sorted(made_by(each["description"])) for each in records] == [["identity"]]


async def test_a_failure_that_leaves_open_what_was_done_leaves_the_note_as_it_is(world: World) -> None:
    """What was asked for and not answered may still come."""
    before = world.dump()
    world.cloud.faults.set([FaultRule(method="PATCH", path="storageAccounts/contosolake$", status=500)])
    with pytest.raises(CloudError):
        await world.apply(example("sales"))
    world.cloud.faults.set([])
    records = [each for each in world.dump()["fabric.items"].values() if each["type"] == "VariableLibrary"]
    assert [Made.NETWORK_RULE in made_by(each["description"]) for each in records] == [True]
    await offboard(world, "sales")
    assert set(differences(before, world.dump())) <= set(moved_on(before))


async def test_what_another_tool_manages_is_reported_and_not_changed(world: World) -> None:
    await world.apply(example("sales"))
    await drop_network_rule(world)
    spec = example("sales", managed_elsewhere="[trusted_access, semantic_model]")
    plan = (await world.plan(spec)).plan
    assert plan.changes == ()
    assert [(check.id, check.title) for check in plan.blockers] == [
        ("managed_elsewhere", "Storage network rule contosolake: workspace Sales Analytics")
    ]


async def test_a_part_on_top_that_another_tool_manages_stops_nothing(world: World) -> None:
    plan = (await world.plan(example("sales", managed_elsewhere="[semantic_model]"))).plan
    assert plan.blockers == ()
    assert plan.step(StepName.SEMANTIC_MODEL).changes == ()
    assert [check.id for check in plan.step(StepName.SEMANTIC_MODEL).checks] == ["managed_elsewhere"]
