"""Asks a person: a run waits with a form and goes on with the answer, whatever becomes of its requests meanwhile."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Literal
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.objects import StateType
from prefect.exceptions import Pause, PrefectHTTPStatusError
from prefect.flow_runs import apause_flow_run, asuspend_flow_run
from prefect.input import Keyset, RunInput, acreate_flow_run_input, keyset_from_paused_state
from prefect.runtime import deployment, flow_run
from pydantic import Field

from flows.events import tell_of_waiting
from flows.outcomes import Stopped

APPROVAL_SECONDS = 7 * 24 * 3600
_KEY = "approval"
_POLL_SECONDS = 1


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


async def ask(catalog: str, description: str, plan: str) -> Approval:
    """The person's answer to a form with this description, in Markdown, about the plan with this fingerprint.

    A deployment's run raises Pause, which gives its process back, and starts anew with the answer. Any other waits.
    Raises Stopped when nobody answers in time.
    """
    form = Approval.with_initial_data(description=description, plan=plan)
    if deployment.id:
        return await _suspended(form, catalog)
    try:
        # Prefect's own timeout is later: once that is over, it lets no message but its own be seen.
        async with asyncio.timeout(APPROVAL_SECONDS):
            return await _paused(form)
    except TimeoutError as timeout:
        remedy = "Start the offboarding again, and approve or reject it in time."
        message = f"Nobody answered within {APPROVAL_SECONDS / 3600:.0f} hours; nothing was changed. {remedy}"
        raise Stopped(message, step="Approval", remedy=remedy) from timeout


async def _suspended(form: type[Approval], catalog: str) -> Approval:
    """The answer; until there is one, raises Pause. Prefect does so without having saved the form when its server
    suspends the run and answers too late."""
    try:
        answer: Approval = await asuspend_flow_run(wait_for_input=form, timeout=APPROVAL_SECONDS, key=_KEY)
    except Pause as pause:
        await _save(form, pause)
        await tell_of_waiting(catalog)
        raise
    return answer


async def _paused(form: type[Approval]) -> Approval:
    """The answer, waited for in this process. Prefect raises Pause instead of waiting when its server pauses the run
    and answers too late: its client asks again, and is told that the run is paused."""
    try:
        answer: Approval = await apause_flow_run(
            wait_for_input=form, timeout=APPROVAL_SECONDS + 3600, poll_interval=_POLL_SECONDS, key=_KEY
        )
    except Pause as pause:
        keyset = await _save(form, pause)
        await _resumed()
        return await form.aload(keyset)
    return answer


async def _save(form: type[Approval], pause: Pause) -> Keyset:
    """Save the form of a run that waits, unless that was done; gives where its answer will be."""
    if pause.state is None:
        raise pause
    keyset = keyset_from_paused_state(pause.state)
    await form.asave(keyset)
    return keyset


async def _resumed() -> None:
    """Until somebody has answered, and the run goes on."""
    async with get_client() as client:
        while (await client.read_flow_run(UUID(flow_run.id))).state_type != StateType.RUNNING:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)
