"""How fast the emulator is: small reads over TLS, a large catalog seeded, and its start.

``python -m bench.emulator`` prints each figure with what is wanted of it, and the ratio of the two: 1 or more is good.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from cloud_emulator.seeds.contoso.azure import GROUP, SUBSCRIPTION
from cloud_emulator.seeds.contoso.fabric import SALES_WORKSPACE
from cloud_emulator.seeds.contoso.identities import RUNNER, TENANT

CONNECTIONS = 8
REQUESTS_PER_SECOND = 1500
START_SECONDS = 1.5
SEED_SECONDS = 10.0
SEED_MEGABYTES = 500
TABLES = 10_000
DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
STORAGE = "https://storage.azure.com/.default"
LISTING = "resource=filesystem&recursive=false"
ACCOUNT = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Storage/storageAccounts/contosolake"
)
MODULE = (sys.executable, "-m", "cloud_emulator.cli")


@dataclass(frozen=True)
class Figure:
    """One measurement. ``ratio`` is how many times better than wanted; ``cpu_ratio`` the same by the processor time
    that the emulator took, which others on the machine hardly change."""

    name: str
    value: float
    unit: str
    wanted: float
    ratio: float
    cpu_ratio: float

    def line(self) -> str:
        """As a row of the table."""
        measured = f"{self.value:>10,.2f} {self.unit:<4}"
        return f"{self.name:<56} {measured} wanted {self.wanted:>8,.1f}   ratio {self.ratio:.2f}"


def at_most(name: str, value: float, unit: str, wanted: float, cpu: float | None = None) -> Figure:
    """A figure that should be small."""
    return Figure(name, value, unit, wanted, wanted / value, wanted / (cpu or value))


def at_least(name: str, value: float, unit: str, wanted: float, cpu: float | None = None) -> Figure:
    """A figure that should be large."""
    return Figure(name, value, unit, wanted, value / wanted, (cpu or value) / wanted)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Served:
    """A running emulator, and how long it took until it answered."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    seconds: float
    started_cpu: float | None

    @property
    def authority(self) -> str:
        """The certificate to trust."""
        return str(self.folder / "tls" / "ca.pem")


def cpu_seconds(pid: int) -> float | None:
    """Processor time that a process has taken; ``None`` where the system doesn't say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(folder: Path, seed: str | None = None) -> Iterator[Served]:
    """An emulator in its own process. Raises ``RuntimeError`` when it ends by itself."""
    port = free_port()
    arguments = ["serve", "--port", str(port), "--data", str(folder), *(["--seed", seed] if seed else [])]
    begun = time.perf_counter()
    process = subprocess.Popen([*MODULE, *arguments], stderr=subprocess.PIPE)
    try:
        _await_answer(process, port, folder)
        yield Served(port, folder, process, time.perf_counter() - begun, cpu_seconds(process.pid))
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _await_answer(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    while not _answers(port, folder):
        if process.poll() is not None:
            raise RuntimeError(
                f"the emulator ended with {process.returncode}: {process.stderr and process.stderr.read()!r}"
            )
        time.sleep(0.005)


def _answers(port: int, folder: Path) -> bool:
    authority = folder / "tls" / "ca.pem"
    if not authority.exists():
        return False
    try:
        with socket.create_connection(("localhost", port), timeout=5) as raw:
            context = ssl.create_default_context(cafile=authority)
            with context.wrap_socket(raw, server_hostname="localhost") as secured:
                secured.sendall(b"GET /_emulator/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return secured.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def reads(name: str, served: Served, path: str, token: str, *, seconds: float = 5.0) -> Figure:
    """Requests a second for one small read; the load comes from another process than the emulator's: this one."""
    before = cpu_seconds(served.process.pid)
    count, took = asyncio.run(_reads(served, path, token, seconds, CONNECTIONS))
    after = cpu_seconds(served.process.pid)
    busy = count / (after - before) if before is not None and after is not None and after > before else None
    return at_least(f"{name}, {CONNECTIONS} connections", count / took, "/s", REQUESTS_PER_SECOND, busy)


async def _reads(served: Served, path: str, token: str, seconds: float, connections: int) -> tuple[int, float]:
    headers = {"Host": f"localhost:{served.port}", "Authorization": token, "x-ms-version": "2023-11-03"}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    request = "\r\n".join(lines).encode()
    context = ssl.create_default_context(cafile=served.authority)
    opened = [
        await asyncio.open_connection("localhost", served.port, ssl=context, server_hostname="localhost")
        for _ in range(connections)
    ]
    begun = time.perf_counter()
    try:
        counts = await asyncio.gather(*(_repeat(*each, request, begun + seconds) for each in opened))
        return sum(counts), time.perf_counter() - begun
    finally:
        for _, writer in opened:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in opened), return_exceptions=True)


async def _repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, until: float) -> int:
    """One connection's requests, one after the other. Raises ``RuntimeError`` at any other answer than 200."""
    count = 0
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        count += 1
    return count


