"""What every plan has to read in the end is asked for at its start, beside what the prerequisites read.

The steps plan one after the other, and each would wait for lists that depend on nothing the step before finds out.
Reads are shared (``Reads.once``), so none is made twice; a refusal is the step's to tell, which then asks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from unity_mirror.errors import UnityMirrorError
from unity_mirror.steps import survey
from unity_mirror.steps.context import Context, together
from unity_mirror.steps.mirror_reading import read_definition
from unity_mirror.steps.record import list_items, list_mirrored

_GRACE_SECONDS = 1.0


@asynccontextmanager
async def reading_ahead(context: Context) -> AsyncIterator[None]:
    """Reads while the block runs; what isn't there when the block has failed is given a moment to end by itself."""
    reading = asyncio.create_task(_read(context))
    try:
        yield
    finally:
        await asyncio.wait([reading], timeout=_GRACE_SECONDS)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read(context: Context) -> None:
    with suppress(UnityMirrorError):
        async with together() as group:
            group.create_task(context.reads.once(("connections",), context.clients.fabric.connections.list))
            group.create_task(_read_workspace(context))


async def _read_workspace(context: Context) -> None:
    workspace = await survey.find_workspace(context, context.spec.fabric.workspace, "fabric.workspace")
    async with together() as group:
        group.create_task(list_items(context, workspace.id))
        group.create_task(_read_item(context, workspace.id))


async def _read_item(context: Context, workspace_id: str) -> None:
    name = context.spec.item_name.lower()
    listed = await list_mirrored(context, workspace_id)
    item = next((each for each in listed if each.display_name.lower() == name), None)
    if item is not None:
        await read_definition(context, workspace_id, item.id)
