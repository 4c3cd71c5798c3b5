"""The DFS protocol on paths: creating, renaming, reading and deleting them."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from cloud_emulator.core.http import Response
from cloud_emulator.core.store import Document
from cloud_emulator.storage import acl, conditions, files, leases, wire
from cloud_emulator.storage.access import RIGHTS
from cloud_emulator.storage.call import Call, refusal
from cloud_emulator.storage.errors import StorageError

_OWNERSHIP = ("x-ms-owner", "x-ms-group")
_MORE = "more"
_NAMESPACE_ONLY = (*_OWNERSHIP, "x-ms-permissions", "x-ms-umask", "x-ms-acl")


def create(call: Call) -> Response:
    """Makes a directory or an empty file; a file that is there is emptied."""
    kind = call.query["resource"]
    if kind not in ("file", "directory"):
        raise StorageError("InvalidQueryParameterValue", "QueryParameterName: resource")
    directory = kind == "directory"
    if directory or any(name in call.headers for name in _NAMESPACE_ONLY):
        call.require_namespace()
    call.require("write")
    held = call.stat()
    conditions.check_write(call, held)
    if held is not None and held["isDirectory"] != directory:
        raise StorageError("PathConflict")
    return Response(201, b"", wire.written(_create(call, held, directory)))


def _create(call: Call, held: Document | None, directory: bool) -> Document:
    where = (call.cloud, call.target.account, call.target.container, call.target.path)
    fields, ownership = _fields(call, directory), _ownership(call)
    try:
        if not directory:
            made = files.put_file(*where, b"", owner=call.owner, **fields)
        elif held is not None:
            made = files.change(call.cloud, held, **fields)
        else:
            made = files.make_directory(*where, owner=call.owner, **fields)
    except files.PathConflict as error:
        raise StorageError("PathConflict") from error
    call.cloud.table(files.UNCOMMITTED).pop(files.node_key(*where[1:]), None)
    return files.change(call.cloud, made, **ownership) if ownership else made


def _fields(call: Call, directory: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    metadata = wire.read_properties(call.headers.get("x-ms-properties", ""))
    if metadata:
        fields["metadata"] = metadata
    headers = wire.read_content_headers(call.headers, "x-ms-")
    if headers and not directory:
        fields["headers"] = headers
    return fields | _acl_fields(call, directory)


def _ownership(call: Call) -> dict[str, str]:
    """Owner and owning group to begin with; naming them takes a super-user."""
    given = [name for name in _OWNERSHIP if name in call.headers]
    if given and not call.is_super_user:
        raise refusal(RIGHTS)
    for name in given:
        if not is_principal(call.headers[name]):
            raise StorageError("InvalidHeaderValue", f"HeaderName: {name}")
    return {name.removeprefix("x-ms-"): call.headers[name] for name in given}


def _acl_fields(call: Call, directory: bool) -> dict[str, str]:
    """The access list that the request asks for; a parent's default list has precedence over permission bits."""
    given = [name for name in ("x-ms-permissions", "x-ms-umask", "x-ms-acl") if name in call.headers]
    if not given:
        return {}
    if "x-ms-acl" in given and len(given) > 1:
        raise StorageError("InvalidInput", "x-ms-acl can't be given with x-ms-permissions or x-ms-umask.")
    try:
        if "x-ms-acl" in given:
            return {"acl": call.access_list(directory=directory)}
        mode = acl.parse_mode(call.headers["x-ms-permissions"]) if "x-ms-permissions" in given else None
        umask = acl.parse_mode(call.headers.get("x-ms-umask", "0027"))
    except acl.InvalidAcl as error:
        raise StorageError("InvaldAccessControlList", str(error)) from error
    above = [call.stat(path) for path in files.ancestors(call.target.path)]
    parent = next(node for node in reversed(above) if node is not None)
    wanted = acl.child_acl(parent["acl"], directory=directory, mode=mode, umask=umask, rules=call.cloud.rules)
    return {"acl": wanted}


def rename(call: Call) -> Response:
    """Moves a path here, with all below it; a file, or an empty directory, gives way to one of its kind."""
    call.require_namespace()
    if call.query.get("mode", "posix") not in ("posix", "legacy"):
        raise StorageError("InvalidQueryParameterValue", "QueryParameterName: mode")
    if "continuation" in call.query:
        raise _not_given()
    container, path = _source(call.headers["x-ms-rename-source"])
    call.require("delete", path, container=container)
    source = files.stat(call.cloud, call.target.account, container, path)
    if source is None:
        raise StorageError("SourcePathNotFound")
    conditions.check_source(call, source)
    call.require("write")
    held = call.stat()
    conditions.check_write(call, held)
    if held == source:
        return Response(201, b"", wire.written(source))
    _check_destination(call, source, held)
    leases.guard_below(call, files.walk(call.cloud, call.target.account, container, path))
    if held is not None:
        files.remove(call.cloud, held)
    moved = files.move(call.cloud, source, call.target.container, call.target.path)
    return Response(201, b"", wire.written(moved))


def _source(text: str) -> tuple[str, str]:
    container, _, path = unquote(urlsplit(text).path).strip("/").partition("/")
    if not path or not text.startswith("/"):
        raise StorageError("InvalidSourceUri")
    return container, path


