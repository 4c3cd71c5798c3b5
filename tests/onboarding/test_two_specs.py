"""Two specs of one catalog, and one spec that was changed: nobody's lakehouse or model is taken for one's own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.onboarding.states import differences
from tests.onboarding.test_drift import do, settle
from tests.onboarding.world import World, example, failed
from unity_mirror.errors import SpecError
from unity_mirror.plan.model import Reason
from unity_mirror.plan.ownership import read_mark
from unity_mirror.spec import CatalogSpec
from unity_mirror.steps.offboard import Offboarding, apply_offboarding, plan_offboarding

PEOPLE, SALES = "People Analytics", "Sales Analytics"
WORKSPACES = ("55550000-0000-4000-8000-00000000f001", "55550000-0000-4000-8000-00000000f002")
ITEMS = "https://api.fabric.microsoft.com/v1/workspaces/{}/items/{}"


def people(lakehouse: str, **sets: str) -> CatalogSpec:
    """The catalog ``hr`` in its own workspace, with a lakehouse in the sales people's."""
    where = {"lakehouse.name": lakehouse, "lakehouse.workspace": SALES, "lakehouse.tables": '["people.*"]'}
    return example("hr", **{**where, **sets})


def among_sales(lakehouse: str, **sets: str) -> CatalogSpec:
    """The same catalog, mirrored once more in the sales people's workspace, where its lakehouse is, too."""
    more = {"fabric.workspace": SALES, "semantic_model": "null", "lakehouse.tables": '["people.*"]'}
    return example("hr", **{**more, "lakehouse.name": lakehouse, **sets})


def held(world: World, kind: str) -> dict[str, dict[str, Any]]:
    """The items of that kind by name, in the workspaces that we may change."""
    items = world.dump()["fabric.items"].values()
    return {each["displayName"]: each for each in items if each["type"] == kind and each["workspaceId"] in WORKSPACES}


def shortcuts_of(world: World, lakehouse: str) -> dict[str, str]:
    """Where each shortcut of a lakehouse leads to: the item's id, by the shortcut's name."""
    found = held(world, "Lakehouse")[lakehouse]["id"]
    rows = world.dump()["fabric.shortcuts"].values()
    return {each["name"]: each["target"]["oneLake"]["itemId"] for each in rows if each["itemId"] == found}


async def offboard(world: World, spec: CatalogSpec) -> Offboarding:
    async with world.context(spec) as context:
        offboarding = await plan_offboarding(context)
        await apply_offboarding(context, offboarding)
    await settle(world)
    return offboarding


async def rename(world: World, kind: str, old: str, new: str) -> None:
    item = held(world, kind)[old]
    await do(world, "fabric", "PATCH", ITEMS.format(item["workspaceId"], item["id"]), {"displayName": new})


async def test_a_lakehouse_of_the_same_catalog_in_another_workspace_is_not_ours(world: World) -> None:
    """Both specs name one lakehouse: its shortcuts stay as the first one made them, and go with it."""
    await world.apply(people("hr_lake"))
    await settle(world)
    before = shortcuts_of(world, "hr_lake")
    second = await world.apply(among_sales("hr_lake"))
    assert shortcuts_of(world, "hr_lake") == before
    collisions = [left.subject for left in second.left_out if left.reason is Reason.NAME_COLLISION]
    assert {each.partition(".")[2] for each in collisions} == set(before)
    assert (await world.plan(people("hr_lake"))).plan.changes == ()
    await offboard(world, among_sales("hr_lake"))
    assert shortcuts_of(world, "hr_lake") == before
    await offboard(world, people("hr_lake"))
    assert "hr_lake" not in held(world, "Lakehouse")


async def test_another_workspaces_lakehouse_is_not_given_our_name(world: World) -> None:
    await world.apply(people("people_lake"))
    await settle(world)
    before = world.dump()
    result = await world.apply(among_sales("hr_lake"))
    assert failed(result.verification) == []
    theirs = held(world, "Lakehouse")["people_lake"]
    assert theirs == before["fabric.items"][theirs["id"]]
    removed = (await offboard(world, among_sales("hr_lake"))).plan.changes
    assert [change.name for change in removed if change.kind == "Lakehouse"] == ["hr_lake"]
    assert shortcuts_of(world, "people_lake")


async def test_what_stands_here_for_another_workspaces_item_says_nothing_of_ours(world: World) -> None:
    """What was made for that one would be removed with ours."""
    await world.apply(people("people_lake"))
    mark = read_mark(held(world, "Lakehouse")["people_lake"]["description"])
    assert mark is not None
    assert mark.made == frozenset()
    assert mark.serves


async def test_a_lakehouse_elsewhere_that_was_renamed_by_hand_gets_its_name_back(world: World) -> None:
    await world.apply(people("people_lake"))
    await rename(world, "Lakehouse", "people_lake", "a_lake")
    await world.apply(people("people_lake"))
    assert {"people_lake", "a_lake"} & held(world, "Lakehouse").keys() == {"people_lake"}


CHANGED = {"Lakehouse": "lakehouse.name", "SemanticModel": "semantic_model.name"}


@pytest.mark.parametrize("kind", CHANGED)
async def test_a_second_spec_of_the_same_item_does_not_take_the_firsts_by_renaming_it(world: World, kind: str) -> None:
    """A changed spec looks just like it: what it wants is renamed in Fabric first, and is ours then as before."""
    await world.apply(example("sales"))
    await settle(world)
    name, before = ("sales_lake" if kind == "Lakehouse" else "Sales"), world.dump()
    second = example("sales", **{CHANGED[kind]: "another"})
    with pytest.raises(SpecError, match=rf"is there already, as '{name}'") as refused:
        await world.apply(second)
    assert [problem.path for problem in refused.value.problems] == [CHANGED[kind]]
    assert differences(before, world.dump()) == {}
    await rename(world, kind, name, "another")
    assert (await world.plan(second)).plan.changes == ()
    removed = (await offboard(world, second)).plan.changes
    assert "another" in {change.name for change in removed}
    assert "another" not in held(world, kind)


@pytest.mark.parametrize("prune", [False, True])
async def test_another_catalogs_model_of_the_same_name_is_not_taken_for_ours(world: World, prune: bool) -> None:
    """We made it, too, and with pruning its tables would have given way to ours."""
    await world.apply(example("sales", **{"semantic_model.name": "Shared"}))
    spec = among_sales("hr_lake", semantic_model='{"name": "shared", "tables": ["people.*"]}')
    with pytest.raises(SpecError, match="'Shared' is there already, and is that of the catalog 'sales'"):
        await world.plan(spec, prune=prune)
