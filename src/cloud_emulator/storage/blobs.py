"""The Blob protocol on blobs: reading, writing whole, copying, deleting, properties and metadata."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from cloud_emulator.core.http import Response
from cloud_emulator.core.store import Document
from cloud_emulator.storage import conditions, files, target, wire
from cloud_emulator.storage.call import Call
from cloud_emulator.storage.dfs_paths import content_response, described, prune
from cloud_emulator.storage.dfs_writes import check_md5, md5_of
from cloud_emulator.storage.errors import StorageError


def get(call: Call) -> Response:
    """A blob's content, or a range of it."""
    call.require("read")
    return content_response(call, call.node(), call.target.path)


def get_properties(call: Call) -> Response:
    """A blob's properties and metadata."""
    call.require("read")
    node = call.node()
    conditions.check_read(call, node)
    return Response(200, b"", {**described(call, node), "content-length": str(node["size"])})


def put(call: Call) -> Response:
    """Writes a block blob whole."""
    if call.headers["x-ms-blob-type"] != "BlockBlob":
        raise StorageError("InvalidBlobType", status=501, message="The emulator serves block blobs only.")
    body = call.request.body
    check_md5(body, call.headers.get("content-md5"))
    check_md5(body, call.headers.get("x-ms-blob-content-md5"))
    answer = write(call, body, blocks=[], md5=md5_of(body))
    answer.headers["content-md5"] = md5_of(body)
    return answer


def write(call: Call, content: bytes, **fields: Any) -> Response:
    """Puts a content in the blob's place, once rights and conditions have been checked."""
    call.require("write")
    held = call.stat()
    conditions.check_write(call, held)
    if held is not None and held["isDirectory"]:
        raise StorageError("ResourceTypeMismatch", "A directory is here.")
    headers = wire.read_content_headers(call.headers, "x-ms-blob-")
    if "content-type" not in headers and "content-type" in call.headers and "comp" not in call.query:
        headers["content-type"] = call.headers["content-type"]
    where = (call.cloud, call.target.account, call.target.container, call.target.path)
    metadata = {name: value for name, value in wire.read_metadata(call.headers).items() if name != "hdi_isfolder"}
    fields |= {"headers": headers} if headers else {}
    fields |= {"metadata": metadata} if metadata else {}
    try:
        made = _folder_or_file(call, content) or files.put_file(*where, content, owner=call.owner, **fields)
    except files.PathConflict as error:
        raise StorageError("PathConflict") from error
    call.cloud.table(files.UNCOMMITTED).pop(files.node_key(*where[1:]), None)
    return Response(201, b"", wire.written(made))


def _folder_or_file(call: Call, content: bytes) -> Document | None:
    """An empty blob marked ``hdi_isfolder`` is how Blob clients make a directory."""
    if content or call.headers.get("x-ms-meta-hdi_isfolder", "").lower() != "true" or not call.is_hierarchical:
        return None
    return files.make_directory(
        call.cloud, call.target.account, call.target.container, call.target.path, owner=call.owner
    )


def copy(call: Call) -> Response:
    """Copies a blob of the same account here, at once. What was copied is told with the blob's properties from then on
    [C]: Azure's C++ client asks until it says success."""
    source = _source(call)
    conditions.check_source(call, source)
    copied = {
        "x-ms-copy-id": call.cloud.new_id(),
        "x-ms-copy-source": call.headers["x-ms-copy-source"],
        "x-ms-copy-status": "success",
        "x-ms-copy-progress": f"{source['size']}/{source['size']}",
        "x-ms-copy-completion-time": wire.http_date(call.cloud.clock.time()),
    }
    kept = {name: source[name] for name in ("headers", "metadata", "md5") if name in source}
    answer = write(call, files.content(call.cloud, source), **kept, copied=copied)
    answer.status = 202
    answer.headers |= {name: copied[name] for name in ("x-ms-copy-id", "x-ms-copy-status")}
    return answer


def _source(call: Call) -> Document:
    parts = urlsplit(call.headers["x-ms-copy-source"])
    if parts.query:
        raise StorageError("NotImplemented", status=501, message="The emulator copies from addresses without a query.")
    if f"{parts.scheme}://{parts.netloc}" != call.request.base_url or not parts.path.startswith("/storage/"):
        raise StorageError("CannotVerifyCopySource", status=404, message="The copy source is not in this cloud.")
    named = target.parse(parts.path)
    if named.account != call.target.account:
        raise StorageError("CopyAcrossAccountsNotSupported", status=409, message="The source is in another account.")
    call.require("read", named.path, container=named.container)
    found = files.stat(call.cloud, named.account, named.container, named.path)
    if found is None or found["isDirectory"]:
        raise StorageError("CannotVerifyCopySource", status=404, message="The specified blob does not exist.")
    return found


def delete(call: Call) -> Response:
    """Deletes a blob; a directory must be empty."""
    call.require("delete")
    node = call.node()
    conditions.check_write(call, node)
    if node["isDirectory"] and files.children(call.cloud, node["account"], node["container"], node["path"]):
        raise StorageError(
            "DirectoryIsNotEmpty", status=409, message="This operation is not permitted on a non-empty directory."
        )
    files.remove(call.cloud, node)
    prune(call)
    return Response(202, b"", {"x-ms-delete-type-permanent": "true"})


def set_metadata(call: Call) -> Response:
    """Replaces a blob's metadata."""
    call.require("write")
    node = call.node()
    conditions.check_write(call, node)
    metadata = {name: value for name, value in wire.read_metadata(call.headers).items() if name != "hdi_isfolder"}
    return Response(200, b"", wire.written(files.change(call.cloud, node, metadata=metadata)))


def set_properties(call: Call) -> Response:
    """Replaces a blob's content headers."""
    call.require("write")
    node = call.node()
    conditions.check_write(call, node)
    headers = wire.read_content_headers(call.headers, "x-ms-blob-")
    md5 = call.headers.get("x-ms-blob-content-md5")
    return Response(200, b"", wire.written(files.change(call.cloud, node, headers=headers, copied={}, md5=md5)))
