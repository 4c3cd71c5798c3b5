"""Runs the steps in their order: first the whole plan, then each step's part of it. The CLI and the flows share it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from unity_mirror.errors import PlanOutgrown, PrerequisiteFailed, UnityMirrorError
from unity_mirror.plan.model import (
    STAGES,
    Change,
    Check,
    LeftOut,
    Outcome,
    Plan,
    Remedy,
    Scope,
    ScopeKind,
    StepName,
    StepPlan,
)
from unity_mirror.steps.access_roles import AccessRoles
from unity_mirror.steps.ahead import reading_ahead
from unity_mirror.steps.connections import Connections
from unity_mirror.steps.context import Context, Done, Found, Known, Step, side_by_side
from unity_mirror.steps.identity import Identity
from unity_mirror.steps.lakehouse_shortcuts import LakehouseShortcuts
from unity_mirror.steps.mirror import Mirror
from unity_mirror.steps.prerequisites import Prerequisites
from unity_mirror.steps.record import write_ahead
from unity_mirror.steps.rollback import roll_back
from unity_mirror.steps.secrets import secret_checks
from unity_mirror.steps.semantic_model import SemanticModelStep
from unity_mirror.steps.sql_endpoint import SqlEndpoint
from unity_mirror.steps.storage_access import StorageAccess
from unity_mirror.steps.take_back import take_back
from unity_mirror.steps.trusted_access import TrustedAccess
from unity_mirror.steps.verification import verify


def all_steps() -> Mapping[StepName, Step]:
    """Every step that plans and applies; verification only looks."""
    steps: Sequence[Step] = (
        Prerequisites(),
        Identity(),
        StorageAccess(),
        TrustedAccess(),
        Connections(),
        Mirror(),
        LakehouseShortcuts(),
        AccessRoles(),
        SqlEndpoint(),
        SemanticModelStep(),
    )
    return {step.name: step for step in steps}


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, what each step found while it was made, and what is known after all of them."""

    plan: Plan
    found: Mapping[StepName, Found]
    known: Known


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one step: the changes made, what fell out, remarks, and the facts for later steps."""

    step: StepName
    plan: StepPlan
    done: Done
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """A whole run: each step's result, the verification, and what was learnt."""

    plan: Plan
    steps: tuple[StepResult, ...]
    verification: StepPlan
    known: Known

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Everything left out, from the plan and from what did not come out as planned."""
        return (*self.plan.left_out, *(left for step in self.steps for left in step.done.left_out))


async def make_plan(context: Context) -> Planned:
    """Plans all steps. Stops after the prerequisites when one of the whole catalog's failed."""
    async with reading_ahead(context):
        known, found = await _plan_stages(context)
    found.update(_without_secrets(context, known, found))
    plan = Plan(
        context.spec.catalog,
        known.surveyed.workspace.display_name,
        tuple(found[name].plan for stage in STAGES[:-1] for name in stage if name in found),
    )
    return Planned(plan, found, known)


async def _plan_stages(context: Context) -> tuple[Known, dict[StepName, Found]]:
    steps, known, found = all_steps(), Known(), dict[StepName, Found]()
    for stage in STAGES[:-1]:
        looks = await side_by_side(steps[name].plan(context, known) for name in stage)
        parts = [hands_off(context, look) for look in looks]
        found.update(zip(stage, parts, strict=True))
        known = known.learn(_facts(part.plan, part.facts) for part in parts)
        if any(check.blocks for part in parts for check in part.plan.checks):
            break
    return known, found


def _without_secrets(context: Context, known: Known, found: Mapping[StepName, Found]) -> dict[StepName, Found]:
    """The connections' part with the secrets that aren't there: known before anything is written for their sake."""
    part = found.get(StepName.CONNECTIONS)
    missing = [each for each in secret_checks(context, known) if each.blocks] if part else []
    if part is None or not missing:
        return {}
    return {StepName.CONNECTIONS: replace(part, plan=replace(part.plan, checks=(*part.plan.checks, *missing)))}


_SHARED = frozenset({StepName.IDENTITY, StepName.STORAGE_ACCESS, StepName.TRUSTED_ACCESS, StepName.CONNECTIONS})
"""Steps that write what several catalogs share: those of one fleet take turns."""
_FOUNDATIONS = frozenset({*_SHARED, StepName.MIRROR})


def hands_off(context: Context, found: Found) -> Found:
    """What another tool manages isn't changed: each change becomes a check that failed.

    What the rest stands on stops the catalog.
    """
    name, plan = found.plan.step, found.plan
    if name.value not in context.spec.managed_elsewhere or not plan.changes:
        return found
    checks = tuple(_managed_elsewhere(context, change) for change in plan.changes)
    return replace(found, plan=replace(plan, changes=(), checks=(*plan.checks, *checks)))


