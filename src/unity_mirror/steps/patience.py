"""Waiting until rights that were given a moment ago are known everywhere.

Azure's documentation gives role assignments up to ten minutes; a refusal before then says nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from unity_mirror.errors import CloudError, FirewallDenied, PermissionDenied
from unity_mirror.steps.context import Context

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
