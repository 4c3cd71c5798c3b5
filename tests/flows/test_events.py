"""Each ending is told once, with enough to act on; an automation as documented notifies people of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
import yaml
from prefect import get_client
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events import Event
from prefect.events.schemas.events import ReceivedEvent, Resource
from prefect.states import Cancelling, Crashed, Failed
from prefect.utilities.urls import url_for

import flows.onboard_catalog as module
from flows.announcing import post_events
from flows.events import NAMESPACE, tell_of_catalog
from flows.onboard_catalog import onboard_catalog
from flows.outcomes import tell_ending
from flows.reconcile_fleet import reconcile_fleet
from flows.watch_metastore import watch_metastore
from tasks.lease_holder import LOST, NEVER_BEGAN
from tasks.steps import STEP_TASKS
from tests.flows.cloud import EXAMPLES, SampleCloud
from tests.flows.conftest import PrefectServer
from tests.flows.deployed import carry_out, deployed, in_force, started
from tests.flows.documented import command, filled, run
from tests.flows.listening import Heard, listening
from tests.flows.prefect_api import told
from unity_mirror.plan.model import StepName
from unity_mirror.spec import load_spec

METASTORE = "77770000-0000-4000-8000-00000000c0de"
HR = load_spec(EXAMPLES / "hr.yaml")
SPEC = HR.model_dump(mode="json", exclude_unset=True)
FAILED = "unity-mirror.catalog.failed"


async def once(state: State[Any], **payload: Any) -> ReceivedEvent:
    """The one event of the run that ended in this state, with all that automations need."""
    run_id = state.state_details.flow_run_id
    assert run_id
    return await _once(run_id, **payload)


async def _once(run_id: UUID, **payload: Any) -> ReceivedEvent:
    (event,) = await told(run_id)
    async with get_client() as client:
        run = await client.read_flow_run(run_id)
    whole = {"catalog": "hr", "flow_run_id": str(run_id), "flow_run": run.name, "link": url_for(run), **payload}
    assert whole.items() <= event.payload.items(), event.payload
    assert event.payload["message"]
    assert event.payload["remedy"]
    assert event.event == FAILED
    related = {each.id for each in event.related}
    assert f"prefect.flow-run.{run_id}" in related
    what = f"{event.event} {event.resource.id} {run_id} {run.run_count} {event.payload['ending']}"
    assert event.id == uuid5(NAMESPACE, what)
    return event


async def onboarding(cloud: SampleCloud) -> State[Any]:
    return await onboard_catalog(HR, cloud.block, return_state=True)


async def test_a_mistake_of_ours(cloud: SampleCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("by nobody")

    monkeypatch.setattr("unity_mirror.steps.connections.creation_body", broken)
    event = await once(await onboarding(cloud), ending="failed", step="Create the connections")
    assert event.resource.id == f"unity-catalog.{METASTORE}.hr"
    assert "ZeroDivisionError: by nobody" in event.payload["message"]
    assert "report it" in event.payload["remedy"]


async def test_a_step_that_takes_too_long(cloud: SampleCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = STEP_TASKS[StepName.MIRROR].with_options(timeout_seconds=0.3)
    monkeypatch.setattr(module, "STEP_TASKS", {**STEP_TASKS, StepName.MIRROR: slow})
    cloud.strike({"service": "fabric", "method": "POST", "path": "mirroredAzureDatabricksCatalogs", "action": "hang"})
    try:
        event = await once(await onboarding(cloud), ending="failed", step="Mirror the catalog")
    finally:
        cloud.strike()
    assert event.resource.id == f"unity-catalog.{METASTORE}.hr"
    assert "timeout" in event.payload["message"]
    assert "Run it again" in event.payload["remedy"]


@pytest.mark.parametrize("end", [asyncio.CancelledError, SystemExit, KeyboardInterrupt], ids=lambda each: each.__name__)
async def test_a_process_that_ends_before_the_metastore_is_known(
    cloud: SampleCloud, monkeypatch: pytest.MonkeyPatch, end: type[BaseException]
) -> None:
    def ending(*_: object) -> None:
        raise end

    monkeypatch.setattr(module, "connect_clouds", ending)
    mark = f"mark-{end.__name__}"
    with pytest.raises(end):
        await onboard_catalog.with_options(flow_run_name=mark)(HR, cloud.block)
    crashed = await _named(mark)
    assert crashed.state_type == StateType.CRASHED
    event = await _once(crashed.id, ending="crashed", step="")
    assert event.resource.id == "unity-catalog.unknown.hr"
    assert "Run it again" in event.payload["remedy"]


async def _named(name: str) -> FlowRun:
    tags = FlowRunFilter(tags=FlowRunFilterTags(all_=["catalog:hr"]))
    async with get_client() as client:
        return next(each for each in await client.read_flow_runs(flow_run_filter=tags) if each.name == name)


@pytest.mark.parametrize(
    ("state", "ending", "remedy"),
    [
        (Cancelling(message="Stopped by Ada."), "cancelled", "Run it again"),
        (Crashed(message="Killed."), "crashed", "the run that follows by itself"),
    ],
)
async def test_a_process_that_is_gone_is_told_of_by_its_worker(
    prefect_server: PrefectServer, state: State[Any], ending: str, remedy: str
) -> None:
    """The worker has what Prefect's API says of the run, and calls the flow's hooks in a process of its own."""
    deployment = await deployed(onboard_catalog, f"gone-{ending}")
    gone = await started(deployment, spec=SPEC)
    hooks = onboard_catalog.on_cancellation_hooks if ending == "cancelled" else onboard_catalog.on_crashed_hooks
    assert hooks == [tell_ending]
    await tell_ending(flow=onboard_catalog, flow_run=gone, state=state)
    event = await _once(gone.id, ending=ending, message=state.message)
    assert remedy in event.payload["remedy"]
    assert {"prefect.tag.unity-mirror", f"prefect.deployment.{deployment}"} <= {each.id for each in event.related}


async def test_parameters_that_are_refused(prefect_server: PrefectServer) -> None:
    """By the flow itself: what the form's schema refuses never becomes a run."""
    deployment = await deployed(onboard_catalog, "refused", enforce=False)
    spec = {**SPEC, "select": {"include": ["a", "a.b.c"]}}
    refused = await started(deployment, spec=spec)
    state = await carry_out(onboard_catalog, refused.id)
    assert state.is_failed()
    event = await _once(refused.id, ending="failed")
    assert event.resource.id == "unity-catalog.unknown.hr"
    assert "parameters" in event.payload["message"]


