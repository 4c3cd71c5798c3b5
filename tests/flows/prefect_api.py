"""What Prefect's API tells of a run: the things that people see. Prefect records tasks, events and logs a little later
than they happen, so each is waited for."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateName,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import Artifact, FlowRun, Log, State, TaskRun
from prefect.events import Event
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventRelatedFilter
from prefect.events.schemas.events import ReceivedEvent, Resource
from prefect.events.worker import EventsWorker

from flows.announcing import post_events
from tests.flows.waiting import waited


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
    run_id = _run_of(state)
    async with get_client() as client:
        found = Seen(
            run=await client.read_flow_run(run_id),
            tasks=await waited(
                f"{tasks} tasks that have ended",
                lambda: _tasks(run_id),
                lambda runs: len(runs) == tasks and all(each.state and each.state.is_final() for each in runs),
                show=_names_and_states,
            ),
            artifacts={each.key: each for each in await _artifacts(run_id) if each.key},
            log=await log_of(state),
            events=await told(run_id),
        )
    assert len(found.events) == events, [each.event for each in found.events]
    return found


async def log_of(state: State[Any]) -> str:
    """The whole log of the flow run that ended in this state."""
    run_id = _run_of(state)
    found = await waited("the log's end", lambda: _logs(run_id), lambda logs: any(map(_is_last, logs)), show=_text)
    return _text(found)


async def told(run_id: UUID) -> Sequence[ReceivedEvent]:
    """All catalog events that a run has told, and nothing is on its way any more: what is told later has arrived."""
    await _last_event()
    soon = datetime.now(UTC) + timedelta(hours=1)  # some are told of a moment to come (flows/events.py)
    wanted = EventFilter(
        event=EventNameFilter(prefix=["unity-mirror."]),
        related=EventRelatedFilter(id=[f"prefect.flow-run.{run_id}"]),
        occurred=EventOccurredFilter.model_validate({"until": soon}),
    )
    async with get_client() as client:
        return (await client.read_events(wanted, limit=50)).events


async def paused() -> FlowRun:
    """The run that waits in its process, once its form is there, which it saves last."""
    return (await waited("a run waits with its form", _paused))[0]


async def _paused() -> list[FlowRun]:
    named = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Paused"])))
    async with get_client() as client:
        runs = await client.read_flow_runs(flow_run_filter=named)
        forms = [await client.filter_flow_run_input(each.id, "paused-approval", 10, set()) for each in runs]
    whole = {"paused-approval-schema", "paused-approval-description"}
    return [run for run, form in zip(runs, forms, strict=True) if whole <= {each.key for each in form}]


async def recorded() -> None:
    """Until the server has written down what this process has told of runs so far: logs, and states as events."""
    await cast("Awaitable[object]", EventsWorker.drain_all(at_exit=False))  # of logs, too: of all such workers
    await _last_event()


async def _last_event() -> None:
    """Tell of something, and wait until the server shows it."""
    await post_events([Event(event="test.last", resource=Resource({"prefect.resource.id": "test.last"}))])


def _run_of(state: State[Any]) -> UUID:
    run_id = state.state_details.flow_run_id
    assert run_id is not None
    return run_id


async def _artifacts(run_id: UUID) -> Sequence[Artifact]:
    mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
    async with get_client() as client:
        return await client.read_artifacts(artifact_filter=mine)


async def _tasks(run_id: UUID) -> Sequence[TaskRun]:
    runs = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
    async with get_client() as client:
        return await client.read_task_runs(flow_run_filter=runs)


async def _logs(run_id: UUID) -> list[Log]:
    async with get_client() as client:
        return await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id])))


def _is_last(log: Log) -> bool:
    """Whether it is the flow run's own last word; its tasks end with the same."""
    return log.task_run_id is None and log.message.startswith("Finished in state")


def _text(logs: Sequence[Log]) -> str:
    return "\n".join(each.message for each in logs)


def _names_and_states(tasks: Sequence[TaskRun]) -> list[tuple[str, str | None]]:
    return [(each.name, each.state_name) for each in tasks]
