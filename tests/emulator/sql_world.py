"""A small cloud with real Delta tables, and its SQL endpoints served over TDS to drivers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytds
from deltalake import write_deltalake

from cloud_emulator.core.app import Emulator
from cloud_emulator.core.behaviour import Behaviour
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric import onelake
from cloud_emulator.fabric.items import ITEMS
from cloud_emulator.fabric.lakehouses import make_lakehouse
from cloud_emulator.fabric.mirrored_catalogs import make_mirrored_catalog
from cloud_emulator.fabric.mirrored_definition import read_definition
from cloud_emulator.fabric.service import make_service
from cloud_emulator.fabric.sql_endpoints import endpoint_of
from cloud_emulator.sql.listener import SqlListener
from cloud_emulator.storage import files

from . import tds
from .fabric_cloud import FIREWALLED, WORKSPACE
from .fabric_data_cloud import data_cloud, payload
from .served import free_port
from .support import RUNNER, Wall, token

AUDIENCE = "https://database.windows.net/"
LINES = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "number": pa.array([10, 20, None], pa.int32()),
        "small": pa.array([1, 2, 3], pa.int16()),
        "tiny": pa.array([-1, 0, 1], pa.int8()),
        "name": ["Ärger", "a'b", None],
        "price": pa.array([Decimal("1.10"), Decimal("-2.00"), None], pa.decimal128(10, 2)),
        "ratio": pa.array([0.5, 1.5, None], pa.float64()),
        "single": pa.array([0.5, 1.5, None], pa.float32()),
        "open": [True, False, None],
        "day": pa.array([date(2024, 2, 29), date(1, 1, 1), None]),
        "at": pa.array([datetime(2024, 2, 29, 12, 30, 15, 123456, UTC)] * 2 + [None], pa.timestamp("us", "UTC")),
        "raw": [b"\x00\x01", b"", None],
        "tags": pa.array([["x"], [], None], pa.list_(pa.string())),
        "where": pa.array([{"x": 1}, None, None], pa.struct([("x", pa.int64())])),
    }
)
PEOPLE = pa.table({"id": pa.array([1, 2], pa.int64()), "line": pa.array([1, 3], pa.int64()), "part": ["n", "s"]})


@dataclass(frozen=True)
class World:
    """A served cloud: where, and whom to trust."""

    cloud: Cloud
    port: int
    authority: Path
    mirrored_id: str

    def token(self, object_id: str = RUNNER, audience: str = AUDIENCE, *, seconds: int = 3599) -> str:
        """An access token."""
        return token(self.cloud, object_id, audience, seconds=seconds).removeprefix("Bearer ")

    def connect(self, object_id: str = RUNNER, database: str = "sales", **how: Any) -> Any:
        """A connection of python-tds that verifies the server's certificate and name."""
        token = how.pop("token", None) or self.token(object_id)
        return tds.connect(self.port, self.authority, database, token, **how)

    def query(self, text: str, object_id: str = RUNNER, database: str = "sales") -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.connect(object_id, database) as connection:
            cursor = connection.cursor()
            cursor.execute(text)
            return list(cursor.fetchall())

    def refused(self, text: str, object_id: str = RUNNER, database: str = "sales") -> tuple[int, str]:
        """The number and message of the SQL error with which a query, or the login before it, is refused."""
        try:
            rows = self.query(text, object_id, database)
        except pytds.DatabaseError as error:
            return error.number, str(error.args[0])
        raise AssertionError(f"{text} answered {rows}")

    def settle(self, seconds: float = 2) -> None:
        """Lets time pass, and what is due happen."""
        self.cloud.clock.advance(seconds)
        with self.cloud.store.transaction():
            self.cloud.jobs.run_due(self.cloud)

    def behave(self, **settings: Any) -> None:
        """Changes how the cloud behaves."""
        self.cloud.behaviour = Behaviour.model_validate({**self.cloud.behaviour.model_dump(), **settings})
        self.cloud.store.commit()


