"""One measured process: onboards the benchmark's catalog and plans it again, by the library alone or by Prefect's flow.

``python -m bench.child library|flow SPEC`` prints JSON. It is a process of its own, without the emulator's modules,
so that its peak memory is its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from bench import prefect_api
from unity_mirror.clouds import Clouds, connect
from unity_mirror.settings import Settings
from unity_mirror.spec import CatalogSpec, load_spec
from unity_mirror.steps.context import Context
from unity_mirror.steps.runner import apply_plan, make_plan


def peak_mb() -> float:
    """The most memory that this process has held. ``getrusage`` would count what its parent held when it forked."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kilobytes) / 1024


async def by_library(spec: CatalogSpec) -> dict[str, Any]:
    """Onboards, then plans, over one connection: what signing in takes is in the first."""
    found: dict[str, Any] = {}
    async with connect(Settings.from_environment(os.environ)) as clouds:
        for name in ("onboard", "plan"):
            found |= {f"{name}_{what}": value for what, value in (await _timed(clouds, spec, name)).items()}
    return {**found, "peak_mb": peak_mb()}


async def _timed(clouds: Clouds, spec: CatalogSpec, name: str) -> dict[str, float]:
    context = Context(spec, clouds.clients, clouds.secrets)
    calls, signed_in = clouds.meter.total(), clouds.meter.total(effect="auth")
    begun, worked = time.perf_counter(), time.process_time()
    planned = await make_plan(context)
    if name == "onboard":
        await apply_plan(context, planned)
    return {
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": time.process_time() - worked,
        "calls": clouds.meter.total() - calls - (clouds.meter.total(effect="auth") - signed_in),
    }


def by_flow(spec: CatalogSpec) -> dict[str, Any]:
    """The flow ``onboard_catalog`` twice, called in this process, with Prefect's server at ``PREFECT_API_URL``.

    Its requests to that server are told on standard error.
    """
    from flows.onboard_catalog import onboard_catalog

    found: dict[str, Any] = {}
    for name in ("onboard", "plan"):
        found |= {f"{name}_{what}": value for what, value in _watched(onboard_catalog, spec, name).items()}
    return {**found, "peak_mb": peak_mb()}


def _watched(flow: Any, spec: CatalogSpec, name: str) -> dict[str, float]:
    begun, worked = time.perf_counter(), time.process_time()
    with prefect_api.listening(os.environ["PREFECT_API_URL"]) as calls:
        state = asyncio.run(_flow(flow, spec))
    found = {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - worked}
    if not state.is_completed():
        raise SystemExit(f"the flow ended {state.name}: {state.message}")
    print("\n".join([f"{name}:", *prefect_api.lines(calls)]), file=sys.stderr)
    return {**found, "requests": len(calls), "waited_seconds": prefect_api.waited(calls)}


async def _flow(flow: Any, spec: CatalogSpec) -> Any:
    return await flow(spec, return_state=True)


def main() -> None:
    """Measures, prints."""
    how, document = sys.argv[1:]
    spec = load_spec(json.loads(document))
    print(json.dumps(by_flow(spec) if how == "flow" else asyncio.run(by_library(spec))))


if __name__ == "__main__":
    main()
