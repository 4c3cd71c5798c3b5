"""One run at a time for each catalog: a lease in Prefect, renewed while its run lives, free again after a crash."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import chain, repeat
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from tasks import lease_holder
from tasks.prompt import prompt_client
from unity_mirror.errors import SettingsError, UnityMirrorError

LEASE_SECONDS = 240.0
"""The server looks for expired leases every 15 s: so a catalog is free within 300 s, whatever became of its run."""
_SHORTEST, _LONGEST = 60.0, 270.0
"""Prefect gives no shorter lease; a longer one would keep a catalog locked for more than 300 s."""
_FIRST_SECONDS = _SHORTEST
"""How long a lease lasts until it is first renewed, which is at once. One whose answer got lost expires after that: its
id, without which it can't be given back, is known to nobody."""
_LOST_SECONDS = _FIRST_SECONDS + 25.0
"""Within these the server has taken back a lease that nobody knows of."""
LEASE_VARIABLE = "UNITY_MIRROR_LEASE_SECONDS"
WAIT_SECONDS = 900.0
_RENEWALS = 8
"""How often a lease is renewed within its duration."""
_POLL_SECONDS = 2.0
_SOON_SECONDS = (0.1, 0.4)
"""Before what wasn't answered is sent again; a server on SQLite may be busy for a moment (tasks/prompt.py)."""
_LOOK_SECONDS = 10.0
"""Between two looks at whether the holder has ended."""


class CatalogBusy(UnityMirrorError):
    """Another run is at work on the catalog."""


def limit_name(catalog: str) -> str:
    """The concurrency limit of a catalog: its name as people read it, made unique where characters had to go."""
    readable = "".join(character if character.isalnum() else "-" for character in catalog.lower())[:80]
    return f"unity-mirror.{readable}.{uuid5(NAMESPACE_URL, catalog.lower()).hex[:8]}"


def lease_seconds(environ: Mapping[str, str]) -> float:
    """How long a lease lasts without being renewed. Raises SettingsError when the environment says what can't be."""
    written = environ.get(LEASE_VARIABLE)
    with suppress(ValueError):
        seconds = float(written) if written else LEASE_SECONDS
        if _SHORTEST <= seconds <= _LONGEST:
            return seconds
    raise SettingsError(
        f"{LEASE_VARIABLE} is {written!r}, and no lease can last that long",
        remedy=f"Give seconds from {_SHORTEST:.0f} to {_LONGEST:.0f}, or leave it out: {LEASE_SECONDS:.0f}.",
    )


@asynccontextmanager
async def catalog_lease(
    catalog: str, wait_seconds: float = WAIT_SECONDS, seconds: float | None = None
) -> AsyncIterator[None]:
    """Hold the catalog's lease. Raises CatalogBusy when others hold it for longer than ``wait_seconds``.

    ``seconds`` is how long it lasts without being renewed; left out, as ``lease_seconds`` says. A run that can't renew
    its lease, or from which it was taken, is cancelled, since another one may hold it by then.
    """
    lasts = seconds or lease_seconds(os.environ)
    name = limit_name(catalog)
    async with prompt_client() as client:
        await _ensure_limit(client, name)
        lease = await _acquired(client, name, wait_seconds)
        if lease is None:
            raise await _busy(client, catalog, name)
        renewing = asyncio.create_task(_keep(client, lease, lasts, asyncio.current_task()))
        try:
            await lease_holder.write_down(client, name, lease)
            yield
        finally:
            renewing.cancel()
            with suppress(httpx.HTTPError):  # a note of a run that has ended does no harm
                await lease_holder.forget(client, name)
            with suppress(httpx.HTTPError):  # it expires by itself
                await client.release_concurrency_slots_with_lease(lease)


