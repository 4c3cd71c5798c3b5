"""Prefect's limits for tags, which bound how many tasks write to a cloud at one time, over all runs."""

from __future__ import annotations

from collections.abc import Iterable

import httpx
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound


async def limited(tags: Iterable[str]) -> set[str]:
    """Those of these tags that a limit is set for, or may be: Prefect's API could not be asked.

    Prefect asks for a slot before each task that has tags, whether there is a limit or not. A server on SQLite is then
    writing down that the task begins, so it answers 503 nearly every time, and two seconds pass until it is asked
    again, for each stage of a run. Reading first whether there is anything to ask for takes milliseconds.
    """
    async with get_client() as client:
        return {tag for tag in sorted(tags) if await _has_limit(client, tag)}


async def _has_limit(client: PrefectClient, tag: str) -> bool:
    try:
        await client.read_global_concurrency_limit_by_name(f"tag:{tag}")
    except ObjectNotFound:
        return False
    except httpx.HTTPError:
        return True
    return True
