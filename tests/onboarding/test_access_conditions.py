"""Conditions of access, one at a time and from both sides, that have no place of their own: what the storage URL
covers, whose storage it is, capacities, regions, Fabric's connection types, and writes by others in between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from cloud_emulator.arm import seed as arm_seed
from cloud_emulator.core.app import Emulator
from cloud_emulator.core.faults import FaultRule
from cloud_emulator.seeds.contoso import azure, identities
from cloud_emulator.seeds.contoso.fabric import CAPACITY
from cloud_emulator.seeds.contoso.identities import ANALYST, SALES_ANALYSTS, SALES_READER
from cloud_emulator.services import mounts
from cloud_emulator.storage import files
from cloud_emulator.storage import seed as storage_seed
from tests.contract.world import settings
from tests.onboarding.access import onelake
from tests.onboarding.test_access_grants import sales
from tests.onboarding.world import ROOT, World, example, failed
from unity_mirror.clouds import connect
from unity_mirror.errors import PermissionDenied, PrerequisiteFailed, SpecError
from unity_mirror.plan.model import Check, RestCall, StepName
from unity_mirror.spec import CatalogSpec, ConnectionShare
from unity_mirror.steps.context import Context
from unity_mirror.steps.runner import Planned, apply_plan, make_plan

WORKSPACE = "55550000-0000-4000-8000-00000000f001"
LAKE = "https://contosolake.dfs.core.windows.net"
VERSION = {"x-ms-version": "2023-11-03"}


def check_of(planned: Planned, check_id: str) -> Check:
    (found,) = [check for check in planned.plan.checks if check.id == check_id]
    return found


def change_capacity(world: World, **fields: str) -> None:
    table = world.cloud.table("fabric.capacities")
    table[CAPACITY] = {**table[CAPACITY], **fields}
    world.cloud.store.commit()


async def test_a_folder_that_does_not_cover_every_table_is_refused_and_they_are_listed(world: World) -> None:
    narrow = {"storage.url": f"{LAKE}/lake/sales/inventory"}
    with pytest.raises(PrerequisiteFailed, match="covers every selected table") as refused:
        await world.apply(sales("inventory", "finance", **narrow))
    (check,) = refused.value.checks
    assert isinstance(check, Check)
    assert "finance.invoices (" in check.evidence
    assert "inventory.suppliers (" not in check.evidence
    assert check.remedy is not None
    assert f"Set storage.url to {LAKE}/lake/sales," in check.remedy.text
    assert "write" not in world.effects()
    assert failed((await world.apply(sales("inventory", **narrow))).verification) == []


async def test_a_whole_account_gives_the_reader_there_and_the_connection_leads_to_the_tables_container(
    world: World,
) -> None:
    spec = sales("inventory", **{"storage.url": LAKE})
    result = await world.apply(spec)
    assert failed(result.verification) == []
    (role,) = result.plan.step(StepName.STORAGE_ACCESS).changes
    assert role.name == "Storage Blob Data Reader on contosolake"
    made = world.dump()["fabric.connections"][result.known.storage_connection]
    assert made["connectionDetails"]["path"] == f"{LAKE}/lake"
    assert (await world.plan(spec)).plan.changes == ()


async def test_a_whole_account_with_tables_in_two_containers_is_refused(world: World) -> None:
    move(world, "sales.inventory.suppliers", "abfss://elsewhere@contosolake.dfs.core.windows.net/suppliers")
    with pytest.raises(SpecError, match="several containers: elsewhere, lake"):
        await world.apply(sales("inventory", **{"storage.url": LAKE}))
    assert "write" not in world.effects()


def move(world: World, full_name: str, location: str) -> None:
    """Says that a table lies elsewhere."""
    table = world.cloud.table("unity_catalog.tables")
    for key, held in list(table.items()):
        if held["body"]["full_name"] == full_name or (full_name == "*" and held["body"].get("storage_location")):
            found = str(held["body"]["storage_location"]).replace("contosolake", location)
            moved = location if "://" in location else found
            table[key] = {**held, "body": {**held["body"], "storage_location": moved}}
    world.cloud.store.commit()


@pytest.mark.parametrize("name", ["dbstorageabc123", "contosodata"])
async def test_a_databricks_workspaces_own_storage_behind_a_firewall_is_refused(world: World, name: str) -> None:
    """The tables lie in another account; only the name by which Databricks makes such accounts differs."""
    account = arm_seed.StorageAccountSeed(subscription_id=azure.SUBSCRIPTION, resource_group=azure.GROUP, name=name)
    arm_seed.load(world.cloud, arm_seed.ArmSeed(storage_accounts=(account,)))
    files.create_container(world.cloud, name, "lake")
    files.make_directory(world.cloud, name, "lake", "sales")
    move(world, "*", name)
    url = f"https://{name}.dfs.core.windows.net/lake/sales"
    planned = await world.plan(
        sales("inventory", **{"storage.url": url, "storage.resource_id": azure.account_id(name)})
    )
    blocking = {check.id for check in planned.plan.blockers}
    assert blocking == ({"workspace_storage"} if name.startswith("dbstorage") else set())


async def test_trusted_access_from_a_trial_capacity_is_refused_and_without_it_is_not(world: World) -> None:
    change_capacity(world, sku="FT1")
    planned = await world.plan(sales("inventory"))
    check = check_of(planned, "capacity_trusted_access")
    assert (check.blocks, check.evidence) == (True, "the SKU is FT1")
    assert check.remedy is not None
    with pytest.raises(PrerequisiteFailed, match="allows trusted workspace access"):
        await world.apply(sales("inventory"))
    assert "write" not in world.effects()
    assert (await world.plan(sales("inventory", **{"storage.trusted_access": "false"}))).plan.blockers == ()


async def test_a_capacity_that_becomes_a_trial_stops_reading_and_the_report_says_so(world: World) -> None:
    result = await world.apply(sales("inventory"))
    change_capacity(world, sku="FT1")
    report = await world.verify(sales("inventory"))
    assert "it wasn't looked for" in failed(report, "item")[0].evidence
    assert failed(report, "capacity_trusted_access")
    item, (ref, *_) = str(result.known.item), result.known.mirrored
    assert await onelake(world, identities.RUNNER, WORKSPACE, item, f"{ref.onelake_path}/_delta_log") == 403
    change_capacity(world, sku="F2")
    assert failed(await world.verify(sales("inventory"))) == []


@pytest.mark.parametrize(("region", "warned"), [("West Europe", False), ("Qatar Central", True)])
async def test_a_region_off_the_list_is_a_warning_and_no_refusal(world: World, region: str, warned: bool) -> None:
    change_capacity(world, region=region)
    plan = (await world.plan(sales("inventory"))).plan
    assert plan.blockers == ()
    assert any(region in note for note in plan.step(StepName.PREREQUISITES).notes) is warned


async def test_what_kinds_of_connection_fabric_makes_is_asked_first(world: World) -> None:
    url = "https://api.fabric.microsoft.com/v1/connections/supportedConnectionTypes?showAllCreationMethods=true"
    asked = world.call(RestCall("fabric", "GET", url))
    offered = (await asked).json()
    for each in offered["value"]:
        if each["type"] == "AzureDatabricksWorkspace":
            each["supportedCredentialTypes"] = ["Key"]
    rule = {
        "service": "fabric",
        "path": "/supportedConnectionTypes",
        "action": "status",
        "status": 200,
        "body": offered,
    }
    world.cloud.faults.set([FaultRule.model_validate(rule)])
    world.cloud.requests.clear()
    try:
        with pytest.raises(SpecError, match="Fabric can't make a ServicePrincipal connection") as refused:
            await world.apply(sales("inventory"))
    finally:
        world.cloud.faults.set([])
    assert refused.value.problems[0].hint == "Fabric offers for AzureDatabricksWorkspace: Key"
    assert "write" not in world.effects()


async def test_who_may_not_share_a_connection_is_told_what_its_owner_does(world: World) -> None:
    await world.apply(example("hr"))
    table = world.cloud.table("fabric.connectionRoleAssignments")
    for key, held in list(table.items()):
        if held["principalId"] == identities.RUNNER.object_id:
            table[key] = {**held, "role": "User"}
    world.cloud.store.commit()
    share = (ConnectionShare.model_validate({"id": SALES_ANALYSTS.object_id, "type": "Group", "role": "User"}),)
    spec = example("hr")
    connection = spec.databricks.connection.model_copy(update={"share": share})
    shared = spec.model_copy(update={"databricks": spec.databricks.model_copy(update={"connection": connection})})
    with pytest.raises(PermissionDenied) as refused:
        await world.apply(shared)
    assert "The connection's owner gives" in refused.value.remedy
    assert "az rest --method post" in refused.value.remedy


BY_SERVICE_PRINCIPAL: Mapping[str, str] = {
    "kind": "service_principal",
    "tenant_id": identities.TENANT,
    "client_id": SALES_READER.app_id,
    "secret": "{env: SALES_DATABRICKS_SECRET}",
}


@pytest.mark.parametrize("object_id", [SALES_READER.object_id, ANALYST.object_id])
async def test_an_object_id_of_somebody_else_is_not_taken_for_the_applications(world: World, object_id: str) -> None:
    auth = ", ".join(f"{name}: {value}" for name, value in {**BY_SERVICE_PRINCIPAL, "object_id": object_id}.items())
    spec = sales("inventory", **{"storage.auth": f"{{{auth}}}", "storage.trusted_access": "false"})
    if object_id == SALES_READER.object_id:
        assert (await world.plan(spec)).known.storage_principal == object_id
        return
    with pytest.raises(SpecError, match=f"is {SALES_READER.object_id}, as its token says"):
        await world.apply(spec)
    assert "write" not in world.effects()


class Meddler(httpx.AsyncBaseTransport):
    """The emulator, where somebody else changes a list right before we write it, as often as told."""

    def __init__(self, world: World, times: int) -> None:
        self.world, self.times = world, times
        self.refused = 0
        self._emulator = httpx.ASGITransport(app=Emulator(world.cloud, mounts()))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Meddles with the container's root."""
        ours = request.method == "PATCH" and request.url.params.get("action") == "setAccessControl"
        if ours and self.times and request.url.path.rstrip("/").endswith("/lake"):
            self.times -= 1
            await self._meddle()
        answer = await self._emulator.handle_async_request(request)
        self.refused += answer.status_code == 412
        return answer

    async def _meddle(self) -> None:
        root = f"{LAKE}/lake/?action="
        read = await self.world.call(RestCall("storage", "HEAD", f"{root}getAccessControl", headers=VERSION))
        entry = f"user:{self.times:08d}-0000-4000-8000-00000000cafe:r-x"
        headers = {**VERSION, "x-ms-acl": f"{read.headers['x-ms-acl']},{entry}"}
        call = RestCall("storage", "PATCH", f"{root}setAccessControl", headers=headers)
        assert (await self.world.call(call)).is_success


