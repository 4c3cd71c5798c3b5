"""Flows over many catalogs: what is new is told once, what drifted is found or repaired, one bad catalog stops none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml
from prefect import get_client
from prefect.client.schemas.objects import State

from flows import announcing
from flows.announcing import DISCOVERED, discovered_event, post_events, read_known, variable_name
from flows.onboard_catalog import onboard_catalog
from flows.reconcile_fleet import reconcile_fleet
from flows.watch_metastore import watch_metastore
from tasks.fleet import load_fleet
from tests.flows.cloud import EXAMPLES, SampleCloud
from tests.flows.prefect_api import seen
from unity_mirror.spec import load_spec, members

METASTORE = "77770000-0000-4000-8000-00000000c0de"


class Killed(Exception):
    """The end of a process, as far as a test can play it within its own: nothing handles it on its way out."""


async def told() -> list[dict[str, Any]]:
    """The events of discovered catalogs that the server holds."""
    body = {"filter": {"event": {"name": [DISCOVERED]}}, "limit": 50}
    async with get_client() as client:
        answer = await client.request("POST", "/events/filter", json=body)
    events: list[dict[str, Any]] = answer.raise_for_status().json()["events"]
    return events


@pytest.fixture
async def fresh(cloud: SampleCloud) -> SampleCloud:
    """Nothing is known of the metastore yet."""
    async with get_client() as client:
        for name in await read_known(METASTORE):
            await client.delete_variable_by_name(variable_name(METASTORE, name))
    return cloud


@pytest.fixture
def fleet(tmp_path: Path) -> Callable[..., str]:
    """Writes the sample fleet with changes; returns the file."""

    def write(**changes: Any) -> str:
        held = {**yaml.safe_load((EXAMPLES / "fleet.yaml").read_text()), **changes}
        target = tmp_path / "fleet.yaml"
        target.write_text(yaml.safe_dump(held))
        return str(target)

    return write


async def test_a_new_catalog_is_told_once_however_often_the_watch_runs_and_dies(
    fresh: SampleCloud, fleet: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object) -> None:
        raise Killed

    before = len(await told())
    (spec,) = [each.spec for each in members(load_fleet(fleet()), ["logistics"]) if each.spec]
    with monkeypatch.context() as patch:
        patch.setattr(announcing, "post_events", die)  # between seeing the catalog and telling of it
        with pytest.raises(Killed):
            await announcing.announce(METASTORE, [spec], {})
    assert (len(await told()) - before, await read_known(METASTORE)) == (0, {})
    with monkeypatch.context() as patch:
        patch.setattr(announcing, "remember", die)  # between telling of it and remembering that
        with pytest.raises(Killed):
            await announcing.announce(METASTORE, [spec], {})
    assert await read_known(METASTORE) == {}
    for _ in range(2):
        state = await watch_metastore(fleet(), fresh.block, return_state=True)
        assert state.is_completed(), state.message
    events = await told()
    assert [event["payload"]["catalog"] for event in events[: len(events) - before]] == ["logistics"]
    assert state.message == "1 catalogs, no new catalog"
    assert load_spec(events[0]["payload"]["spec"]).databricks.connection.name == "databricks-logistics"
    assert not any(value in json.dumps(events) for name, value in fresh.environment.items() if name.endswith("_SECRET"))
    assert fresh.writes() == []


async def test_a_catalog_that_was_dropped_and_comes_back_is_told_again(
    fresh: SampleCloud, fleet: Callable[..., str]
) -> None:
    await watch_metastore(fleet(), fresh.block, return_state=True)
    await watch_metastore(fleet(discover={"include": ["none_*"]}), fresh.block, return_state=True)
    assert not (await read_known(METASTORE))["logistics"].there
    state = await watch_metastore(fleet(), fresh.block, return_state=True)
    assert state.message == "1 catalogs, 1 new: logistics"
    assert (await read_known(METASTORE))["logistics"].times == 2


async def test_a_fleet_that_cannot_be_read_is_told_with_its_path(cloud: SampleCloud) -> None:
    state = await watch_metastore(str(EXAMPLES / "sales.yaml"), cloud.block, return_state=True)
    assert state.is_failed()
    assert "this spec describes one catalog, not a fleet" in str(state.message)


async def test_the_same_event_again_does_nothing(cloud: SampleCloud) -> None:
    event_id, spec = uuid4(), load_spec(EXAMPLES / "hr.yaml")
    first = await onboard_catalog(spec, cloud.block, event_id=event_id, return_state=True)
    assert first.is_completed(), first.message
    cloud.forget_requests()
    seconds = []
    for _ in range(3):  # a busy machine is slow now and then
        again = await onboard_catalog(spec, cloud.block, event_id=event_id, return_state=True)
        assert again.is_completed()
        assert str(event_id) in str(again.message)
        seconds.append(await _seconds(again))
    assert cloud.client.get("/_emulator/requests").json() == []
    assert min(seconds) < 5, seconds


async def test_events_are_kept_once_by_their_id(prefect_server: None) -> None:
    event = discovered_event(str(uuid4()), load_spec(EXAMPLES / "hr.yaml"), 1)
    for _ in range(2):
        await post_events([event])
    assert len([each for each in await told() if UUID(each["id"]) == event.id]) == 1


async def test_drift_is_reported_then_repaired_and_one_bad_catalog_stops_no_other(
    cloud: SampleCloud, fleet: Callable[..., str]
) -> None:
    hr = yaml.safe_load((EXAMPLES / "hr.yaml").read_text())
    bad = {"catalog": "no_such_catalog"}
    file = fleet(catalogs=[hr, bad], discover=None, overrides={})
    report = await reconcile_fleet(file, "report", cloud.block, return_state=True)
    assert cloud.writes() == []
    assert "2 catalogs: 1 drifted, 1 failed" in str(report.message)
    repaired = await reconcile_fleet(file, "repair", cloud.block, return_state=True)
    assert "2 catalogs: 1 repaired, 1 failed" in str(repaired.message), repaired.message
    assert [each["displayName"] for each in cloud.items("People Analytics", "mirroredAzureDatabricksCatalogs")] == [
        "hr"
    ]
    shown = await seen(repaired, tasks=4, events=2)
    rows = {row["Catalog"]: row["Outcome"] for row in shown.rows("fleet-summary")}
    assert rows == {"hr": "repaired", "no_such_catalog": "failed"}
    assert {each.event for each in shown.events} == {"unity-mirror.catalog.drifted", "unity-mirror.catalog.failed"}
    cloud.forget_requests()
    again = await reconcile_fleet(file, "repair", cloud.block, return_state=True)
    assert "1 in order, 1 failed" in str(again.message)
    assert cloud.writes() == []


async def _seconds(state: State[Any]) -> float:
    run_id = state.state_details.flow_run_id
    assert run_id
    async with get_client() as client:
        return (await client.read_flow_run(run_id)).total_run_time.total_seconds()
