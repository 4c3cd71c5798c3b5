"""What waits for a person goes on waiting: when Prefect's answers are lost, and when a last heartbeat comes late."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events import Event
from prefect.events.schemas.events import RelatedResource, Resource
from prefect.exceptions import Pause
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Running

from deploy.local.automations import mark_silent_runs
from flows.announcing import post_events
from flows.events import WAITING
from flows.offboard_catalog import offboard_catalog
from flows.onboard_catalog import onboard_catalog
from tasks.lease_holder import LOST
from tests.flows.cloud import EXAMPLES, SampleCloud
from tests.flows.conftest import PrefectServer
from tests.flows.deployed import carry_out, deployed, started
from tests.flows.prefect_api import events_of
from tests.flows.unreliable import Fault, Request, nothing, unreliable
from unity_mirror.spec import load_spec

HR = load_spec(EXAMPLES / "hr.yaml")
SPEC = HR.model_dump(mode="json", exclude_unset=True)
SECONDS = 60


def _asking(request: Request) -> Fault | None:
    """What pauses a run and saves its form has its effect, and the answer is lost."""
    asks = request.path.endswith(("/set_state", "/input"))
    return "502 after" if asks and not request.again else None


async def test_in_one_process_all_that_asks_a_person_is_done_without_an_answer_and_the_run_waits(
    cloud: SampleCloud, prefect_server: PrefectServer
) -> None:
    await onboard_catalog(HR, cloud.block, return_state=True)
    with unreliable(prefect_server.api, retry_after=0) as proxy:
        proxy.begin(_asking)
        with temporary_settings({PREFECT_API_URL: proxy.url}):
            running = asyncio.create_task(_offboarded(cloud))
        run = await _paused()
        proxy.rule = nothing
        async with get_client() as client:
            answer = {"decision": "approve", "reason": "Replaced by hr2."}
            assert (await client.resume_flow_run(run.id, run_input=answer)).status.value == "ACCEPT"
        state = await running
    assert state.is_completed(), state.message
    assert "Approved: Replaced by hr2." in str(state.message)
    assert cloud.items("People Analytics", "mirroredAzureDatabricksCatalogs") == []
    assert [each.path for each in proxy.struck].count("/flow_runs/*/input") == 2


async def _offboarded(cloud: SampleCloud) -> State[Any]:
    return await offboard_catalog(HR, cloud.block, return_state=True)


async def _paused() -> FlowRun:
    """The run that waits in its process, once its form is there."""
    wanted = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Paused"])))
    async with get_client() as client, asyncio.timeout(SECONDS):
        while True:
            for run in await client.read_flow_runs(flow_run_filter=wanted):
                keys = {each.key for each in await client.filter_flow_run_input(run.id, "paused-approval", 10, set())}
                if {"paused-approval-schema", "paused-approval-description"} <= keys:
                    return run
            await asyncio.sleep(0.2)


async def test_a_heartbeat_told_just_after_the_suspension_is_not_waited_for(
    cloud: SampleCloud, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cloud.block.save("approval", overwrite=True)
    monkeypatch.setenv("UNITY_MIRROR_CLOUDS_BLOCK", "approval")
    await onboard_catalog(HR, cloud.block, return_state=True)
    async with get_client() as client:
        automation = await client.create_automation(mark_silent_runs(timedelta(seconds=10)))
        waiting = await started(await deployed(offboard_catalog, "late heartbeat"), spec=SPEC)
        with pytest.raises(Pause):
            await carry_out(offboard_catalog, waiting.id)
        suspended = await client.read_flow_run(waiting.id)
        assert suspended.state
        (told,) = await events_of(waiting.id, 1)
        assert told.event == WAITING
        await _heartbeat(waiting.id, suspended.state.timestamp + timedelta(milliseconds=100))
        dead = await client.create_flow_run(onboard_catalog, tags=["unity-mirror"], state=Running())
        await _heartbeat(dead.id, told.occurred)
        await _crashed(dead.id)
        assert (await client.read_flow_run(waiting.id)).state_name == "Suspended"
        await client.delete_automation(automation)


async def _heartbeat(run: UUID, occurred: datetime) -> None:
    """As Prefect's own thread tells it."""
    tag = RelatedResource({"prefect.resource.id": "prefect.tag.unity-mirror", "prefect.resource.role": "tag"})
    resource = Resource({"prefect.resource.id": f"prefect.flow-run.{run}"})
    beat = Event(id=uuid4(), event="prefect.flow-run.heartbeat", occurred=occurred, resource=resource, related=[tag])
    await post_events([beat])


async def _crashed(run: UUID) -> None:
    async with get_client() as client, asyncio.timeout(SECONDS):
        while (found := await client.read_flow_run(run)).state_type != StateType.CRASHED:  # noqa: ASYNC110
            await asyncio.sleep(0.3)
    assert found.state
    assert found.state.message == LOST
