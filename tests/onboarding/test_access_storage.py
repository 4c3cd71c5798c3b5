"""Rights on the storage, one case at a time: what is given, what is refused, and what the report says."""

from __future__ import annotations

from typing import Any

import pytest

from cloud_emulator.seeds.contoso import azure, identities
from cloud_emulator.seeds.contoso.identities import ANALYST, SALES_READER
from cloud_emulator.storage import files
from cloud_emulator.storage import seed as storage_seed
from tests.onboarding.states import differences
from tests.onboarding.test_adopt import connect_by_hand
from tests.onboarding.test_drift import FABRIC, do, identity_of, settle
from tests.onboarding.world import EXAMPLES, World, example, failed
from unity_mirror.errors import Conflict, InvalidRequest, PrerequisiteFailed, SpecError
from unity_mirror.plan.model import Action, Check, Outcome, StepName
from unity_mirror.spec import CatalogSpec, load_spec
from unity_mirror.steps.offboard import apply_offboarding, plan_offboarding
from unity_mirror.steps.runner import Result, apply_plan, make_plan
from unity_mirror.steps.surroundings import workspace_storage

LAKE_URL = "https://contosolake.dfs.core.windows.net"
SAS = "sv=2024-01-01&sig=not-a-secret"


def storage(auth: dict[str, Any], **fields: Any) -> CatalogSpec:
    """The example ``sales`` with another sign-in to the storage."""
    base = load_spec(EXAMPLES / "sales.yaml", environ={}).model_dump(mode="json", exclude_none=True)
    base["storage"] = {**base["storage"], **fields, "auth": auth}
    return load_spec(base, environ={})


def open_firewall(world: World) -> None:
    """Trusted access is for workspace identities; other sign-ins need the account open."""
    table = world.cloud.table("arm.storageAccounts")
    properties = table[azure.LAKE]["properties"]
    acls = {**properties["networkAcls"], "defaultAction": "Allow"}
    table[azure.LAKE] = {**table[azure.LAKE], "properties": {**properties, "networkAcls": acls}}


async def apply(world: World, spec: CatalogSpec, **environ: str) -> Result:
    async with world.context(spec, prune=False, **environ) as context:
        return await apply_plan(context, await make_plan(context))


async def test_by_shared_access_signature(world: World) -> None:
    open_firewall(world)
    world.cloud.table("fabric.storageSecrets")[azure.LAKE] = {"key": [], "token": [SAS]}
    spec = storage({"kind": "sas", "secret": {"env": "LAKE_SAS"}}, trusted_access=False)
    with pytest.raises(InvalidRequest) as refused:
        await apply(world, spec, LAKE_SAS="sv=wrong")
    assert "sv=wrong" not in str(refused.value)
    result = await apply(world, spec, LAKE_SAS=SAS)
    assert failed(result.verification) == []
    assert result.plan.step(StepName.STORAGE_ACCESS).changes == ()


SERVICE_PRINCIPAL = {
    "kind": "service_principal",
    "tenant_id": identities.TENANT,
    "client_id": SALES_READER.app_id,
    "secret": {"env": "SALES_DATABRICKS_SECRET"},
}


async def test_by_service_principal_whose_rights_the_connections_test_needs(world: World) -> None:
    open_firewall(world)
    world.cloud.behaviour = world.cloud.behaviour.model_copy(update={"role_propagation_seconds": 120.0})
    spec = storage(SERVICE_PRINCIPAL, trusted_access=False, url=f"{LAKE_URL}/lake")
    result = await apply(world, spec)
    assert failed(result.verification) == []
    (role,) = result.plan.step(StepName.STORAGE_ACCESS).changes
    assert role.after["principal"] == SALES_READER.object_id


async def test_rights_that_never_come_into_force_end_at_the_deadline(world: World) -> None:
    open_firewall(world)
    world.cloud.behaviour = world.cloud.behaviour.model_copy(update={"role_propagation_seconds": 5000.0})
    slept = world.time.slept
    with pytest.raises(InvalidRequest, match="could not create the connection"):
        await apply(world, storage(SERVICE_PRINCIPAL, trusted_access=False, url=f"{LAKE_URL}/lake"))
    assert 500 < world.time.slept - slept < 1500


async def test_use_outside_the_item_needs_the_delegator(world: World) -> None:
    open_firewall(world)
    inside = storage(SERVICE_PRINCIPAL, trusted_access=False)
    outside = storage(SERVICE_PRINCIPAL, trusted_access=False, used_outside_item=True)
    kinds = [
        {change.name for change in (await world.plan(spec)).plan.changes if change.kind == "Azure role assignment"}
        for spec in (inside, outside)
    ]
    assert kinds == [set(), {"Storage Blob Delegator on contosolake"}]


