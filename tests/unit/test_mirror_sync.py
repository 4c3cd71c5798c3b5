"""Which end of a sync is whose, where the date doesn't tell: whether a failure moves it isn't documented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from unity_mirror.clock import ManualClock
from unity_mirror.errors import DeadlineExceeded
from unity_mirror.models.items import MirroredCatalog, MirroredCatalogProperties, SyncDetails
from unity_mirror.steps.context import Progress, no_progress
from unity_mirror.steps.mirror_sync import wait_until_idle

if TYPE_CHECKING:
    from unity_mirror.steps.context import Context

OLD = "2026-01-01T00:00:00Z"


@dataclass
class Catalogs:
    """Shows one state after the other, the last one for good."""

    states: Iterator[str]
    shown: str = "Failed"

    async def get(self, workspace_id: str, item_id: str) -> MirroredCatalog:
        del workspace_id, item_id
        self.shown = next(self.states, self.shown)
        return item(self.shown)


def item(status: str) -> MirroredCatalog:
    details = SyncDetails(status=status, last_sync_date_time=OLD)
    properties = MirroredCatalogProperties(sync_details=details)
    return MirroredCatalog(id="i", type="t", display_name="sales", properties=properties)


async def ended(after: str, *states: str, progress: Progress = no_progress) -> tuple[str, float]:
    """The status at which waiting ends, and when."""
    clock, catalogs = ManualClock(), Catalogs(iter(states))
    clients: Any = SimpleNamespace(clock=clock, fabric=SimpleNamespace(mirrored_catalogs=catalogs))
    context = cast("Context", SimpleNamespace(clients=clients, deadline_seconds=600.0, progress=progress))
    found = await wait_until_idle(context, "w", "i", after=item(after))
    assert found.properties.sync_details is not None
    return found.properties.sync_details.status, clock.monotonic()


async def test_a_failure_of_the_same_date_counts_once_its_sync_was_seen_to_run() -> None:
    assert await ended("Failed", "Failed", "InProgress", "Failed") == ("Failed", 4.0)


async def test_another_state_of_the_same_date_is_another_syncs() -> None:
    assert await ended("Failed", "Failed", "Success") == ("Success", 2.0)
    assert await ended("Success", "Success", "Failed") == ("Failed", 2.0)


async def test_a_failure_that_stands_is_this_ones_in_the_end() -> None:
    status, waited = await ended("Failed", "Failed")
    assert status == "Failed"
    assert 120 < waited < 130


async def test_a_success_that_nothing_follows_is_never_this_ones() -> None:
    with pytest.raises(DeadlineExceeded, match="the sync of the mirrored catalog"):
        await ended("Success", "Success")


async def test_what_fabric_says_of_the_sync_is_told_as_often_as_it_is_asked() -> None:
    told: list[tuple[int, int, str]] = []

    async def progress(done: int, total: int, what: str) -> None:
        told.append((done, total, what))

    await ended("Success", "Success", "NotStarted", "InProgress", "Success", progress=progress)
    states = ("not begun", "NotStarted", "InProgress")
    assert told == [(0, 0, f"Fabric's sync ({state})") for state in states]