async def test_a_fleet_tells_what_stops_it_and_each_catalogs_failure_once(cloud: SampleCloud, tmp_path: Path) -> None:
    missing = str(tmp_path / "no-fleet.yaml")
    for flow in (watch_metastore, reconcile_fleet):
        stopped = await flow(fleet=missing, clouds=cloud.block, return_state=True)
        assert stopped.state_details.flow_run_id
        (event,) = await told(stopped.state_details.flow_run_id)
        assert (event.event, event.resource.id) == ("unity-mirror.fleet.failed", f"unity-mirror.fleet.{missing}")
        assert event.payload["fleet"] == missing
        assert "no-fleet.yaml" in event.payload["message"]
    fleet = tmp_path / "fleet.yaml"
    hr = yaml.safe_load((EXAMPLES / "hr.yaml").read_text())
    fleet.write_text(yaml.safe_dump({"kind": "fleet", "catalogs": [hr]}))
    cloud.forbid_external_access()
    state = await reconcile_fleet(str(fleet), "repair", cloud.block, return_state=True)
    event = await once(state, ending="failed", step="Validate prerequisites", mode="repair")
    assert event.resource.id == f"unity-catalog.{METASTORE}.hr"


async def test_what_is_told_twice_is_kept_once(prefect_server: PrefectServer) -> None:
    again = await started(await deployed(onboard_catalog, "twice"), spec=SPEC)
    for _ in range(2):
        await tell_of_catalog("onboarded", "hr", METASTORE, {"tables": 1}, again)
    assert len(await told(again.id)) == 1


@pytest.fixture
def people() -> Iterator[Heard]:
    """Where notifications go."""
    with listening() as heard:
        yield heard


@pytest.fixture
async def notified(prefect_server: PrefectServer, people: Heard, tmp_path: Path) -> AsyncIterator[Heard]:
    """People who are notified by the documented automations."""
    hook = CustomWebhookNotificationBlock(
        name="chat", url=people.url, json_data={"subject": "{{subject}}", "body": "{{body}}"}
    )
    block = await hook.save("chat", overwrite=True)
    documented = filled(command("Events"), id_of_a_notification_block=str(block))
    done = await asyncio.to_thread(run, documented, tmp_path, prefect_server.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    await in_force()
    yield people
    async with get_client() as client:
        for each in await client.read_automations():
            if each.name.startswith("unity-mirror: notify"):
                await client.delete_automation(each.id)


async def test_the_documented_automations_notify(cloud: SampleCloud, notified: Heard) -> None:
    cloud.forbid_external_access()
    failed = await onboarding(cloud)
    silent = await started(await deployed(onboard_catalog, "silent"), spec=SPEC)
    late = await started(await deployed(onboard_catalog, "late"), spec=SPEC)
    async with get_client() as client:
        for message in ("Killed.", LOST):  # of the first its worker has told
            await client.set_flow_run_state(silent.id, Crashed(message=message), force=True)
        unanswered: State[Any] = Failed(message="The flow was paused and never resumed.")
        await client.set_flow_run_state(late.id, unanswered, force=True)
    last = Resource({"prefect.resource.id": "test.last", "prefect.resource.name": "last"})
    await post_events([Event(event=FAILED, resource=last, payload={"message": "No more.", "link": ""})])
    heard = {each["subject"]: each["body"] for each in await notified.wait(4)}
    of_failure, of_silence = f"hr: {FAILED}", f"{silent.name}: prefect.flow-run.Crashed"
    of_patience = f"{late.name}: prefect.flow-run.Failed"
    assert set(heard) == {of_failure, of_silence, of_patience, f"last: {FAILED}"}, "and what was told before was heard"
    assert len(notified.bodies) == 4
    assert heard[of_patience] == unanswered.message
    assert failed.message
    assert failed.message in heard[of_failure]
    assert str(failed.state_details.flow_run_id) in heard[of_failure]
    assert heard[of_silence] == LOST
    assert {LOST.partition(":")[0], NEVER_BEGAN.partition(":")[0]} == {"No sign of life"}