async def test_without_the_delegator_reads_are_refused_and_the_report_names_it(world: World) -> None:
    await world.apply(example("sales"))
    principal = world.dump()["fabric.workspaces"]["55550000-0000-4000-8000-00000000f001"]["workspaceIdentity"]
    table = world.cloud.table("arm.roleAssignments")
    for key, held in list(table.items()):
        if held["principalId"] == principal["servicePrincipalId"]:
            del table[key]
    report = await world.verify(example("sales"))
    assert failed(report, "table_readable")
    (missing,) = failed(report, "missing_storage_access")
    assert "Storage Blob Delegator" in missing.title
    assert missing.remedy is not None
    await world.carry_out(missing.remedy)
    assert failed(await world.verify(example("sales"))) == []


def put_list(world: World, path: str, acl: str) -> None:
    node = files.stat(world.cloud, azure.LAKE, "lake", path)
    assert node is not None
    storage_seed.set_access(world.cloud, node, access_list=acl)


def a_file(world: World) -> str:
    """A data file of a table, deep below the folder."""
    below = files.walk(world.cloud, azure.LAKE, "lake", "sales")
    return str(next(node["path"] for node in below if not node["isDirectory"]))


async def test_a_mask_deep_below_that_hides_someones_entry_stops_everything_before_a_write(world: World) -> None:
    path = a_file(world)
    put_list(world, path, f"user::rw-,user:{ANALYST.object_id}:rwx,group::---,mask::---,other::---")
    plan = (await world.plan(example("sales"))).plan
    (check,) = failed(plan.step(StepName.STORAGE_ACCESS))
    assert path in check.evidence
    assert ANALYST.object_id in check.evidence
    assert "would come to" in check.evidence
    with pytest.raises(PrerequisiteFailed):
        await world.apply(example("sales"))
    assert "write" not in world.effects()


async def test_a_mask_deep_below_that_can_be_widened_is_and_no_one_else_gains(world: World) -> None:
    path = a_file(world)
    put_list(world, path, f"user::rw-,user:{ANALYST.object_id}:-w-,group::---,mask::-w-,other::---")
    result = await world.apply(example("sales"))
    assert failed(result.verification) == []
    node = files.stat(world.cloud, azure.LAKE, "lake", path)
    assert node is not None
    assert f"user:{ANALYST.object_id}:-w-" in node["acl"]
    assert "mask::rwx" in node["acl"]


def named(count: int) -> str:
    return ",".join(f"user:{number:08d}-0000-4000-8000-000000000000:r-x" for number in range(1, count + 1))


@pytest.mark.parametrize(("count", "outcome"), [(28, "refused"), (26, "told"), (10, "silent")])
async def test_a_list_that_fills_up_is_told_before_it_is_full(world: World, count: int, outcome: str) -> None:
    put_list(world, a_file(world), f"user::rw-,{named(count)},group::---,mask::r-x,other::---")
    step = (await world.plan(example("sales"))).plan.step(StepName.STORAGE_ACCESS)
    assert bool(failed(step)) is (outcome == "refused")
    assert any("of 28 named ACL entries" in note for note in step.notes) is (outcome == "told")


async def test_the_two_hundredth_network_rule_is_the_last(world: World) -> None:
    table = world.cloud.table("arm.storageAccounts")
    properties = table[azure.LAKE]["properties"]
    theirs = [
        {"tenantId": identities.TENANT, "resourceId": f"{azure.ACCESS_CONNECTOR_ID}{number}"} for number in range(200)
    ]
    acls = {**properties["networkAcls"], "resourceAccessRules": theirs}
    table[azure.LAKE] = {**table[azure.LAKE], "properties": {**properties, "networkAcls": acls}}
    with pytest.raises(Conflict, match="200 resource instance rules"):
        await world.apply(example("sales"))
    assert table[azure.LAKE]["properties"]["networkAcls"]["resourceAccessRules"] == theirs


async def test_an_interrupted_tree_is_continued(world: World) -> None:
    """Folders that hold the entry already cost a read; only what lacks it is written."""
    await world.apply(example("sales"))
    identity = world.dump()["fabric.workspaces"]["55550000-0000-4000-8000-00000000f001"]["workspaceIdentity"]
    principal = identity["servicePrincipalId"]
    for path in ("sales", "sales/orders"):
        node = files.stat(world.cloud, azure.LAKE, "lake", path)
        assert node is not None
        kept = ",".join(entry for entry in node["acl"].split(",") if principal not in entry)
        storage_seed.set_access(world.cloud, node, access_list=kept)
    world.cloud.requests.clear()
    result = await world.apply(example("sales"))
    assert failed(result.verification) == []
    written = [
        request["path"]
        for request in world.cloud.requests
        if request["effect"] == "write" and request["service"] == "storage" and request["method"] == "PATCH"
    ]
    assert {path.rstrip("/").rsplit("/lake/", 1)[-1] for path in written} == {"sales", "sales/orders"}


