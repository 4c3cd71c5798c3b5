"""Tells of catalogs that appeared in Unity Catalog: each once, and none lost, whenever the telling is cut off.

An event counts as told once Prefect's server shows it; only then a variable remembers the catalog. A run that is killed
before that tells it again, under the same event id, which the server keeps once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from prefect import get_client
from prefect.events import Event
from prefect.events.filters import EventFilter, EventIDFilter, EventOccurredFilter
from prefect.events.schemas.events import Resource

from flows.events import NAMESPACE, resource_id
from tasks.variables import set_variable
from unity_mirror.spec import CatalogSpec

DISCOVERED = "unity-mirror.catalog.discovered"
KNOWN_TAG = "unity-mirror-known-catalog"
_PAGE = 200
_TRIES = 60
_POLL_SECONDS = 0.5


class EventNotAcceptedError(Exception):
    """Prefect's server took events and didn't show them; the next run tells them again."""


@dataclass(frozen=True, slots=True)
class Known:
    """A catalog that was told of. ``times`` counts its appearances: one that was dropped may come back."""

    catalog: str
    times: int
    there: bool


def variable_name(metastore_id: str, catalog: str) -> str:
    """Of the variable that remembers a catalog; names of catalogs hold what variables' names can't."""
    return f"unity_mirror_known_{uuid5(NAMESPACE, f'{metastore_id} {catalog}').hex}"


def discovered_event(metastore_id: str, spec: CatalogSpec, times: int) -> Event:
    """The event. Its id follows from the metastore, the catalog and how often it has appeared; so does nothing else.

    Its spec holds no nulls, which mean the same left out: the form of ``onboard-catalog`` takes none within tabs.
    """
    resource = resource_id(metastore_id, spec.catalog)
    return Event(
        id=uuid5(NAMESPACE, f"{DISCOVERED} {resource} {times}"),
        event=DISCOVERED,
        resource=Resource({"prefect.resource.id": resource, "prefect.resource.name": spec.catalog}),
        payload={
            "catalog": spec.catalog,
            "spec": spec.model_dump(mode="json", exclude_unset=True, exclude_none=True),
        },
    )


async def read_known(metastore_id: str) -> dict[str, Known]:
    """All catalogs of a metastore that were told of, by name."""
    wanted = {"tags": {"all_": [KNOWN_TAG, f"metastore:{metastore_id}"]}}
    found: list[dict[str, Any]] = []
    async with get_client() as client:
        while len(found) % _PAGE == 0:
            body = {"variables": wanted, "limit": _PAGE, "offset": len(found)}
            page = (await client.request("POST", "/variables/filter", json=body)).raise_for_status().json()
            found += page
            if not page:
                break
    known = [Known(each["value"]["catalog"], each["value"]["times"], each["value"]["there"]) for each in found]
    return {each.catalog: each for each in known}


async def remember(metastore_id: str, known: Iterable[Known]) -> None:
    """Write down what was told."""
    tags = [KNOWN_TAG, f"metastore:{metastore_id}"]
    async with get_client() as client:
        for each in known:
            name = variable_name(metastore_id, each.catalog)
            value = {"catalog": each.catalog, "times": each.times, "there": each.there}
            await set_variable(client, name, value, tags)


async def announce(metastore_id: str, specs: Sequence[CatalogSpec], known: Mapping[str, Known]) -> None:
    """Tell of these catalogs, and remember them. Raises EventNotAcceptedError when the server doesn't show them."""
    times = {spec.catalog: known[spec.catalog].times + 1 if spec.catalog in known else 1 for spec in specs}
    events = [discovered_event(metastore_id, spec, times[spec.catalog]) for spec in specs]
    await post_events(events)
    await remember(metastore_id, [Known(name, count, there=True) for name, count in times.items()])


async def post_events(events: Sequence[Event]) -> None:
    """Post events and wait until the server shows them: not by a queue in this process, which dies with it."""
    if not events:
        return
    body = [event.model_dump(mode="json") for event in events]
    async with get_client() as client:
        for start in range(0, len(body), _PAGE):
            (await client.request("POST", "/events", json=body[start : start + _PAGE])).raise_for_status()
    for _ in range(_TRIES):
        if await _shown({event.id for event in events}):
            return
        await asyncio.sleep(_POLL_SECONDS)
    raise EventNotAcceptedError(
        f"Prefect's server took {len(events)} events and hasn't shown them within {_TRIES * _POLL_SECONDS:.0f} s. "
        "They are told again by the next run."
    )


async def _shown(ids: set[UUID]) -> bool:
    pending = sorted(ids)
    async with get_client() as client:
        for start in range(0, len(pending), 50):
            some = pending[start : start + 50]
            ever = EventOccurredFilter.model_validate({"since": datetime(2020, 1, 1, tzinfo=UTC)})
            wanted = EventFilter(id=EventIDFilter(id=some), occurred=ever)
            page = await client.read_events(wanted, limit=50)
            if {event.id for event in page.events} != set(some):
                return False
    return True
