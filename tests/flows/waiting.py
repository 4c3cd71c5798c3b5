"""Waits for what other processes do. The bounds are wide, for loaded machines; who waits in vain is shown what was seen
last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
SECONDS = 120.0
_POLL_SECONDS = 0.1
_MOST_SHOWN = 4000


async def waited(
    what: str,
    look: Callable[[], Awaitable[T]],
    done: Callable[[T], bool] = bool,
    *,
    show: Callable[[T], object] = repr,
    seconds: float = SECONDS,
) -> T:
    """What is seen, once it is as wanted."""
    deadline = time.monotonic() + seconds
    while not done(found := await look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s, but {show(found)!s:.{_MOST_SHOWN}}"
        await asyncio.sleep(_POLL_SECONDS)
    return found