async def _busy(client: PrefectClient, catalog: str, name: str) -> CatalogBusy:
    """Who is at work.

    Prefect's server counts a slot before it keeps the lease: one that dies in between, or whose Redis is away, leaves a
    slot that never expires. Only a person can tell it from the slot of a run that has yet to note itself.
    """
    holder, where = await lease_holder.noted_run(client, name), f"concurrency limit {name}"
    if holder is not None:
        remedy = "Wait for its end, or cancel it. The lease of a run that was killed is free after 5 minutes."
        return CatalogBusy(
            f"another run is at work on catalog {catalog}: {holder.name} ({holder.id})", where=where, remedy=remedy
        )
    command = f"prefect global-concurrency-limit update {name} --active-slots 0"
    return CatalogBusy(
        f"another run is at work on catalog {catalog}, or a fault of Prefect's server left its limit taken",
        where=where,
        remedy=f"Try again. Is it so after 5 minutes, and no run of the catalog is running, then free it: {command}",
    )


async def _acquired(client: PrefectClient, name: str, wait_seconds: float) -> UUID | None:
    """The lease's id; None when it can't be had in time.

    After an answer that got lost, what bars us may be our own lease: then its end is waited for in any case.
    """
    begun, look = time.monotonic(), 0.0
    deadline, soon = begun + wait_seconds, chain(_SOON_SECONDS, repeat(_POLL_SECONDS))
    while True:
        try:
            if (lease := await _asked_for(client, name)) is not None:
                return lease
        except httpx.HTTPError as error:
            deadline = max(deadline, begun + _LOST_SECONDS)
            if _is_refused(error) or time.monotonic() >= deadline:
                raise
            await asyncio.sleep(next(soon))
            continue
        if time.monotonic() >= look:
            look = time.monotonic() + _LOOK_SECONDS
            if await lease_holder.free_after_a_crash(client, name):
                continue
        if time.monotonic() >= deadline:
            return None
        await asyncio.sleep(_POLL_SECONDS)


async def _asked_for(client: PrefectClient, name: str) -> UUID | None:
    """The lease's id; None while others hold it. Asked once: the client's own repetition would hide a lost answer."""
    try:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            answer = await client.increment_concurrency_slots_with_lease([name], 1, "concurrency", _FIRST_SECONDS)
    except httpx.HTTPStatusError as error:
        if error.response.status_code == httpx.codes.LOCKED:
            return None
        raise
    return UUID(answer.json()["lease_id"])


async def _keep(client: PrefectClient, lease: UUID, lasts: float, holder: asyncio.Task[object] | None) -> None:
    """Renew the lease, at once and until cancelled. What fails is tried again; the holder is cancelled once the lease
    has ended or was given back by others."""
    ends = time.monotonic() + _FIRST_SECONDS
    while True:
        asked = time.monotonic()
        try:
            await client.renew_concurrency_lease(lease, lasts)
            ends = asked + lasts
        except httpx.HTTPError as error:
            if _is_gone(error) or time.monotonic() > ends:
                if holder is not None:
                    holder.cancel("the catalog's lease could not be renewed")
                return
        await asyncio.sleep(lasts / _RENEWALS)


def _is_refused(error: httpx.HTTPError) -> bool:
    """Whether asking again is of no use. Else the connection broke, a replica died, or the server is busy."""
    if not isinstance(error, httpx.HTTPStatusError):
        return False
    busy = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)
    return error.response.is_client_error and error.response.status_code not in busy


def _is_gone(error: httpx.HTTPError) -> bool:
    return isinstance(error, httpx.HTTPStatusError) and error.response.status_code == httpx.codes.GONE


async def _ensure_limit(client: PrefectClient, name: str) -> None:
    """Make the limit unless it is there. Another run may be faster, or this very call, which is sent again when its
    answer was lost: Prefect's server answers 500 to that."""
    try:
        await client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        try:
            await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
        except (ObjectAlreadyExists, httpx.HTTPStatusError):
            await client.read_global_concurrency_limit_by_name(name)
