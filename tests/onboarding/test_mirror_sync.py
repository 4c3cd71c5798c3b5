"""A sync's state stays until the next one begins, which Fabric comes to in its own time: old ends are told from new."""

from __future__ import annotations

import pytest

from tests.onboarding.test_drift import NO_ROLES, add_table, item_of, settle
from tests.onboarding.world import World, example, failed
from unity_mirror.errors import OperationFailed
from unity_mirror.models.table_ref import TableRef

ITEM = "MirroredAzureDatabricksCatalog"
OLD = {"errorCode": "SourceUnavailable", "errorMessage": "An earlier sync found nobody at home."}
NEW_TABLE = TableRef("orders", "returns_again")


async def onboarded(world: World, **behaviour: float) -> None:
    """The sample, onboarded some time ago, in a cloud that lets a sync wait before it begins."""
    await world.apply(example("sales", **NO_ROLES))
    await settle(world)
    world.cloud.behaviour = world.cloud.behaviour.model_copy(update={"sync_begin_seconds": 30.0, **behaviour})
    world.cloud.store.commit()


def fail_the_last_sync(world: World) -> None:
    """As an automatic sync would have left the item."""
    _change(world, syncDetails={"status": "Failed", "lastSyncDateTime": "2026-01-01T00:00:00Z", "errorInfo": OLD})


def _change(world: World, **properties: object) -> None:
    items, key = world.cloud.table("fabric.items"), item_of(world, ITEM, "sales")
    items[key] = {**items[key], "properties": {**items[key]["properties"], **properties}}
    world.cloud.store.commit()


async def test_an_old_failure_is_not_taken_for_that_of_the_sync_that_was_asked_for(world: World) -> None:
    await onboarded(world)
    await add_table(world)
    fail_the_last_sync(world)
    result = await world.apply(example("sales", **NO_ROLES))
    assert failed(result.verification) == []
    assert NEW_TABLE in result.known.mirrored


async def test_an_old_success_is_not_taken_for_that_of_the_sync_that_was_asked_for(world: World) -> None:
    await onboarded(world)
    await add_table(world)
    result = await world.apply(example("sales", **NO_ROLES))
    assert NEW_TABLE in result.known.mirrored
    assert result.left_out == (await world.plan(example("sales", **NO_ROLES))).plan.left_out


@pytest.mark.parametrize("old", ["Success", "Failed"])
async def test_a_sync_that_fails_anew_is_told_with_its_own_reason(world: World, old: str) -> None:
    await onboarded(world, shortcut_limit=1)
    await add_table(world)
    if old == "Failed":
        fail_the_last_sync(world)
    with pytest.raises(OperationFailed, match="an item can have 1 shortcuts") as failure:
        await world.apply(example("sales", **NO_ROLES))
    assert "nobody at home" not in str(failure.value)


async def test_an_old_failure_stops_nothing_where_no_sync_is_asked_for(world: World) -> None:
    """Only the mark is written."""
    await onboarded(world)
    fail_the_last_sync(world)
    items, key = world.cloud.table("fabric.items"), item_of(world, ITEM, "sales")
    mark = items[key]["description"]
    items[key] = {**items[key], "description": " ".join(word for word in mark.split() if "metastore=" not in word)}
    world.cloud.store.commit()
    result = await world.apply(example("sales", **NO_ROLES))
    assert [change.name for change in result.plan.changes] == ["description mark"]
    assert world.cloud.table("fabric.items")[key]["description"] == mark
