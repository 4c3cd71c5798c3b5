"""The sample cloud, for tests that reset it; and where a module has no other, storage's cloud and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from cloud_emulator.core.cloud import Cloud, open_cloud
from cloud_emulator.seeds.loading import fill
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
def cloud(tmp_path: Path) -> Cloud:
    """Both accounts, empty."""
    return storage_cloud(tmp_path)


@pytest_asyncio.fixture
async def client(cloud: Cloud) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the cloud, signed in as the contributor unless a test says otherwise."""
    async with serve(cloud, MOUNTS) as served:
        served.headers.update(headers(cloud, CONTRIBUTOR))
        yield served
