"""Prerequisites, one at a time, each broken through the clouds' own APIs."""

from __future__ import annotations

from typing import Any

import pytest

from cloud_emulator.seeds.contoso import azure, databricks, identities
from tests.onboarding.test_drift import FABRIC, do, settle
from tests.onboarding.world import World, example, failed
from unity_mirror.errors import PrerequisiteFailed, SpecError, UnityMirrorError
from unity_mirror.plan.model import Outcome, RestCall, StepName
from unity_mirror.plan.ownership import role_assignment_name
from unity_mirror.steps.adopt import write_spec
from unity_mirror.steps.storage_access import DELEGATOR

SALES = "https://adb-1234567890123456.7.azuredatabricks.net"
WORKSPACE = "55550000-0000-4000-8000-00000000f001"


async def call(world: World, service: str, method: str, url: str, body: dict[str, Any] | None = None) -> Any:
    answer = await world.call(RestCall(service, method, url, body))
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


async def turn_external_access_off(world: World) -> None:
    url = f"{SALES}/api/2.1/unity-catalog/metastores/{databricks.METASTORE}"
    await call(world, "databricks", "PATCH", url, {"external_access_enabled": False})


async def test_external_data_access_is_checked_and_repaired_when_asked(world: World) -> None:
    await turn_external_access_off(world)
    not_asked = example("sales", **{"prerequisites.fix": "[]"})
    with pytest.raises(PrerequisiteFailed, match="External data access"):
        await world.apply(not_asked)
    assert "write" not in {
        request["effect"] for request in world.cloud.requests if request["service"] != "unity_catalog"
    }
    blocker = (await world.plan(not_asked)).plan.blockers[0]
    assert blocker.remedy is not None
    asked = (await world.plan(example("sales"))).plan
    assert asked.blockers == ()
    assert [change.after for change in asked.step(StepName.PREREQUISITES).changes] == [
        {"external_access_enabled": True}
    ]
    await world.carry_out(blocker.remedy)
    assert (await world.plan(not_asked)).plan.blockers == ()


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"catalog": "salse"}, "catalog: Unity Catalog has no catalog 'salse' .*did you mean 'sales'\\? Else check"),
        ({"fabric.workspace": "sales analytic"}, "workspace: .* 'sales analytic' .*did you mean 'Sales Analytics'\\?"),
        ({"catalog": "warehouse_of_nobody"}, "'warehouse_of_nobody' that we may see \\(check the name, or grant"),
    ],
)
async def test_a_name_that_is_not_there_is_told_with_the_nearest(
    world: World, named: dict[str, str], told: str
) -> None:
    with pytest.raises(SpecError, match=told):
        await world.apply(example("sales", **named))
    assert "write" not in world.effects()


async def test_a_workspace_without_unity_catalog_is_refused(world: World) -> None:
    workspaces = world.cloud.table("unity_catalog.workspaces")
    host = SALES.removeprefix("https://")
    workspaces[host] = {**workspaces[host], "metastore_id": None}
    with pytest.raises(UnityMirrorError, match=r"(?i)metastore"):
        await world.apply(example("sales"))
    assert "write" not in world.effects()


async def test_a_databricks_workspace_behind_a_private_endpoint_is_refused(world: World) -> None:
    table = world.cloud.table("arm.databricksWorkspaces")
    key = next(key for key in table if key.endswith("/contoso-sales"))
    table[key] = {**table[key], "properties": {**table[key]["properties"], "publicNetworkAccess": "Disabled"}}
    with pytest.raises(PrerequisiteFailed, match="virtual network data gateway"):
        await world.apply(example("sales"))
    assert "write" not in world.effects()


async def test_a_connection_that_fits_is_reused(world: World) -> None:
    first = await world.apply(example("hr"))
    unnamed = example("hr", **{"databricks.connection.name": "null"})
    planned = await world.plan(unnamed)
    assert planned.known.databricks_connection == first.known.databricks_connection
    assert planned.plan.step(StepName.CONNECTIONS).changes == ()


async def test_a_named_connection_that_does_not_fit_is_refused(world: World) -> None:
    await world.apply(example("hr"))
    with pytest.raises(SpecError) as refused:
        await world.plan(example("sales", **{"databricks.connection.name": "databricks-hr"}))
    assert refused.value.problems[0].path == "databricks.connection.name"


