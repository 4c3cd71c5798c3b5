"""A catalog that is not to be had: who has it, and how what nobody has is freed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from prefect import flow, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.runtime import flow_run

from tasks.lease import CatalogBusy, catalog_lease, limit_name
from tests.flows.conftest import PrefectServer
from tests.flows.documented import run


@flow(persist_result=False)
async def onboard() -> tuple[str, str]:
    """What another one is told while this run holds the lease, and which run this is."""
    async with catalog_lease("held", wait_seconds=0):
        with pytest.raises(CatalogBusy) as busy:
            async with catalog_lease("held", wait_seconds=0):
                pass
    return busy.value.message, f"{flow_run.name} ({flow_run.id})"


async def test_the_run_that_is_at_work_is_named(prefect_server: PrefectServer) -> None:
    message, holder = await onboard()
    assert message == f"another run is at work on catalog held: {holder}"


async def test_a_slot_that_was_left_behind_is_freed_by_the_command_that_is_told(
    prefect_server: PrefectServer, tmp_path: Path
) -> None:
    """As an API replica leaves it that dies between the slot and its lease."""
    name = limit_name("left behind")
    async with get_client() as client:
        await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1, active_slots=1))
    with pytest.raises(CatalogBusy, match="or a fault of Prefect's server left its limit taken") as busy:
        async with catalog_lease("left behind", wait_seconds=0):
            pass
    command = busy.value.remedy.rpartition(": ")[2]
    assert command.startswith("prefect ")
    done = await asyncio.to_thread(run, command, tmp_path, prefect_server.environment)
    assert done.returncode == 0, done
    async with catalog_lease("left behind", wait_seconds=0):
        pass
