"""Doctor's checks, rights of our own and surroundings, each with the thing there and taken away; waiting for rights."""

from __future__ import annotations

import pytest

from cloud_emulator.seeds.contoso import azure, identities
from cloud_emulator.seeds.contoso.identities import RUNNER
from tests.onboarding.access import SALES_HOST, make_workspace_admin
from tests.onboarding.world import World, example, failed
from unity_mirror.models.fabric import Capacity
from unity_mirror.plan.model import Check, Outcome, StepName
from unity_mirror.spec import CatalogSpec
from unity_mirror.steps import remedies
from unity_mirror.steps.doctor import diagnose
from unity_mirror.steps.storage_access import StorageAccess
from unity_mirror.steps.surroundings import region_notes

WORKSPACE = "55550000-0000-4000-8000-00000000f001"


async def doctor(world: World, spec: CatalogSpec, **environ: str) -> dict[str, list[Check]]:
    """The checks by id; looking writes nothing."""
    world.cloud.requests.clear()
    async with world.context(spec, prune=False, **environ) as context:
        found = await diagnose(context)
    assert "write" not in world.effects()
    by_id: dict[str, list[Check]] = {}
    for check in found:
        by_id.setdefault(check.id, []).append(check)
    return by_id


def only(found: dict[str, list[Check]], check_id: str) -> Check:
    (check,) = found[check_id]
    return check


async def test_the_runners_own_rights_are_there_in_the_sample(world: World) -> None:
    found = await doctor(world, example("sales"))
    assert {check.outcome for check in found["runner_azure"]} == {Outcome.PASSED}
    assert len(found["runner_azure"]) == 4
    assert only(found, "runner_fabric_role").outcome is Outcome.PASSED
    assert only(found, "runner_catalog").outcome is Outcome.PASSED
    assert only(found, "secret").outcome is Outcome.PASSED
    switch = only(found, "tenant_setting")
    assert switch.outcome is Outcome.UNKNOWN
    assert switch.remedy is not None
    assert "Service principals can create workspaces, connections" in switch.remedy.text
    await world.apply(example("sales"))
    assert "tenant_setting" not in await doctor(world, example("sales"))


def take_role(world: World, name: str) -> None:
    """Takes a built-in role from the runner."""
    table = world.cloud.table("arm.roleAssignments")
    guid = {"Storage Blob Data Owner": "b7e6dc6d", "Storage Account Contributor": "17d1049b"}[name]
    for key, held in list(table.items()):
        if held["principalId"] == RUNNER.object_id and held["roleId"].startswith(guid):
            del table[key]


@pytest.mark.parametrize("role", ["Storage Blob Data Owner", "Storage Account Contributor"])
async def test_a_missing_azure_role_is_named(world: World, role: str) -> None:
    take_role(world, role)
    failures = [
        each for each in (await doctor(world, example("sales")))["runner_azure"] if each.outcome is Outcome.FAILED
    ]
    assert len(failures) == 1
    assert failures[0].remedy is not None
    assert role in failures[0].remedy.text


async def test_a_lower_fabric_role_fails(world: World) -> None:
    table = world.cloud.table("fabric.workspaceRoleAssignments")
    for key, held in list(table.items()):
        if held["workspaceId"] == WORKSPACE and held["principalId"] == RUNNER.object_id:
            table[key] = {**held, "role": "Contributor"}
    check = only(await doctor(world, example("sales")), "runner_fabric_role")
    assert check.outcome is Outcome.FAILED
    assert check.remedy is not None
    assert "the role Admin" in check.remedy.text


async def test_a_secret_that_is_not_there_fails(world: World) -> None:
    check = only(await doctor(world, example("sales"), SALES_DATABRICKS_SECRET=""), "secret")
    assert check.outcome is Outcome.FAILED
    assert "SALES_DATABRICKS_SECRET" in check.evidence


def put_ip_lists(world: World, *, enabled: bool) -> None:
    table = world.cloud.table("unity_catalog.workspaces")
    table[SALES_HOST] = {**table[SALES_HOST], "ip_access_lists_enabled": enabled}


