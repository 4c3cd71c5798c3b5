"""OneLake over both protocols: Fabric says where a path lies, storage says whether it can be read there.

Paths begin with the item; folders that exist in OneLake only, and files that lie in ADLS, look the same: owned by
``$superuser``, with no permissions shown [D]. Writing is in :mod:`cloud_emulator.storage.onelake_writes`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from cloud_emulator.core.http import Response, json_response
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.onelake import Folder, Location, OneLakeDenied, is_shortcut, resolve
from cloud_emulator.storage import access, conditions, files, leases, wire
from cloud_emulator.storage.access import Want
from cloud_emulator.storage.blob_containers import STATE
from cloud_emulator.storage.blob_listing import BLOB_INCLUDES, Listed, blobs_response
from cloud_emulator.storage.call import Call, refusal
from cloud_emulator.storage.dfs_filesystems import MOST_RESULTS, entry, paged
from cloud_emulator.storage.dfs_paths import content_response, described
from cloud_emulator.storage.errors import StorageError
from cloud_emulator.storage.target import ONELAKE

REJECTED_HEADERS = (
    "x-ms-owner", "x-ms-group", "x-ms-permissions", "x-ms-acl", "x-ms-umask", "x-ms-access-tier", "x-ms-encryption-key",
    "x-ms-encryption-key-sha256", "x-ms-encryption-algorithm", "x-ms-encryption-scope",
)  # fmt: skip
"""Headers that OneLake ignores, and says so [D]."""
_NOTHING = "user::---,group::---,other::---"
_SHOWN = {"owner": files.SUPERUSER, "group": files.SUPERUSER, "acl": _NOTHING}


def get_workspace(call: Call) -> Response:
    """That the workspace is there, and the caller may see it. Azure's C++ client crashes without the version [C]."""
    _resolve(call, "")
    root = _folder(call, "")
    told = (
        {**leases.headers(call.cloud, root), **STATE}
        if call.protocol == "blob"
        else {"x-ms-namespace-enabled": "true", "x-ms-properties": ""}
    )
    return Response(200, b"", {"etag": root["etag"], "last-modified": wire.http_date(root["modified"]), **told})


def list_paths(call: Call) -> Response:
    """The paths below a folder: one level, or all; a workspace's are its items. The folder is a parameter, or part of
    the address, as Fabric's CLI has it [C]."""
    recursive = wire.flag(call.query, "recursive")
    size = wire.number(call.query, "maxResults", MOST_RESULTS, least=1, most=MOST_RESULTS)
    wire.flag(call.query, "upn", default=False)
    directory = call.target.path or call.query.get("directory", "").strip("/")
    marked = wire.flag(call.query, "getShortcutMetadata", default=False)
    below = list(_below(call, directory, recursive=recursive))
    found, headers = paged(call, below, size, name=lambda node: node["path"])
    entries = [{**entry(node, str), **(_shortcut_mark(call, node["path"]) if marked else {})} for node in found]
    return json_response(200, {"paths": entries}, headers)


def _shortcut_mark(call: Call, path: str) -> dict[str, str]:
    """What a list says of a shortcut when it is asked for [C]."""
    return {"isShortcut": "true"} if _is_shortcut(call, path) else {}


def _is_shortcut(call: Call, path: str) -> bool:
    item, _, rest = path.partition("/")
    return is_shortcut(call.cloud, call.target.container, item, rest)


def list_blobs(call: Call) -> Response:
    """The paths that begin with a prefix, as blobs."""
    includes = frozenset(call.query.get("include", "").split(","))
    delimiter, prefix = call.query.get("delimiter", ""), call.query.get("prefix", "")
    if includes - BLOB_INCLUDES or delimiter not in ("", "/"):
        raise StorageError("InvalidQueryParameterValue", "QueryParameterName: include or delimiter")
    try:
        found = list(_matching(call, prefix, recursive=not delimiter))
    except StorageError as error:
        if error.code != "PathNotFound":
            raise
        found = []
    listed = [
        Listed(f"{node['path']}/", node, is_prefix=True)
        if delimiter and node["isDirectory"]
        else Listed(node["path"], node)
        for node in found
    ]
    return blobs_response(call, sorted(listed, key=lambda each: each.order), includes)


