"""Offboarding: the cloud is as it was before onboarding; what was there before us, or others need, stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from cloud_emulator.core.faults import FaultRule
from tests.onboarding.states import State, differences
from tests.onboarding.test_drift import (
    FABRIC,
    LAKE,
    VERSION,
    WORKSPACE,
    delete_item,
    do,
    identity_of,
    item_of,
    settle,
    tree_granted,
)
from tests.onboarding.world import World, example, failed
from unity_mirror.errors import CloudError, SpecError
from unity_mirror.plan.model import Plan
from unity_mirror.plan.ownership import Spared, read_mark, with_mark
from unity_mirror.steps.offboard import apply_offboarding, outsiders, plan_offboarding

ASSIGNMENTS = "providers/Microsoft.Authorization/roleAssignments"
OTHER_NAME = "00000000-0000-4000-8000-00000000abcd"


async def offboard(
    world: World, name: str, *, keep_lakehouse: bool = False, sets: Mapping[str, str] | None = None
) -> list[str]:
    """Offboards an example and answers what was removed, by kind."""
    async with world.context(example(name, **(sets or {}))) as context:
        offboarding = await plan_offboarding(context, keep_lakehouse=keep_lakehouse)
        await apply_offboarding(context, offboarding)
    await settle(world)
    return sorted(change.kind for change in offboarding.plan.changes)


def moved_on(before: State) -> Iterable[str]:
    """Lists of the tree were written twice and are the same; so were the rules of the account."""
    yield from tree_granted(before)
    for key in ("contosolake/lake", "contosolake/lake/", "contosolake/lake/sales"):
        yield f"storage.nodes|{key}|etag"
        yield f"storage.nodes|{key}|modified"


async def test_offboarding_right_after_onboarding_leaves_no_trace(world: World) -> None:
    before = world.dump()
    await world.apply(example("sales"))
    assert await offboard(world, "sales") == [
        "Azure role assignment",
        "Fabric connection",
        "Fabric connection",
        "Fabric workspace identity",
        "Fabric workspace role",
        "Lakehouse",
        "Mirrored Azure Databricks catalog",
        "Semantic model",
        "Storage ACL",
        "Storage ACL",
        "Storage network rule",
    ]
    assert set(differences(before, world.dump())) <= set(moved_on(before))
    assert await offboard(world, "sales") == []


async def test_planning_to_offboard_writes_nothing(world: World) -> None:
    await world.apply(example("sales"))
    world.cloud.requests.clear()
    async with world.context(example("sales")) as context:
        assert (await plan_offboarding(context)).plan.counts()["delete"] == 11
    assert "write" not in world.effects()


async def forget_who_made_it(world: World) -> None:
    """Leaves behind all that carries no mark, as if an administrator had made it by hand."""
    await world.apply(example("sales"))
    for kind, name in (("SemanticModel", "Sales"), ("Lakehouse", "sales_lake")):
        await do(world, "fabric", "DELETE", f"{FABRIC}/items/{item_of(world, kind, name)}")
    await delete_item(world)
    roles = world.dump()["arm.roleAssignments"].values()
    body = next(each["body"] for each in roles if each["principalId"] == identity_of(world))
    await do(world, "arm", "DELETE", f"https://management.azure.com{body['id']}?api-version=2022-04-01")
    scope = body["id"].partition(f"/{ASSIGNMENTS}")[0]
    properties = {name: body["properties"][name] for name in ("roleDefinitionId", "principalId", "principalType")}
    url = f"https://management.azure.com{scope}/{ASSIGNMENTS}/{OTHER_NAME}?api-version=2022-04-01"
    await do(world, "arm", "PUT", url, {"properties": properties})
    await settle(world)


async def test_identical_things_that_were_there_before_stay(world: World) -> None:
    await forget_who_made_it(world)
    before = world.dump()
    await world.apply(example("sales"))
    removed = await offboard(world, "sales")
    assert removed == ["Lakehouse", "Mirrored Azure Databricks catalog", "Semantic model"]
    assert differences(before, world.dump()) == {}


async def test_what_was_made_is_known_after_the_item_was_deleted(world: World) -> None:
    """The lakehouse and the model remember; a new item takes the note over."""
    before = world.dump()
    await world.apply(example("sales"))
    await delete_item(world)
    await world.apply(example("sales"))
    await offboard(world, "sales")
    assert set(differences(before, world.dump())) <= set(moved_on(before))


async def test_what_nothing_remembers_is_named_and_stays(world: World) -> None:
    """Everything with a mark was deleted by hand: of the rest only what has a name that we derive is known as ours."""
    await world.apply(example("sales"))
    for kind, name in (("SemanticModel", "Sales"), ("Lakehouse", "sales_lake")):
        await do(world, "fabric", "DELETE", f"{FABRIC}/items/{item_of(world, kind, name)}")
    await delete_item(world)
    async with world.context(example("sales")) as context:
        plan = (await plan_offboarding(context)).plan
    assert [change.kind for change in plan.changes] == ["Azure role assignment"]
    told = [note.partition(" stays: the mirrored azure databricks catalog is gone")[0] for note in _notes(plan)]
    assert told == [
        "Fabric connection databricks-sales",
        "Fabric connection adls-sales",
        "Storage network rule contosolake: workspace Sales Analytics",
        f"Storage ACL contosolake/lake/ of {identity_of(world)}",
        f"Storage ACL contosolake/lake/sales of {identity_of(world)}",
        "Fabric workspace role of the workspace identity",
        "Fabric workspace identity Sales Analytics",
    ]


def _notes(plan: Plan) -> list[str]:
    return [note for step in plan for note in step.notes]


async def test_the_mark_of_another_metastores_catalog_of_the_same_name_is_not_ours(world: World) -> None:
    await world.apply(example("sales"))
    items = world.cloud.table("fabric.items")
    for key, item in items.items():
        mark = read_mark(item["description"])
        if mark is not None and mark.metastore:
            theirs = with_mark(item["description"], replace(mark, metastore="0badcafe"))
            items[key] = {**item, "description": theirs}
    world.cloud.store.commit()
    before = world.dump()
    assert await offboard(world, "sales") == []
    assert differences(before, world.dump()) == {}


async def test_a_catalog_whose_metastore_cannot_be_asked_any_more_is_offboarded_by_its_name(world: World) -> None:
    before = world.dump()
    await world.apply(example("sales"))
    world.cloud.faults.set([FaultRule(service="unity_catalog", status=403)])
    await offboard(world, "sales")
    world.cloud.faults.set([])
    assert set(differences(before, world.dump())) <= set(moved_on(before))


async def test_the_lakehouse_can_be_kept(world: World) -> None:
    await world.apply(example("sales"))
    removed = await offboard(world, "sales", keep_lakehouse=True)
    assert "Lakehouse" not in removed
    assert removed.count("OneLake shortcut") == 10
    lakehouse = world.dump()["fabric.items"][item_of(world, "Lakehouse", "sales_lake")]
    mark = read_mark(lakehouse["description"])
    assert mark is not None
    assert mark.made == frozenset()


async def test_a_lakehouse_with_work_of_others_stays(world: World) -> None:
    await world.apply(example("sales"))
    lakehouse = item_of(world, "Lakehouse", "sales_lake")
    url = f"{FABRIC}/items/{lakehouse}/shortcuts"
    target = {"oneLake": {"workspaceId": WORKSPACE, "itemId": lakehouse, "path": "Tables/orders/dim_date"}}
    await do(world, "fabric", "POST", url, {"path": "Files", "name": "calendar", "target": target})
    removed = await offboard(world, "sales")
    assert "Lakehouse" not in removed
    left = [each["name"] for each in world.dump()["fabric.shortcuts"].values() if each["itemId"] == lakehouse]
    assert left == ["calendar"]


async def give_entry(world: World, path: str, *, recursive: bool) -> None:
    """Somebody gives the workspace's identity what we would give it, further down."""
    who = identity_of(world)
    if recursive:
        acl = f"user:{who}:r-x,default:user:{who}:r-x"
        url = f"{LAKE}/{path}?action=setAccessControlRecursive&mode=modify"
    else:
        read = await do(world, "storage", "HEAD", f"{LAKE}/{path}?action=getAccessControl", **VERSION)
        acl, url = (
            f"{read.headers['x-ms-acl']},user:{who}:r-x,default:user:{who}:r-x",
            f"{LAKE}/{path}?action=setAccessControl",
        )
    await do(world, "storage", "PATCH", url, **VERSION, **{"x-ms-acl": acl})


