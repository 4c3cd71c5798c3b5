"""Remedies do what they say: each kind is carried out, as the request and as the command, by someone else who may."""

from __future__ import annotations

from cloud_emulator.seeds.contoso import azure
from cloud_emulator.seeds.contoso.identities import PLATFORM, RUNNER, SALES_ANALYSTS
from tests.onboarding.azure_cli import VERSION, request_of
from tests.onboarding.world import World, example, failed
from unity_mirror.models.storage import Acl, AclEntry
from unity_mirror.plan.model import Change, Check, RestCall, StepName
from unity_mirror.spec import CatalogSpec, ConnectionShare

FOR_OTHERS = (StepName.IDENTITY, StepName.STORAGE_ACCESS, StepName.TRUSTED_ACCESS)
OFFICE = "198.51.100.7"


async def for_others(world: World, spec: CatalogSpec) -> list[Change]:
    """What a plan would change of rights, rules and identities."""
    plan = (await world.plan(spec)).plan
    return [change for step in FOR_OTHERS for change in plan.step(step).changes]


def strip_runner(world: World) -> None:
    """Leaves the runner with nothing in Azure but the right to look, and as Contributor in Fabric."""
    assignments = world.cloud.table("arm.roleAssignments")
    for key, held in list(assignments.items()):
        if held["principalId"] == RUNNER.object_id and "/storageaccounts/" in held["scope"]:
            del assignments[key]
    roles = world.cloud.table("fabric.workspaceRoleAssignments")
    for key, held in list(roles.items()):
        if held["principalId"] == RUNNER.object_id:
            roles[key] = {**held, "role": "Contributor"}
    world.cloud.store.commit()


async def test_what_administrators_did_by_the_plans_remedies_is_found_done_by_a_runner_without_rights(
    world: World,
) -> None:
    """Without remedies for what isn't made yet: so the identity comes first, and then its rights."""
    spec = example("sales")
    kinds = set()
    for _ in range(2):
        for change in await for_others(world, spec):
            if change.remedy is not None:
                kinds.add(change.kind)
                await world.carry_out(change.remedy)
        await world.time.sleep(60)
    assert kinds == {
        "Fabric workspace identity", "Fabric workspace role", "Azure role assignment", "Storage ACL",
        "Storage network rule",
    }  # fmt: skip
    assert await for_others(world, spec) == []
    strip_runner(world)
    world.cloud.requests.clear()
    result = await world.apply(spec)
    assert failed(result.verification) == []
    written = {each["service"] for each in world.cloud.requests if each["effect"] == "write"}
    assert written.isdisjoint({"arm", "storage"})


async def test_without_what_the_remedies_do_such_a_runner_is_told_what_it_lacks(world: World) -> None:
    strip_runner(world)
    outcomes = {check.id: check for check in (await world.plan(example("sales"))).plan.checks}
    assert not any(check.blocks for check in outcomes.values())
    changes = await for_others(world, example("sales"))
    assert {change.kind for change in changes} >= {"Fabric workspace identity", "Storage network rule"}
    assert all(change.remedy for change in changes if change.kind != "Fabric workspace role" and change.before)


async def test_commands_say_the_same_as_requests(world: World) -> None:
    """The network rule's command adds to what is there; the request has to give all of it, so that one differs."""
    spec = example("sales")
    compared = 0
    for _ in range(2):
        changes = await for_others(world, spec)
        for change in changes:
            if change.remedy is not None and change.kind != "Storage network rule":
                assert tuple(map(request_of, change.remedy.commands)) == change.remedy.calls
                compared += len(change.remedy.calls)
        for change in changes:
            if change.remedy is not None:
                await world.carry_out(change.remedy)
        await world.time.sleep(60)
    assert compared >= 5


async def test_the_network_rules_command_names_account_tenant_and_workspace(world: World) -> None:
    (change,) = (await world.plan(example("sales"))).plan.step(StepName.TRUSTED_ACCESS).changes
    assert change.remedy is not None
    (command,) = change.remedy.commands
    assert command == (
        f"az storage account network-rule add --resource-group {azure.GROUP} --account-name {azure.LAKE} "
        f"--tenant-id {change.after['tenantId']} --resource-id {change.after['resourceId']}"
    )


async def test_a_connection_is_shared_and_the_role_raised_by_its_owner(world: World) -> None:
    spec = example("hr")
    made = (await world.apply(spec)).known.databricks_connection
    world.cloud.table("fabric.connectionRoleAssignments")["theirs"] = {
        "id": "theirs", "connectionId": made, "principalId": PLATFORM.object_id, "principalType": "ServicePrincipal",
        "role": "Owner",
    }  # fmt: skip
    world.cloud.store.commit()
    for role in ("User", "UserWithReshare"):
        shared = _shared(spec, role)
        (change,) = (await world.plan(shared)).plan.step(StepName.CONNECTIONS).changes
        assert change.remedy is not None
        assert tuple(map(request_of, change.remedy.commands)) == change.remedy.calls
        await world.carry_out(change.remedy)
        assert (await world.plan(shared)).plan.changes == ()


def _shared(spec: CatalogSpec, role: str) -> CatalogSpec:
    share = (ConnectionShare.model_validate({"id": SALES_ANALYSTS.object_id, "type": "Group", "role": role}),)
    connection = spec.databricks.connection.model_copy(update={"share": share})
    return spec.model_copy(update={"databricks": spec.databricks.model_copy(update={"connection": connection})})


def lock_out(world: World) -> None:
    """Takes the runner's address, but not the office's, from the lake's firewall."""
    table = world.cloud.table("arm.storageAccounts")
    properties = table[azure.LAKE]["properties"]
    kept = [rule for rule in properties["networkAcls"]["ipRules"] if rule["value"] != "203.0.113.10"]
    acls = {**properties["networkAcls"], "ipRules": kept}
    table[azure.LAKE] = {**table[azure.LAKE], "properties": {**properties, "networkAcls": acls}}
    world.cloud.store.commit()


async def test_lists_that_we_may_not_even_read_are_set_from_the_office_by_the_commands(world: World) -> None:
    """The workspace's identity stays without rights until then: reads fail, and the report still has the commands."""
    lock_out(world)
    spec = example("sales")
    result = await world.apply(spec)
    assert failed(result.verification, "table_readable")
    (check,) = [each for each in (await world.plan(spec)).plan.checks if each.id == "storage_acl"]
    await set_lists(world, check, str(result.known.storage_principal))
    assert failed(await world.verify(spec), "table_readable") == []


async def set_lists(world: World, check: Check, principal: str) -> None:
    """What the remedy's text asks of a Storage Blob Data Owner: show each list, set it with an entry more, then the
    folder and all below."""
    assert check.remedy is not None
    assert f"user:{principal}:--x" in check.remedy.text
    *shown, below = check.remedy.commands
    behaviour = world.cloud.behaviour
    world.cloud.behaviour = behaviour.model_copy(update={"client_address": OFFICE})
    for command in shown:
        asked = request_of(command)
        read = await world.call(asked)
        assert read.is_success, read.text
        acl = Acl.parse(read.headers["x-ms-acl"]).merge(AclEntry("user", principal, "--x"))
        url = asked.url.replace("getAccessControl", "setAccessControl")
        headers = {**VERSION, "x-ms-acl": acl.format()}
        assert (await world.call(RestCall("storage", "PATCH", url, headers=headers))).is_success
    assert (await world.call(request_of(below))).is_success
    world.cloud.behaviour = behaviour
