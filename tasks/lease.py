"""One run at a time for each catalog: a lease in Prefect, renewed while its run lives, free again after a crash."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from unity_mirror.errors import UnityMirrorError

LEASE_SECONDS = 240.0
"""Renewed eight times as often. The server looks for expired leases every few seconds: so a catalog whose run was
killed is free within 300 s."""
WAIT_SECONDS = 900.0
_POLL_SECONDS = 2.0


class CatalogBusy(UnityMirrorError):
    """Another run is at work on the catalog."""


def limit_name(catalog: str) -> str:
    """The concurrency limit of a catalog: its name as people read it, made unique where characters had to go."""
    readable = "".join(character if character.isalnum() else "-" for character in catalog.lower())[:80]
    return f"unity-mirror.{readable}.{uuid5(NAMESPACE_URL, catalog.lower()).hex[:8]}"


@asynccontextmanager
async def catalog_lease(catalog: str, wait_seconds: float = WAIT_SECONDS) -> AsyncIterator[None]:
    """Hold the catalog's lease. Raises CatalogBusy when others hold it for longer than ``wait_seconds``.

    A run that can't renew its lease until it ends is cancelled, since another one may hold it by then.
    """
    name = limit_name(catalog)
    async with get_client() as client:
        await _ensure_limit(client, name)
        lease = await _acquired(client, name, wait_seconds)
        if lease is None:
            raise CatalogBusy(
                f"another run is at work on catalog {catalog}",
                where=f"concurrency limit {name}",
                remedy="Wait for its end, or cancel it. The lease of a run that was killed is free after 5 minutes.",
            )
        renewing = asyncio.create_task(_keep(client, lease, asyncio.current_task()))
        try:
            yield
        finally:
            renewing.cancel()
            await client.release_concurrency_slots_with_lease(lease)


async def _acquired(client: PrefectClient, name: str, wait_seconds: float) -> UUID | None:
    """The lease's id; None when it can't be had in time."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            answer = await client.increment_concurrency_slots_with_lease([name], 1, "concurrency", LEASE_SECONDS)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.LOCKED:
                raise
        else:
            return UUID(answer.json()["lease_id"])
        if time.monotonic() >= deadline:
            return None
        await asyncio.sleep(_POLL_SECONDS)


async def _keep(client: PrefectClient, lease: UUID, holder: asyncio.Task[object] | None) -> None:
    """Renew the lease until cancelled. What fails is tried again; the holder is cancelled when the lease has ended."""
    renewed = time.monotonic()
    while True:
        await asyncio.sleep(LEASE_SECONDS / 8)
        asked = time.monotonic()
        with suppress(httpx.HTTPError):
            await client.renew_concurrency_lease(lease, LEASE_SECONDS)
            renewed = asked
        if time.monotonic() - renewed > LEASE_SECONDS and holder is not None:
            holder.cancel("the catalog's lease could not be renewed")
            return


async def _ensure_limit(client: PrefectClient, name: str) -> None:
    try:
        await client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        with suppress(ObjectAlreadyExists):  # another run was faster
            await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
