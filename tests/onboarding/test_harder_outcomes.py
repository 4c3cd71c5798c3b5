"""Onboarding where reality has two legal outcomes and the harder one comes: short pages, roles and syncs that take
their time."""

from __future__ import annotations

from tests.emulator.support import HARDER
from tests.onboarding.world import World, example, failed


async def test_sales_is_onboarded_by_short_pages_and_late_roles(world: World) -> None:
    harder = {**HARDER, "page_size": 5, "sync_begin_seconds": 5.0}
    world.cloud.behaviour = world.cloud.behaviour.model_copy(update=harder)
    world.cloud.store.commit()
    result = await world.apply(example("sales"))
    assert failed(result.verification) == []
    assert len(result.known.mirrored) == 25
    assert not (await world.plan(example("sales"))).plan.changes


async def test_sales_is_onboarded_where_everything_is_done_at_once(world: World) -> None:
    easier = {"long_running": "immediate", "name_reservation_seconds": 0.0}
    world.cloud.behaviour = world.cloud.behaviour.model_copy(update=easier)
    world.cloud.store.commit()
    result = await world.apply(example("sales"))
    assert failed(result.verification) == []
    assert len(result.known.mirrored) == 25
