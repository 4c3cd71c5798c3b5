"""Waiting until rights that were given a moment ago are known everywhere.

Azure's documentation gives role assignments up to ten minutes; a refusal before then says nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from unity_mirror.errors import CloudError, FirewallDenied, PermissionDenied
from unity_mirror.models.table_ref import TableRef
from unity_mirror.steps.context import Context, Known

T = TypeVar("T")
PROPAGATION_SECONDS = 600.0
_POLL_SECONDS = 10.0


def is_denied(error: CloudError) -> bool:
    """Whether missing rights or a firewall are the reason."""
    return isinstance(error, PermissionDenied | FirewallDenied)


async def patiently(
    context: Context, action: Callable[[], Awaitable[T]], refused: Callable[[CloudError], bool] = is_denied
) -> T:
    """What the action answers, tried again while it is ``refused``; the last refusal is raised at the deadline."""
    clock = context.clients.clock
    limit = clock.monotonic() + min(context.deadline_seconds, PROPAGATION_SECONDS)
    while True:
        try:
            return await action()
        except CloudError as error:
            if not refused(error) or clock.monotonic() + _POLL_SECONDS > limit:
                raise
        await clock.sleep(_POLL_SECONDS)


async def until_readable(context: Context, known: Known, item_id: str, tables: Sequence[TableRef]) -> None:
    """Waits until a first table can be read, when this run gave rights or opened a firewall; who reads next finds out
    what is still wrong at the deadline."""
    if not known.rights_changed or not tables:
        return
    workspace_id, log = known.surveyed.workspace.id, f"{tables[0].onelake_path}/_delta_log"
    try:
        await patiently(context, lambda: context.clients.onelake.list_paths(workspace_id, item_id, log))
    except CloudError:
        return
