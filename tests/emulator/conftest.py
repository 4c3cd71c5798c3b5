"""The sample cloud, for tests that reset it; and the cloud that a module names as ``CLOUD`` (storage's, where
it names none), with a client of Fabric and one of storage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from cloud_emulator.core.cloud import Cloud, open_cloud
from cloud_emulator.seeds.loading import fill
from tests.emulator.fabric_cloud import Fabric
from tests.emulator.fabric_data_cloud import served_data
from tests.emulator.storage_world import CONTRIBUTOR, MOUNTS, headers, storage_cloud
from tests.emulator.support import Wall, put_keys, serve


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The sample cloud contoso, on a clock that only tests move."""
    folder = tmp_path_factory.mktemp("contoso")
    put_keys(folder)
    made = open_cloud(folder, wall=Wall())
    fill(made, "contoso")
    yield made
    made.close()


@pytest.fixture
def cloud(tmp_path: Path, request: pytest.FixtureRequest) -> Cloud:
    """What the module's ``CLOUD`` makes of a folder; both accounts, empty, where it has none."""
    make: Callable[[Path], Cloud] = getattr(request.module, "CLOUD", storage_cloud)
    return make(tmp_path)


@pytest_asyncio.fixture
async def fabric(cloud: Cloud) -> AsyncIterator[Fabric]:
    """Fabric and Power BI as the runner; Fabric's exchanges are held to the specification."""
    async with served_data(cloud) as client:
        yield client


@pytest_asyncio.fixture
async def client(cloud: Cloud) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the cloud, signed in as the contributor unless a test says otherwise."""
    async with serve(cloud, MOUNTS) as served:
        served.headers.update(headers(cloud, CONTRIBUTOR))
        yield served
