"""Reading what a table's Delta log says: protocol, properties, and the statistics of the files that are in it.

Source: the Delta protocol (PROTOCOL.md). The log is read by ourselves, because Delta libraries refuse just those tables
whose features are to be reported. Only checkpoints need pyarrow, the optional dependency ``delta``.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from unity_mirror.clients.delta_replay import NoDeltaLog, Replay
from unity_mirror.clients.onelake import OneLakeClient
from unity_mirror.clients.storage import StorageClient
from unity_mirror.models.delta import DeltaState
from unity_mirror.models.storage import PathEntry

LOG = "_delta_log"
LARGEST_CHECKPOINT = 256 * 1024 * 1024
"""Bytes. Past it, statistics come from the version checksum, which has no rows."""
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKSUM = re.compile(r"(\d{20})\.crc")
_CHECKPOINT = re.compile(
    r"(?P<version>\d{20})\.checkpoint\.(?:(?P<part>\d{10})\.(?P<parts>\d{10})\.parquet|parquet|[\w-]{36}\.(?:json|parquet))"
)
_NO_PYARROW = "its checkpoint is a Parquet file, which takes pyarrow: pip install unity-mirror[delta]"
Range = tuple[int, int]
_COLUMNS = ("protocol", "metaData", "add", "sidecar")


class LogFiles(Protocol):
    """Where a table's files are read."""

    async def list(self, folder: str) -> list[PathEntry]:
        """What is directly in a folder of the table."""

    async def read(self, path: str, part: Range | None = None) -> bytes:
        """A file of the table, whole or the bytes from the first to the last of a range, both included."""


@dataclass(frozen=True, slots=True)
class OneLakeTable:
    """A table of a Fabric item, read as its users read it."""

    client: OneLakeClient
    workspace_id: str
    item_id: str
    path: str

    async def list(self, folder: str) -> list[PathEntry]:
        """What is directly in a folder of the table."""
        return await self.client.list_paths(self.workspace_id, self.item_id, f"{self.path}/{folder}")

    async def read(self, path: str, part: Range | None = None) -> bytes:
        """A file of the table, or a part of it."""
        return await self.client.read(self.workspace_id, self.item_id, f"{self.path}/{path}", part)


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table where it lies in ADLS Gen2, read by our own identity."""

    client: StorageClient
    account: str
    container: str
    path: str

    async def list(self, folder: str) -> list[PathEntry]:
        """What is directly in a folder of the table."""
        return await self.client.list_paths(self.account, self.container, f"{self.path}/{folder}")

    async def read(self, path: str, part: Range | None = None) -> bytes:
        """A file of the table, or a part of it."""
        return await self.client.read(self.account, self.container, f"{self.path}/{path}", part)


async def read_delta_state(table: LogFiles) -> DeltaState:
    """Read a table's log at its latest version.

    Raises NoDeltaLog when there is none or it isn't one, and what the files' client raises.
    """
    listing = _Listing.of(await table.list(LOG))
    replay = Replay()
    replay.uncounted = await _read_checkpoint(table, listing, replay)
    commits = await asyncio.gather(*(table.read(f"{LOG}/{name}") for name in listing.commits))
    for content in commits:
        replay.commit(_actions(content))
    if listing.checksum and (replay.uncounted or not replay.described):
        replay.checksum(json.loads(await table.read(f"{LOG}/{listing.checksum}")))
    return replay.state(listing.version)


def commit_time(content: bytes, modified: str | None) -> datetime | None:
    """When a commit was made: by its in-commit timestamp where the table has those, else its file's time (PROTOCOL.md).

    ``modified`` is the file's ``lastModified`` of a listing, an HTTP date; ``None`` when neither can be read.
    """
    try:
        first: Any = json.loads(content.split(b"\n", 1)[0] or b"{}")
        within = (first.get("commitInfo") or {}).get("inCommitTimestamp")
        if within is not None:
            return datetime.fromtimestamp(int(within) / 1000, UTC)
    except (ValueError, AttributeError):
        pass  # a log that can't be understood still has a time
    try:
        return parsedate_to_datetime(modified or "").astimezone(UTC)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Listing:
    """The log's files that make up its latest version."""

    version: int
    commits: tuple[str, ...]
    checkpoint: tuple[str, ...]
    checkpoint_bytes: int
    checksum: str | None

    @classmethod
    def of(cls, entries: Iterable[PathEntry]) -> _Listing:
        sizes = {entry.name.rsplit("/", 1)[-1]: entry.content_length for entry in entries}
        checkpoint_version, checkpoint = _latest_checkpoint(sizes)
        commits = {int(match[1]): name for name in sizes if (match := _COMMIT.fullmatch(name))}
        newer = sorted(version for version in commits if version > checkpoint_version)
        version = max([checkpoint_version, *newer])
        if version < 0:
            raise NoDeltaLog("the table's Delta log holds neither a commit nor a checkpoint")
        if newer and newer != list(range(checkpoint_version + 1, version + 1)):
            raise NoDeltaLog("commits are missing in the table's Delta log", why=f"it has {newer[0]} to {newer[-1]}")
        checksum = f"{version:020}.crc"
        return cls(
            version,
            tuple(commits[each] for each in newer),
            checkpoint,
            sum(sizes[name] for name in checkpoint),
            checksum if checksum in sizes else None,
        )