async def apply_among(world: World, spec: CatalogSpec, times: int) -> tuple[Meddler, Any]:
    meddler = Meddler(world, times)
    async with connect(settings(ROOT, **identities.environment()), clock=world.time, wire=meddler) as clouds:
        context = Context(spec, clouds.clients, clouds.secrets)
        return meddler, await apply_plan(context, await make_plan(context))


async def test_a_list_that_others_change_between_our_reading_and_writing_keeps_their_entries(world: World) -> None:
    meddler, result = await apply_among(world, sales("inventory"), times=3)
    assert meddler.refused == 3
    assert failed(result.verification) == []
    root = files.stat(world.cloud, azure.LAKE, "lake", "")
    assert root is not None
    theirs = [f"user:{number:08d}-0000-4000-8000-00000000cafe:r-x" for number in range(3)]
    assert all(entry in root["acl"] for entry in theirs)
    assert f"user:{result.known.storage_principal}:--x" in root["acl"]


class Vacuum(httpx.AsyncBaseTransport):
    """The emulator, where files that were listed are deleted right before their own list is asked for or written."""

    def __init__(self, world: World, method: str, *paths: str) -> None:
        self.world, self.method, self.paths = world, method, set(paths)
        self._emulator = httpx.ASGITransport(app=Emulator(world.cloud, mounts()))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Deletes, once."""
        path = request.url.path.partition("/lake/")[2]
        if request.method == self.method and path in self.paths:
            self.paths.remove(path)
            url = f"{LAKE}/lake/{path}?recursive=true"
            assert (await self.world.call(RestCall("storage", "DELETE", url, headers=VERSION))).is_success
        return await self._emulator.handle_async_request(request)


DEEP_FILE, TOP_FILE = "sales/inventory/suppliers/_delta_log/_gone.json", "sales/_gone.json"
HIDDEN = f"user::rw-,user:{ANALYST.object_id}:-w-,group::---,mask::-w-,other::---"


@pytest.mark.parametrize(
    ("method", "path", "acl"),
    [
        pytest.param("HEAD", DEEP_FILE, HIDDEN, id="while lists are read"),
        pytest.param("PATCH", DEEP_FILE, HIDDEN, id="while lists are written one by one"),
        pytest.param("PATCH", TOP_FILE, "user::rw-,group::r--,other::---", id="while a branch is written"),
    ],
)
async def test_a_file_that_goes_while_its_folder_is_given_access_needs_none(
    world: World, method: str, path: str, acl: str
) -> None:
    """Tables are written and vacuumed at any time: what was listed may not be there any more."""
    node = files.put_file(world.cloud, azure.LAKE, "lake", path, b"{}")
    storage_seed.set_access(world.cloud, node, access_list=acl)
    vacuum = Vacuum(world, method, path)
    async with connect(settings(ROOT, **identities.environment()), clock=world.time, wire=vacuum) as clouds:
        context = Context(sales("inventory"), clouds.clients, clouds.secrets)
        result = await apply_plan(context, await make_plan(context))
    assert vacuum.paths == set()
    assert failed(result.verification) == []
    assert (await world.plan(sales("inventory"))).plan.changes == ()