def _check_destination(call: Call, source: Document, held: Document | None) -> None:
    parent = call.stat(files.parent_path(call.target.path))
    if parent is None:
        raise StorageError("RenameDestinationParentPathNotFound")
    within = source["container"] == call.target.container and call.target.path.startswith(source["path"] + "/")
    if not parent["isDirectory"] or within:
        raise StorageError("PathConflict")
    if held is None:
        return
    other_kind = held["isDirectory"] != source["isDirectory"]
    if other_kind and call.cloud.rules.on("storage.paths.kind"):
        raise StorageError("InvalidSourceOrDestinationResourceType")
    if files.children(call.cloud, held["account"], held["container"], held["path"]) and held["isDirectory"]:
        raise StorageError("DirectoryNotEmpty", message="The destination directory is not empty.")


def read(call: Call) -> Response:
    """A file's content, or a range of it."""
    call.require("read")
    return content_response(call, call.node(), call.target.path)


def content_response(call: Call, node: Document, path: str) -> Response:
    """Content and headers of a file for a GET. Raises :class:`StorageError`."""
    if node["isDirectory"]:
        raise StorageError("ResourceTypeMismatch", f"{path!r} is a directory.")
    conditions.check_read(call, node)
    content = files.content(call.cloud, node)
    wanted = wire.read_range(call.headers, node["size"]) if call.cloud.rules.on("storage.protocol.ranges") else None
    headers = described(call, node)
    if wanted is None:
        return Response(200, content, headers)
    first, last = wanted
    part = content[first : last + 1]
    headers["content-range"] = f"bytes {first}-{last}/{node['size']}"
    if "content-md5" in headers:  # of the whole
        headers["x-ms-content-md5" if call.protocol == "dfs" else "x-ms-blob-content-md5"] = headers.pop("content-md5")
    if call.headers.get("x-ms-range-get-content-md5", "").lower() == "true":
        headers["content-md5"] = base64.b64encode(hashlib.md5(part, usedforsecurity=False).digest()).decode()
    return Response(206, part, headers)


def described(call: Call, node: Document) -> dict[str, str]:
    """Everything that the headers say of a path, in the call's protocol."""
    headers = {**wire.content_headers(node), **wire.path_headers(node), **leases.headers(call.cloud, node)}
    metadata = node.get("metadata", {})
    if not call.is_hierarchical:
        for name in ("owner", "group", "permissions", "resource-type"):
            headers.pop(f"x-ms-{name}")
    if call.protocol == "dfs":
        return {**headers, "x-ms-properties": wire.properties(metadata)}
    if node["isDirectory"]:
        metadata = {**metadata, "hdi_isfolder": "true"}
    return {
        **headers,
        **node.get("copied", {}),
        **{f"x-ms-meta-{name}": value for name, value in metadata.items()},
        "x-ms-blob-type": "BlockBlob",
        "x-ms-access-tier": "Hot",
        "x-ms-access-tier-inferred": "true",
    }


def get_properties(call: Call) -> Response:
    """All properties of a path. User properties are part of what is stored, so it takes the right to read [I]."""
    call.require("read")
    node = call.node()
    conditions.check_read(call, node)
    return Response(200, b"", {**described(call, node), "content-length": str(node["size"])})


def delete(call: Call) -> Response:
    """Deletes a file, or a directory with all below it; of a big one, a part at a time."""
    recursive = wire.flag(call.query, "recursive", default=False)
    if call.query.get("continuation", _MORE) != _MORE:
        raise _not_given()
    call.require("delete")
    node = call.node()
    conditions.check_write(call, node)
    where = (call.cloud, node["account"], node["container"], node["path"])
    below = list(files.walk(*where)) if node["isDirectory"] else []
    leases.guard_below(call, below)
    if below and not recursive and call.cloud.rules.on("storage.paths.recursive"):
        raise StorageError("DirectoryNotEmpty")
    most = call.cloud.behaviour.page_size or len(below) + 1
    doomed = [node, *below][::-1]
    for each in doomed[:most]:
        files.remove(call.cloud, each)
    if most < len(doomed):
        return Response(200, b"", {"x-ms-continuation": _MORE})
    prune(call)
    return Response(200, b"", {"x-ms-delete-type-permanent": "true"})


def _not_given() -> StorageError:
    """A continuation that wasn't given out: a rename is done at once, a deletion has but one."""
    return StorageError("InvalidQueryParameterValue", "QueryParameterName: continuation")


def prune(call: Call) -> None:
    """Where the namespace is flat, directories are only parts of names: the empty ones above a path go."""
    if call.is_hierarchical:
        return
    where = (call.cloud, call.target.account, call.target.container)
    for path in reversed(files.ancestors(call.target.path)[1:]):
        node = files.stat(*where, path)
        if node is None or files.children(*where, path):
            return
        files.remove(call.cloud, node)


_PRINCIPAL = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


def is_principal(text: str) -> bool:
    """Whether a text may name an owner or an owning group."""
    return text == files.SUPERUSER or _PRINCIPAL.match(text) is not None
