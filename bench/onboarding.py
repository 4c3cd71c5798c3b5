"""What onboarding and planning again cost: time, calls and memory, for catalogs of 10, 1,000 and 10,000 tables.

``python -m bench.onboarding [TABLES ...]`` prints ratios: 1 is the least there can be. The emulator runs in a process
of its own and adds a latency to each call; what is measured runs in another.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.prefect_api import prefect_server
from bench.simulated import Cost, critical_paths
from cloud_emulator.environment import variables
from tests.onboarding.sizes import add_catalog, least_onboarding_calls, least_plan_calls, spec_of
from tests.onboarding.world import RealTime, sample_cloud

SIZES = {10: (1, 10), 1_000: (10, 100), 10_000: (20, 500)}
"""Schemas, and tables in each."""
LATENCIES = (0, 100)
REPEATS = {10: 3, 1_000: 3, 10_000: 1}
TARGETS = {"makespan": 1.25, "calls": 1.05, "memory_mb": 150.0, "cold_start_seconds": 0.5, "flow": 1.2}


@dataclass(frozen=True)
class Run:
    """One catalog, onboarded and planned again; each figure is the median of some runs. Seconds, MB."""

    tables: int
    latency_ms: int
    onboard_seconds: float
    onboard_path: float
    onboard_calls: int
    onboard_least_calls: int
    onboard_cpu_seconds: float
    plan_seconds: float
    plan_path: float
    plan_calls: int
    plan_least_calls: int
    plan_cpu_seconds: float
    peak_mb: float
    flow_onboard_seconds: float
    flow_onboard_cpu_seconds: float
    flow_onboard_requests: int
    flow_plan_seconds: float

    @property
    def makespans(self) -> tuple[float, float]:
        """Onboarding's and planning's time to their latency-bound critical paths."""
        return self.onboard_seconds / self.onboard_path, self.plan_seconds / self.plan_path

    @property
    def flow_ratio(self) -> float:
        """Onboarding under Prefect to the library alone."""
        return self.flow_onboard_seconds / self.onboard_seconds


def measure(sizes: Sequence[int] = tuple(SIZES), measured: Collection[tuple[int, int]] = ()) -> Iterator[Run]:
    """These sizes, at all latencies, but for those that are ``measured`` already."""
    wanted = {tables: [each for each in LATENCIES if (tables, each) not in measured] for tables in sizes}
    if not any(wanted.values()):
        return
    with prefect_server() as prefect:
        for tables, latencies in wanted.items():
            with tempfile.TemporaryDirectory() as folder:
                if latencies:
                    seed(Path(folder), tables)
                for latency in latencies:
                    yield _run(Path(folder), tables, latency, prefect)


def seed(folder: Path, tables: int) -> None:
    cloud = sample_cloud(folder, RealTime())
    schemas, each = SIZES[tables]
    add_catalog(cloud, "large", schemas=schemas, tables_each=each)
    cloud.save_seed()
    cloud.close()


def _run(folder: Path, tables: int, latency: int, prefect: Mapping[str, str]) -> Run:
    schemas, each = SIZES[tables]
    _say(f"{tables:,} tables at {latency} ms a call: the critical path")
    paths = critical_paths(spec_of("large"), latency / 1000, schemas=schemas, tables_each=each)
    _say(f"{tables:,} tables at {latency} ms a call: by the library and under Prefect, {REPEATS[tables]} times")
    with serving(folder, latency, prefect) as served:
        pairs = [served.pair() for _ in range(REPEATS[tables])]
    library, flow = medians(pair[0] for pair in pairs), medians(pair[1] for pair in pairs)
    return _made(tables, latency, library, flow, paths)


def _say(text: str) -> None:
    """How far it is: the large ones take minutes."""
    print(text, file=sys.stderr, flush=True)


def _made(
    tables: int, latency: int, found: Mapping[str, float], flow: Mapping[str, float], paths: Mapping[str, Cost]
) -> Run:
    schemas, each = SIZES[tables]
    return Run(
        tables=tables,
        latency_ms=latency,
        onboard_seconds=found["onboard_seconds"],
        onboard_path=paths["onboard"].seconds,
        onboard_calls=int(found["onboard_calls"]),
        onboard_least_calls=least_onboarding_calls(schemas, each),
        onboard_cpu_seconds=found["onboard_cpu_seconds"],
        plan_seconds=found["plan_seconds"],
        plan_path=paths["plan"].seconds,
        plan_calls=int(found["plan_calls"]),
        plan_least_calls=least_plan_calls(schemas, each),
        plan_cpu_seconds=found["plan_cpu_seconds"],
        peak_mb=found["peak_mb"],
        flow_onboard_seconds=flow["onboard_seconds"],
        flow_onboard_cpu_seconds=flow["onboard_cpu_seconds"],
        flow_onboard_requests=int(flow["onboard_requests"]),
        flow_plan_seconds=flow["plan_seconds"],
    )


def medians(runs: Iterable[Mapping[str, float]]) -> dict[str, float]:
    each = list(runs)
    return {name: statistics.median(run[name] for run in each) for name in each[0]}


@dataclass(frozen=True)
class Served:
    """A running emulator, and the environment of those who use Prefect's server."""

    folder: Path
    port: int
    prefect: Mapping[str, str]

    def pair(self) -> tuple[dict[str, float], dict[str, float]]:
        """The library alone, then the same under Prefect: one after the other, so that both find the machine alike."""
        return self.measured("library")[0], self.measured("flow")[0]

    def measured(self, how: str) -> tuple[dict[str, float], str]:
        """What a process measures, on the cloud as it was seeded, and what it told beside. Raises ``RuntimeError`` when
        it fails."""
        self._reset()
        command = [sys.executable, "-m", "bench.child", how, json.dumps(spec_of("large"))]
        environment = {**os.environ, **variables(self.folder, self.port), **self.prefect}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
        return found, done.stderr

    def _reset(self) -> None:
        trusted = ssl.create_default_context(cafile=str(self.folder / "tls" / "ca.pem"))
        request = urllib.request.Request(f"https://localhost:{self.port}/_emulator/reset", method="POST")
        with urllib.request.urlopen(request, context=trusted):  # noqa: S310  # the address is ours
            pass


