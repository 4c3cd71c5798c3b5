"""Waiting for the syncs of a mirrored catalog. Fabric tells their state, ``syncDetails.status``, and not how many
tables are through; so the state is all that is told of them."""

from __future__ import annotations

from unity_mirror.errors import DeadlineExceeded, OperationFailed
from unity_mirror.models.items import MirroredCatalog, SyncDetails
from unity_mirror.steps.context import Context

_POLL_SECONDS = 2.0
_BEGINS_WITHIN_SECONDS = 120.0
_ENDED = frozenset({"Success", "Failed"})


async def wait_for_sync(context: Context, workspace_id: str, made: MirroredCatalog) -> MirroredCatalog:
    """The item, just made, once its sync succeeded.

    Raises ``OperationFailed`` when it failed, ``DeadlineExceeded`` in the end.
    """
    return succeeded(await wait_until_idle(context, workspace_id, made.id, seen=made))


async def wait_until_idle(
    context: Context,
    workspace_id: str,
    item_id: str,
    *,
    after: MirroredCatalog | None = None,
    seen: MirroredCatalog | None = None,
) -> MirroredCatalog:
    """The item once no sync runs and, with ``after``, one has ended that began since the item was like that.

    It isn't read at once where it was ``seen`` a moment ago.
    """
    clock = context.clients.clock
    start, ran = clock.monotonic(), False
    while True:
        item = seen or await context.clients.fabric.mirrored_catalogs.get(workspace_id, item_id)
        details, waited = _sync_of(item), clock.monotonic() - start
        if details.status in _ENDED and (ran or _is_new(details, after, waited)):
            return item
        ran = ran or details.status == "InProgress"
        if waited > context.deadline_seconds:
            raise DeadlineExceeded("the sync of the mirrored catalog", details.status, waited, where=item.display_name)
        await context.progress(0, 0, f"Fabric's sync ({'not begun' if details.status in _ENDED else details.status})")
        await clock.sleep(_POLL_SECONDS)
        seen = None


def _is_new(details: SyncDetails, after: MirroredCatalog | None, waited: float) -> bool:
    """Whether a sync's end is another one's than that of ``after``.

    A sync that was asked for begins when Fabric comes to it; until then the last one's state is shown. Whether a
    failure moves ``lastSyncDateTime`` isn't documented: one that stands long enough is this one's.
    """
    if after is None:
        return True
    before = _sync_of(after)
    if (details.status, details.last_sync_date_time) != (before.status, before.last_sync_date_time):
        return True
    return details.status == "Failed" and waited > _BEGINS_WITHIN_SECONDS


def succeeded(item: MirroredCatalog) -> MirroredCatalog:
    """The item. Raises ``OperationFailed`` when its last sync failed."""
    details = _sync_of(item)
    if details.status == "Failed":
        raise _sync_failed(item, details)
    return item


def _sync_of(item: MirroredCatalog) -> SyncDetails:
    return item.properties.sync_details or SyncDetails()


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