async def test_entries_further_down_that_were_there_before_survive(world: World) -> None:
    """A branch and a single folder held the identity's entry: just those stay, wherever the run was cut off."""
    await do(world, "fabric", "POST", f"{FABRIC}/provisionIdentity")
    await settle(world)
    await give_entry(world, "sales/orders/dim_store", recursive=True)
    await give_entry(world, "sales/finance", recursive=False)
    before = world.dump()
    world.cloud.faults.set([FaultRule(method="PATCH", path="storage/contosolake.*sales/inventory", status=403)])
    with pytest.raises(CloudError):
        await world.apply(example("sales"))
    world.cloud.faults.set([])
    result = await world.apply(example("sales"))
    assert failed(result.verification) == []
    marks = [read_mark(each["description"]) for each in world.dump()["fabric.items"].values()]
    assert [len([word for word in mark.made if isinstance(word, Spared)]) for mark in marks if mark] == [2, 2, 2]
    await offboard(world, "sales")
    assert set(differences(before, world.dump())) <= set(moved_on(before))


async def test_entries_in_more_places_than_can_be_remembered_all_stay(world: World) -> None:
    await do(world, "fabric", "POST", f"{FABRIC}/provisionIdentity")
    await settle(world)
    for table in ("dim_store", "dim_date", "dim_customer", "dim_product", "dim_promotion", "fact_sales"):
        await give_entry(world, f"sales/orders/{table}", recursive=True)
    await world.apply(example("sales"))
    async with world.context(example("sales")) as context:
        offboarding = await plan_offboarding(context)
        await apply_offboarding(context, offboarding)
    assert any(note.startswith("Storage ACL contosolake/lake/sales/* stays") for note in _notes(offboarding.plan))
    who = identity_of(world)
    nodes = world.dump()["storage.nodes"]
    assert who in nodes["contosolake/lake/sales/orders/dim_store/_delta_log"]["acl"]
    assert who not in nodes["contosolake/lake/sales"]["acl"]


