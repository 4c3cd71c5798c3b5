"""Doctor's checks, rights of our own and surroundings, each with the thing there and taken away; waiting for rights."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloud_emulator.arm import seed as arm_seed
from cloud_emulator.arm.builtin_roles import ROLES_BY_NAME
from cloud_emulator.seeds.contoso import azure, identities
from cloud_emulator.seeds.contoso.identities import RUNNER, SALES_READER
from tests.onboarding.access import SALES_HOST, grant, make_workspace_admin
from tests.onboarding.world import World, example, failed
from unity_mirror.errors import SpecError
from unity_mirror.models.fabric import Capacity
from unity_mirror.plan.model import Check, Outcome, StepName
from unity_mirror.spec import CatalogSpec
from unity_mirror.steps import remedies
from unity_mirror.steps.doctor import diagnose
from unity_mirror.steps.storage_access import StorageAccess
from unity_mirror.steps.surroundings import region_notes

WORKSPACE = "55550000-0000-4000-8000-00000000f001"
TEAM = "44440000-0000-4000-8000-00000000d099"


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


def take_azure(world: World, *roles: str) -> None:
    """Takes built-in roles from the runner."""
    table = world.cloud.table("arm.roleAssignments")
    guids = {ROLES_BY_NAME[role].guid for role in roles}
    for key, held in list(table.items()):
        if held["principalId"] == RUNNER.object_id and held["roleId"] in guids:
            del table[key]


def set_fabric_role(world: World, role: str) -> None:
    """Gives the runner another role in the workspace."""
    table = world.cloud.table("fabric.workspaceRoleAssignments")
    for key, held in list(table.items()):
        if held["workspaceId"] == WORKSPACE and held["principalId"] == RUNNER.object_id:
            table[key] = {**held, "role": role}


def leave_capacity(world: World) -> None:
    """Takes the runner off the capacities."""
    table = world.cloud.table("fabric.capacities")
    for key, held in list(table.items()):
        table[key] = {**held, "contributors": [each for each in held["contributors"] if each != RUNNER.object_id]}


def leave_azure(world: World) -> None:
    """Takes everything in Azure from the runner."""
    take_azure(world, *ROLES_BY_NAME)


NO_FIREWALL = {"storage": "null"}
ITEMS_ONLY = {**NO_FIREWALL, "access": "null"}
BY_SERVICE_PRINCIPAL = (
    f"{{kind: service_principal, tenant_id: {identities.TENANT}, client_id: {SALES_READER.app_id}, "
    "secret: {env: SALES_DATABRICKS_SECRET}}"
)
Taking = Callable[[World], None]
PERMISSIONS: dict[str, tuple[Taking, str, Outcome, str, dict[str, str]]] = {
    "Admin, to make the workspace's identity": (
        lambda world: set_fabric_role(world, "Member"), "runner_fabric_role", Outcome.FAILED, "the role Admin", {},
    ),
    "Member, to make data access roles": (
        lambda world: set_fabric_role(world, "Contributor"), "runner_fabric_role", Outcome.FAILED, "the role Member",
        NO_FIREWALL,
    ),
    "Contributor, to make items": (
        lambda world: set_fabric_role(world, "Viewer"), "runner_fabric_role", Outcome.FAILED, "the role Contributor",
        ITEMS_ONLY,
    ),
    "contributor of the capacity, to see it": (
        leave_capacity, "capacity", Outcome.UNKNOWN, "contributor of the capacity", {},
    ),
    "Reader, to see how Databricks is reached": (leave_azure, "azure_resource", Outcome.UNKNOWN, "the role Reader", {}),
    "Reader, to see the account": (leave_azure, "runner_azure", Outcome.FAILED, "the role Reader", {}),
    "Reader, to see roles on the account": (
        leave_azure, "storage_roles", Outcome.UNKNOWN, "the role Reader",
        {"storage.auth": BY_SERVICE_PRINCIPAL, "storage.trusted_access": "false"},
    ),
    "Storage Account Contributor, for trusted access": (
        lambda world: take_azure(world, "Storage Account Contributor"), "runner_azure", Outcome.FAILED,
        "Storage Account Contributor", {},
    ),
    "Role Based Access Control Administrator, to assign roles": (
        lambda world: take_azure(world, "Role Based Access Control Administrator"), "runner_azure", Outcome.FAILED,
        "Role Based Access Control Administrator", {},
    ),
    "Storage Blob Data Owner, to set lists": (
        lambda world: take_azure(world, "Storage Blob Data Owner"), "runner_azure", Outcome.FAILED,
        "Storage Blob Data Owner", {},
    ),
}  # fmt: skip
"""What is taken away, and the check that has to name it: the rows of docs/permissions.md."""


@pytest.mark.parametrize("permission", PERMISSIONS)
async def test_a_permission_that_is_missing_is_named(world: World, permission: str) -> None:
    take, check_id, outcome, told, sets = PERMISSIONS[permission]
    spec = example("sales", **sets)
    assert {check.outcome for check in (await doctor(world, spec)).get(check_id, [])} <= {Outcome.PASSED}
    take(world)
    world.cloud.store.commit()
    found = (await doctor(world, spec))[check_id]
    missing = [each for each in found if each.outcome is not Outcome.PASSED]
    assert {each.outcome for each in missing} == {outcome}
    assert any(each.remedy and told in each.remedy.text for each in missing)
    if check_id == "runner_azure":
        commands = [each.remedy.commands[-1] for each in missing if each.remedy]
        assert any(f"--role '{told.removeprefix('the role ')}' --scope '/subscriptions/" in each for each in commands)
        assert all(f"--assignee-object-id {RUNNER.object_id}" in each for each in commands)


async def test_manage_on_the_catalog_is_missed(world: World) -> None:
    await grant(world, "catalog", "sales", RUNNER.app_id, remove=("MANAGE",))
    with pytest.raises(SpecError, match="no table of the catalog") as refused:
        await doctor(world, example("sales"))
    assert f"GRANT MANAGE ON CATALOG `sales` TO `{RUNNER.app_id}`;" in refused.value.problems[0].hint
    await grant(world, "catalog", "sales", RUNNER.app_id, add=("SELECT",))
    check = only(await doctor(world, example("sales")), "runner_catalog")
    assert check.outcome is Outcome.UNKNOWN
    assert check.remedy is not None
    await world.carry_out(check.remedy)
    assert only(await doctor(world, example("sales")), "runner_catalog").outcome is Outcome.PASSED


async def test_rights_on_the_container_alone_are_enough_to_set_lists(world: World) -> None:
    take_azure(world, "Storage Blob Data Owner")
    on_container = arm_seed.RoleAssignmentSeed(
        scope=f"{azure.account_id(azure.LAKE)}/blobServices/default/containers/lake",
        principal_id=RUNNER.object_id,
        role="Storage Blob Data Owner",
    )
    arm_seed.load(world.cloud, arm_seed.ArmSeed(role_assignments=(on_container,)))
    world.cloud.store.commit()
    assert {each.outcome for each in (await doctor(world, example("sales")))["runner_azure"]} == {Outcome.PASSED}


async def test_a_role_that_comes_through_a_group_counts(world: World) -> None:
    set_fabric_role(world, "Viewer")
    team = {"objectId": TEAM, "type": "Group", "displayName": "mirror admins", "members": [RUNNER.object_id]}
    world.cloud.directory.add(team)
    table = world.cloud.table("fabric.workspaceRoleAssignments")
    held = next(each for each in table.values() if each["principalId"] == RUNNER.object_id)
    table["by-group"] = {
        **held, "id": "by-group", "workspaceId": WORKSPACE, "principalId": TEAM, "principalType": "Group",
        "role": "Admin",
    }  # fmt: skip
    world.cloud.store.commit()
    assert only(await doctor(world, example("sales")), "runner_fabric_role").outcome is Outcome.PASSED


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
