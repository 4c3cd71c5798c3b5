"""Freshness: a table's last commit against the item's last sync, the SQL endpoint's and the model's framing."""

from __future__ import annotations

from typing import Any

import pytest

from cloud_emulator.core.faults import FaultRule
from tests.onboarding.test_drift import CATALOG, FABRIC, commit, do, item_of
from tests.onboarding.world import World, example, failed
from unity_mirror.errors import OperationFailed
from unity_mirror.plan.freshness import FRESHNESS
from unity_mirror.plan.model import Outcome, StepPlan
from unity_mirror.steps.verification import Depth

TABLE = "orders.dim_store"
FOLDER = "sales/orders/dim_store"
LONG_AGO = 3600.0
OFF = {"auto_sync": "false"}
STRICT = {"freshness.max_lag_minutes": "0"}
NO_CHANGE: dict[str, Any] = {"commitInfo": {"operation": "WRITE"}}
WIDER: dict[str, Any] = {
    "protocol": {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["v2Checkpoint"],
        "writerFeatures": ["v2Checkpoint"],
    }
}
"""A feature that the SQL endpoint doesn't read."""


async def sync(world: World) -> None:
    item = item_of(world, "MirroredAzureDatabricksCatalog", "sales")
    await do(world, "fabric", "POST", f"{FABRIC}/mirroredAzureDatabricksCatalogs/{item}/refreshCatalogMetadata")
    await world.time.sleep(60)


async def frame(world: World) -> None:
    async with world.context(example("sales")) as context:
        workspace, model = FABRIC.rsplit("/", 1)[-1], item_of(world, "SemanticModel", "Sales")
        refresh = await context.clients.powerbi.refresh(workspace, model, {"type": "full"})
        await context.clients.powerbi.wait_for_refresh(workspace, model, refresh)


def told(found: StepPlan) -> dict[str, str]:
    """The evidence of each table that isn't fresh."""
    return {each.scope.name: each.evidence.partition(". ")[2] for each in failed(found, "freshness")}


async def test_all_is_fresh_after_an_onboarding(world: World) -> None:
    await world.apply(example("sales"))
    found = await world.verify(example("sales"), Depth.FRESH)
    assert [check for check in found.checks if check.outcome is not Outcome.PASSED] == []
    assert len([check for check in found.checks if check.id == "freshness"]) == 25
    row = next(row for table in found.tables if table.title == FRESHNESS for row in table.rows if row[0] == TABLE)
    assert all(moment.startswith("2026-") for moment in row[1:-1])
    assert (len(row), row[-1]) == (6, "")


async def test_a_commit_that_nothing_followed(world: World) -> None:
    """Behind at once and said so, wrong only once it is older than what the spec allows."""
    spec = example("sales", auto_sync="false")
    await world.apply(spec)
    await commit(world, FOLDER, 1, NO_CHANGE)
    assert told(await world.verify(spec, Depth.FRESH)) == {}
    assert TABLE in told(await world.verify(example("sales", **{**OFF, **STRICT}), Depth.FRESH))
    await world.time.sleep(LONG_AGO)
    stale = await world.verify(spec, Depth.FRESH)
    assert told(stale) == {TABLE: "Not seen by: the item's sync, the model's framing"}
    remedy = failed(stale, "freshness")[0].remedy
    assert remedy is not None
    assert "Refresh the semantic model" in remedy.text
    await sync(world)
    assert told(await world.verify(spec, Depth.FRESH)) == {TABLE: "Not seen by: the model's framing"}
    await frame(world)
    assert told(await world.verify(spec, Depth.FRESH)) == {}


async def test_a_commit_that_the_sql_endpoint_cannot_take(world: World) -> None:
    await world.apply(example("sales"))
    await commit(world, FOLDER, 1, WIDER)
    await world.time.sleep(LONG_AGO)
    evidence = told(await world.verify(example("sales"), Depth.FRESH))[TABLE]
    assert "the SQL endpoint (UnsupportedDeltaFeature: " in evidence
    read_only = told(await world.verify(example("sales"), Depth.FRESH_READ_ONLY))
    assert "the SQL endpoint" not in read_only.get(TABLE, "")


async def test_reading_only_writes_nothing_and_says_what_it_left_out(world: World) -> None:
    await world.apply(example("sales"))
    world.cloud.requests.clear()
    found = await world.verify(example("sales"), Depth.FRESH_READ_ONLY)
    assert "write" not in world.effects()
    assert [check for check in found.checks if check.outcome is not Outcome.PASSED] == []
    assert any("--read-only" in note for note in found.notes)
    await world.verify(example("sales"), Depth.FRESH)
    writes = [each["path"].rpartition("/")[2] for each in world.cloud.requests if each["effect"] == "write"]
    assert writes == ["refreshMetadata"]


async def test_who_may_not_ask_the_sql_endpoint_is_told_so(world: World) -> None:
    await world.apply(example("sales"))
    world.cloud.faults.set([FaultRule(method="POST", path="refreshMetadata$", status=403)])
    found = await world.verify(example("sales"), Depth.FRESH)
    unknown = [check for check in found.checks if check.outcome is Outcome.UNKNOWN]
    assert [check.id for check in unknown] == ["sql_endpoint_freshness"]
    assert unknown[0].remedy is not None
    assert "--read-only" in unknown[0].remedy.text


async def test_a_framing_that_failed_is_found(world: World) -> None:
    """The table is dropped in Unity Catalog, and with it from OneLake: the model still has it."""
    await world.apply(example("sales"))
    await do(world, "databricks", "DELETE", f"{CATALOG}/tables/sales.orders.dim_promotion")
    listed = failed(await world.verify(example("sales")), "tables_listed")
    assert [check.evidence for check in listed] == [
        "in OneLake, and no longer to be mirrored from Unity Catalog: orders.dim_promotion"
    ]
    await sync(world)
    with pytest.raises(OperationFailed):
        await frame(world)
    found = await world.verify(example("sales"))
    assert [check.id for check in failed(found)] == ["framing"]
    assert "dim_promotion" in failed(found)[0].evidence
