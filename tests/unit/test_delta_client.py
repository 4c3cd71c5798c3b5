"""Reading Delta logs: what delta-rs wrote, checkpoints of every kind, and logs that aren't whole."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from deltalake import DeltaTable, write_deltalake

from tests.unit.delta_logs import COMMIT, MemoryTable, add, lines, metadata, protocol, table
from unity_mirror.clients import delta
from unity_mirror.clients.delta import read_delta_state
from unity_mirror.clients.delta_replay import NoDeltaLog

ROWS = pa.table({"id": [1, 2, 3], "name": ["a", "b", "c"]})
PLAIN = (protocol(versions=(1, 2)), metadata())


def checkpoint(version: int, suffix: str = "") -> str:
    return f"_delta_log/{version:020}.checkpoint.{suffix}parquet"


def as_parquet(*actions: dict[str, Any]) -> bytes:
    """A checkpoint's content; maps are written as maps."""
    kinds = sorted({kind for action in actions for kind in action})
    rows = [{kind: action.get(kind) for kind in kinds} for action in actions]
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(rows), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def mapless(action: dict[str, Any]) -> dict[str, Any]:
    """Without the empty structs that Parquet can't hold."""
    return {
        kind: {name: value for name, value in body.items() if value not in ({}, [])}
        if kind != "metaData"
        else {"schemaString": body["schemaString"], "id": body["id"]}
        for kind, body in action.items()
    }


async def test_what_delta_rs_writes(tmp_path: Path) -> None:
    for _ in range(3):
        write_deltalake(tmp_path, ROWS, mode="append")
    DeltaTable(tmp_path).delete("id = 2")
    state = await read_delta_state(MemoryTable.of(tmp_path))
    written = DeltaTable(tmp_path)
    assert state.version == written.version()
    assert state.files == len(written.file_uris())
    assert state.rows == 6
    assert state.column_types == {"id": "long", "name": "string"}
    assert state.features == frozenset()
    assert state.size_bytes is not None
    assert state.size_bytes > 0


async def test_delta_rs_checkpoints_with_the_first_commits_gone(tmp_path: Path) -> None:
    for _ in range(4):
        write_deltalake(tmp_path, ROWS, mode="append")
    DeltaTable(tmp_path).create_checkpoint()
    write_deltalake(tmp_path, ROWS, mode="append")
    for version in range(3):
        (tmp_path / COMMIT.format(version)).unlink()
    source = MemoryTable.of(tmp_path)
    state = await read_delta_state(source)
    assert (state.version, state.files, state.rows) == (4, 5, 15)
    assert COMMIT.format(3) not in source.asked, "the checkpoint has it"


@pytest.mark.parametrize("kind", ["timestamp_ntz", "deletion vectors"])
async def test_features_that_delta_rs_itself_writes(tmp_path: Path, kind: str) -> None:
    if kind == "timestamp_ntz":
        write_deltalake(tmp_path, pa.table({"at": pa.array([0], pa.timestamp("us"))}))
        wanted = "timestampNtz"
    else:
        write_deltalake(tmp_path, ROWS, configuration={"delta.enableDeletionVectors": "true"})
        wanted = "deletionVectors"
    state = await read_delta_state(MemoryTable.of(tmp_path))
    assert wanted in state.reader_features


async def test_checkpoints_in_parts_and_half_written_ones() -> None:
    files = {
        checkpoint(4, "0000000001.0000000002."): as_parquet(*map(mapless, (*PLAIN, add("a")))),
        checkpoint(4, "0000000002.0000000002."): as_parquet(mapless(add("b"))),
        checkpoint(6, "0000000001.0000000002."): b"the second part is still to come",
        COMMIT.format(5): lines(add("c")),
        COMMIT.format(6): lines({"remove": {"path": "a"}}),
    }
    state = await read_delta_state(MemoryTable(files))
    assert (state.version, state.files, state.rows) == (6, 2, 2)


@pytest.mark.parametrize("form", ["json", "parquet"])
async def test_v2_checkpoints_with_sidecars(form: str) -> None:
    top = (protocol("v2Checkpoint"), metadata(), {"sidecar": {"path": "x.parquet", "sizeInBytes": 1}})
    name = f"_delta_log/{3:020}.checkpoint.3a0d65cd-4056-49b8-937b-95f9e3ee90e5.{form}"
    files = {
        name: lines(*top) if form == "json" else as_parquet(*map(mapless, top)),
        "_delta_log/_sidecars/x.parquet": as_parquet(mapless(add("a", rows=7)), mapless(add("b", rows=3))),
    }
    state = await read_delta_state(MemoryTable(files))
    assert (state.version, state.files, state.rows) == (3, 2, 10)
    assert state.reader_features == {"v2Checkpoint"}


async def test_rows_that_a_deletion_vector_takes_away_do_not_count() -> None:
    vector = {"storageType": "u", "pathOrInlineDv": "x", "offset": 1, "sizeInBytes": 9, "cardinality": 4}
    files = {
        COMMIT.format(0): lines(protocol("deletionVectors"), metadata(), add("a", rows=10)),
        COMMIT.format(1): lines({"remove": {"path": "a"}}, add("a", rows=10, deletionVector=vector)),
    }
    state = await read_delta_state(MemoryTable(files))
    assert (state.files, state.rows) == (1, 6)


async def test_rows_are_unknown_when_a_file_has_no_statistics() -> None:
    state = await read_delta_state(table(*PLAIN, add("a"), add("b", rows=None)))
    assert (state.files, state.rows) == (2, None)


@pytest.mark.parametrize("why", ["too large", "no pyarrow"])
async def test_the_version_checksum_stands_in_for_a_checkpoint(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    files = {
        checkpoint(9): as_parquet(*map(mapless, (*PLAIN, add("a")))),
        f"_delta_log/{9:020}.crc": json.dumps(
            {
                "numFiles": 12, "tableSizeBytes": 34, "protocol": protocol("typeWidening")["protocol"],
                "metadata": metadata()["metaData"],
            }
        ).encode(),
    }  # fmt: skip
    if why == "too large":
        monkeypatch.setattr(delta, "LARGEST_CHECKPOINT", 1)
    else:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    state = await read_delta_state(MemoryTable(files))
    assert (state.files, state.size_bytes, state.rows) == (12, 34, None)
    assert state.reader_features == {"typeWidening"}
    del files[f"_delta_log/{9:020}.crc"]
    with pytest.raises(NoDeltaLog, match=r"unity-mirror\[delta\]" if why == "no pyarrow" else "large"):
        await read_delta_state(MemoryTable(files))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "neither a commit nor a checkpoint"),
        ({COMMIT.format(0): lines(*PLAIN), COMMIT.format(2): lines(add("a"))}, "missing"),
        ({COMMIT.format(3): lines(*PLAIN)}, "missing"),
        ({COMMIT.format(0): b"{"}, "isn't JSON"),
        ({COMMIT.format(0): lines(add("a"))}, "neither its protocol nor its schema"),
    ],
)
async def test_what_is_no_log_is_told(files: dict[str, bytes], words: str) -> None:
    with pytest.raises(NoDeltaLog, match=words):
        await read_delta_state(MemoryTable(files))
