"""An event that is seen again leads to no second onboarding."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.runtime import flow_run

_COUNTS = [StateType.RUNNING, StateType.COMPLETED]
"""A run that failed or crashed has not dealt with its event."""


def event_tag(event_id: UUID) -> str:
    """The tag of all runs that an event led to."""
    return f"event:{event_id}"


async def earlier_run(event_id: UUID) -> FlowRun | None:
    """The run that deals with this event or has done so; None when that is for this run to do.

    This run must carry the event's tag: of two that begin at once, each sees the other, and the first goes on.
    """
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[event_tag(event_id)]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_COUNTS)),
    )
    async with get_client() as client:
        found = await client.read_flow_runs(flow_run_filter=wanted, limit=200)
    own = next((_place(each) for each in found if str(each.id) == flow_run.id), None)
    others = [each for each in found if str(each.id) != flow_run.id]
    done = [each for each in others if each.state_type is StateType.COMPLETED]
    before = [each for each in others if own is None or _place(each) < own]
    return next(iter([*done, *before]), None)


def _place(run: FlowRun) -> tuple[datetime, str]:
    return run.created or datetime.max.replace(tzinfo=UTC), str(run.id)
