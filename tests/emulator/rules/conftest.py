"""One cloud for all of these tests, reset before each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.emulator.rules.world import World, open_world


@pytest_asyncio.fixture(scope="session")
async def shared_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with open_world(tmp_path_factory.mktemp("rules")) as world:
        yield world


@pytest_asyncio.fixture
async def world(shared_world: World) -> World:
    await shared_world.reset()
    return shared_world
