"""A storage account's cloud and a client of it; modules with another cloud have their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from cloud_emulator.core.cloud import Cloud
from tests.emulator.storage_world import CONTRIBUTOR, MOUNTS, headers, storage_cloud
from tests.emulator.support import serve


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
