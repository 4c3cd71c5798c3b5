"""A Databricks workspace behind a private endpoint (S5), from end to end: this machine inside its network or outside, a
gateway for Fabric there or not, and what such a gateway can't do."""

from __future__ import annotations

import pytest

from cloud_emulator.arm import seed as arm_seed
from cloud_emulator.arm.seed import ArmSeed, DatabricksWorkspaceSeed, PrivateEndpointSeed
from cloud_emulator.fabric import seed as fabric_seed
from cloud_emulator.fabric.seed import FabricSeed
from cloud_emulator.seeds.contoso import azure
from cloud_emulator.seeds.contoso.identities import RUNNER
from tests.onboarding.access import onelake
from tests.onboarding.world import World, example, failed
from unity_mirror.errors import InvalidRequest, PermissionDenied, PrerequisiteFailed, SpecError
from unity_mirror.plan.model import StepName
from unity_mirror.spec import CatalogSpec

HR_HOST = "adb-2234567890123456.16.azuredatabricks.net"
GROUP = f"/subscriptions/{azure.SUBSCRIPTION}/resourceGroups/{azure.GROUP}"
HUB, AFAR = (f"{GROUP}/providers/Microsoft.Network/virtualNetworks/{name}" for name in ("contoso-hub", "contoso-afar"))
WORKSPACE = "55550000-0000-4000-8000-00000000f002"


def hr(**sets: str) -> CatalogSpec:
    """The example ``hr``, its Databricks workspace named as an Azure resource."""
    return example(
        "hr", **{"databricks.resource_id": f"{GROUP}/providers/Microsoft.Databricks/workspaces/contoso-hr"}, **sets
    )


def close(world: World, network: str = HUB, status: str = "Approved") -> None:
    """Puts the Databricks workspace of ``hr`` behind a private endpoint in a network."""
    endpoint = PrivateEndpointSeed.model_validate({"name": "ui-api", "virtual_network": network, "status": status})
    workspace = DatabricksWorkspaceSeed(
        subscription_id=azure.SUBSCRIPTION,
        resource_group=azure.GROUP,
        name="contoso-hr",
        host=HR_HOST,
        workspace_id=2234567890123456,
        public_network_access="Disabled",
        private_endpoints=(endpoint,),
    )
    arm_seed.load(world.cloud, ArmSeed(databricks_workspaces=(workspace,)))


def move_in(world: World, network: str | None = HUB) -> None:
    """Puts this machine into a virtual network."""
    world.cloud.behaviour = world.cloud.behaviour.model_copy(update={"client_virtual_network": network})


def gateway(world: World, number: int = 1, kind: str = "VirtualNetwork", network: str = "contoso-hub") -> str:
    """A data gateway that the runner may use; returns its id."""
    gateway_id = f"55550000-0000-4000-8000-00000000ee{number:02d}"
    found = {
        "id": gateway_id,
        "display_name": f"contoso-vnet-{number}",
        "subscription_id": azure.SUBSCRIPTION,
        "resource_group": azure.GROUP,
        "virtual_network": network,
        "subnet": "gateways",
        "users": [RUNNER.object_id],
    }
    fabric_seed.load(world.cloud, FabricSeed.model_validate({"gateways": [found]}))
    table = world.cloud.table("fabric.gateways")
    table[gateway_id] = {**table[gateway_id], "type": kind}
    world.cloud.store.commit()
    return gateway_id


async def test_from_within_its_network_and_through_the_only_gateway_everything_works(world: World) -> None:
    close(world)
    through = gateway(world)
    move_in(world)
    result = await world.apply(hr())
    assert failed(result.verification) == []
    held = world.dump()["fabric.connections"][result.known.databricks_connection]
    assert (held["connectivityType"], held["gatewayId"]) == ("VirtualNetworkGateway", through)
    (check,) = [check for check in result.plan.checks if check.id == "databricks_network"]
    assert "ui-api (Approved); the connection goes through gateway contoso-vnet-1" in check.evidence
    for ref in result.known.mirrored:
        path = f"{ref.onelake_path}/_delta_log"
        assert await onelake(world, RUNNER, WORKSPACE, str(result.known.item), path) == 200
    assert (await world.plan(hr())).plan.changes == ()


async def test_from_outside_nothing_is_written_and_the_report_says_where_to_run(world: World) -> None:
    close(world)
    gateway(world)
    with pytest.raises(PrerequisiteFailed, match="this machine isn't let in") as refused:
        await world.apply(hr())
    assert "in the virtual network contoso-hub (resource group contoso-data)" in refused.value.remedy
    assert "write" not in world.effects()
    move_in(world, AFAR)
    with pytest.raises(PrerequisiteFailed, match="this machine isn't let in"):
        await world.apply(hr())


