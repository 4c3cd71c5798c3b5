"""An event that is seen again leads to no second onboarding.

Runs carry the tag of the event that they are for, and the one that has dealt with it says so by another. That a run
completed is not enough: those that found nothing to do complete as well, while the one that they left the event to may
crash yet.
"""

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


def event_tag(event_id: UUID) -> str:
    """The tag of all runs that an event led to."""
    return f"event:{event_id}"


def handled_tag(event_id: UUID) -> str:
    """The tag of the run that has dealt with an event; it gets it before it gives the catalog's lease back."""
    return f"event-handled:{event_id}"


async def earlier_run(event_id: UUID) -> FlowRun | None:
    """The run that deals with this event or has done so; None when that is for this run to do.

    This run must carry the event's tag: of two that begin at once, each sees the other, and the first goes on. Should
    one begin before the other has its tag, both go on, one after the other: so ``handled_by`` is to be asked again by
    whoever gets the catalog's lease.
    """
    return await handled_by(event_id) or await _running_before(event_id)


async def handled_by(event_id: UUID) -> FlowRun | None:
    """The run that has dealt with this event."""
    others = await _others(FlowRunFilter(tags=FlowRunFilterTags(all_=[handled_tag(event_id)])))
    return next(iter(others), None)


async def _running_before(event_id: UUID) -> FlowRun | None:
    running = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING]))
    async with get_client() as client:
        own = _place(await client.read_flow_run(UUID(flow_run.id)))
    others = await _others(FlowRunFilter(tags=FlowRunFilterTags(all_=[event_tag(event_id)]), state=running))
    return next((each for each in others if _place(each) < own), None)


async def _others(wanted: FlowRunFilter) -> list[FlowRun]:
    async with get_client() as client:
        found = await client.read_flow_runs(flow_run_filter=wanted, limit=200)
    return [each for each in found if str(each.id) != flow_run.id]


def _place(run: FlowRun) -> tuple[datetime, str]:
    return run.created or datetime.max.replace(tzinfo=UTC), str(run.id)
