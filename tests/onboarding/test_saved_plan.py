"""A saved plan is applied only if nothing relevant changed since: what else happens meanwhile doesn't matter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from cloud_emulator.seeds.contoso import identities
from tests.onboarding.test_drift import CATALOG, FABRIC, add_table, do, drop_table
from tests.onboarding.world import World, example
from unity_mirror.plan.saved import moved, read_saved, save

Event = Callable[[World], Awaitable[None]]


async def new_lakehouse(world: World) -> None:
    body = {"displayName": "something_else", "creationPayload": {"enableSchemas": True}}
    await do(world, "fabric", "POST", f"{FABRIC}/lakehouses", body)


async def grant_on_an_unselected_schema(world: World) -> None:
    change = {"changes": [{"principal": identities.SALES_ANALYSTS.name, "add": ["USE_SCHEMA"]}]}
    await do(world, "databricks", "PATCH", f"{CATALOG}/permissions/schema/sales.archive", change)


async def workspace_role(world: World) -> None:
    body = {"principal": {"id": identities.PARTNER.object_id, "type": "User"}, "role": "Viewer"}
    await do(world, "fabric", "POST", f"{FABRIC}/roleAssignments", body)


async def item_of_the_same_name(world: World) -> None:
    body = {"displayName": "sales_lake", "creationPayload": {"enableSchemas": True}}
    await do(world, "fabric", "POST", f"{FABRIC}/lakehouses", body)


async def identity_made_by_somebody(world: World) -> None:
    await do(world, "fabric", "POST", f"{FABRIC}/provisionIdentity")


IRRELEVANT: dict[str, Event] = {
    "a lakehouse of others": new_lakehouse,
    "a grant elsewhere": grant_on_an_unselected_schema,
    "a role of others": workspace_role,
}
RELEVANT: dict[str, tuple[Event, str]] = {
    "a table more": (add_table, "needed now: create OneLake shortcut sales_lake/orders.returns_again"),
    "a table less": (drop_table, "no longer needed: create OneLake shortcut sales_lake/orders.dim_promotion"),
    "a lakehouse of the name": (item_of_the_same_name, "no longer needed: create Lakehouse sales_lake"),
    "the identity": (identity_made_by_somebody, "no longer needed: create Fabric workspace identity Sales Analytics"),
}


async def differences_after(world: World, event: Event) -> tuple[str, ...]:
    """Saves the plan, lets something happen, and compares with the plan then."""
    spec = example("sales")
    document = save([(spec, (await world.plan(spec)).plan)], prune=False)
    await event(world)
    return moved(read_saved(document, "here")[0], (await world.plan(spec)).plan)


@pytest.mark.parametrize("what", IRRELEVANT)
async def test_what_does_not_concern_it_leaves_it_valid(world: World, what: str) -> None:
    assert await differences_after(world, IRRELEVANT[what]) == ()


@pytest.mark.parametrize("what", RELEVANT)
async def test_what_does_is_named(world: World, what: str) -> None:
    event, told = RELEVANT[what]
    assert told in await differences_after(world, event)
