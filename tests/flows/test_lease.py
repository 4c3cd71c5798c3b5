"""One run at a time for each catalog."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from unittest.mock import AsyncMock

import httpx
import pytest
from prefect.client.orchestration import PrefectClient

from tasks import lease
from tasks.lease import CatalogBusy, catalog_lease, limit_name


def test_each_catalog_has_a_limit_of_its_own() -> None:
    names = {limit_name(each) for each in ("sales", "sales eu", "sales-eu", "sales/eu")}
    assert len(names) == 4
    assert limit_name("Sales") == limit_name("sales")


async def test_a_second_run_is_told_that_the_catalog_is_busy_and_then_let_in(prefect_server: None) -> None:
    async with catalog_lease("busy"):
        with pytest.raises(CatalogBusy, match="another run is at work on catalog busy"):
            async with catalog_lease("busy", wait_seconds=0):
                pass
        async with catalog_lease("another", wait_seconds=0):
            pass
    async with catalog_lease("busy", wait_seconds=0):
        pass


async def test_a_run_whose_lease_is_lost_is_cancelled(prefect_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LEASE_SECONDS", 60.0)
    refused = AsyncMock(side_effect=httpx.ConnectError("Prefect is away"))
    monkeypatch.setattr(PrefectClient, "renew_concurrency_lease", refused)
    times = iter(range(0, 100_000, 40))
    monkeypatch.setattr(lease, "time", SimpleNamespace(monotonic=lambda: next(times)))
    monkeypatch.setattr(asyncio, "sleep", lambda _seconds, sleep=asyncio.sleep: sleep(0.01))
    with pytest.raises(asyncio.CancelledError, match="could not be renewed"):
        async with catalog_lease("lost", wait_seconds=0):
            await asyncio.Event().wait()
