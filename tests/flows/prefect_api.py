"""What Prefect's API tells of a run: the things that people see. Prefect records tasks, events and logs a little later
than they happen, so each is waited for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import Artifact, FlowRun, Log, State, TaskRun
from prefect.events.filters import EventFilter, EventNameFilter, EventRelatedFilter
from prefect.events.schemas.events import ReceivedEvent

T = TypeVar("T")
_SECONDS = 20.0
_POLL = 0.1


@dataclass(frozen=True)
class Seen:
    """A flow run with its tasks, artifacts, log, and what it told others."""

    run: FlowRun
    tasks: Sequence[TaskRun]
    artifacts: dict[str, Artifact]
    log: str
    events: Sequence[ReceivedEvent]

    def task(self, name: str) -> TaskRun:
        """The run of the task with this name."""
        return next(each for each in self.tasks if each.name.startswith(name))

    def rows(self, key: str) -> list[dict[str, str]]:
        """A table artifact."""
        data = self.artifacts[key].data
        assert isinstance(data, str)
        rows: list[dict[str, str]] = json.loads(data)
        return rows

    def text(self) -> str:
        """All of it, as one text to search."""
        shown: list[Any] = [self.run, *self.tasks, *self.artifacts.values(), *self.events]
        return "\n".join([*(each.model_dump_json() for each in shown), self.log])


async def seen(state: State[Any], *, tasks: int, events: int) -> Seen:
    """What is to be seen of the flow run that ended in this state, with so many tasks and catalog events."""
    run_id = state.state_details.flow_run_id
    assert run_id is not None
    async with get_client() as client:
        artifacts = await client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        )
        return Seen(
            run=await client.read_flow_run(run_id),
            tasks=await _waited(lambda: _tasks(run_id), lambda found: len(found) == tasks),
            artifacts={each.key: each for each in artifacts if each.key},
            log=await log_of(state),
            events=await _waited(lambda: _events(run_id), lambda found: len(found) == events),
        )


async def log_of(state: State[Any]) -> str:
    """The whole log of the flow run that ended in this state."""
    run_id = state.state_details.flow_run_id
    assert run_id is not None
    found = await _waited(lambda: _logs(run_id), lambda found: any(_is_last(each) for each in found))
    return "\n".join(each.message for each in found)


async def events_of(run_id: UUID, count: int) -> Sequence[ReceivedEvent]:
    """The catalog events of a flow run, once there are so many."""
    return await _waited(lambda: _events(run_id), lambda found: len(found) >= count)


async def _tasks(run_id: UUID) -> Sequence[TaskRun]:
    runs = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
    async with get_client() as client:
        found = await client.read_task_runs(flow_run_filter=runs)
    return [each for each in found if each.state and each.state.is_final()]


async def _logs(run_id: UUID) -> list[Log]:
    async with get_client() as client:
        return await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id])))


def _is_last(log: Log) -> bool:
    """Whether it is the flow run's own last word; its tasks end with the same."""
    return log.task_run_id is None and log.message.startswith("Finished in state")


async def _events(run_id: UUID) -> Sequence[ReceivedEvent]:
    wanted = EventFilter(
        event=EventNameFilter(prefix=["unity-mirror."]),
        related=EventRelatedFilter(id=[f"prefect.flow-run.{run_id}"]),
    )
    async with get_client() as client:
        return (await client.read_events(wanted, limit=50)).events


async def _waited(read: Callable[[], Awaitable[T]], complete: Callable[[T], bool]) -> T:
    async with asyncio.timeout(_SECONDS):
        while not complete(found := await read()):  # noqa: ASYNC110  (another process decides)
            await asyncio.sleep(_POLL)
    return found
