"""Onboards one catalog: plan, apply stage by stage, verify, report."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from prefect import flow, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.artifacts import publish_plan, publish_report
from flows.deduplication import earlier_run, event_tag, handled_by, handled_tag
from flows.events import tell_of_catalog
from flows.outcomes import Stopped, failed, raise_for, stopped, tell_ending
from flows.parameters import CatalogForm, CloudsBlock, DryRun, EventId, Prune, Start
from flows.restarting import give_up
from tasks.lease import catalog_lease
from tasks.options import StepTask, idle, state_of
from tasks.plan import make_plan
from tasks.report import Report, report_of
from tasks.session import Session, connect_clouds, open_session
from tasks.steps import STEP_TASKS
from unity_mirror.errors import UnityMirrorError
from unity_mirror.plan.model import STAGES, Plan, StepName
from unity_mirror.plan.render_markdown import counts_text, remedy_text


@flow(
    name="onboard-catalog",
    flow_run_name="onboard {spec.catalog}",
    description="Mirror a Unity Catalog catalog into Microsoft Fabric, up to the semantic model, and verify it.",
    persist_result=False,
    on_failure=[tell_ending],
    on_crashed=[tell_ending],
    on_cancellation=[tell_ending],
)
async def onboard_catalog(
    spec: CatalogForm,
    clouds: CloudsBlock = None,
    dry_run: DryRun = False,
    prune: Prune = False,
    event_id: EventId = None,
    start: Start = 1,
) -> State[Any]:
    """Onboard one catalog. Running it again changes only what differs from the spec.

    Ends Completed or Failed with a message for people. What a person has to put right (a spec that the clouds
    contradict, a missing right or prerequisite) is such a message, with the remedy, and no traceback.

    Args:
        spec: The catalog, and how it is to appear in Fabric. Its name and the two workspaces are enough
            where Fabric has a connection to Databricks already; the rest is optional.
        clouds: Block that says which clouds, and who signs in. Left out: the worker's environment says so.
        dry_run: Only make the plan and show it; write nothing.
        prune: Also delete what an earlier run made and the spec no longer asks for.
        event_id: The event that asks for this. When it was dealt with before, the run ends without asking any cloud.
        start: Counts the runs that the crash of the one before has led to; leave it at 1.
    """
    tags = (f"catalog:{spec.catalog}", *([event_tag(event_id)] if event_id else []))
    await tag_run(*tags)
    if event_id and (earlier := await earlier_run(event_id)):
        return _nothing_to_do(earlier, event_id)
    if too_often := give_up(start):
        return failed(too_often)
    session: Session | None = None
    try:
        async with connect_clouds(clouds, [spec]) as connected:
            session = open_session(connected, spec, prune=prune)
            if dry_run:
                return await _plan_only(session)
            async with catalog_lease(spec.catalog):
                if event_id and (earlier := await handled_by(event_id)):
                    return _nothing_to_do(earlier, event_id)
                ended = await _onboard(session)
                if event_id and ended.is_completed():
                    await tag_run(*tags, handled_tag(event_id))
                return ended
    except UnityMirrorError as error:
        return await _failed(session, error)


def _nothing_to_do(earlier: FlowRun, event_id: UUID) -> State[Any]:
    return Completed(message=f"Nothing to do: run {earlier.name} ({earlier.id}) deals with event {event_id}.")


async def _plan_only(session: Session) -> State[None]:
    plan = await _planned(session)
    session.require_prerequisites()
    return Completed(message=f"Dry run, nothing was written. {counts_text(plan.counts())}.")


async def _onboard(session: Session) -> State[Any]:
    plan = await _planned(session)
    try:
        for stage in STAGES:
            await _side_by_side(session, *(_task_of(name, plan) for name in stage))
    except Stopped as error:
        raise _with(await session.after_failure(error), error) from error
    report = report_of(session)
    if report.broken:
        return await _failed(session, _not_in_order(report))
    await publish_report(report, report.sentence)
    payload = {"tables": len(report.tables), "left_out": len(report.left_out), "changes": report.changes}
    await tell_of_catalog("onboarded", report.catalog, report.metastore_id, payload)
    return Completed(message=report.sentence)


async def _planned(session: Session) -> Plan:
    await _side_by_side(session, make_plan)
    await publish_plan(session.planned.plan)
    return session.planned.plan


def _task_of(name: StepName, plan: Plan) -> StepTask:
    task = STEP_TASKS[name]
    return task if plan.step(name).changes else idle(task)


async def _side_by_side(session: Session, *tasks: StepTask) -> None:
    """Run tasks together. All are waited for, since one that is cut off amid a write leaves its state unknown; then
    the first failure is raised."""
    states = await asyncio.gather(*(state_of(task, session) for task in tasks))
    for task, state in zip(tasks, states, strict=True):
        await raise_for(state, task.name)


def _with(told: str, error: Stopped) -> Stopped:
    """The failure, and what was done about what the run had made."""
    if not told:
        return error
    return Stopped(f"{error.message} {told}", step=error.step, remedy=f"{told} {error.remedy}".strip())


def _not_in_order(report: Report) -> Stopped:
    remedies = "\n".join(remedy_text(check.remedy) for check in report.broken if check.remedy)
    return Stopped(report.sentence, step=STEP_TASKS[StepName.VERIFICATION].name, remedy=remedies)


async def _failed(session: Session | None, error: UnityMirrorError) -> State[Any]:
    """Show what was done until then, and end as Failed, which tells others."""
    if session is None:
        return failed(error)
    report = report_of(session)
    why = stopped(error, metastore_id=report.metastore_id)
    await publish_report(report, why.message)
    return failed(why)


async def tag_run(*tags: str) -> None:
    """Lets the runs of one catalog, or of one event, be found, whoever started them."""
    async with get_client() as client:
        await client.update_flow_run(flow_run.id, tags=sorted({*flow_run.tags, *tags}))
