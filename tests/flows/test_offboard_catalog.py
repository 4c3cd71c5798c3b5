"""Offboarding asks a person first: approved, what is ours goes; rejected, nothing has changed."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect import get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events.schemas.events import ReceivedEvent
from prefect.exceptions import Pause

import flows.approval as module
from flows.events import WAITING
from flows.offboard_catalog import offboard_catalog
from flows.onboard_catalog import onboard_catalog
from tests.flows.cloud import EXAMPLES, SampleCloud
from tests.flows.conftest import PrefectServer
from tests.flows.deployed import carry_out, deployed, started
from tests.flows.documented import command, filled, run
from tests.flows.prefect_api import paused, told
from unity_mirror.spec import load_spec

HR = load_spec(EXAMPLES / "hr.yaml")
WORKSPACE = "People Analytics"
KIND = "mirroredAzureDatabricksCatalogs"
REJECTED, OFFBOARDED, FAILED = (f"unity-mirror.catalog.{each}" for each in ("rejected", "offboarded", "failed"))


class Asked:
    """An offboarding that was suspended, with what the person is shown."""

    def __init__(self, cloud: SampleCloud, server: PrefectServer, run: FlowRun, folder: Path) -> None:
        self.cloud, self.server, self.run, self.folder = cloud, server, run, folder
        self.before, self.names = cloud.state(), cloud.names(WORKSPACE)

    async def form(self) -> tuple[str, dict[str, Any]]:
        """The description and the schema of the form."""
        async with get_client() as client:
            found = [
                await client.read_flow_run_input(self.run.id, f"suspended-approval-{name}")
                for name in ("description", "schema")
            ]
        return str(json.loads(found[0])), json.loads(found[1])

    async def expire(self) -> None:
        """As if all the time for an answer had gone by."""
        assert self.run.state
        long_ago = datetime.now(UTC) - timedelta(seconds=1)
        details = self.run.state.state_details.model_copy(update={"pause_timeout": long_ago})
        expired = self.run.state.model_copy(update={"id": uuid4(), "state_details": details})
        async with get_client() as client:
            await client.set_flow_run_state(self.run.id, expired, force=True)

    async def answer(self, decision: str, reason: str) -> dict[str, Any]:
        """As a person does over HTTP, by the documented command; what it answers."""
        written = filled(command("Approval"), id=str(self.run.id))
        written = written.replace('"approve"', f'"{decision}"').replace("Replaced by sales_eu.", reason)
        environment = {"PREFECT_API_URL": self.server.api, "PREFECT_API_AUTH_STRING": self.server.auth}
        done = await asyncio.to_thread(run, written, self.folder, environment)
        assert done.returncode == 0, done
        # What a busy server answered before curl tried again stands in front of the last answer.
        _, begins, rest = done.stdout.splitlines()[-2].rpartition('{"state":')
        answered: dict[str, Any] = json.loads(begins + rest)
        return answered

    async def go_on(self) -> State[Any]:
        """As a worker does, which starts the run anew."""
        return await carry_out(offboard_catalog, self.run.id)


@pytest.fixture
async def asked(
    cloud: SampleCloud, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Asked:
    """The catalog is onboarded, and its offboarding waits for an answer; its process has ended."""
    await cloud.block.save("approval", overwrite=True)
    monkeypatch.setenv("UNITY_MIRROR_CLOUDS_BLOCK", "approval")
    onboarded = await onboard_catalog(HR, cloud.block, return_state=True)
    assert onboarded.is_completed(), onboarded.message
    deployment = await deployed(offboard_catalog, "approval")
    waiting = await started(deployment, spec=HR.model_dump(mode="json", exclude_unset=True))
    cloud.forget_requests()
    with pytest.raises(Pause):
        await carry_out(offboard_catalog, waiting.id)
    assert cloud.writes() == []
    async with get_client() as client:
        suspended = await client.read_flow_run(waiting.id)
    assert (suspended.state_type, suspended.state_name) == (StateType.PAUSED, "Suspended")
    return Asked(cloud, prefect_server, suspended, tmp_path)


async def ending(run: FlowRun) -> ReceivedEvent:
    """What a run told of its end, having told that it waits."""
    (event,) = [each for each in await told(run.id) if each.event != WAITING]
    return event


async def test_approved_what_was_shown_is_what_goes(asked: Asked) -> None:
    description, schema = await asked.form()
    assert schema["properties"]["decision"]["title"] == "Decision"
    shown = {row.split(" | ")[2] for row in description.splitlines() if "| delete " in row}
    assert (await asked.answer("approve", "Replaced by hr2."))["status"] == "ACCEPT"
    state = await asked.go_on()
    assert state.is_completed(), state.message
    assert "Approved: Replaced by hr2." in str(state.message)
    assert shown == asked.names - asked.cloud.names(WORKSPACE)
    assert asked.cloud.items(WORKSPACE, KIND) == []
    event = await ending(asked.run)
    assert (event.event, event.payload["reason"]) == (OFFBOARDED, "Replaced by hr2.")
    assert event.resource.id == "unity-catalog.77770000-0000-4000-8000-00000000c0de.hr"


async def test_rejected_all_is_as_it_was(asked: Asked) -> None:
    assert (await asked.answer("reject", "Still in use."))["status"] == "ACCEPT"
    state = await asked.go_on()
    assert (state.type, state.name) == (StateType.CANCELLED, "Rejected")
    assert state.message == "Rejected: Still in use. Nothing was changed."
    assert asked.cloud.state() == asked.before
    event = await ending(asked.run)
    assert event.event == REJECTED
    assert event.payload["reason"] == "Still in use."
    assert event.payload["link"].endswith(str(asked.run.id))


async def test_a_plan_that_changed_before_the_answer_removes_nothing(asked: Asked) -> None:
    description, _ = await asked.form()
    assert "People" in description
    asked.cloud.delete_item(WORKSPACE, "semanticModels", "People")
    before = asked.cloud.state()
    assert (await asked.answer("approve", "Go."))["status"] == "ACCEPT"
    state = await asked.go_on()
    assert state.is_failed()
    assert "no longer what was approved" in str(state.message)
    assert "Start the offboarding again and look at the new plan" in str(state.message)
    assert asked.cloud.state() == before
    event = await ending(asked.run)
    assert (event.event, event.payload["step"]) == (FAILED, "Remove what is ours")


async def test_an_answer_that_comes_too_late_removes_nothing(asked: Asked) -> None:
    assert asked.run.state
    assert asked.run.state.state_details.pause_timeout
    waits = asked.run.state.state_details.pause_timeout - asked.run.state.timestamp
    assert abs(waits.total_seconds() - module.APPROVAL_SECONDS) < 60
    await asked.expire()
    answered = await asked.answer("approve", "Go.")
    assert answered["status"] in ("REJECT", "ABORT"), "by what answers; or Prefect had looked for such runs before"
    async with get_client() as client:
        ended = await client.read_flow_run(asked.run.id)
    assert ended.state
    assert (ended.state_type, "never resumed" in str(ended.state.message)) == (StateType.FAILED, True)
    assert asked.cloud.state() == asked.before


# Run by hand in Python, it waits in its process.


async def _answered(cloud: SampleCloud, **answer: str) -> State[Any]:
    running = asyncio.create_task(_offboard(cloud))
    run = await paused()
    async with get_client() as client:
        result = await client.resume_flow_run(run.id, run_input=answer)
    assert result.status.value == "ACCEPT", result
    return await running


async def _offboard(cloud: SampleCloud) -> State[Any]:
    return await offboard_catalog(HR, cloud.block, return_state=True)


async def test_in_one_process_a_plan_that_is_not_the_approved_one_removes_nothing(cloud: SampleCloud) -> None:
    await onboard_catalog(HR, cloud.block, return_state=True)
    cloud.forget_requests()
    state = await _answered(cloud, decision="approve", reason="Go.", plan="another plan")
    assert state.is_failed()
    assert "no longer what was approved" in str(state.message)
    assert cloud.writes() == []
    state = await _answered(cloud, decision="approve", reason="Go.")
    assert state.is_completed(), state.message
    assert cloud.items(WORKSPACE, KIND) == []


async def test_in_one_process_a_plan_that_nobody_answers_removes_nothing(
    cloud: SampleCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "APPROVAL_SECONDS", 1)
    await onboard_catalog(HR, cloud.block, return_state=True)
    cloud.forget_requests()
    state = await _offboard(cloud)
    assert state.is_failed()
    assert "Nobody answered" in str(state.message)
    assert "nothing was changed" in str(state.message)
    assert cloud.writes() == []


def test_the_approval_waits_a_week() -> None:
    assert module.APPROVAL_SECONDS == 7 * 24 * 3600
