"""Deployments in the session's server, and their runs carried out as a worker's process carries them out."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, cast
from uuid import UUID, uuid4

import yaml
from prefect import Flow, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.events import DeploymentEventTrigger, Event
from prefect.events.actions import DoNothing
from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ReceivedEvent, Resource
from prefect.flow_engine import run_flow

from flows.announcing import post_events
from tests.flows.cloud import EXAMPLES
from tests.flows.waiting import waited

DEPLOYMENTS: dict[str, dict[str, Any]] = {
    each["name"]: each for each in yaml.safe_load((EXAMPLES.parent / "prefect.yaml").read_text())["deployments"]
}


async def deployed(flow: Flow[..., Any], name: str, *, enforce: bool = True) -> UUID:
    """A deployment as prefect.yaml describes it, without a work pool: no worker but the test takes its runs. Unless
    ``enforce``, the server lets parameters pass that the flow's schema refuses."""
    written = DEPLOYMENTS[flow.name]
    async with get_client() as client:
        return await client.create_deployment(
            flow_id=await client.create_flow(flow),
            name=name,
            tags=written["tags"],
            parameters=written.get("parameters", {}),
            parameter_openapi_schema=flow.parameters.model_dump(by_alias=True, exclude_none=True),
            enforce_parameter_schema=enforce,
        )


async def with_triggers(deployment: UUID, flow: Flow[..., Any]) -> list[UUID]:
    """The triggers that prefect.yaml gives a flow, as automations of this deployment."""
    made = []
    async with get_client() as client:
        for number, written in enumerate(DEPLOYMENTS[flow.name]["triggers"]):
            trigger = DeploymentEventTrigger.model_validate({**written, "name": f"{deployment} {number}"})
            trigger.set_deployment_id(deployment)
            made.append(await client.create_automation(trigger.as_automation()))
    await in_force()
    return made


async def in_force() -> None:
    """Until all automations that have been made do their work. Prefect 3.9.1 takes them up after it has answered,
    one after the other, so the last of them does nothing but show that it is there."""
    event = f"test.probe.{uuid4()}"
    trigger = EventTrigger(expect={event}, posture=Posture.Reactive, threshold=1)
    async with get_client() as client:
        probe = await client.create_automation(AutomationCore(name=event, trigger=trigger, actions=[DoNothing()]))
        await waited("an automation is in force", lambda: _triggered(probe, event))
        await client.delete_automation(probe)


async def _triggered(automation: UUID, event: str) -> Sequence[ReceivedEvent]:
    """The times that an automation was triggered, after its event has been told once more."""
    await post_events([Event(event=event, resource=Resource({"prefect.resource.id": event}))])
    times = EventFilter(
        event=EventNameFilter(name=["prefect.automation.triggered"]),
        resource=EventResourceFilter(id=[f"prefect.automation.{automation}"]),
    )
    async with get_client() as client:
        return (await client.read_events(times, limit=50)).events


async def started(deployment: UUID, **parameters: Any) -> FlowRun:
    """A run that waits for a worker."""
    async with get_client() as client:
        return await client.create_flow_run_from_deployment(deployment, parameters=parameters)


async def carry_out(flow: Flow[..., Any], run_id: UUID) -> State[Any]:
    """Run it, as far as it goes: what it raises (prefect.exceptions.Pause, when it suspends itself) passes on."""
    async with get_client() as client:
        run = await client.read_flow_run(run_id)
    return await cast("Awaitable[State[Any]]", run_flow(flow, flow_run=run, return_type="state"))


async def runs_of(deployment: UUID, count: int) -> list[FlowRun]:
    """The deployment's runs, once there are so many."""
    wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))

    async def look() -> list[FlowRun]:
        async with get_client() as client:
            return await client.read_flow_runs(deployment_filter=wanted)

    return await waited(f"{count} runs of the deployment", look, lambda found: len(found) >= count)
