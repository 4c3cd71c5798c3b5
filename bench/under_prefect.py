"""What Prefect adds to an onboarding: the library alone and the flow in turn, and what the flow asks of Prefect's API.

``python -m bench.under_prefect [TABLES] [--latency MS] [--pairs N] [--requests]`` prints each pair and the medians;
``--requests`` also each request of the last onboarding.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.onboarding import SIZES, medians, seed, serving
from bench.prefect_api import prefect_server

_HEAD = "            library    cpu |    flow    cpu  ratio | beyond | requests  waited | nothing to do: flow  requests"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.under_prefect", description=__doc__)
    parser.add_argument("tables", type=int, nargs="?", choices=SIZES, default=10)
    parser.add_argument("--latency", type=int, default=0, help="milliseconds a call of a cloud")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--requests", action="store_true", help="list what the last onboarding asked of Prefect's API")
    chosen = parser.parse_args()
    print(_HEAD)
    told = _measure(chosen.tables, chosen.latency, chosen.pairs)
    if chosen.requests:
        print(told.partition("plan:")[0])


def _measure(tables: int, latency: int, pairs: int) -> str:
    """What the last flow told of its requests."""
    found: list[tuple[dict[str, float], dict[str, float]]] = []
    told = ""
    with tempfile.TemporaryDirectory() as folder, prefect_server() as prefect:
        seed(Path(folder), tables)
        with serving(Path(folder), latency, prefect) as served:
            for number in range(pairs):
                library, _ = served.measured("library")
                flow, told = served.measured("flow")
                found.append((library, flow))
                print(_line(f"{number + 1}", library, flow), flush=True)
    print(_line("median", medians(pair[0] for pair in found), medians(pair[1] for pair in found)))
    return told


def _line(what: str, library: Mapping[str, float], flow: Mapping[str, float]) -> str:
    alone, under = library["onboard_seconds"], flow["onboard_seconds"]
    return (
        f"{what:>8} | {alone:>6.2f} s {library['onboard_cpu_seconds']:>6.2f} | {under:>5.2f} s"
        f" {flow['onboard_cpu_seconds']:>6.2f} {under / alone:>6.2f} | {under - alone:>4.2f} s"
        f" | {flow['onboard_requests']:>8.0f} {flow['onboard_waited_seconds']:>5.1f} s"
        f" | {flow['plan_seconds']:>18.2f} s {flow['plan_requests']:>9.0f}"
    )


if __name__ == "__main__":
    main()