async def test_a_role_in_the_workspace_that_is_too_low_is_raised_only_if_we_gave_it(world: World) -> None:
    """A principal holds one role in a workspace: what others gave is theirs to raise, and they are told how."""
    await do(world, "fabric", "POST", f"{FABRIC}/provisionIdentity")
    await settle(world)
    viewer = {"principal": {"id": identity_of(world), "type": "ServicePrincipal"}, "role": "Viewer"}
    await do(world, "fabric", "POST", f"{FABRIC}/roleAssignments", viewer)
    world.cloud.requests.clear()
    with pytest.raises(PrerequisiteFailed, match="Contributor on its workspace") as refused:
        await world.apply(example("sales"))
    assert "write" not in world.effects()
    (check,) = refused.value.checks
    assert isinstance(check, Check)
    assert check.remedy is not None
    await world.carry_out(check.remedy)
    assert failed((await world.apply(example("sales"))).verification) == []


async def test_a_role_of_ours_in_the_workspace_that_was_lowered_is_raised(world: World) -> None:
    await world.apply(example("sales"))
    await settle(world)
    before = world.dump()
    roles = before["fabric.workspaceRoleAssignments"].values()
    role = next(each["id"] for each in roles if each["principalId"] == identity_of(world))
    await do(world, "fabric", "PATCH", f"{FABRIC}/roleAssignments/{role}", {"role": "Viewer"})
    (change,) = (await world.plan(example("sales"))).plan.changes
    assert (change.action, change.kind, change.before) == (Action.UPDATE, "Fabric workspace role", {"role": "Viewer"})
    assert failed((await world.apply(example("sales"))).verification) == []
    assert differences(before, world.dump()) == {}


def test_workspace_storage_is_refused() -> None:
    name = "dbstorageabc123"
    url = f"https://{name}.dfs.core.windows.net/root"
    spec = example("sales", **{"storage.url": url, "storage.resource_id": azure.account_id(name)})
    assert workspace_storage(example("sales")) is None
    check = workspace_storage(spec)
    assert check is not None
    assert check.outcome is Outcome.FAILED


async def test_a_connection_of_others_is_not_given_our_sign_in(world: World) -> None:
    """It leads to the same folder, we may change it, and the spec names it now: that doesn't make it ours."""
    await world.apply(example("sales"))
    open_firewall(world)
    world.cloud.table("fabric.storageSecrets")[azure.LAKE] = {"key": [], "token": [SAS]}
    place = {"server": LAKE_URL, "path": "/lake/sales"}
    theirs = await connect_by_hand(
        world, "AzureDataLakeStorage", place, {"credentialType": "SharedAccessSignature", "token": SAS}
    )
    table = world.cloud.table("fabric.connectionRoleAssignments")
    for key, held in list(table.items()):
        if held["connectionId"] == theirs:
            table[key] = {**held, "role": "Owner"}
    before = world.dump()
    spec = example("sales", **{"storage.connection.name": "AzureDataLakeStorage by hand"})
    with pytest.raises(SpecError, match="signs in by SharedAccessSignature, not by WorkspaceIdentity"):
        await world.apply(spec)
    assert differences(before, world.dump()) == {}


async def test_a_connection_of_others_that_the_spec_came_to_name_survives_offboarding(world: World) -> None:
    """We made one before, and the mark says so: that doesn't make the one that is used now ours."""
    await world.apply(example("sales"))
    place = {"server": LAKE_URL, "path": "/lake/sales"}
    theirs = await connect_by_hand(world, "AzureDataLakeStorage", place, {"credentialType": "WorkspaceIdentity"})
    table = world.cloud.table("fabric.connectionRoleAssignments")
    for key, held in list(table.items()):
        if held["connectionId"] == theirs:
            table[key] = {**held, "role": "Owner"}
    spec = example("sales", **{"storage.connection.name": "AzureDataLakeStorage by hand"})
    result = await world.apply(spec)
    assert (result.known.storage_connection, failed(result.verification)) == (theirs, [])
    assert (await world.plan(spec)).plan.changes == ()
    async with world.context(spec) as context:
        await apply_offboarding(context, await plan_offboarding(context))
    assert theirs in world.dump()["fabric.connections"]