def _managed_elsewhere(context: Context, change: Change) -> Check:
    stops = change.step in _FOUNDATIONS
    scope = Scope(ScopeKind.CATALOG, context.spec.catalog) if stops else Scope(ScopeKind.SCHEMA, change.name)
    evidence = f"{change.action} is needed ({change.reason}), and the spec says that another tool manages it"
    remedy = change.remedy or Remedy(f"Let that tool {change.action} it, or take it out of managed_elsewhere.")
    return Check("managed_elsewhere", f"{change.kind} {change.name}", scope, Outcome.FAILED, evidence, remedy)


def require_prerequisites(plan: Plan) -> None:
    """Raises ``PrerequisiteFailed`` when something of the whole catalog is missing: then nothing is written."""
    if plan.blockers:
        names = ", ".join(check.title for check in plan.blockers)
        message = f"prerequisites of the whole catalog failed, so nothing was written: {names}"
        raise PrerequisiteFailed(message, plan.blockers, where=f"catalog {plan.catalog}", remedy="See their remedies.")


async def run_step(context: Context, name: StepName, known: Known, planned: Planned) -> StepResult:
    """Applies one step's part of the plan, after reading its state again.

    A step with nothing to do isn't read again. Raises ``PlanOutgrown`` when more would be changed than was approved.
    """
    approved = planned.found[name]
    clock = context.clients.clock
    start = clock.monotonic()
    if not approved.plan.changes:
        return StepResult(name, approved.plan, Done(approved.facts))
    turn: AbstractAsyncContextManager[None] = context.reads.writing if name in _SHARED else nullcontext()
    async with turn, context.at_work(name):
        done, plan = await _apply_step(context, name, known, planned)
    return StepResult(name, plan, done, clock.monotonic() - start)


async def _apply_step(context: Context, name: StepName, known: Known, planned: Planned) -> tuple[Done, StepPlan]:
    approved, step = planned.found[name], all_steps()[name]
    context.reads.renew()
    fresh = await step.plan(context, replace(known, made=known.made | planned.known.made))
    beyond = fresh.plan.outgrows(approved.plan)
    if beyond:
        raise _outgrown(name, [f"{change.action} {change.kind} {change.name}" for change in beyond])
    if not fresh.plan.changes:
        return Done(_facts(fresh.plan, fresh.facts)), fresh.plan
    if any(change.makes for change in fresh.plan.changes):
        await write_ahead(context, known.surveyed.workspace.id, planned.known.made)
    done = await step.apply(context, known, fresh)
    facts = _facts(fresh.plan, {**fresh.facts, **done.facts})
    return replace(done, facts=facts), fresh.plan


async def apply_plan(context: Context, planned: Planned) -> Result:
    """Applies a plan stage by stage, then verifies.

    Raises what a step raises; what was made until then stays, unless the spec asks for a rollback.
    """
    require_prerequisites(planned.plan)
    try:
        return await _apply_stages(context, planned)
    except UnityMirrorError as error:
        error.remedy = f"{await after_failure(context, planned, error)} {error.remedy}".strip()
        raise


async def after_failure(context: Context, planned: Planned, error: UnityMirrorError) -> str:
    """What is to be done once a run failed while it applied its plan; returns what to tell of it.

    If the spec asks for it, what was made is undone. Else it stays, and the note that it is ours is corrected.
    """
    if context.spec.on_failure != "rollback":
        if any(change.makes for change in planned.plan.changes):
            await take_back(context, planned.known, error)
        return ""
    try:
        undone = await roll_back(context, planned.plan)
    except UnityMirrorError as failure:
        return f"The rollback failed, too: {failure} Run again, or offboard."
    return f"Undone: {', '.join(undone) or 'nothing had been made'}."


async def _apply_stages(context: Context, planned: Planned) -> Result:
    known, results = Known(), list[StepResult]()
    for stage in STAGES[:-1]:
        before = known
        part = await _all_to_their_end([run_step(context, name, before, planned) for name in stage])
        results += part
        known = known.learn(result.done.facts for result in part)
    async with context.at_work(StepName.VERIFICATION):
        return Result(planned.plan, tuple(results), await verify(context, known), known)


async def _all_to_their_end(steps: Sequence[Coroutine[Any, Any, StepResult]]) -> list[StepResult]:
    """Steps write: when one fails, its neighbours still finish what they are at. Then the first failure is raised."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures:
        raise failures[0]
    return [result for result in results if isinstance(result, StepResult)]


def _facts(plan: StepPlan, facts: Mapping[str, object]) -> dict[str, object]:
    made = {change.makes for change in plan.changes if change.makes is not None}
    known = facts.get("made")
    return {**facts, "made": frozenset(made) | (known if isinstance(known, frozenset) else frozenset())}


def _outgrown(name: StepName, beyond: Sequence[str]) -> PlanOutgrown:
    return PlanOutgrown(
        f"step {name.label!r} would now change more than the plan that was approved: {', '.join(beyond)}",
        remedy="Make a new plan and look at it.",
    )
