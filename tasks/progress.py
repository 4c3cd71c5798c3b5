"""How far a long step has got, as a progress artifact of its task run."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

from unity_mirror.clock import Clock
from unity_mirror.steps.context import Progress

_EVERY_SECONDS = 1.0
"""An artifact is a row in Prefect's database, so a step that is through sooner has none; of any other, news are told at
most once a second, and the last."""
_WORTH_SHOWING = 2


def progress_artifact(label: str, clock: Clock) -> Progress:
    """A listener that keeps one progress artifact for the step with this label, which begins now.

    News may come from several places at once, and while earlier news are still on their way to the server: they are
    told one after the other, and what is behind the latest is not told any more.
    """
    artifact: UUID | None = None
    start = clock.monotonic()
    begun, told, shown = False, start, ("", 0)
    one_at_a_time = asyncio.Lock()

    async def tell(done: int, total: int, what: str) -> None:
        nonlocal artifact, begun, told, shown
        last = begun and 0 < total <= done
        if _is_small(total, last=last) or (not last and clock.monotonic() - told < _EVERY_SECONDS):
            return
        begun, told = True, clock.monotonic()
        async with one_at_a_time:
            if what == shown[0] and done < shown[1]:
                return
            shown = (what, done)
            percent, description = _shown(label, done, total, what, told - start)
            if artifact is None:
                artifact = await acreate_progress_artifact(percent, description=description)
            else:
                await aupdate_progress_artifact(artifact, percent, description=description)

    return tell


def _is_small(total: int, *, last: bool) -> bool:
    """A single thing isn't worth an artifact, unless there is one, of what came before it."""
    return 0 < total < _WORTH_SHOWING and not last


def _shown(label: str, done: int, total: int, what: str, seconds: float) -> tuple[float, str]:
    if total:
        return 100.0 * done / total, f"{label}: {done} of {total} {what}"
    return 0.0, f"{label}: waiting for {what}, {timedelta(seconds=int(seconds))} so far"