SECOND = {
    "catalog": "logistics",
    "select.exclude": "[]",
    "storage.url": "https://contosolake.dfs.core.windows.net/lake/logistics",
    "storage.connection.name": "adls-logistics",
    "lakehouse": "null",
    "semantic_model": "null",
}
"""A neighbour in the same account, by the same identity and through the same Databricks connection."""


async def test_what_another_catalog_of_ours_needs_stays_until_that_goes_too(world: World) -> None:
    """The second one finds most of it there; when the first goes, it takes over, and takes it along in the end."""
    before = world.dump()
    await world.apply(example("sales"))
    second = await world.apply(example("sales", **SECOND))
    assert failed(second.verification) == []
    removed = await offboard(world, "sales")
    assert removed == [
        "Fabric connection",
        "Lakehouse",
        *["Mirrored Azure Databricks catalog"] * 6,
        "Semantic model",
        "Storage ACL",
    ]
    assert failed(await world.verify(example("sales", **SECOND))) == []
    assert (await world.plan(example("sales", **SECOND))).plan.changes == ()
    await offboard(world, "sales", sets=SECOND)
    assert set(differences(before, world.dump())) <= {*moved_on(before), *tree_granted(before, "logistics")}


@pytest.mark.parametrize("name", ["hr"])
async def test_a_catalog_without_storage_connection(world: World, name: str) -> None:
    before = world.dump()
    await world.apply(example(name))
    assert await offboard(world, name) == ["Fabric connection", "Mirrored Azure Databricks catalog", "Semantic model"]
    assert differences(before, world.dump()) == {}


async def test_a_spec_of_the_same_catalog_with_another_item_name_gets_nothing_of_the_firsts(world: World) -> None:
    """A copy of a spec, or one whose item_name was changed: nothing tells which, so nothing is renamed or removed."""
    await world.apply(example("hr"))
    await settle(world)
    before = world.dump()
    second = example("hr", **{"fabric.item_name": "hr2"})
    for act in (world.apply, lambda _: offboard(world, "hr", sets={"fabric.item_name": "hr2"})):
        with pytest.raises(SpecError, match="mirrored in this workspace already, as 'hr'"):
            await act(second)
    assert differences(before, world.dump()) == {}


async def test_an_item_that_was_renamed_by_hand_and_in_the_spec_is_still_ours(world: World) -> None:
    """As is one of a name of its own that somebody renamed: it is given its name back, and offboarded."""
    sets = {"fabric.item_name": "people (mirror)", "semantic_model": "null"}
    await world.apply(example("hr", **{**sets, "fabric.item_name": "hr"}))
    url = f"https://api.fabric.microsoft.com/v1/workspaces/{PEOPLE}/items"
    item = await _only_item(world)
    await do(world, "fabric", "PATCH", f"{url}/{item}", {"displayName": "people (mirror)"})
    await world.apply(example("hr", **sets))
    assert (await world.plan(example("hr", **sets))).plan.changes == ()
    await do(world, "fabric", "PATCH", f"{url}/{item}", {"displayName": "old"})
    await world.apply(example("hr", **sets))
    assert world.dump()["fabric.items"][item]["displayName"] == "people (mirror)"
    await do(world, "fabric", "PATCH", f"{url}/{item}", {"displayName": "old"})
    assert "Mirrored Azure Databricks catalog" in await offboard(world, "hr", sets=sets)


