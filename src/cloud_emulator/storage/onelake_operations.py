"""The operations of both protocols on OneLake: reading, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cloud_emulator.core.http import Effect
from cloud_emulator.storage import onelake
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
    return Operation("Write to OneLake", protocol, method, _ANY, _W, onelake.refuse_write, marks, headers, takes, True)


OPERATIONS: tuple[Operation, ...] = (*_READS, *_refusals())
