"""What onboarding and planning again cost: time, calls and memory, for catalogs of 10, 1,000 and 10,000 tables.

``python -m bench.onboarding [TABLES ...]`` prints ratios: 1 is the least there can be. The emulator runs in a process
of its own and adds a latency to each call; unity-mirror runs in another, so that its memory is its own.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud_emulator.environment import variables
from tests.onboarding.sizes import add_catalog, spec_of
from tests.onboarding.world import RealTime, sample_cloud
from unity_mirror.clouds import connect
from unity_mirror.settings import Settings
from unity_mirror.spec import load_spec
from unity_mirror.steps.context import Context
from unity_mirror.steps.runner import apply_plan, make_plan

SIZES = {10: (1, 10), 1_000: (10, 100), 10_000: (20, 500)}
"""Schemas, and tables in each."""
LATENCIES = (0, 100)
PAGE = 50
CONSTANT_CALLS = 14
CONSTANT_DEPTH = 7
"""Calls one after the other, whatever the size: sign-in, schemas, connections, mirrored catalogs, and the definition's
operation of three; the pages of a schema come one after the other, too."""
OPERATION_SECONDS = 1.0
"""The least time between two looks at an operation, which Fabric asks for."""


@dataclass(frozen=True)
class Run:
    """One catalog, onboarded and planned again."""

    tables: int
    latency_ms: int
    onboard_seconds: float
    plan_seconds: float
    onboard_calls: int
    plan_calls: int
    peak_mb: float

    @property
    def least_plan_calls(self) -> int:
        """Pages of tables, and for each schema its privileges and its folder, and what doesn't depend on the size."""
        schemas, each = SIZES[self.tables]
        return schemas * math.ceil(each / PAGE) + 2 * (schemas + 1) + CONSTANT_CALLS - 1

    @property
    def least_plan_seconds(self) -> float:
        """The longest chain of calls of which each needs the one before."""
        _, each = SIZES[self.tables]
        return (CONSTANT_DEPTH + math.ceil(each / PAGE)) * self.latency_ms / 1000 + OPERATION_SECONDS


def measure(sizes: Sequence[int] = tuple(SIZES)) -> list[Run]:
    """These sizes, at all latencies."""
    return [_run(tables, latency) for tables in sizes for latency in LATENCIES]


def _run(tables: int, latency: int) -> Run:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cloud = sample_cloud(folder, RealTime())
        schemas, each = SIZES[tables]
        add_catalog(cloud, "large", schemas=schemas, tables_each=each)
        cloud.close()
        port = free_port()
        arguments = ["serve", "--port", str(port), "--data", name, "--latency-ms", str(latency)]
        process = subprocess.Popen([sys.executable, "-m", "cloud_emulator.cli", *arguments], stderr=subprocess.DEVNULL)
        try:
            return _measured(folder, port, tables, latency)
        finally:
            process.terminate()
            process.wait(timeout=20)


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _await_port(port: int) -> None:
    """Returns once somebody listens there. Raises ``TimeoutError`` after five minutes."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens at port {port}")


def _measured(folder: Path, port: int, tables: int, latency: int) -> Run:
    _await_port(port)
    environment = {**os.environ, **variables(folder, port)}
    command = [sys.executable, "-m", "bench.onboarding", "child"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Run(tables, latency, **json.loads(done.stdout))


async def _child() -> dict[str, Any]:
    settings = Settings.from_environment(os.environ)
    spec = load_spec(spec_of("large"))
    found: dict[str, Any] = {}
    async with connect(settings) as clouds:
        for name in ("onboard", "plan"):
            context = Context(spec, clouds.clients, clouds.secrets)
            before, begun = clouds.meter.total(), time.perf_counter()
            planned = await make_plan(context)
            if name == "onboard":
                await apply_plan(context, planned)
            found[f"{name}_seconds"] = time.perf_counter() - begun
            auth = clouds.meter.total(effect="auth")
            found[f"{name}_calls"] = clouds.meter.total() - before - (auth if name == "onboard" else 0)
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def cold_start() -> float:
    """Seconds until ``unity-mirror --help`` is through, the best of five."""
    command = [sys.executable, "-m", "unity_mirror.cli", "--help"]
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - begun)
    return min(times)


def lines(runs: list[Run], start: float) -> list[str]:
    """The table."""
    head = (
        f"{'tables':>7} {'ms':>4} {'onboard s':>10} {'calls':>7} {'plan s':>8} {'/least':>7} {'calls':>6} {'/least':>7}"
    )
    rows = [
        f"{run.tables:>7,} {run.latency_ms:>4} {run.onboard_seconds:>10.1f} {run.onboard_calls:>7,} "
        f"{run.plan_seconds:>8.2f} {run.plan_seconds / run.least_plan_seconds:>7.2f} {run.plan_calls:>6,} "
        f"{run.plan_calls / run.least_plan_calls:>7.2f} {run.peak_mb - runs[0].peak_mb:>+8.0f} MB"
        for run in runs
    ]
    return [
        f"{head} {'memory':>11}",
        *rows,
        f"unity-mirror --help: {start:.2f} s, wanted 0.5 s: ratio {start / 0.5:.2f}",
    ]


def main() -> None:
    """Measures and prints; as a child, measures one catalog."""
    if sys.argv[1:] == ["child"]:
        print(json.dumps(asyncio.run(_child())))
    else:
        sizes = [int(each) for each in sys.argv[1:]] or list(SIZES)
        print("\n".join(lines(measure(sizes), cold_start())))


if __name__ == "__main__":
    main()
