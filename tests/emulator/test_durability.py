"""What the emulator keeps, and what not: requests that end early, writes that fail, folders of other versions."""

from __future__ import annotations

import gc
import json
import socket
import sqlite3
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cloud_emulator.core.behaviour import Behaviour
from cloud_emulator.core.cloud import Cloud, open_cloud
from cloud_emulator.core.folder import UnusableFolder, opened
from cloud_emulator.core.store import FORMAT, Store
from cloud_emulator.storage import files
from tests.emulator.served import Address, running
from tests.emulator.storage_world import ACCOUNT, CONTAINER, CONTRIBUTOR, MOUNTS, headers

RECORDED = Path(__file__).parent / "state_format.json"
CUT, WHOLE = "cut.bin", "whole.bin"


def put_blob(at: Address, cloud: Cloud, name: str, body: bytes, *, length: int) -> None:
    """Begins to upload a blob of a length, and hangs up after what is given of it."""
    told = {
        **headers(cloud, CONTRIBUTOR), "Host": "localhost", "x-ms-blob-type": "BlockBlob", "Content-Length": str(length)
    }  # fmt: skip
    lines = "".join(f"{key}: {value}\r\n" for key, value in told.items())
    request = f"PUT /storage/{ACCOUNT}/{CONTAINER}/{name} HTTP/1.1\r\n{lines}\r\n".encode() + body
    plain = socket.create_connection(("127.0.0.1", urlsplit(at.url).port or 0), timeout=10)
    context = ssl.create_default_context(cafile=at.authority)
    with context.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(request)
        if len(body) == length:
            assert connection.recv(20).startswith(b"HTTP/1.1 201")


def test_an_upload_that_is_broken_off_leaves_nothing(cloud: Cloud) -> None:
    with running(cloud, MOUNTS) as at:
        put_blob(at, cloud, CUT, b"half of it", length=20)
        put_blob(at, cloud, WHOLE, b"all of it", length=9)
    assert files.stat(cloud, ACCOUNT, CONTAINER, CUT) is None
    held = files.stat(cloud, ACCOUNT, CONTAINER, WHOLE)
    assert held is not None
    assert files.content(cloud, held) == b"all of it"
    assert [(each["path"].rpartition("/")[2], each["status"]) for each in cloud.requests] == [(WHOLE, 201)]


def test_what_cannot_be_written_is_undone_and_stops_nothing_after(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.sqlite")
    table = store.table("things")
    with store.transaction():
        table["kept"] = {"is": 1}
    with pytest.raises(TypeError), store.transaction():
        table.update({"kept": {"is": 2}, "bad": {"is": object()}})
    assert dict(table) == {"kept": {"is": 1}}
    with store.transaction():
        table["after"] = {"is": 3}
    store.close()
    assert dict(Store(tmp_path / "state.sqlite").table("things")) == {"kept": {"is": 1}, "after": {"is": 3}}


def test_a_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    open_cloud(tmp_path).close()
    with sqlite3.connect(tmp_path / "state.sqlite") as state:
        assert state.execute("PRAGMA user_version").fetchone() == (FORMAT,)
        state.execute(f"PRAGMA user_version = {FORMAT + 1}")
    state.close()
    said = f"its format is {FORMAT + 1}, ours {FORMAT}.*remove the folder, or give another --data"
    with pytest.raises(UnusableFolder, match=said), opened(tmp_path):
        pass


def shape(cloud: Cloud) -> dict[str, set[str]]:
    """The fields of what the sample cloud holds, by table, and the settings that there are."""
    held = cloud.store.dump()
    fields = {name: {field for each in held[name].values() for field in each} for name in held}
    return {**fields, "settings that there are": set(Behaviour.model_fields)}


def test_nothing_that_an_older_folder_holds_goes_without_another_format(sample: Cloud) -> None:
    sample.reset()
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    held = shape(sample)
    gone = {name: set(fields) - held.get(name, set()) for name, fields in recorded[str(FORMAT)].items()}
    assert not any(gone.values()), f"raise FORMAT in core/store.py and record it in {RECORDED.name}: {gone}"


def test_a_store_that_nobody_holds_any_more_is_closed(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.sqlite")
    connection = store._connection
    store.table("some")["key"] = {}
    del store
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
