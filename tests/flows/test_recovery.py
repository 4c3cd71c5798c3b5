"""Runs that take the place of others: after a crash, and for an event that is seen again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
import yaml
from prefect import Flow, get_client
from prefect.client.schemas.objects import State
from prefect.states import Crashed, Running
from prefect.utilities.schema_tools.validation import ValidationError, validate

from flows.deduplication import event_tag
from flows.offboard_catalog import offboard_catalog
from flows.onboard_catalog import onboard_catalog
from flows.parameters import MOST_STARTS
from flows.restarting import MAX_STARTS
from tests.flows.cloud import EXAMPLES, SampleCloud
from unity_mirror.spec import load_spec

HR = EXAMPLES / "hr.yaml"


def mirrors_made(cloud: SampleCloud) -> int:
    """How many mirrored catalogs were asked for."""
    return len([each for each in cloud.writes() if each["path"].endswith("mirroredAzureDatabricksCatalogs")])


@pytest.mark.parametrize("flow", [onboard_catalog, offboard_catalog], ids=lambda each: each.name)
async def test_a_run_whose_predecessors_were_all_killed_asks_no_cloud_and_says_what_to_look_at(
    cloud: SampleCloud, flow: Callable[..., Awaitable[State[Any]]]
) -> None:
    state = await flow(load_spec(HR), cloud.block, start=MAX_STARTS + 1, return_state=True)
    assert state.is_failed()
    assert str(state.message).startswith("Its process was killed 3 times. See the worker's log, memory first")
    assert cloud.client.get("/_emulator/requests").json() == []


@pytest.mark.parametrize("flow", [onboard_catalog, offboard_catalog], ids=lambda each: each.name)
def test_what_crashes_before_it_can_look_at_anything_is_not_started_for_ever(flow: Flow[..., Any]) -> None:
    schema = flow.parameters.model_dump(mode="json", by_alias=True, exclude_none=True)
    parameters = {"spec": yaml.safe_load(HR.read_text()), "start": MOST_STARTS}
    validate(parameters, schema, raise_on_error=True)
    with pytest.raises(ValidationError, match="greater than the maximum"):
        validate({**parameters, "start": MOST_STARTS + 1}, schema, raise_on_error=True)


async def test_an_event_left_to_a_run_that_crashed_later_is_not_lost(cloud: SampleCloud) -> None:
    event_id, spec = uuid4(), load_spec(HR)
    async with get_client() as client:
        tags = [event_tag(event_id)]
        first = await client.create_flow_run(onboard_catalog, name="the first", tags=tags, state=Running())
        left = await onboard_catalog(spec, cloud.block, event_id=event_id, return_state=True)
        assert f"run the first ({first.id}) deals with" in str(left.message)
        assert mirrors_made(cloud) == 0
        await client.set_flow_run_state(first.id, Crashed(message="Process exited with status code: -9."), force=True)
    taken_up = await onboard_catalog(spec, cloud.block, event_id=event_id, start=2, return_state=True)
    assert taken_up.is_completed()
    assert "is onboarded" in str(taken_up.message)
    assert mirrors_made(cloud) == 1
    again = await onboard_catalog(spec, cloud.block, event_id=event_id, return_state=True)
    assert "Nothing to do" in str(again.message)


async def test_of_runs_that_begin_at_once_for_one_event_one_onboards(cloud: SampleCloud) -> None:
    event_id, spec = uuid4(), load_spec(HR)
    runs = [onboard_catalog(spec, cloud.block, event_id=event_id, return_state=True) for _ in range(3)]
    states = await asyncio.gather(*runs)
    assert all(state.is_completed() for state in states)
    assert sorted("Nothing to do" in str(state.message) for state in states) == [False, True, True]
    assert mirrors_made(cloud) == 1
