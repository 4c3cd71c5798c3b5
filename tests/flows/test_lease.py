"""One run at a time for each catalog."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock
from uuid import UUID

import httpx
import pytest
from prefect import flow, get_client
from prefect.client.orchestration import PrefectClient
from prefect.runtime import flow_run
from prefect.states import Crashed

from tasks import lease, lease_holder
from tasks.lease import CatalogBusy, catalog_lease, lease_seconds, limit_name
from tasks.variables import set_variable
from unity_mirror.errors import SettingsError


def test_each_catalog_has_a_limit_of_its_own() -> None:
    names = {limit_name(each) for each in ("sales", "sales eu", "sales-eu", "sales/eu")}
    assert len(names) == 4
    assert limit_name("Sales") == limit_name("sales")


@pytest.mark.parametrize("written", ["30", "3600", "long"])
def test_a_lease_that_could_not_be_had_or_would_lock_a_catalog_for_too_long_is_refused(written: str) -> None:
    assert (lease_seconds({}), lease_seconds({"UNITY_MIRROR_LEASE_SECONDS": "60"})) == (240, 60)
    with pytest.raises(SettingsError, match="seconds from 60 to 270"):
        lease_seconds({"UNITY_MIRROR_LEASE_SECONDS": written})


async def test_a_second_run_is_told_that_the_catalog_is_busy_and_then_let_in(prefect_server: None) -> None:
    async with catalog_lease("busy"):
        with pytest.raises(CatalogBusy, match="another run is at work on catalog busy"):
            async with catalog_lease("busy", wait_seconds=0):
                pass
        async with catalog_lease("another", wait_seconds=0):
            pass
    async with catalog_lease("busy", wait_seconds=0):
        pass


@flow(persist_result=False)
async def take_and_die(catalog: str) -> None:
    """Ends as a killed process does: it gives nothing back."""
    holding = catalog_lease(catalog, wait_seconds=0)
    await holding.__aenter__()
    _left_behind.append(holding)


_left_behind: list[Any] = []


@pytest.fixture
def dead() -> Iterator[list[Any]]:
    """Leases of runs that died; they are given back in the end."""
    yield _left_behind
    _left_behind.clear()


async def died(catalog: str, message: str) -> UUID:
    """A run that took the lease and then crashed; its id."""
    state = await take_and_die(catalog, return_state=True)
    run_id = state.state_details.flow_run_id
    assert run_id is not None
    async with get_client() as client:
        await client.set_flow_run_state(run_id, Crashed(message=message), force=True)
    return run_id


async def test_the_lease_of_a_run_whose_worker_saw_it_end_is_free_at_once(
    prefect_server: None, dead: list[Any]
) -> None:
    await died("killed", "Process exited with status code: -9.")
    async with catalog_lease("killed", wait_seconds=0):
        with pytest.raises(CatalogBusy):
            async with catalog_lease("killed", wait_seconds=0):
                pass


async def test_nobody_takes_the_lease_from_a_run_that_may_live_on_out_of_sight(
    prefect_server: None, dead: list[Any]
) -> None:
    await died("lost", lease_holder.LOST)
    with pytest.raises(CatalogBusy):
        async with catalog_lease("lost", wait_seconds=0):
            pass


async def test_of_many_that_wait_for_a_killed_run_one_is_let_in_at_a_time(
    prefect_server: None, dead: list[Any]
) -> None:
    await died("queued", "Process exited with status code: -9.")
    inside, most = 0, 0

    async def one() -> None:
        nonlocal inside, most
        async with catalog_lease("queued", wait_seconds=60):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.05)
            inside -= 1

    await asyncio.gather(*(one() for _ in range(5)))
    assert (inside, most) == (0, 1)


@flow(persist_result=False)
async def onboarding(catalog: str) -> dict[str, Any] | None:
    """Tells what is noted while the lease is held."""
    async with catalog_lease(catalog, wait_seconds=0), get_client() as client:
        noted = await client.read_variable_by_name(lease_holder.variable_name(limit_name(catalog)))
        assert noted is not None
        assert isinstance(noted.value, dict)
        assert noted.value["run"] == str(flow_run.id)
    async with get_client() as client:
        return await client.read_variable_by_name(noted.name)  # type: ignore[return-value]


async def test_a_variable_is_set_though_the_answer_to_making_it_was_lost(
    prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with get_client() as client:
        send = client.request

        async def send_again(method: str, path: str, **rest: Any) -> httpx.Response:
            if method == "POST":
                await send(method, path, **rest)  # type: ignore[arg-type]
            return await send(method, path, **rest)  # type: ignore[arg-type]

        monkeypatch.setattr(client, "request", send_again)
        for value in ("first", "second"):
            await set_variable(client, "lost_answer", value, ["unity-mirror-test"])
            held = await client.read_variable_by_name("lost_answer")
            assert held is not None
            assert (held.value, held.tags) == (value, ["unity-mirror-test"])


async def test_a_holder_is_noted_while_it_holds_and_no_longer(prefect_server: None) -> None:
    assert await onboarding("noted") is None


async def test_a_run_whose_lease_is_lost_is_cancelled(prefect_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = AsyncMock(side_effect=httpx.ConnectError("Prefect is away"))
    monkeypatch.setattr(PrefectClient, "renew_concurrency_lease", refused)
    times = iter(range(0, 100_000, 20))
    monkeypatch.setattr(lease, "time", SimpleNamespace(monotonic=lambda: next(times)))
    monkeypatch.setattr(asyncio, "sleep", lambda _seconds, sleep=asyncio.sleep: sleep(0.01))
    with pytest.raises(asyncio.CancelledError, match="could not be renewed"):
        async with catalog_lease("unreachable", wait_seconds=0, seconds=60):
            await asyncio.Event().wait()
    assert refused.await_count > 1


async def test_a_run_from_which_the_lease_was_taken_is_cancelled_at_once(
    prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio, "sleep", lambda _seconds, sleep=asyncio.sleep: sleep(0.01))
    taken: list[UUID] = []
    written = lease_holder.write_down

    async def note(client: PrefectClient, limit: str, held: UUID) -> None:
        taken.append(held)
        await written(client, limit, held)

    monkeypatch.setattr(lease_holder, "write_down", note)

    async def hold() -> None:
        async with catalog_lease("taken", wait_seconds=0), get_client() as client:
            await client.release_concurrency_slots_with_lease(taken[0])
            await asyncio.wait_for(asyncio.Event().wait(), timeout=20)

    with pytest.raises(asyncio.CancelledError, match="could not be renewed"):
        await hold()
