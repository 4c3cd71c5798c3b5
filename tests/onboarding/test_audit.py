"""An audit: a plan by somebody who may only read finds drift, writes nothing, and says what it couldn't look at."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest

from cloud_emulator.arm import seed as arm_seed
from cloud_emulator.seeds.contoso import azure, identities
from tests.onboarding.test_drift import FABRIC, delete_shortcut, disable_auto_sync, do, drop_network_rule
from tests.onboarding.world import World, example
from unity_mirror.plan.model import Action, Outcome, Plan
from unity_mirror.steps.runner import make_plan

Drift = Callable[[World], Awaitable[None]]
AUDITOR = identities.SALES_READER
SHARE = json.dumps([{"id": AUDITOR.object_id, "type": "ServicePrincipal", "role": "User"}])
SETS = {"databricks.connection.share": SHARE, "storage.connection.share": SHARE}


async def let_look(world: World) -> None:
    """Viewer of the workspace and Reader of the account, and nothing else."""
    body = {"principal": {"id": AUDITOR.object_id, "type": "ServicePrincipal"}, "role": "Viewer"}
    await do(world, "fabric", "POST", f"{FABRIC}/roleAssignments", body)
    reader = arm_seed.RoleAssignmentSeed(
        scope=azure.account_id(azure.LAKE), principal_id=AUDITOR.object_id, role="Reader"
    )
    arm_seed.load(world.cloud, arm_seed.ArmSeed(role_assignments=(reader,)))
    world.cloud.store.commit()
    await world.time.sleep(600)


async def audit(world: World) -> Plan:
    """What the auditor is told; whoever only reads shares nothing."""
    world.cloud.requests.clear()
    secret = AUDITOR.secret or ""
    who = world.context(example("sales"), AZURE_CLIENT_ID=AUDITOR.app_id, AZURE_CLIENT_SECRET=secret)
    async with who as context:
        plan = (await make_plan(context)).plan
    assert "write" not in world.effects()
    return plan


async def test_an_audit_needs_read_permissions_only(world: World) -> None:
    await world.apply(example("sales", **SETS))
    await let_look(world)
    plan = await audit(world)
    assert plan.changes == ()
    unknown = {check.title for check in plan.checks if check.outcome is Outcome.UNKNOWN}
    assert {
        "The item's schemas and tables are those that the spec selects",
        "The semantic model is as the spec says",
    } <= unknown
    assert plan.blockers == ()


@pytest.mark.parametrize(
    ("drift", "found"),
    [
        (disable_auto_sync, (Action.UPDATE, "Mirrored Azure Databricks catalog")),
        (delete_shortcut, (Action.CREATE, "OneLake shortcut")),
        (drop_network_rule, (Action.CREATE, "Storage network rule")),
    ],
)
async def test_an_audit_finds_drift(world: World, drift: Drift, found: tuple[Action, str]) -> None:
    await world.apply(example("sales", **SETS))
    await let_look(world)
    await drift(world)
    changes = {(change.action, change.kind) for change in (await audit(world)).changes}
    assert changes - {(Action.UPDATE, "SQL analytics endpoint")} == {found}