@contextmanager
def serving(folder: Path, latency: int, prefect: Mapping[str, str]) -> Iterator[Served]:
    """The emulator over a seeded folder, adding so many milliseconds to each call.

    Raises ``RuntimeError``, with what it said, when it ends before it listens.
    """
    port = free_port()
    arguments = ["serve", "--port", str(port), "--data", str(folder), "--latency-ms", str(latency)]
    command = [sys.executable, "-m", "cloud_emulator.cli", *arguments]
    with tempfile.TemporaryFile() as words, subprocess.Popen(command, stderr=words) as process:
        try:
            _await_port(port, process)
            yield Served(folder, port, prefect)
        except ChildProcessError as error:
            words.seek(0)
            raise RuntimeError(f"{error}: {words.read().decode()}") from None
        finally:
            process.terminate()
            process.wait(timeout=20)


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Returns once the process listens there. Raises ``TimeoutError`` after five minutes, ``ChildProcessError`` when it
    has ended."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ChildProcessError(f"the emulator ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens at port {port}")


def cold_start(command: str, repeats: int = 7) -> float:
    """Seconds until ``unity-mirror COMMAND`` is through, the median of some."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "unity_mirror.cli", command], stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def lines(runs: Sequence[Run], starts: Mapping[str, float]) -> list[str]:
    """The tables of ratios."""
    least = min(run.peak_mb for run in runs if run.tables == runs[0].tables)
    head = "tables   ms |  onboard  /path  calls /least |   plan  /path  calls /least |   memory |  flow"
    return [
        head,
        *(_line(run, least) for run in runs),
        "/path: to the latency-bound critical path (wanted 1.25); /least: to the least calls possible (1.05);",
        "memory: beyond that of 10 tables (+150 MB); flow: onboarding under Prefect to the library alone (1.2)",
        *(f"unity-mirror {name}: {seconds:.2f} s, wanted 0.5 s" for name, seconds in starts.items()),
    ]


def _line(run: Run, least: float) -> str:
    onboard, plan = run.makespans
    onboard_calls, plan_calls = run.onboard_calls / run.onboard_least_calls, run.plan_calls / run.plan_least_calls
    return (
        f"{run.tables:>6,} {run.latency_ms:>4} | {run.onboard_seconds:>6.1f} s {onboard:>6.2f} {run.onboard_calls:>6,}"
        f" {onboard_calls:>6.2f} | {run.plan_seconds:>4.1f} s {plan:>6.2f} {run.plan_calls:>6,} {plan_calls:>6.2f}"
        f" | {run.peak_mb - least:>+5.0f} MB | {run.flow_ratio:>5.2f}"
    )


def document(runs: Sequence[Run], starts: Mapping[str, float]) -> dict[str, Any]:
    """For ``results.json``."""
    return {"targets": TARGETS, "runs": [asdict(run) for run in runs], "cold_start_seconds": dict(starts)}


def main() -> None:
    """Measures and prints; arguments are sizes."""
    sizes = [int(each) for each in sys.argv[1:]] or list(SIZES)
    starts = {name: cold_start(name) for name in ("--help", "schema")}
    print("\n".join(lines(list(measure(sizes)), starts)))


if __name__ == "__main__":
    main()
