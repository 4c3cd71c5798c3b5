"""A fresh small cloud, and clients of it, for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud_emulator.core.cloud import Cloud
from tests.contract.world import SharedTime, connected, small_cloud
from unity_mirror.clouds import Clouds


@pytest.fixture
def time() -> SharedTime:
    return SharedTime()


@pytest.fixture
def cloud(tmp_path: Path, time: SharedTime) -> Cloud:
    return small_cloud(tmp_path, time)


@pytest.fixture
async def clouds(cloud: Cloud, time: SharedTime) -> AsyncIterator[Clouds]:
    async with connected(cloud, time) as clouds:
        yield clouds