async def test_without_its_azure_resource_id_the_error_asks_for_it(world: World) -> None:
    close(world)
    with pytest.raises(PermissionDenied) as refused:
        await world.apply(example("hr"))
    assert "databricks.resource_id" in refused.value.remedy
    assert "write" not in world.effects()


@pytest.mark.parametrize("there", ["no gateway", "an on-premises gateway", "a gateway that isn't ours to use"])
async def test_without_a_gateway_that_can_lead_there_it_is_refused(world: World, there: str) -> None:
    close(world)
    move_in(world)
    if there != "no gateway":
        made = gateway(world, kind="OnPremises" if there == "an on-premises gateway" else "VirtualNetwork")
        table = world.cloud.table("fabric.gateways")
        table[made] = {**table[made], "users": [RUNNER.object_id] if there == "an on-premises gateway" else []}
    with pytest.raises(PrerequisiteFailed, match="can be reached from Fabric") as refused:
        await world.apply(hr())
    (check,) = refused.value.checks
    assert "there is no virtual network data gateway that we may use" in str(check)
    assert "an on-premises gateway doesn't work" in str(check)
    assert "write" not in world.effects()


async def test_an_endpoint_that_nobody_approved_is_refused(world: World) -> None:
    close(world, status="Pending")
    gateway(world)
    with pytest.raises(PrerequisiteFailed, match=r"ui-api \(Pending\)") as refused:
        await world.apply(hr())
    assert "approves it" in str(refused.value)


async def test_a_gateway_in_another_network_is_found_out_by_the_connections_own_test(world: World) -> None:
    close(world)
    gateway(world, network="contoso-afar")
    move_in(world)
    with pytest.raises(InvalidRequest, match="through the gateway's network"):
        await world.apply(hr())
    assert [
        each for each in world.dump()["fabric.connections"].values() if each["displayName"] == "databricks-hr"
    ] == []
    assert [each for each in world.dump()["fabric.items"].values() if each["displayName"] == "hr"] == []


async def test_an_item_that_was_made_before_does_not_change_over(world: World) -> None:
    await world.apply(hr())
    close(world)
    gateway(world)
    move_in(world)
    before = world.dump()
    with pytest.raises(SpecError, match="doesn't go through the gateway"):
        await world.apply(hr())
    with pytest.raises(SpecError, match="uses another Databricks connection, which can't be changed") as refused:
        await world.apply(hr(**{"databricks.connection.name": "databricks-hr-private"}))
    assert "give fabric.item_name another name" in refused.value.problems[0].hint
    assert world.dump() == before


async def test_several_gateways_have_to_be_told_apart_by_name(world: World) -> None:
    close(world)
    gateway(world, 1)
    second = gateway(world, 2)
    move_in(world)
    with pytest.raises(SpecError, match="several gateways"):
        await world.plan(hr())
    result = await world.apply(hr(**{"databricks.connection.gateway": "contoso-vnet-2"}))
    assert failed(result.verification) == []
    assert world.dump()["fabric.connections"][result.known.databricks_connection]["gatewayId"] == second


async def test_a_named_gateway_must_be_one_of_the_right_kind(world: World) -> None:
    close(world)
    gateway(world, 1, "OnPremises")
    move_in(world)
    named = {"databricks.connection.gateway": "contoso-vnet-1"}
    with pytest.raises(SpecError, match="gateway of type OnPremises"):
        await world.plan(hr(**named))
    with pytest.raises(SpecError, match="there is no gateway"):
        await world.plan(hr(**{"databricks.connection.gateway": "contoso-vnet-9"}))


async def test_a_gateway_that_serves_another_workspace_is_refused_by_name_and_not_taken_by_itself(world: World) -> None:
    close(world)
    gateway(world)
    move_in(world)
    made = str((await world.apply(hr())).known.databricks_connection)
    table = world.cloud.table("fabric.connections")
    details = {**table[made]["connectionDetails"], "path": "https://adb-1.1.azuredatabricks.net"}
    table[made] = {**table[made], "connectionDetails": details}
    with pytest.raises(SpecError, match="serves another Databricks workspace"):
        await world.plan(hr(**{"databricks.connection.gateway": "contoso-vnet-1"}))
    with pytest.raises(PrerequisiteFailed, match="can be reached from Fabric"):
        await world.apply(hr())


async def test_a_public_workspace_needs_no_gateway(world: World) -> None:
    plan = await world.plan(hr())
    (check,) = [check for check in plan.plan.checks if check.id == "databricks_network"]
    assert check.evidence == "publicNetworkAccess of contoso-hr is Enabled"
    (made,) = [each for each in plan.plan.step(StepName.CONNECTIONS).changes if each.kind == "Fabric connection"]
    assert "gateway" not in made.after