def token(served: Served, scope: str) -> str:
    """An ``Authorization`` header of the sample cloud's runner."""
    form = {
        "grant_type": "client_credentials",
        "client_id": RUNNER.app_id,
        "client_secret": RUNNER.secret or "",
        "scope": scope,
    }
    address = f"https://localhost:{served.port}/{TENANT}/oauth2/v2.0/token"
    request = urllib.request.Request(address, urllib.parse.urlencode(form).encode())
    context = ssl.create_default_context(cafile=served.authority)
    with urllib.request.urlopen(request, context=context) as answer:  # noqa: S310  # the address is ours
        return f"Bearer {json.load(answer)['access_token']}"


READS = (
    ("Fabric: one workspace", f"/v1/workspaces/{SALES_WORKSPACE}", "https://api.fabric.microsoft.com/.default"),
    ("Unity Catalog: one table", "/api/2.1/unity-catalog/tables/sales.orders.dim_customer", f"{DATABRICKS}/.default"),
    ("ARM: one storage account", f"{ACCOUNT}?api-version=2023-05-01", "https://management.azure.com/.default"),
    (
        "OneLake: the workspace's items",
        f"/storage/onelake/{SALES_WORKSPACE}?resource=filesystem&recursive=false",
        STORAGE,
    ),
)


def start_and_reads(folder: Path, seconds: float = 5.0) -> Iterator[Figure]:
    """Start with the sample seed, small reads, and a second start."""
    with serving(folder, "contoso") as served:
        yield _start("start, seeding the sample cloud", served)
        for name, path, scope in READS:
            yield reads(name, served, path, token(served, scope), seconds=seconds)
    with serving(folder) as served:
        yield _start("start, on a folder that is there", served)


def _start(name: str, served: Served) -> Figure:
    return at_most(name, served.seconds, "s", START_SECONDS, served.started_cpu)


def large_cloud(tables: int) -> dict[str, Any]:
    """A seed of one catalog with that many tables, 100 to a schema."""
    owner, metastore = "11110000-0000-4000-8000-00000000a000", "77770000-0000-4000-8000-000000000001"
    object_id = "22220000-0000-4000-8000-00000000a000"
    principal = {"type": "ServicePrincipal", "object_id": object_id, "app_id": owner, "display_name": "owner"}
    identity = {"application_id": owner, "display_name": "owner", "external_id": object_id}
    catalog = {"name": "large", "owner": owner}
    root = "abfss://lake@large.dfs.core.windows.net/tables"
    return {
        "tenant": {"id": TENANT, "principals": [principal]},
        "storage": {"accounts": [{"name": "large", "containers": [{"name": "lake"}]}]},
        "unity_catalog": {
            "service_principals": [identity],
            "metastores": [{"metastore_id": metastore, "name": "m", "owner": owner, "catalogs": [catalog]}],
        },
        "large_catalogs": [
            {
                "metastore_id": metastore, "catalog": "large", "owner": owner,
                "schemas": tables // 100, "tables_each": 100, "root": root,
            }
        ],
    }  # fmt: skip


_SEEDING = """
import resource, sys
from pathlib import Path
from cloud_emulator.core.cloud import open_cloud
from cloud_emulator.seeds.loading import fill
cloud = open_cloud(Path(sys.argv[1]))
fill(cloud, sys.argv[2])
cloud.close()
used = resource.getrusage(resource.RUSAGE_SELF)
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
peak = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), used.ru_maxrss)
print(peak, used.ru_utime + used.ru_stime)
"""
"""Seeds a folder in a process of its own and prints its peak memory in KB and its processor time in seconds. The peak
that getrusage knows is at least that of the process that started this one."""


def large_seed(folder: Path) -> Iterator[Figure]:
    """A catalog of 10,000 tables with their Delta files, seeded in a process of its own."""
    seed = folder / "large.json"
    seed.parent.mkdir(parents=True, exist_ok=True)
    seed.write_text(json.dumps(large_cloud(TABLES)))
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _SEEDING, str(folder / "cloud"), str(seed)], check=True, capture_output=True, text=True
    )
    took = time.perf_counter() - begun
    kilobytes, cpu = map(float, done.stdout.split())
    yield at_most(f"seeding a catalog of {TABLES:,} tables", took, "s", SEED_SECONDS, cpu)
    yield at_most(f"memory, {TABLES:,} tables", kilobytes / 1024, "MB", SEED_MEGABYTES)
    with serving(folder / "cloud") as served:
        yield _start(f"start, {TABLES:,} tables there", served)


def main() -> int:
    """Measures all, prints a table; 1 when a figure isn't what is wanted."""
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for figure in chain(start_and_reads(Path(folder, "sample")), large_seed(Path(folder, "large"))):
            figures.append(figure)
            print(figure.line(), flush=True)
    return 0 if all(figure.ratio >= 1 for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