def _matching(call: Call, prefix: str, *, recursive: bool) -> Iterator[Document]:
    for node in _below(call, files.parent_path(prefix), recursive=False):
        if node["path"].startswith(prefix):
            yield node
            if recursive and node["isDirectory"]:
                yield from _below(call, node["path"], recursive=True)


def read(call: Call) -> Response:
    """A file's content, or a range of it."""
    return content_response(call, _node(call, "read"), call.target.path)


def get_properties(call: Call) -> Response:
    """A path's properties."""
    node = _node(call, "read")
    conditions.check_read(call, node)
    shortcut = {"x-ms-onelake-shortcut-path": "true"} if _is_shortcut(call, call.target.path) else {}
    return Response(200, b"", {**described(call, node), **shortcut, "content-length": str(node["size"])})


def get_status(call: Call) -> Response:
    """A path's system properties."""
    node = _node(call, "status")
    return Response(200, b"", {**wire.path_headers(node), "content-length": str(node["size"])})


def get_access_control(call: Call) -> Response:
    """Who owns a path and who may do what: OneLake tells nobody."""
    return Response(200, b"", {**wire.path_headers(_node(call, "status")), "x-ms-acl": _NOTHING})


def refuse_access_control(call: Call) -> Response:
    """OneLake takes no access control by path."""
    _resolve(call, call.target.path)
    if not call.cloud.rules.on("fabric.onelake.no_acl"):
        return Response(200)
    raise StorageError("AccessControlNotAllowed")


def _resolve(call: Call, path: str) -> Folder | Location:
    item, _, rest = path.partition("/")
    try:
        return resolve(call.cloud, call.request.caller, call.target.container, item, rest)
    except OneLakeDenied as error:
        raise refusal(error.denial) from error


def _node(call: Call, want: Want) -> Document:
    """What stands at the path named. Raises :class:`StorageError`."""
    return _at(call, call.target.path, want)


def _at(call: Call, path: str, want: Want) -> Document:
    found = _resolve(call, path)
    if isinstance(found, Folder):
        return _folder(call, path)
    _require(call, found, found.path, want)
    node = files.stat(call.cloud, found.account, found.container, found.path)
    if node is None:
        raise StorageError("PathNotFound")
    hidden = _SHOWN if call.cloud.rules.on("fabric.onelake.anonymous_owner") else {}
    return {**node, **hidden, "path": path}


def _require(call: Call, location: Location, path: str, want: Want) -> None:
    if location.account == ONELAKE:
        return
    denial = access.check(
        call.cloud,
        object_id=location.object_id,
        account=location.account,
        container=location.container,
        path=path,
        want=want,
        source=location.source,
    )
    if denial is not None:
        raise refusal(denial)


def _below(call: Call, path: str, *, recursive: bool) -> Iterator[Document]:
    found = _resolve(call, path)
    if isinstance(found, Location):
        yield from _located(call, found, found.path, path, recursive=recursive)
        return
    for each in found.entries:
        name = f"{path}/{each.name}" if path else each.name
        yield _folder(call, name) if each.is_directory else _at(call, name, "status")
        if recursive and each.is_directory:
            yield from _below(call, name, recursive=True)


def _located(call: Call, location: Location, place: str, path: str, *, recursive: bool) -> Iterator[Document]:
    _require(call, location, place, "list")
    base = files.stat(call.cloud, location.account, location.container, place)
    if base is None or not base["isDirectory"]:
        raise StorageError("PathNotFound")
    for node in files.children(call.cloud, location.account, location.container, place):
        name = f"{path}{node['path'][len(place) :]}"
        yield {**node, **_SHOWN, "path": name}
        if recursive and node["isDirectory"]:
            yield from _located(call, location, node["path"], name, recursive=True)


def _folder(call: Call, path: str) -> Document:
    """A folder that exists in OneLake only."""
    tag = hashlib.blake2b(f"{call.target.container}/{path}".lower().encode(), digest_size=6).hexdigest().upper()
    now = call.cloud.clock.time()
    return {
        "path": path,
        "isDirectory": True,
        "size": 0,
        "etag": f'"0x8D{tag}"',
        "created": now,
        "modified": now,
        **_SHOWN,
    }
