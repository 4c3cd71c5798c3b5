"""Takes a catalog out of Fabric again, once a person has looked at the plan and approved it."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State, StateType
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.approval import Approval, ask
from flows.artifacts import publish_plan
from flows.events import tell_of_catalog
from flows.onboard_catalog import tag_run
from flows.outcomes import failed, finished, tell_ending
from flows.parameters import CatalogForm, CloudsBlock, KeepLakehouse, Start
from flows.restarting import give_up
from tasks.lease import catalog_lease
from tasks.offboarding import OffboardSession, plan_removal, remove_catalog
from tasks.session import connect_clouds
from unity_mirror.errors import UnityMirrorError
from unity_mirror.plan.render_markdown import plan_markdown

_SHOWN = "plan:"
_AGAIN = "The run before this one crashed. This is what is left; it needs an approval of its own."


@flow(
    name="offboard-catalog",
    flow_run_name="offboard {spec.catalog}",
    description="Remove from Fabric what unity-mirror made for a catalog, after a person has approved the plan.",
    persist_result=False,
    on_failure=[tell_ending],
    on_crashed=[tell_ending],
    on_cancellation=[tell_ending],
)
async def offboard_catalog(
    spec: CatalogForm, clouds: CloudsBlock = None, keep_lakehouse: KeepLakehouse = False, start: Start = 1
) -> State[Any]:
    """Show what would be removed, wait for approval, and remove it. Nothing of Unity Catalog or its data is touched.

    A run that follows a killed one shows what is left and asks anew: nobody has approved of that plan.

    Args:
        spec: The catalog as it was onboarded.
        clouds: Block that says which clouds, and who signs in. Left out: the worker's environment says so.
        keep_lakehouse: Leave the lakehouse and its shortcuts as they are.
        start: Counts the runs that the crash of the one before has led to; leave it at 1.
    """
    await tag_run(f"catalog:{spec.catalog}")
    if too_often := give_up(start):
        return failed(too_often)
    session: OffboardSession | None = None
    try:
        async with connect_clouds(clouds, [spec]) as connected:
            session = OffboardSession(connected, spec, keep_lakehouse=keep_lakehouse)
            return await _offboard(session, spec.catalog, again=start > 1)
    except UnityMirrorError as error:
        return failed(error, session.metastore_id if session else None)


async def _offboard(session: OffboardSession, catalog: str, *, again: bool) -> State[Any]:
    await finished(plan_removal, session)
    if not session.plan.changes:
        await tell_of_catalog("offboarded", catalog, session.metastore_id, {"changes": 0, "reason": ""})
        return Completed(message=f"Nothing of {catalog} is ours to remove.")
    await publish_plan(session.plan)
    shown = await _remember_shown(catalog, session.fingerprint)
    answer = await _ask(session, shown, again=again)
    if answer.decision != "approve":
        payload = {"changes": len(session.plan.changes), "reason": answer.reason}
        await tell_of_catalog("rejected", catalog, session.metastore_id, payload)
        message = f"Rejected: {answer.reason} Nothing was changed."
        return State(type=StateType.CANCELLED, name="Rejected", message=message)
    session.approved = answer.plan or shown
    async with catalog_lease(catalog):
        await finished(remove_catalog, session)
    removed = len(session.plan.changes)
    payload = {"changes": removed, "reason": answer.reason}
    await tell_of_catalog("offboarded", catalog, session.metastore_id, payload)
    return Completed(message=f"{catalog} is offboarded: {removed} changes made. Approved: {answer.reason}")


async def _remember_shown(catalog: str, fingerprint: str) -> str:
    """The fingerprint of the plan that a person has been shown. A run that begins anew with the answer has made another
    plan by then: so the first one's is kept with the run, where people see it, as a tag."""
    shown = next((tag for tag in flow_run.tags if tag.startswith(_SHOWN)), None)
    if shown is None:
        shown = f"{_SHOWN}{fingerprint}"
        await tag_run(f"catalog:{catalog}", shown)
    return shown.removeprefix(_SHOWN)


async def _ask(session: OffboardSession, shown: str, *, again: bool) -> Approval:
    """The person's answer, who sees the plan."""
    choice = "**Approve** to remove this; **reject** to leave all as it is."
    parts = [*([_AGAIN] if again else []), plan_markdown(session.plan), choice]
    return await ask(session.plan.catalog, "\n\n".join(parts), shown)