def put_delta(cloud: Cloud, scratch: Path, path: str, rows: pa.Table, account: str = FIREWALLED, **how: Any) -> None:
    """Writes a version of a Delta table and puts its files where Unity Catalog says that they are."""
    folder = scratch / path
    write_deltalake(folder, rows, mode=how.pop("mode", "overwrite"), **how)
    put_folder(cloud, folder, path, account)


def put_folder(cloud: Cloud, folder: Path, path: str, account: str = FIREWALLED) -> None:
    """Puts the files of a folder into the container ``lake``."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            name = f"{path}/{file.relative_to(folder).as_posix()}"
            files.put_file(cloud, account, "lake", name, file.read_bytes())
    cloud.store.commit()


def put_log(cloud: Cloud, path: str, *actions: Mapping[str, Any], version: int = 0) -> None:
    """Puts a commit of a table's log."""
    content = b"\n".join(orjson.dumps(action) for action in actions)
    files.put_file(cloud, FIREWALLED, "lake", f"{path}/_delta_log/{version:020}.json", content)
    cloud.store.commit()


def sql_cloud(folder: Path, scratch: Path) -> tuple[Cloud, str]:
    """The catalog ``sales``, mirrored through the firewall, and the id of its item. Its endpoint is ready."""
    cloud = data_cloud(folder, Wall())
    Emulator(cloud, [("/v1", make_service())])
    put_delta(cloud, scratch, "sales/orders/lines", LINES)
    put_delta(cloud, scratch, "sales/customers/people", PEOPLE, partition_by=["part"])
    body = {"$schema": None, **payload()["creationPayload"]}
    item = make_mirrored_catalog(cloud, WORKSPACE, "sales", "", read_definition(body))
    _ready(cloud)
    return cloud, str(item["id"])


def add_lakehouse(cloud: Cloud, name: str, item_id: str) -> str:
    """A lakehouse with a shortcut to ``customers.people`` of a mirrored catalog, in ``dbo``; its id."""
    item = make_lakehouse(cloud, WORKSPACE, name)
    target = {"workspaceId": WORKSPACE, "itemId": item_id, "path": "Tables/customers/people"}
    cloud.table(onelake.SHORTCUTS)[f"{item['id']}/Tables/dbo/people"] = {
        "itemId": item["id"], "folder": "Tables/dbo", "name": "people", "path": "Tables/dbo",
        "target": {"type": "OneLake", "oneLake": target},
    }  # fmt: skip
    _ready(cloud)
    return str(item["id"])


def endpoint_id(cloud: Cloud, item_id: str) -> str:
    """The id of the endpoint beside an item."""
    found = endpoint_of(cloud, cloud.table(ITEMS)[item_id])
    assert found is not None
    return str(found["id"])


@contextmanager
def running(cloud: Cloud, mirrored_id: str) -> Iterator[World]:
    """Serves the cloud's endpoints from a thread until the block ends."""
    port, started = free_port(), threading.Event()
    stop: list[Callable[[], None]] = []

    async def serve() -> None:
        done, loop = asyncio.Event(), asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(done.set))  # type: ignore[arg-type]
        listener = SqlListener(cloud)
        await listener.start(host="127.0.0.1", port=port)
        started.set()
        await done.wait()
        await listener.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(20), "the listener did not start"
    try:
        yield World(cloud, port, cloud.folder / "tls" / "ca.pem", mirrored_id)
    finally:
        stop[0]()
        thread.join(timeout=10)


@contextmanager
def unchanged(folder: Path) -> Iterator[World]:
    """A served cloud, with a lakehouse, for tests that change nothing."""
    cloud, item_id = sql_cloud(folder / "cloud", folder / "scratch")
    add_lakehouse(cloud, "lake", item_id)
    with running(cloud, item_id) as served:
        yield served


def _ready(cloud: Cloud) -> None:
    for _ in range(4):
        cloud.clock.advance(2)
        with cloud.store.transaction():
            cloud.jobs.run_due(cloud)
