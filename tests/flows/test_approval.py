"""What waits for a person goes on waiting: when Prefect's answers are lost, and when a last heartbeat comes late."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import get_client
from prefect.client.schemas.objects import State
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
from tests.flows.deployed import carry_out, deployed, in_force, started
from tests.flows.prefect_api import paused, told
from tests.flows.unreliable import Fault, Request, nothing, unreliable
from tests.flows.waiting import waited
from unity_mirror.spec import load_spec

HR = load_spec(EXAMPLES / "hr.yaml")
SPEC = HR.model_dump(mode="json", exclude_unset=True)


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
        run = await paused()
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


async def test_a_heartbeat_told_just_after_the_suspension_is_not_waited_for(
    cloud: SampleCloud, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cloud.block.save("approval", overwrite=True)
    monkeypatch.setenv("UNITY_MIRROR_CLOUDS_BLOCK", "approval")
    await onboard_catalog(HR, cloud.block, return_state=True)
    async with get_client() as client:
        automation = await client.create_automation(mark_silent_runs(timedelta(seconds=10)))
        await in_force()
        waiting = await started(await deployed(offboard_catalog, "late heartbeat"), spec=SPEC)
        with pytest.raises(Pause):
            await carry_out(offboard_catalog, waiting.id)
        suspended = await client.read_flow_run(waiting.id)
        assert suspended.state
        (said,) = await told(waiting.id)
        assert said.event == WAITING
        await _heartbeat(waiting.id, suspended.state.timestamp + timedelta(milliseconds=100))
        dead = await client.create_flow_run(onboard_catalog, tags=["unity-mirror"], state=Running())
        await _heartbeat(dead.id, said.occurred)
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
    async def state() -> State[Any] | None:
        async with get_client() as client:
            return (await client.read_flow_run(run)).state

    found = await waited("the dead run has crashed", state, lambda state: state is not None and state.is_crashed())
    assert found
    assert found.message == LOST
