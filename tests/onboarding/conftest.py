"""The sample cloud, filled once; each test gets it back as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.world import SharedTime
from tests.onboarding.world import RealTime, World, sample_cloud


@pytest.fixture(scope="session")
def contoso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The cloud of the whole session."""
    time = SharedTime()
    cloud = sample_cloud(tmp_path_factory.mktemp("contoso"), time)
    yield World(cloud, time)
    cloud.close()


@pytest.fixture(scope="session")
def contoso_in_real_time(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same for clients in other threads and processes, whose time is the machine's."""
    time = RealTime()
    cloud = sample_cloud(tmp_path_factory.mktemp("contoso-live"), time)
    yield World(cloud, time)
    cloud.close()


@pytest.fixture
def live(contoso_in_real_time: World) -> World:
    """The cloud in real time, as it was right after seeding."""
    contoso_in_real_time.cloud.reset()
    return contoso_in_real_time


@pytest.fixture
def world(contoso: World) -> World:
    """The cloud as it was right after seeding."""
    contoso.cloud.reset()
    return contoso
