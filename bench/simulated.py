"""The latency-bound critical path of a run: the run itself, where only the clouds' latency and waiting take time.

The library and the emulator run in one process, on an event loop whose clock jumps to the next thing that is due as
soon as nothing else is to be done. Computing takes no time there, so with unlimited concurrency the run takes just as
long as its longest chain of calls, each of which needs the answer to the one before, times the latency; and the waits
that the services ask for between two looks at what they do. Nothing that a faster machine could save is in it.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from cloud_emulator.core.app import Emulator
from cloud_emulator.core.cloud import open_cloud
from cloud_emulator.seeds.contoso import identities
from cloud_emulator.seeds.loading import fill
from cloud_emulator.services import mounts
from tests.contract.world import settings
from tests.onboarding.sizes import add_catalog, spec_of
from tests.onboarding.world import ROOT
from unity_mirror.clouds import Clouds, connect
from unity_mirror.spec import CatalogSpec, load_spec
from unity_mirror.steps.context import Context
from unity_mirror.steps.runner import apply_plan, make_plan

UNLIMITED = 1_000_000
START = 1_790_000_000.0


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: what the loop would wait is added to the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:  # a thread is at work, and will wake us
            return super().select(1.0)
        self.time += timeout
        return []


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own, which is the clouds' and the library's, too."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._jumping.time

    def wall(self) -> float:
        """Seconds since 1970."""
        return START + self.time()

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.fromtimestamp(self.wall(), UTC)

    def monotonic(self) -> float:
        """The same as ``time``, by the name that the library knows."""
        return self.time()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(max(0.0, seconds))


@dataclass(frozen=True)
class Cost:
    """What one run costs where computing is free."""

    seconds: float
    calls: int


def critical_paths(
    spec: CatalogSpec | Mapping[str, Any],
    latency: float,
    *,
    schemas: int = 0,
    tables_each: int = 0,
    width: int = UNLIMITED,
) -> dict[str, Cost]:
    """Seconds and calls of onboarding a catalog, and of planning it again; ``width`` calls of one service at once."""
    loop = JumpingLoop()
    try:
        with tempfile.TemporaryDirectory() as folder:
            cloud = open_cloud(Path(folder), wall=loop.wall)
            fill(cloud, "contoso")
            if schemas:
                add_catalog(cloud, "large", schemas=schemas, tables_each=tables_each)
            wire = httpx.ASGITransport(app=Emulator(cloud, mounts(), latency=latency))
            chosen = spec if isinstance(spec, CatalogSpec) else load_spec(dict(spec))
            found = loop.run_until_complete(_runs(wire, loop, chosen, width))
            cloud.close()
            return found
    finally:
        loop.close()


async def _runs(wire: httpx.AsyncBaseTransport, clock: JumpingLoop, spec: CatalogSpec, width: int) -> dict[str, Cost]:
    configured = settings(ROOT, **identities.environment())
    configured = replace(configured, limits=replace(configured.limits, max_concurrency=width))
    found = {}
    async with connect(configured, clock=clock, wire=wire) as clouds:
        for name in ("onboard", "plan"):
            found[name] = await _run(clouds, clock, spec, apply=name == "onboard")
    return found


async def _run(clouds: Clouds, clock: JumpingLoop, spec: CatalogSpec, *, apply: bool) -> Cost:
    context = Context(spec, clouds.clients, clouds.secrets)
    begun, before = clock.time(), clouds.meter.total()
    planned = await make_plan(context)
    if apply:
        await apply_plan(context, planned)
    return Cost(clock.time() - begun, clouds.meter.total() - before)


def main() -> None:
    """Prints seconds and calls for a size, without latency and with, at several widths."""
    schemas, tables_each = int(sys.argv[1]), int(sys.argv[2])
    for latency in (0.0, 0.1):
        for width in (UNLIMITED, 16):
            costs = critical_paths(spec_of("large"), latency, schemas=schemas, tables_each=tables_each, width=width)
            print(f"{latency:g} s, {width:,} calls at once: {costs}")


if __name__ == "__main__":
    main()