@pytest.mark.parametrize(("wanted", "shown"), [("true", "Enabled"), ("false", "Disabled")])
async def test_automatic_sync_is_as_the_spec_says(world: World, wanted: str, shown: str) -> None:
    result = await world.apply(example("hr", auto_sync=wanted))
    url = f"https://api.fabric.microsoft.com/v1/workspaces/{_workspace_of(world, result.known.item)}"
    item = await call(world, "fabric", "GET", f"{url}/mirroredAzureDatabricksCatalogs/{result.known.item}")
    assert item["properties"]["autoSync"] == shown
    assert (await world.plan(example("hr", auto_sync=wanted))).plan.changes == ()


def _workspace_of(world: World, item: object) -> str:
    return str(world.dump()["fabric.items"][str(item)]["workspaceId"])


async def test_the_delegator_role_is_given_under_a_derived_name(world: World) -> None:
    await world.apply(example("sales"))
    identity = world.dump()["fabric.workspaces"][WORKSPACE]["workspaceIdentity"]["servicePrincipalId"]
    account = azure.account_id(azure.LAKE)
    name = role_assignment_name(account, identity, DELEGATOR)
    assigned = [key for key in world.dump()["arm.roleAssignments"] if key.endswith(name)]
    assert len(assigned) == 1
    assert assigned[0].startswith(account.lower())


async def test_a_paused_capacity_stops_everything_before_a_write(world: World) -> None:
    capacities = world.cloud.table("fabric.capacities")
    key = next(key for key, document in capacities.items() if document["displayName"] == "contoso-f64")
    capacities[key] = {**capacities[key], "state": "Inactive"}
    with pytest.raises(PrerequisiteFailed, match="running capacity"):
        await world.apply(example("sales"))
    assert "write" not in world.effects()


async def test_when_the_firewall_keeps_us_out_storage_is_unknown_not_passed(world: World) -> None:
    account = world.cloud.table("arm.storageAccounts")[azure.LAKE]
    rules = account["properties"]["networkAcls"]
    closed = {**rules, "ipRules": []}
    world.cloud.table("arm.storageAccounts")[azure.LAKE] = {
        **account, "properties": {**account["properties"], "networkAcls": closed}
    }  # fmt: skip
    plan = (await world.plan(example("sales"))).plan
    check = next(check for check in plan.checks if check.id == "storage_reachable")
    assert check.outcome is Outcome.UNKNOWN
    assert check.remedy is not None
    assert "network-rule add" in check.remedy.commands[0]
    assert identities.TENANT not in check.evidence
    assert failed(plan.step(StepName.STORAGE_ACCESS)) == []


async def test_the_catalogs_name_is_written_as_unity_catalog_does(world: World) -> None:
    """It takes any case of letters, Fabric doesn't, and neither do our marks."""
    with pytest.raises(SpecError, match="Unity Catalog calls the catalog 'hr', not 'HR'"):
        await world.apply(example("hr", catalog="HR"))
    assert "write" not in world.effects()
    async with world.context(example("hr")) as context:
        written = await write_spec(context.clients, "HR", example("hr").databricks.workspace, "People Analytics")
    assert written["catalog"] == "hr"


async def test_a_name_that_another_items_sql_endpoint_has_is_refused_before_anything_is_made(world: World) -> None:
    """A workspace's endpoints are databases of one server; 16 things had been made until Fabric said so."""
    body = {"displayName": "Sales", "creationPayload": {"enableSchemas": True}}
    await do(world, "fabric", "POST", f"{FABRIC}/lakehouses", body)
    await settle(world)
    world.cloud.requests.clear()
    with pytest.raises(SpecError, match="lakehouse, warehouse or mirrored database 'sales' already") as refused:
        await world.apply(example("sales"))
    assert refused.value.problems[0].path == "fabric.item_name"
    assert "write" not in world.effects()


async def test_a_lakehouse_is_not_named_as_an_item_beside_it(world: World) -> None:
    """Told by the spec alone, unless that calls one workspace by its name and by its id."""
    await world.apply(example("hr"))
    workspace = "55550000-0000-4000-8000-00000000f002"
    with pytest.raises(SpecError, match="already") as refused:
        await world.apply(example("hr", **{"lakehouse.name": "HR", "lakehouse.workspace": workspace}))
    assert refused.value.problems[0].path == "lakehouse.name"
