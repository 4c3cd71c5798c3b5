"""Fleets on the sample cloud: which catalogs they take in, what they read once, and what clashes once looked up."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cloud_emulator.seeds.contoso.databricks import METASTORE
from cloud_emulator.unity_catalog import state
from cloud_emulator.unity_catalog.state import Securable
from tests.onboarding.sizes import add_catalog, spec_of
from tests.onboarding.test_drift import WORKSPACE
from tests.onboarding.test_offboard import SECOND
from tests.onboarding.test_size import contexts
from tests.onboarding.world import World, example
from unity_mirror.spec import FleetSpec, Member, load_any, members
from unity_mirror.steps.fleet import plan_fleet, resolve

PEOPLE = "55550000-0000-4000-8000-00000000f002"


def fleet(**parts: Any) -> FleetSpec:
    loaded = load_any({"kind": "fleet", **parts})
    assert isinstance(loaded, FleetSpec)
    return loaded


async def test_catalogs_are_taken_in_by_pattern_and_tag(world: World) -> None:
    """A tag's value may be left open; overrides hold for what is discovered, and one of a misspelt name is an error."""
    for name, tags in (
        ("team_a", {"fabric": "mirror"}),
        ("team_b", {"fabric": "no"}),
        ("team_c", {}),
        ("team_d", {"fabric": "mirror"}),
        ("other", {"fabric": "mirror"}),
    ):
        add_catalog(world.cloud, name, schemas=1, tables_each=1, files=False)
        key = state.grants_key(METASTORE, Securable("CATALOG", name))
        state.table_of(world.cloud, "tags")[key] = {"tags": tags}
    wanted = fleet(
        defaults=spec_of("x"),
        discover={"include": ["team_*"], "exclude": ["team_d"], "tag": {"fabric": "mirror"}},
        overrides={"team_a": {"auto_sync": False}, "taem_b": {"auto_sync": False}},
    )
    async with world.context(example("hr")) as context:
        found = await resolve(wanted, context.clients)
    assert [(each.name, each.spec.auto_sync if each.spec else None) for each in found] == [
        ("team_a", False),
        ("taem_b", None),
    ]
    assert "overrides.taem_b" in str(found[1].error)


async def test_what_clashes_only_once_it_is_looked_up(world: World) -> None:
    """One names the workspace, the other gives its id: the same place all the same. The third goes on."""
    for name in ("team_a", "team_b", "team_c"):
        add_catalog(world.cloud, name, schemas=1, tables_each=1)
    catalogs = [
        spec_of("team_a", fabric={"workspace": "People Analytics", "item_name": "people"}),
        spec_of("team_b", fabric={"workspace": PEOPLE, "item_name": "People"}),
        spec_of("team_c"),
    ]
    async with contexts(world) as context_for:
        runs = await plan_fleet(members(fleet(catalogs=catalogs)), context_for)
    assert [run.failed for run in runs] == [True, True, False]
    assert "team_a, team_b" in str(runs[0].error)
    assert "fabric.item_name" in str(runs[1].error)


async def test_catalogs_on_one_account_and_in_one_workspace_read_their_roles_once(world: World) -> None:
    specs = [example("sales"), example("sales", **SECOND)]
    for spec in specs:
        await world.apply(spec)
    world.cloud.requests.clear()
    async with contexts(world) as context_for:
        runs = await plan_fleet([Member(spec.catalog, spec) for spec in specs], context_for)
    assert [run.planned.plan.changes if run.planned else None for run in runs] == [(), ()]
    made = Counter(
        each["path"].rstrip("/").rpartition("/")[2].lower()
        for each in world.cloud.requests
        if each["service"] in ("fabric", "arm", "unity_catalog") and each["effect"] == "read"
    )
    shared = (
        "connections", "capacities", "workspaces", WORKSPACE, "roleassignments", "metastore_summary",
        "mirroredazuredatabrickscatalogs", "contosolake",
    )  # fmt: skip
    assert {name: made[name] for name in shared} == {**dict.fromkeys(shared, 1), "roleassignments": 2}
