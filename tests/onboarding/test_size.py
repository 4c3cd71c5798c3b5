"""Size: a no-op plan makes no more calls than its pages need, and of 200 catalogs five broken ones stop nobody."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from cloud_emulator.core.app import Emulator
from cloud_emulator.seeds.contoso import identities
from cloud_emulator.services import mounts
from tests.contract.world import settings
from tests.onboarding.sizes import add_catalog, spec_of
from tests.onboarding.world import ROOT, World
from unity_mirror.clouds import connect
from unity_mirror.errors import SpecError
from unity_mirror.spec import CatalogSpec, FleetSpec, load_any, load_spec, members
from unity_mirror.steps.context import Context, Reads
from unity_mirror.steps.fleet import CatalogRun, apply_fleet, plan_fleet

TABLES_ON_A_PAGE = 50
CONSTANT = 14
"""Whatever the size: the metastore, the list of schemas, the Databricks workspace's settings, who we are there and
what its principal's groups hold; the Fabric workspaces, this one, its capacity, its items, its mirrored catalogs, the
connections; and the definition, which is an operation of three calls."""
BROKEN = {
    "no_such_catalog": "Unity Catalog has no catalog",
    "no_such_workspace": "there is no Fabric workspace",
    "misspelt": "auto_sink",
    "no_such_table": "matches no table",
    "not_ours": "there is no Fabric workspace",
}


@asynccontextmanager
async def contexts(world: World) -> AsyncIterator[Callable[[CatalogSpec, Reads], Context]]:
    wire = httpx.ASGITransport(app=Emulator(world.cloud, mounts()))
    configured = settings(ROOT, **identities.environment())
    async with connect(configured, clock=world.time, wire=wire) as clouds:
        yield lambda spec, reads: Context(spec, clouds.clients, clouds.secrets, reads=reads)


def calls(world: World) -> Counter[str]:
    return Counter(f"{each['service']} {each['method']}" for each in world.cloud.requests if each["effect"] != "auth")


async def test_a_plan_without_changes_of_1000_tables_makes_no_more_calls_than_its_pages_need(world: World) -> None:
    """Schemas, and for each its tables by pages, its privileges, and its folder in OneLake; the rest is constant."""
    schemas, tables_each = 10, 100
    add_catalog(world.cloud, "large", schemas=schemas, tables_each=tables_each)
    spec = load_spec(spec_of("large"))
    await world.apply(spec)
    world.cloud.requests.clear()
    plan = (await world.plan(spec)).plan
    assert plan.changes == ()
    made = sum(calls(world).values())
    pages = schemas * math.ceil(tables_each / TABLES_ON_A_PAGE)
    privileges = 1 + schemas
    folders = 1 + schemas
    assert made <= pages + privileges + folders + CONSTANT, calls(world)
    assert made == 56


async def test_more_tables_than_an_item_holds_are_refused_before_anything_is_written(world: World) -> None:
    add_catalog(world.cloud, "too_large", schemas=21, tables_each=500, files=False)
    with pytest.raises(SpecError, match="10,500 tables of too_large are selected"):
        await world.plan(load_spec(spec_of("too_large")))
    assert "write" not in world.effects()


def fleet() -> FleetSpec:
    good = [spec_of(f"team_{number:03}") for number in range(195)]
    bad: list[Mapping[str, Any]] = [
        spec_of("no_such_catalog"),
        spec_of("no_such_workspace", fabric={"workspace": "Nowhere"}),
        spec_of("misspelt", auto_sink=True),
        spec_of("no_such_table", select={"include": ["nope.*"]}),
        spec_of("not_ours", fabric={"workspace": "Sales Analytics Sandbox"}),
    ]
    loaded = load_any({"kind": "fleet", "catalogs": [*good[:100], *bad, *good[100:]]})
    assert isinstance(loaded, FleetSpec)
    return loaded


async def test_200_catalogs_with_five_broken(world: World) -> None:
    for number in range(195):
        add_catalog(world.cloud, f"team_{number:03}", schemas=1, tables_each=1)
    for name in ("misspelt", "no_such_table", "not_ours", "no_such_workspace"):
        add_catalog(world.cloud, name, schemas=1, tables_each=1, files=False)
    async with contexts(world) as context_for:
        planned = await plan_fleet(members(fleet()), context_for)
        shared = Counter(each["path"].rpartition("/")[2] for each in world.cloud.requests)
        assert (shared["connections"], shared["capacities"], shared["metastore_summary"]) == (1, 1, 1)
        runs: list[CatalogRun] = await apply_fleet(planned)
    right = [run for run in runs if not run.failed]
    assert len(right) == 195
    assert all(run.result is not None and len(run.result.known.mirrored) == 1 for run in right)
    failures = {run.name: str(run.error) for run in runs if run.failed}
    assert failures.keys() == BROKEN.keys()
    assert all(BROKEN[name] in failure for name, failure in failures.items())
    items = world.dump()["fabric.items"].values()
    mirrored = [each["displayName"] for each in items if each["type"] == "MirroredAzureDatabricksCatalog"]
    assert len(mirrored) == len(set(mirrored)) == 195
