"""What a run asks of Prefect's API, and what it needn't wait for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from prefect import flow, get_client

from bench.prefect_api import listening
from flows.onboard_catalog import onboard_catalog
from tasks.options import state_of, step_task
from tasks.prompt import ask_again_soon
from tasks.session import Session
from tests.flows.cloud import EXAMPLES, SampleCloud
from tests.flows.conftest import PrefectServer
from tests.flows.documented import command, filled, run
from tests.flows.waiting import SECONDS, waited
from unity_mirror.spec import load_spec

HR = load_spec(EXAMPLES / "hr.yaml")


@pytest.fixture
async def one_writer(prefect_server: PrefectServer, tmp_path: Path) -> AsyncIterator[str]:
    """The name of a limit of Prefect's, set as documented: one task at a time may write to Fabric."""
    documented = filled(command("How many write at once"), number="1")
    done = await asyncio.to_thread(run, documented, tmp_path, prefect_server.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    yield "tag:fabric"
    async with get_client() as client:
        await client.delete_concurrency_limit_by_tag("fabric")


async def onboarded(cloud: SampleCloud) -> None:
    state = await onboard_catalog(HR, cloud.block, return_state=True)
    assert state.is_completed(), state.message


async def test_where_nothing_bounds_writers_a_run_asks_for_its_catalogs_lease_only(
    cloud: SampleCloud, prefect_server: PrefectServer
) -> None:
    with listening(prefect_server.api) as calls:
        await onboarded(cloud)
    assert {call.asker for call in calls if "increment" in call.what} == {"tasks/lease.py _asked_for"}


async def test_artifacts_are_made_side_by_side(cloud: SampleCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    async def note(key: str) -> None:
        made.append(key)

    with monkeypatch.context() as patch:
        after_each_artifact(patch, note)
        await onboarded(cloud)
    assert len(made) > 1
    cloud.reset()
    all_asked_for = asyncio.Barrier(len(made))
    after_each_artifact(monkeypatch, lambda _: all_asked_for.wait())
    async with asyncio.timeout(SECONDS):
        await onboarded(cloud)


def after_each_artifact(patch: pytest.MonkeyPatch, act: Callable[[str], Awaitable[object]]) -> None:
    """Has something done, given its key, before a run gets Prefect's answer to an artifact of its report."""
    send = httpx.AsyncClient.send

    async def acting(client: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        response = await send(client, request, **options)
        if (request.method, request.url.path[-11:]) == ("POST", "/artifacts/") and response.is_success:
            key = json.loads(request.content).get("key")
            if key and not key.endswith("-plan"):
                await act(key)
        return response

    patch.setattr(httpx.AsyncClient, "send", acting)


async def test_a_limit_for_a_tag_bounds_the_tasks_that_write_there(
    one_writer: str, prefect_server: PrefectServer
) -> None:
    with listening(prefect_server.api) as calls:
        assert await most_at_once({"fabric"}, lambda: any(call.status == HTTPStatus.LOCKED for call in calls)) == 1


async def test_no_other_task_waits_for_it(one_writer: str) -> None:
    assert await most_at_once({"azure"}, lambda: False) == 2


async def test_one_that_finds_nothing_to_write_doesnt_either(cloud: SampleCloud, one_writer: str) -> None:
    await onboarded(cloud)
    async with get_client() as client:
        lease = await client.increment_concurrency_slots_with_lease([one_writer], 1, "concurrency", 240)
        await onboarded(cloud)
        await client.release_concurrency_slots_with_lease(lease.json()["lease_id"])


async def most_at_once(writes_to: set[str], other_waits: Callable[[], bool]) -> int:
    """How many of two tasks were at work at one time: each goes on until both are, or the other has to wait."""
    at_work, most = 0, 0

    async def write(session: Session) -> str:
        """Write something."""
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await waited("the other one works or waits", settled)
        at_work -= 1
        return "written"

    async def settled() -> bool:
        return most == 2 or other_waits()

    task = step_task("Write", minutes=5, writes_to=writes_to)(write)

    @flow
    async def both() -> None:
        states = await asyncio.gather(*(state_of(task, cast("Session", object())) for _ in range(2)))
        assert all(state.is_completed() for state in states), states

    await both()
    return most


async def test_a_server_that_is_busy_for_a_moment_is_asked_again_soon() -> None:
    busy = httpx.MockTransport(lambda _: httpx.Response(503))
    assert await pauses(busy, times=5) == ["0.1", "0.4", "1.6", "6.4", "25.6"]


async def test_one_that_says_when_to_ask_again_is_heeded() -> None:
    busy = httpx.MockTransport(lambda _: httpx.Response(503, headers={"Retry-After": "30"}))
    assert await pauses(busy, times=2) == ["30", "30"]


async def test_any_other_answer_is_left_as_it_is() -> None:
    assert await pauses(httpx.MockTransport(lambda _: httpx.Response(500)), times=1) == [None]


async def pauses(server: httpx.MockTransport, times: int) -> list[str | None]:
    """After how long each answer to one request lets it be made again."""
    async with httpx.AsyncClient(transport=server, event_hooks={"response": [ask_again_soon]}) as client:
        request = client.build_request("DELETE", "http://prefect.example/api/variables/name/a")
        return [(await client.send(request)).headers.get("Retry-After") for _ in range(times)]
