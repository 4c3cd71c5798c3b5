"""Takes a catalog out of Fabric again, once a person has looked at the plan and approved it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Literal
from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import Pause, PrefectHTTPStatusError
from prefect.flow_runs import apause_flow_run, asuspend_flow_run
from prefect.input import Keyset, RunInput, acreate_flow_run_input, keyset_from_paused_state
from prefect.runtime import deployment, flow_run
from prefect.states import Completed
from pydantic import Field

from flows.artifacts import publish_plan
from flows.events import tell_of_catalog
from flows.onboard_catalog import tag_run
from flows.outcomes import Stopped, failed, finished, tell_ending
from flows.parameters import CatalogForm, CloudsBlock, KeepLakehouse, Start
from flows.restarting import give_up
from tasks.lease import catalog_lease
from tasks.offboarding import OffboardSession, plan_removal, remove_catalog
from tasks.session import connect_clouds
from unity_mirror.errors import UnityMirrorError
from unity_mirror.plan.render_markdown import plan_markdown

APPROVAL_SECONDS = 7 * 24 * 3600
_KEY = "approval"
_SHOWN = "plan:"
_AGAIN = "The run before this one crashed. This is what is left; it needs an approval of its own."


class Approval(RunInput):
    """What the person who looks at the plan answers."""

    decision: Literal["reject", "approve"] = Field(
        default="reject", title="Decision", description="approve removes what the plan names; reject changes nothing."
    )
    reason: str = Field(title="Reason", description="Why; it is kept with the run.", min_length=1, max_length=500)
    plan: str = Field(
        default="", title="Plan", description="Fingerprint of the plan above, to approve that one and no other."
    )

    @classmethod
    async def asave(cls, keyset: Keyset, flow_run_id: UUID | None = None) -> None:
        """Put the form and its description where people find them, whether they are there or not: what was answered too
        late is sent again, and Prefect takes no key twice."""
        try:
            await super().asave(keyset, flow_run_id)
        except PrefectHTTPStatusError as error:
            _raise_unless_conflict(error)
            try:
                await acreate_flow_run_input(keyset["description"], cls._description, flow_run_id=flow_run_id)
            except PrefectHTTPStatusError as again:
                _raise_unless_conflict(again)


def _raise_unless_conflict(error: PrefectHTTPStatusError) -> None:
    if error.response.status_code != HTTPStatus.CONFLICT:
        raise error


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
        clouds: Block that says which clouds, and who signs in. None: the worker's environment says so.
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
    """The person's answer. A deployment's run gives its process back meanwhile and starts anew with the answer."""
    choice = "**Approve** to remove this; **reject** to leave all as it is."
    description = "\n\n".join([*([_AGAIN] if again else []), plan_markdown(session.plan), choice])
    form = Approval.with_initial_data(description=description, plan=shown)
    if deployment.id:
        return await _suspended(form)
    try:
        # Prefect's own timeout is later: once that is over, it lets no message but its own be seen.
        async with asyncio.timeout(APPROVAL_SECONDS):
            answer = await apause_flow_run(
                wait_for_input=form, timeout=APPROVAL_SECONDS + 3600, poll_interval=1, key=_KEY
            )
    except TimeoutError as timeout:
        remedy = "Start the offboarding again, and approve or reject it in time."
        message = f"Nobody answered within {APPROVAL_SECONDS / 3600:.0f} hours; nothing was changed. {remedy}"
        raise Stopped(message, step="Approval", remedy=remedy) from timeout
    return answer


async def _suspended(form: type[Approval]) -> Approval:
    """The person's answer; until there is one, raises Pause. It does so without having saved the form when Prefect's
    server suspends the run and answers too late."""
    try:
        answer: Approval = await asuspend_flow_run(wait_for_input=form, timeout=APPROVAL_SECONDS, key=_KEY)
    except Pause as pause:
        if pause.state:
            await form.asave(keyset_from_paused_state(pause.state))
        raise
    return answer
