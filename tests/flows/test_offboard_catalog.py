"""Offboarding asks a person first: approved, what is ours goes; rejected, nothing has changed."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, State, StateType

from flows.offboard_catalog import offboard_catalog
from flows.onboard_catalog import onboard_catalog
from tests.flows.cloud import EXAMPLES, SampleCloud
from unity_mirror.spec import load_spec

HR = load_spec(EXAMPLES / "hr.yaml")
KIND = "mirroredAzureDatabricksCatalogs"


async def _waiting() -> FlowRun:
    """The run that waits for an answer."""
    wanted = FlowRunFilter(tags=FlowRunFilterTags(all_=["catalog:hr"]))
    async with get_client() as client, asyncio.timeout(60):
        while True:
            found = await client.read_flow_runs(flow_run_filter=wanted)
            paused = [each for each in found if each.state_type is StateType.PAUSED]
            if paused:
                return paused[0]
            await asyncio.sleep(0.2)


async def _form(run_id: UUID) -> tuple[str, str]:
    """The description and the schema of the form that a person gets."""
    async with get_client() as client:
        found = [
            await client.read_flow_run_input(run_id, f"paused-approval-{name}") for name in ("description", "schema")
        ]
    return str(found[0]), str(found[1])


async def _answered(cloud: SampleCloud, **answer: str) -> tuple[State[Any], str, str]:
    running = asyncio.create_task(_offboard(cloud))
    run = await _waiting()
    description, schema = await _form(run.id)
    async with get_client() as client:
        result = await client.resume_flow_run(run.id, run_input=answer)
    assert result.status.value == "ACCEPT", result
    return await running, description, schema


async def _offboard(cloud: SampleCloud) -> State[Any]:
    return await offboard_catalog(HR, cloud.block, return_state=True)


async def test_a_rejected_plan_changes_nothing_and_an_approved_one_removes_what_is_ours(cloud: SampleCloud) -> None:
    onboarded = await onboard_catalog(HR, cloud.block, return_state=True)
    assert onboarded.is_completed(), onboarded.message
    cloud.forget_requests()
    state, description, schema = await _answered(cloud, decision="reject", reason="Still in use.")
    assert (state.type, state.name) == (StateType.CANCELLED, "Rejected")
    assert state.message == "Rejected: Still in use. Nothing was changed."
    assert "Mirrored Azure Databricks catalog" in description
    assert '"Decision"' in schema
    assert cloud.writes() == []

    state, _, _ = await _answered(cloud, decision="approve", reason="Replaced by hr2.")
    assert state.is_completed(), state.message
    assert "Approved: Replaced by hr2." in str(state.message)
    assert cloud.items("People Analytics", KIND) == []


async def test_a_plan_that_is_no_longer_the_approved_one_removes_nothing(cloud: SampleCloud) -> None:
    await onboard_catalog(HR, cloud.block, return_state=True)
    cloud.forget_requests()
    state, _, _ = await _answered(cloud, decision="approve", reason="Go.", plan="another plan")
    assert state.is_failed()
    assert "no longer what was approved" in str(state.message)
    assert cloud.writes() == []
