"""One progress artifact for each step, however its news arrive."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from tasks import progress
from unity_mirror.clock import ManualClock
from unity_mirror.steps.context import Progress


class Artifacts:
    """What Prefect would hold. Making one takes a while, as over a network."""

    def __init__(self) -> None:
        self.held: dict[UUID, list[tuple[float, str | None]]] = {}

    async def create(self, percent: float, description: str | None = None) -> UUID:
        await asyncio.sleep(0)
        made = uuid4()
        self.held[made] = [(percent, description)]
        return made

    async def update(self, artifact: UUID, percent: float, description: str | None = None) -> None:
        await asyncio.sleep(0)
        self.held[artifact].append((percent, description))


@pytest.fixture
def artifacts(monkeypatch: pytest.MonkeyPatch) -> Artifacts:
    found = Artifacts()
    monkeypatch.setattr(progress, "acreate_progress_artifact", found.create)
    monkeypatch.setattr(progress, "aupdate_progress_artifact", found.update)
    return found


async def begun(label: str, clock: ManualClock) -> Progress:
    """The listener of a step that has been at work for a second."""
    tell = progress.progress_artifact(label, clock)
    await clock.sleep(1)
    return tell


async def test_news_that_come_at_once_are_one_artifact_that_ends_at_all_of_them(artifacts: Artifacts) -> None:
    tell = await begun("Verification", ManualClock())
    await asyncio.gather(*(tell(done, 4, "tables read") for done in (1, 2, 4, 3)))
    (shown,) = artifacts.held.values()
    assert shown == [(25.0, "Verification: 1 of 4 tables read"), (100.0, "Verification: 4 of 4 tables read")]


async def test_between_first_and_last_at_most_one_a_second_is_told(artifacts: Artifacts) -> None:
    clock = ManualClock()
    tell = await begun("Storage access", clock)
    for done in range(1, 101):
        await tell(done, 100, "paths")
        await clock.sleep(0.25)
    (shown,) = artifacts.held.values()
    assert [percent for percent, _ in shown] == [*range(1, 101, 4), 100]


async def test_a_second_thing_to_count_begins_anew_in_the_same_artifact(artifacts: Artifacts) -> None:
    clock = ManualClock()
    tell = await begun("Storage access", clock)
    await tell(10, 10, "folders")
    await clock.sleep(2)
    await tell(1, 30, "paths looked at")
    (shown,) = artifacts.held.values()
    assert shown[-1][1] == "Storage access: 1 of 30 paths looked at"


async def test_a_step_that_is_through_within_a_second_shows_none(artifacts: Artifacts) -> None:
    clock = ManualClock()
    tell = progress.progress_artifact("Verification", clock)
    for done in range(1, 11):
        await tell(done, 10, "tables read")
        await clock.sleep(0.05)
    assert artifacts.held == {}


async def test_a_step_that_begins_fast_and_gets_slow_ends_at_all(artifacts: Artifacts) -> None:
    clock = ManualClock()
    tell = progress.progress_artifact("Verification", clock)
    for done in (1, 2, 3):
        await tell(done, 3, "tables read")
        await clock.sleep(0.75)
    (shown,) = artifacts.held.values()
    assert [percent for percent, _ in shown] == [100.0]


async def test_a_single_thing_is_not_worth_showing(artifacts: Artifacts) -> None:
    await (await begun("Mirror", ManualClock()))(1, 1, "tables")
    assert artifacts.held == {}


@pytest.mark.parametrize("tables", [1, 25])
async def test_what_is_waited_for_is_shown_with_the_time_and_ends_at_all(artifacts: Artifacts, tables: int) -> None:
    clock = ManualClock()
    tell = progress.progress_artifact("Mirror", clock)
    for state in ("NotStarted", "InProgress", "InProgress"):
        await tell(0, 0, f"Fabric's sync ({state})")
        await clock.sleep(40)
    await tell(tables, tables, "tables mirrored")
    (shown,) = artifacts.held.values()
    assert shown == [
        (0.0, "Mirror: waiting for Fabric's sync (InProgress), 0:00:40 so far"),
        (0.0, "Mirror: waiting for Fabric's sync (InProgress), 0:01:20 so far"),
        (100.0, f"Mirror: {tables} of {tables} tables mirrored"),
    ]