PEOPLE = "55550000-0000-4000-8000-00000000f002"


async def _only_item(world: World) -> str:
    items = world.dump()["fabric.items"].values()
    kind = "MirroredAzureDatabricksCatalog"
    return next(str(each["id"]) for each in items if (each["workspaceId"], each["type"]) == (PEOPLE, kind))


def an_item(world: World, kind: str, **properties: str) -> str:
    """An analyst's item in the workspace of ``sales``, made in the portal; its id."""
    item, items = "99990000-0000-4000-8000-000000000001", world.cloud.table("fabric.items")
    like = items[item_of(world, "Lakehouse", "sales_lake")]
    held = {**like["properties"], **properties}
    items[item] = {**like, "id": item, "type": kind, "displayName": "raw", "description": "", "properties": held}
    world.cloud.store.commit()
    return item


def a_shortcut(world: World, connection: str) -> None:
    """In a lakehouse of an analyst's, into the folder of ``sales``."""
    item = an_item(world, "Lakehouse")
    place = {"itemId": item, "folder": "Files", "path": "Files", "name": "raw"}
    adls = {
        "location": "https://contosolake.dfs.core.windows.net",
        "subpath": "/lake/sales",
        "connectionId": connection,
    }
    target = {"type": "AdlsGen2", "adlsGen2": adls}
    world.cloud.table("fabric.shortcuts")[f"{item}/Files/raw"] = {**place, "target": target}
    world.cloud.store.commit()


def connection_of(world: World, name: str) -> str:
    held = world.dump()["fabric.connections"].items()
    return str(next(key for key, each in held if each["displayName"] == name))


async def planned(world: World) -> Plan:
    async with world.context(example("sales")) as context:
        return (await plan_offboarding(context)).plan


ON_TOP = ["Fabric connection", "Lakehouse", "Mirrored Azure Databricks catalog", "Semantic model"]
"""What goes where all stays that the storage connection stands on; the one to Databricks is used by nobody else."""


async def test_a_storage_connection_that_a_lakehouse_reads_through_stays_with_all_it_stands_on(world: World) -> None:
    await world.apply(example("sales"))
    a_shortcut(world, connection_of(world, "adls-sales"))
    plan = await planned(world)
    assert sorted(change.kind for change in plan.changes) == ON_TOP
    why = " stays: Lakehouse raw reads through the connection."
    assert len([note for note in _notes(plan) if note.endswith(why)]) == 7


async def test_a_shortcut_by_another_connection_still_needs_the_network_rule(world: World) -> None:
    await world.apply(example("sales"))
    a_shortcut(world, "99990000-0000-4000-8000-000000000002")
    plan = await planned(world)
    kinds = {change.kind for change in plan.changes}
    assert "Storage network rule" not in kinds
    assert {"Storage ACL", "Fabric workspace identity"} <= kinds
    assert any(note.endswith("stays: Lakehouse raw has a shortcut into the account.") for note in _notes(plan))


async def test_a_databricks_connection_that_another_item_reads_through_stays(world: World) -> None:
    await world.apply(example("sales"))
    an_item(world, "Dataflow", databricksWorkspaceConnectionId=connection_of(world, "databricks-sales"))
    plan = await planned(world)
    assert [change.name for change in plan.changes if change.kind == "Fabric connection"] == ["adls-sales"]
    assert "Fabric connection databricks-sales stays: Dataflow raw reads through the connection." in _notes(plan)


async def test_what_the_spec_says_is_used_outside_the_item_stays(world: World) -> None:
    spec = {"storage.used_outside_item": "true"}
    await world.apply(example("sales", **spec))
    assert await offboard(world, "sales", sets=spec) == ON_TOP
    assert connection_of(world, "adls-sales")


async def test_how_many_items_were_not_asked_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.apply(example("sales"))
    monkeypatch.setattr(outsiders, "ASKED", 0)
    note = "3 items of the workspace weren't asked which connections they read through."
    assert note in _notes(await planned(world))
