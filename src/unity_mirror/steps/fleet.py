"""Many catalogs in one run: what they share is read once, and one that fails doesn't stop the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from unity_mirror.clients import Clients
from unity_mirror.errors import SpecError, SpecProblem, UnityMirrorError
from unity_mirror.plan.model import Outcome, StepPlan
from unity_mirror.redaction import Redactor
from unity_mirror.spec import CatalogSpec, FleetSpec, Member, members
from unity_mirror.steps.context import Context, Reads, side_by_side
from unity_mirror.steps.runner import Planned, Result, apply_plan, make_plan
from unity_mirror.steps.verification import Depth, verify

T = TypeVar("T")
AT_ONCE = 8
"""Catalogs at work at one time. They share one budget of calls: more would only wait."""


@dataclass(frozen=True, slots=True)
class CatalogRun:
    """How far one catalog has got. ``error`` says why it went no further."""

    name: str
    context: Context | None = None
    planned: Planned | None = None
    result: Result | None = None
    verification: StepPlan | None = None
    error: UnityMirrorError | None = None

    @property
    def failed(self) -> bool:
        """Whether it failed, is blocked, or doesn't work when it was verified."""
        checks = self.verification.checks if self.verification else ()
        blocked = bool(self.planned and self.planned.plan.blockers)
        return self.error is not None or blocked or any(check.outcome is not Outcome.PASSED for check in checks)

    @property
    def pending(self) -> int:
        """How many changes are planned and not applied."""
        return len(self.planned.plan.changes) if self.planned and self.result is None else 0


async def resolve(fleet: FleetSpec, clients: Clients) -> tuple[Member, ...]:
    """The fleet's catalogs, those found in the metastore by pattern and tag included."""
    wanted = fleet.discover
    if wanted is None:
        return members(fleet)
    client = clients.unity_catalog(fleet.databricks_workspace)
    listed = [each.name for each in await client.catalogs() if is_catalog_of_ours(each.catalog_type, each.name)]
    names = [name for name in listed if name not in fleet.listed and wanted.selects(name)]
    if wanted.tag:
        tags = await side_by_side(client.catalog_tags(name) for name in names)
        names = [name for name, held in zip(names, tags, strict=True) if _carries(held, wanted.tag)]
    return members(fleet, names)


def is_catalog_of_ours(catalog_type: str | None, name: str) -> bool:
    """Whether Fabric could mirror a catalog of this type: not Databricks' own, not foreign, not shared."""
    return name not in ("system", "samples", "__databricks_internal") and catalog_type in (None, "MANAGED_CATALOG")


def _carries(held: dict[str, str], wanted: dict[str, str]) -> bool:
    return all(key in held and value in ("", held[key]) for key, value in wanted.items())


async def plan_fleet(found: Sequence[Member], context_for: Callable[[CatalogSpec, Reads], Context]) -> list[CatalogRun]:
    """Plans every catalog, some at a time, in the order given."""
    among, gate = Reads(), asyncio.Semaphore(AT_ONCE)

    async def one(member: Member) -> CatalogRun:
        if member.spec is None:
            return CatalogRun(member.name, error=member.error)
        context = context_for(member.spec, Reads(among))
        run = CatalogRun(member.name, context)
        async with gate:
            return await _guarded(run, lambda: _planned(run, context))

    runs = await side_by_side(one(member) for member in found)
    await among.stop()
    return _without_clashes(runs)


def _without_clashes(runs: Sequence[CatalogRun]) -> list[CatalogRun]:
    """What shows only once workspaces and gateways are looked up: it is an error of all that clash."""
    items: dict[tuple[str, str], list[int]] = {}
    gateways: dict[str, dict[str, list[int]]] = {}
    for place, run in enumerate(runs):
        if run.context is None or run.planned is None or run.planned.known.survey is None:
            continue
        spec, survey = run.context.spec, run.planned.known.survey
        items.setdefault((survey.workspace.id, spec.item_name.lower()), []).append(place)
        if survey.gateway is not None:
            served = gateways.setdefault(survey.gateway.id, {})
            served.setdefault(spec.databricks.workspace.lower(), []).append(place)
    clashes: dict[int, SpecProblem] = {}
    for places in (each for each in items.values() if len(each) > 1):
        names = ", ".join(runs[place].name for place in places)
        message = f"the same item name in the same workspace is wanted by several catalogs of the fleet: {names}"
        clashes |= dict.fromkeys(places, SpecProblem("fabric.item_name", message, "give each its own"))
    for served in (each for each in gateways.values() if len(each) > 1):
        message = f"the gateway would serve {len(served)} Databricks workspaces: {', '.join(sorted(served))}"
        problem = SpecProblem("databricks.connection.gateway", message, "one can serve only one: give each its own")
        clashes |= {place: problem for places in served.values() for place in places}
    return [
        replace(run, error=SpecError([clashes[place]], where=f"catalog {run.name}")) if place in clashes else run
        for place, run in enumerate(runs)
    ]


async def apply_fleet(runs: Sequence[CatalogRun]) -> list[CatalogRun]:
    """Applies the plans that can be applied; a catalog that is blocked or failed stays as it is."""
    return await _go_on(runs, _applied)


async def verify_fleet(runs: Sequence[CatalogRun], depth: Depth = Depth.WORKS) -> list[CatalogRun]:
    """Looks whether everything works and, where that is asked, is fresh."""
    return await _go_on(runs, lambda run, context, planned: _verified(run, context, planned, depth))


async def _go_on(
    runs: Sequence[CatalogRun], work: Callable[[CatalogRun, Context, Planned], Awaitable[CatalogRun]]
) -> list[CatalogRun]:
    """What becomes of the catalogs that have a plan and haven't failed, some at a time; the others stay as they are."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(run: CatalogRun) -> CatalogRun:
        if run.failed or run.context is None or run.planned is None:
            return run
        context, planned = run.context, run.planned
        async with gate:
            return await _guarded(run, lambda: work(run, context, planned))

    return await side_by_side(one(run) for run in runs)


async def _planned(run: CatalogRun, context: Context) -> CatalogRun:
    return replace(run, planned=await make_plan(context))


async def _applied(run: CatalogRun, context: Context, planned: Planned) -> CatalogRun:
    result = await apply_plan(context, planned)
    return replace(run, result=result, verification=result.verification)


async def _verified(run: CatalogRun, context: Context, planned: Planned, depth: Depth) -> CatalogRun:
    return replace(run, verification=await verify(context, planned.known, depth))


async def _guarded(run: CatalogRun, work: Callable[[], Awaitable[CatalogRun]]) -> CatalogRun:
    """A failure, even one that we never thought of, stays with its catalog."""
    try:
        return await work()
    except UnityMirrorError as error:
        await _stop(run)
        return replace(run, error=error)
    except Exception as error:  # noqa: BLE001 - the other catalogs go on
        await _stop(run)
        redactor = run.context.secrets.redactor if run.context else Redactor()
        return replace(run, error=redactor.unexpected(error))


async def _stop(run: CatalogRun) -> None:
    if run.context is not None:
        await run.context.reads.stop()
        await run.context.delta_logs.stop()