async def test_ip_access_lists_are_detected_by_admins_and_unknown_to_others(world: World) -> None:
    assert only(await doctor(world, example("sales")), "ip_access_lists").outcome is Outcome.UNKNOWN
    make_workspace_admin(world, SALES_HOST, identities.grantee(RUNNER))
    assert only(await doctor(world, example("sales")), "ip_access_lists").outcome is Outcome.PASSED
    put_ip_lists(world, enabled=True)
    check = only(await doctor(world, example("sales")), "ip_access_lists")
    assert check.outcome is Outcome.FAILED
    assert check.remedy is not None
    assert "enableIpAccessLists" in check.remedy.commands[0]


async def test_rights_that_take_minutes_to_be_known_everywhere_are_waited_for(world: World) -> None:
    world.cloud.behaviour = world.cloud.behaviour.model_copy(
        update={"role_propagation_seconds": 240.0, "principal_replication_seconds": 90.0}
    )
    slept = world.time.slept
    result = await world.apply(example("sales"))
    assert failed(result.verification) == []
    assert world.time.slept - slept > 200


async def test_where_this_machine_is_kept_out_the_storage_administrator_gets_the_commands(world: World) -> None:
    table = world.cloud.table("arm.storageAccounts")
    properties = table[azure.LAKE]["properties"]
    acls = {**properties["networkAcls"], "ipRules": []}
    table[azure.LAKE] = {**table[azure.LAKE], "properties": {**properties, "networkAcls": acls}}
    found = await doctor(world, example("sales"))
    assert only(found, "storage_reachable").outcome is Outcome.UNKNOWN
    check = only(found, "storage_acl")
    assert check.outcome is Outcome.UNKNOWN
    assert check.remedy is not None
    assert "az storage fs access update-recursive" in check.remedy.commands[-1]
    assert "--path 'sales' --file-system lake" in check.remedy.commands[-1]


async def test_the_folder_is_suggested_where_the_url_opens_a_container(world: World) -> None:
    plan = (await world.plan(example("sales", **{"storage.url": "https://contosolake.dfs.core.windows.net/lake"}))).plan
    notes = plan.step(StepName.PREREQUISITES).notes
    assert any("https://contosolake.dfs.core.windows.net/lake/sales holds all of them" in note for note in notes)


async def test_a_container_url_gives_the_reader_role_there_and_the_tables_can_be_read(world: World) -> None:
    spec = example("sales", **{"storage.url": "https://contosolake.dfs.core.windows.net/lake"})
    result = await world.apply(spec)
    assert failed(result.verification) == []
    names = {change.name for change in result.plan.step(StepName.STORAGE_ACCESS).changes}
    assert names == {"Storage Blob Data Reader on lake", "Storage Blob Delegator on contosolake"}
    assert (await world.plan(spec)).plan.changes == ()


async def test_a_role_that_is_held_already_needs_neither_lists_nor_the_delegator(world: World) -> None:
    first = await world.apply(example("sales"))
    await make_reader(world, str(first.known.storage_principal))
    spec = example("sales", **{"storage.url": "https://contosolake.dfs.core.windows.net/lake/sales/orders"})
    async with world.context(spec) as context:
        assert (await StorageAccess().plan(context, first.known)).plan.changes == ()


async def make_reader(world: World, principal: str) -> None:
    """Gives Storage Blob Data Reader on the account, as an owner of it would."""
    remedy = remedies.assign_role(
        azure.account_id(azure.LAKE), principal, "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "Storage Blob Data Reader"
    )
    await world.carry_out(remedy)


def test_a_region_that_is_not_on_the_list_is_worth_a_warning() -> None:
    def capacity(region: str) -> Capacity:
        return Capacity(id="c", display_name="c", sku="F64", region=region, state="Active")

    assert region_notes(capacity("West Europe")) == ()
    assert region_notes(capacity("westeurope")) == ()
    (note,) = region_notes(capacity("Qatar Central"))
    assert "Qatar Central" in note
    assert "December 2025" in note
