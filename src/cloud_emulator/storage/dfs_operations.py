"""The operations of the DFS protocol on storage accounts."""

from __future__ import annotations

from cloud_emulator.core.http import Effect
from cloud_emulator.storage import dfs_access, dfs_filesystems, dfs_paths, dfs_writes
from cloud_emulator.storage.operations import Operation

_R, _W = Effect.READ, Effect.WRITE
_ACCOUNT, _FILESYSTEM, _PATH = ("account",), ("container",), ("path",)
_ANY_PATH = ("container", "root", "path")
_FS = {"resource": "filesystem"}
_ACL = {"action": "setAccessControl"}
_RECURSIVE = {"action": "setAccessControlRecursive"}
_RECURSIVE_TAKES = ("mode", "continuation", "forceFlag", "maxRecords")
_FLUSH_TAKES = ("position", "retainUncommittedData", "close")


def _updates(method: str) -> tuple[Operation, ...]:
    """Path - Update; ABFS sends it as PUT [C]."""
    return (
        Operation("Path - Set Access Control", "dfs", method, _ANY_PATH, _W, dfs_access.set_access_control, _ACL),
        Operation(
            "Path - Set Access Control Recursive", "dfs", method, _ANY_PATH, _W, dfs_access.set_recursively, _RECURSIVE,
            takes=_RECURSIVE_TAKES,
        ),
        Operation("Path - Append", "dfs", method, _PATH, _W, dfs_writes.append, {"action": "append"},
                  takes=("position", "flush", "close"), body=True),
        Operation("Path - Flush", "dfs", method, _PATH, _W, dfs_writes.flush, {"action": "flush"}, takes=_FLUSH_TAKES),
        Operation("Path - Set Properties", "dfs", method, _ANY_PATH, _W, dfs_writes.set_properties,
                  {"action": "setProperties"}, takes=("mode",)),
    )  # fmt: skip


OPERATIONS: tuple[Operation, ...] = (
    Operation("Filesystem - List", "dfs", "GET", _ACCOUNT, _R, dfs_filesystems.list_filesystems,
              {"resource": "account"}, takes=("prefix", "continuation", "maxResults")),
    Operation("Filesystem - Create", "dfs", "PUT", _FILESYSTEM, _W, dfs_filesystems.create, _FS),
    Operation("Filesystem - Set Properties", "dfs", "PATCH", _FILESYSTEM, _W, dfs_filesystems.set_properties, _FS),
    Operation("Filesystem - Get Properties", "dfs", "HEAD", _FILESYSTEM, _R, dfs_filesystems.get_properties, _FS),
    Operation("Filesystem - Delete", "dfs", "DELETE", _FILESYSTEM, _W, dfs_filesystems.delete, _FS),
    Operation("Path - List", "dfs", "GET", _FILESYSTEM, _R, dfs_filesystems.list_paths, _FS,
              takes=("recursive", "directory", "continuation", "maxResults", "upn")),
    Operation("Path - Create", "dfs", "PUT", _PATH, _W, dfs_paths.create, {"resource": None}, takes=("mode",)),
    Operation("Path - Rename", "dfs", "PUT", _PATH, _W, dfs_paths.rename, headers=("x-ms-rename-source",),
              takes=("mode", "continuation")),
    *_updates("PATCH"),
    *_updates("PUT"),
    Operation("Path - Read", "dfs", "GET", _PATH, _R, dfs_paths.read),
    Operation("Path - Get Status", "dfs", "HEAD", _ANY_PATH, _R, dfs_access.get_status, {"action": "getStatus"},
              takes=("upn",)),
    Operation("Path - Get Access Control", "dfs", "HEAD", _ANY_PATH, _R, dfs_access.get_access_control,
              {"action": "getAccessControl"}, takes=("upn",)),
    Operation("Path - Get Properties", "dfs", "HEAD", _ANY_PATH, _R, dfs_paths.get_properties, takes=("upn",)),
    Operation("Path - Delete", "dfs", "DELETE", _PATH, _W, dfs_paths.delete, {"recursive": None},
              takes=("continuation", "paginated")),
    Operation("Path - Delete", "dfs", "DELETE", _PATH, _W, dfs_paths.delete, takes=("continuation", "paginated")),
)  # fmt: skip