def _latest_checkpoint(names: Iterable[str]) -> tuple[int, tuple[str, ...]]:
    """The newest checkpoint that is whole, and its files; version -1 without one."""
    single: dict[int, str] = {}
    split: dict[tuple[int, int], list[str]] = {}
    for name in sorted(names):
        match = _CHECKPOINT.fullmatch(name)
        if match and match["parts"]:
            split.setdefault((int(match["version"]), int(match["parts"])), []).append(name)
        elif match:
            single[int(match["version"])] = name
    whole = {version: tuple(parts) for (version, number), parts in split.items() if len(parts) == number}
    whole |= {version: (name,) for version, name in single.items()}
    latest = max(whole, default=-1)
    return latest, whole.get(latest, ())


async def _read_checkpoint(table: LogFiles, listing: _Listing, replay: Replay) -> str:
    """Take the checkpoint's actions up; the answer says why that can't be (wholly) done, and is empty when it is."""
    if listing.checkpoint_bytes > LARGEST_CHECKPOINT:
        return f"its checkpoint of {listing.checkpoint_bytes:,} bytes is too large to be read"
    for name in listing.checkpoint:
        actions = await _checkpoint_actions(table, f"{LOG}/{name}")
        if actions is None:
            return _NO_PYARROW
        replay.commit(actions)
        for sidecar in [action["sidecar"]["path"] for action in actions if action.get("sidecar")]:
            more = await _checkpoint_actions(table, f"{LOG}/_sidecars/{sidecar}")
            if more is None:
                return _NO_PYARROW
            replay.commit(more)
    return ""


async def _checkpoint_actions(table: LogFiles, path: str) -> Sequence[Mapping[str, Any]] | None:
    content = await table.read(path)
    return _actions(content) if path.endswith(".json") else await asyncio.to_thread(_parquet_actions, content)


def _parquet_actions(content: bytes) -> Sequence[Mapping[str, Any]] | None:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        return None
    file = parquet.ParquetFile(arrow.BufferReader(content))
    columns = [name for name in file.schema_arrow.names if name in _COLUMNS]
    rows = file.read(columns=columns).to_pylist()
    return [{name: _plain(value) for name, value in row.items() if value is not None} for row in rows]


def _plain(action: Mapping[str, Any]) -> Mapping[str, Any]:
    """An action of a checkpoint as a commit writes it: maps come as lists of pairs."""
    configuration = action.get("configuration")
    return {**action, "configuration": dict(configuration)} if isinstance(configuration, list) else action


def _actions(content: bytes) -> Sequence[Mapping[str, Any]]:
    try:
        return [json.loads(line) for line in content.splitlines() if line.strip()]
    except ValueError as error:
        raise NoDeltaLog("a commit of the table's Delta log isn't JSON", why=str(error)) from error
