"""Where the local stack keeps its things, and the environment that its processes get."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.prefect_names import BLOCK

EMULATOR_PORT = 8443
PREFECT_PORT = 4200
SQL_PORT = 1433
HOST = "127.0.0.1"
_FOREIGN = ("PREFECT_", "AZURE_", "UNITY_MIRROR_", "DATABRICKS_", "SSL_CERT_", "REQUESTS_CA_")
"""Variables that would lead the stack's processes out of the stack."""


@dataclass(frozen=True)
class Layout:
    """``root`` is the repository; all that is written lies under ``data``."""

    root: Path
    data: Path

    @property
    def cloud(self) -> Path:
        return self.data / "cloud"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def record(self) -> Path:
        return self.data / "stack.json"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def shown(self, path: Path) -> str:
        """A path as people type it: relative to where they are, if it lies there."""
        return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)

    def program(self, name: str) -> str:
        """A console script of the virtual environment that runs us."""
        return str(Path(sys.executable).parent / name)


def clean_environment() -> dict[str, str]:
    """Our environment without what leads to other clouds or another Prefect; loopback never goes through a proxy."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    local = f"{HOST},localhost"
    return {**kept, "NO_PROXY": local, "no_proxy": local, "PYTHONUNBUFFERED": "1"}


def prefect_home(layout: Layout) -> Path:
    """Where Prefect keeps its database and what its clients remember."""
    return layout.data / "prefect"


def ui_folder(layout: Layout) -> Path:
    """Where the local stack's Prefect puts the files of its UI."""
    return layout.data / "ui"


def prefect_environment(layout: Layout, port: int) -> dict[str, str]:
    """For the server and all its clients. Nothing is reported to anyone."""
    return {
        **clean_environment(),
        "PREFECT_HOME": str(prefect_home(layout)),
        "PREFECT_API_URL": prefect_api(port),
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        # Leases outlive the server: kept in memory, they would be lost at its end, and their catalogs locked for good.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "UNITY_MIRROR_SCHEDULES": "false",
        "PREFECT_CLI_COLORS": "false",
        "DO_NOT_TRACK": "1",
    }


def worker_environment(layout: Layout, prefect: Mapping[str, str], emulator: Mapping[str, str]) -> dict[str, str]:
    """A client of Prefect that also knows where the flows are and the secrets that specs name; the rest is in the
    block. Microsoft's SQL driver can be told whom to trust by the environment alone."""
    secrets = {
        name: value for name, value in emulator.items() if name.endswith("_SECRET") and not name.startswith(_FOREIGN)
    }
    ours = {"UNITY_MIRROR_HOME": str(layout.root), "UNITY_MIRROR_CLOUDS_BLOCK": BLOCK}
    return {**prefect, **secrets, **ours, "SSL_CERT_FILE": emulator["SSL_CERT_FILE"]}


def prefect_api(port: int) -> str:
    """Address of Prefect's API."""
    return f"http://{HOST}:{port}/api"


def free_port(preferred: int) -> int:
    """The preferred port, or any free one when it is taken."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port is free")
