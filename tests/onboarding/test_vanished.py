"""What is dropped while a run reads stops nothing: it was listed, and is gone when it is asked for."""

from __future__ import annotations

import pytest

from cloud_emulator.core.faults import FaultRule
from tests.onboarding.world import World, example

GONE = {
    "a schema's privileges": "effective-permissions/schema/sales.finance$",
    "a table's privileges": "effective-permissions/table/sales.restricted.pricing_rules$",
    "a schema's grants": "/permissions/schema/sales.finance$",
    "a table's grants": "/permissions/table/sales.orders.dim_date$",
    "a schema's policies": "policies/schema/sales.finance$",
    "a table": "unity-catalog/tables/sales.orders.dim_date$",
}


@pytest.mark.parametrize("what", GONE)
async def test_what_is_dropped_while_the_plan_is_made_does_not_stop_it(world: World, what: str) -> None:
    """Each is answered once as Unity Catalog does of what isn't there any more; the next plan sees it as it is."""
    body = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "It does not exist."}
    fault = FaultRule(service="unity_catalog", method="GET", path=GONE[what], status=404, body=body)
    world.cloud.faults.set([fault])
    try:
        plan = (await world.plan(example("sales"))).plan
    finally:
        world.cloud.faults.set([])
    assert 404 in [request["status"] for request in world.cloud.requests]
    assert plan.blockers == ()
    assert {change.kind for change in plan.changes} >= {"Mirrored Azure Databricks catalog", "Semantic model"}
