"""Size: a no-op plan makes no more calls than its pages need, and of 200 catalogs five broken ones stop nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from bench.simulated import critical_paths
from cloud_emulator.core.app import Emulator
from cloud_emulator.seeds.contoso import identities
from cloud_emulator.services import mounts
from tests.contract.world import settings
from tests.onboarding.sizes import add_catalog, least_onboarding_calls, least_plan_calls, spec_of
from tests.onboarding.world import ROOT, World
from unity_mirror.clouds import connect
from unity_mirror.errors import SpecError
from unity_mirror.spec import CatalogSpec, FleetSpec, load_any, load_spec, members
from unity_mirror.steps.context import Context, Reads
from unity_mirror.steps.fleet import CatalogRun, apply_fleet, plan_fleet

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


PLAN_CALLS = 56
"""20 pages of tables, 11 reads of privileges, 11 of OneLake's folders, the 13 of ``PLAN_READS``, and one more: whether
we may see what the principal holds is asked by its name, since a list of all leaves out what we may not see."""


async def test_a_plan_without_changes_of_1000_tables_makes_no_more_calls_than_its_pages_need(world: World) -> None:
    schemas, tables_each = 10, 100
    add_catalog(world.cloud, "large", schemas=schemas, tables_each=tables_each)
    spec = load_spec(spec_of("large"))
    await world.apply(spec)
    world.cloud.requests.clear()
    plan = (await world.plan(spec)).plan
    assert plan.changes == ()
    assert sum(calls(world).values()) == PLAN_CALLS == least_plan_calls(schemas, tables_each) + 1, calls(world)


def test_onboarding_waits_for_no_more_calls_in_turn_when_a_catalog_is_larger() -> None:
    """Where computing is free, only a chain of calls that need each other takes time. It grows at most by the pages of
    a schema, which come one after the other, and each table costs its two calls beside all others."""
    latency, pages = 0.1, 2
    small = critical_paths(spec_of("large"), latency, schemas=2, tables_each=10)
    large = critical_paths(spec_of("large"), latency, schemas=4, tables_each=50 * pages)
    for what in ("onboard", "plan"):
        assert large[what].seconds <= small[what].seconds + (pages - 1) * latency + 0.001
    assert large["plan"].seconds < 1.0 + 7 * latency  # a second between two looks at the definition's operation
    # Beyond the least, of each schema: its folder in OneLake is listed once more for the verification; and the storage
    # is asked once, and refuses.
    more = least_onboarding_calls(4, 50 * pages) - least_onboarding_calls(2, 10)
    assert large["onboard"].calls - small["onboard"].calls <= more + 2 * 2


ONBOARDING_BEYOND = 12
"""What each step reads again right before it writes: connections, items and mirrored catalogs, then items and mirrored
catalogs. The item, twice while its sync runs and once for the verification, which lists OneLake's two folders as well.
Whether we may see what the principal holds; and one table where it lies, which refuses us."""


async def test_onboarding_ten_tables_reads_again_only_what_it_is_about_to_change(world: World) -> None:
    add_catalog(world.cloud, "small", schemas=1, tables_each=10)
    world.cloud.requests.clear()
    await world.apply(load_spec(spec_of("small")))
    assert sum(calls(world).values()) == least_onboarding_calls(1, 10) + ONBOARDING_BEYOND, calls(world)


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
