"""Waiting for the syncs of a mirrored catalog. Fabric tells their state, ``syncDetails.status``, and no progress."""

from __future__ import annotations

from unity_mirror.errors import DeadlineExceeded, OperationFailed
from unity_mirror.models.items import MirroredCatalog, SyncDetails
from unity_mirror.steps.context import Context

_POLL_SECONDS = 2.0


async def wait_for_sync(context: Context, workspace_id: str, item_id: str) -> MirroredCatalog:
    """The item once its sync succeeded. Raises ``OperationFailed`` when it failed, ``DeadlineExceeded`` in the end."""
    item = await wait_until_idle(context, workspace_id, item_id)
    details = _sync_of(item)
    if details.status == "Failed":
        raise _sync_failed(item, details)
    return item


async def wait_until_idle(
    context: Context, workspace_id: str, item_id: str, *, newer_than: str | None = None
) -> MirroredCatalog:
    """The item once no sync runs, and its last one isn't that of ``newer_than``."""
    clock = context.clients.clock
    start = clock.monotonic()
    while True:
        item = await context.clients.fabric.mirrored_catalogs.get(workspace_id, item_id)
        details = _sync_of(item)
        if details.status == "Failed" or (details.status == "Success" and _is_new(item, newer_than)):
            return item
        waited = clock.monotonic() - start
        if waited > context.deadline_seconds:
            raise DeadlineExceeded("the sync of the mirrored catalog", details.status, waited, where=item.display_name)
        await clock.sleep(_POLL_SECONDS)


def _is_new(item: MirroredCatalog, newer_than: str | None) -> bool:
    return newer_than is None or last_sync(item) != newer_than


def _sync_of(item: MirroredCatalog) -> SyncDetails:
    return item.properties.sync_details or SyncDetails()


def last_sync(item: MirroredCatalog) -> str | None:
    """When the item was last synced, as Fabric writes it."""
    return _sync_of(item).last_sync_date_time


def _sync_failed(item: MirroredCatalog, details: SyncDetails) -> OperationFailed:
    error = details.error_info
    return OperationFailed(
        f"the sync of mirrored catalog {item.display_name!r} failed",
        service="fabric",
        operation="catalog sync",
        code=error.error_code if error else "",
        why=error.error_message if error else "",
        remedy="Run `unity-mirror doctor` for the prerequisites, then run again.",
    )
