"""The operations of both protocols on OneLake: reading, writing, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cloud_emulator.core.http import Effect
from cloud_emulator.storage import blob_blocks, blobs, dfs_paths, dfs_writes, onelake, onelake_writes
from cloud_emulator.storage.onelake_writes import written_by
from cloud_emulator.storage.operations import Operation

_R, _W = Effect.READ, Effect.WRITE
_WORKSPACE, _PATH, _ANY = ("container",), ("path",), ("container", "root", "path")
_ACL_ACTIONS = ("setAccessControl", "setAccessControlRecursive")
_LIST = ("prefix", "delimiter", "marker", "maxresults", "include", "startFrom")


_FILESYSTEM, _CONTAINER = {"resource": "filesystem"}, {"restype": "container"}
_READS = (
    Operation("Path - List", "dfs", "GET", _WORKSPACE, _R, onelake.list_paths, _FILESYSTEM, onelake=True,
              takes=("recursive", "directory", "continuation", "maxResults", "upn", "getShortcutMetadata")),
    Operation("Path - List", "dfs", "GET", _PATH, _R, onelake.list_paths, _FILESYSTEM, onelake=True,
              takes=("recursive", "continuation", "maxResults", "upn", "getShortcutMetadata")),
    Operation("Filesystem - Get Properties", "dfs", "HEAD", _WORKSPACE, _R, onelake.get_workspace, _FILESYSTEM,
              onelake=True),
    Operation("Path - Get Status", "dfs", "HEAD", _ANY, _R, onelake.get_status, {"action": "getStatus"},
              takes=("upn",), onelake=True),
    Operation("Path - Get Access Control", "dfs", "HEAD", _ANY, _R, onelake.get_access_control,
              {"action": "getAccessControl"}, takes=("upn",), onelake=True),
    Operation("Path - Read", "dfs", "GET", _PATH, _R, onelake.read, onelake=True),
    Operation("Path - Get Properties", "dfs", "HEAD", _ANY, _R, onelake.get_properties, takes=("upn",), onelake=True),
    Operation("List Blobs", "blob", "GET", _WORKSPACE, _R, onelake.list_blobs, {**_CONTAINER, "comp": "list"},
              takes=_LIST, onelake=True),
    *(
        Operation("Get Container Properties", "blob", method, _WORKSPACE, _R, onelake.get_workspace, _CONTAINER,
                  onelake=True)
        for method in ("GET", "HEAD")
    ),
    Operation("Get Blob", "blob", "GET", _PATH, _R, onelake.read, onelake=True),
    Operation("Get Blob Properties", "blob", "HEAD", _PATH, _R, onelake.get_properties, onelake=True),
)  # fmt: skip


_DELETE_TAKES = ("continuation", "paginated")
_WRITES = (
    Operation("Path - Create", "dfs", "PUT", _PATH, _W, written_by(dfs_paths.create), {"resource": None},
              takes=("mode",), onelake=True),
    Operation("Path - Rename", "dfs", "PUT", _PATH, _W, onelake_writes.rename, headers=("x-ms-rename-source",),
              takes=("mode", "continuation"), onelake=True),
    *(
        each
        for method in ("PATCH", "PUT")
        for each in (
            Operation("Path - Append", "dfs", method, _PATH, _W, written_by(dfs_writes.append), {"action": "append"},
                      takes=("position", "flush", "close"), body=True, onelake=True),
            Operation("Path - Flush", "dfs", method, _PATH, _W, written_by(dfs_writes.flush), {"action": "flush"},
                      takes=("position", "retainUncommittedData", "close"), onelake=True),
        )
    ),
    Operation("Path - Delete", "dfs", "DELETE", _PATH, _W, written_by(dfs_paths.delete), {"recursive": None},
              takes=_DELETE_TAKES, onelake=True),
    Operation("Path - Delete", "dfs", "DELETE", _PATH, _W, written_by(dfs_paths.delete), takes=_DELETE_TAKES,
              onelake=True),
    Operation("Put Blob", "blob", "PUT", _PATH, _W, written_by(blobs.put), headers=("x-ms-blob-type",), body=True,
              onelake=True),
    Operation("Put Block", "blob", "PUT", _PATH, _W, written_by(blob_blocks.put_block), {"comp": "block"},
              takes=("blockid",), body=True, onelake=True),
    Operation("Put Block List", "blob", "PUT", _PATH, _W, written_by(blob_blocks.put_block_list),
              {"comp": "blocklist"}, body=True, onelake=True),
    Operation("Delete Blob", "blob", "DELETE", _PATH, _W, written_by(blobs.delete), onelake=True),
)  # fmt: skip


def _refusals() -> Iterator[Operation]:
    for action in _ACL_ACTIONS:
        for method in ("PATCH", "PUT"):
            yield Operation(
                "Path - Set Access Control",
                "dfs",
                method,
                _ANY,
                _W,
                onelake.refuse_access_control,
                {"action": action},
                takes=("mode", "continuation", "forceFlag", "maxRecords"),
                onelake=True,
            )
    for method, marks in (("PUT", {"resource": None}), ("DELETE", {"resource": None}), ("DELETE", {"recursive": None}),
                          ("DELETE", {}), ("PATCH", {"action": None}), ("PUT", {"action": None})):  # fmt: skip
        yield _refused("dfs", method, marks)
    yield _refused("dfs", "PUT", {}, "x-ms-rename-source")
    yield _refused("blob", "PUT", {}, "x-ms-blob-type")
    yield _refused("blob", "PUT", {}, "x-ms-copy-source")
    for method, marks in (("PUT", {"comp": None}), ("PUT", {"restype": None}), ("PUT", {"restype": None, "comp": None}),
                          ("DELETE", {"restype": None}), ("DELETE", {})):  # fmt: skip
        yield _refused("blob", method, marks)


def _refused(protocol: str, method: str, marks: Mapping[str, str | None], *headers: str) -> Operation:
    takes = ("mode", "continuation", "paginated", "position", "flush", "close", "retainUncommittedData", "blockid")
    return Operation(
        "Write to OneLake", protocol, method, _ANY, _W, onelake_writes.refuse, marks, headers, takes, True, body=True
    )


OPERATIONS: tuple[Operation, ...] = (*_READS, *_WRITES, *_refusals())
